package probe

import (
	"crypto/rand"
	_ "embed" // for look.sh
	"strconv"
	"strings"
	"time"
)

//go:embed look.sh
var lookScript string

// script is look.sh without comments and indentation: an exec sends it in the URL.
var script = strip(lookScript)

func strip(script string) string {
	var b strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// command is the script with its arguments. The id is that of the container to
// look into from an ephemeral one; it is empty for the container itself.
func command(mark string, start time.Time, id string) []string {
	return []string{"sh", "-c", script, "harden-probe", mark, strconv.FormatInt(start.Unix(), 10), id}
}

// newMark makes a section mark that nothing in a container begins with by chance.
func newMark() string { return "harden-" + rand.Text() }
