package helm

import (
	"errors"
	"io"
	"log"
	"regexp"
	"strings"
	"sync"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// quiet makes way for one at a time: the log is the program's.
var quiet sync.Mutex

// quietly keeps what helm's library says to the standard logger away from the
// terminal; slog's default writes there too.
func quietly(f func()) {
	quiet.Lock()
	defer quiet.Unlock()
	out := log.Writer()
	log.SetOutput(io.Discard)
	defer log.SetOutput(out)
	f()
}

var spaces = regexp.MustCompile(`\s*\n\s*`)

// inWords is a message of helm's on one line: it writes its own on several, with
// the place in the template first.
func inWords(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(harden.OneLine(spaces.ReplaceAllString(strings.TrimSpace(err.Error()), ": ")))
}
