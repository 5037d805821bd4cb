package lab

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// How long a build takes on two idle cores with nothing in Go's cache, as measured or reckoned from CPU time: see
// README.md.
const (
	coldEtcd       = "34 s"
	coldKubernetes = "9 min"
	coldKwok       = "66 s"
	coldContainerd = "2 min"
	coldRunc       = "20 s"
	coldOther      = "less than 30 s"
)

// progressEvery is how often a long build says that it is alive.
const progressEvery = 30 * time.Second

// progress reads what 'go build -v' says, a line for each package that it compiled, and tells how far the build is.
type progress struct {
	w           io.Writer
	name        string
	start, next time.Time
	packages    int
	partial     []byte
	other       []string // lines that name no package: what went wrong
}

// Write takes the output of go build.
func (p *progress) Write(data []byte) (int, error) {
	p.partial = append(p.partial, data...)
	for {
		i := bytes.IndexByte(p.partial, '\n')
		if i < 0 {
			break
		}
		p.line(string(p.partial[:i]))
		p.partial = p.partial[i+1:]
	}
	if now := time.Now(); now.After(p.next) {
		p.next = now.Add(progressEvery)
		fmt.Fprintf(p.w, "%s: %s, %d packages compiled\n", p.name, now.Sub(p.start).Round(time.Second), p.packages)
	}
	return len(data), nil
}

func (p *progress) line(s string) {
	switch {
	case s == "" || strings.HasPrefix(s, "go: downloading "):
	case !strings.ContainsAny(s, " \t:"):
		p.packages++
	default:
		p.other = append(p.other, s)
	}
}

// rest returns the lines that say what went wrong, the last ones if there are many.
func (p *progress) rest() string {
	p.line(string(p.partial))
	p.partial = nil
	return strings.Join(p.other[max(0, len(p.other)-30):], "\n")
}
