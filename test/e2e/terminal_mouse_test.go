//go:build unix

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// click waits until words are on the screen, and clicks on their first cell; shift moves the click by so many cells.
func (term *terminal) click(words string, shift int) {
	term.t.Helper()
	term.sees(words)
	for y, line := range strings.Split(term.text(), "\n") {
		before, _, found := strings.Cut(line, words)
		if !found {
			continue
		}
		x := ansi.StringWidth(before) + shift
		// SGR mouse reports: button, column and row from 1; M is pressed, m is released.
		term.keys(fmt.Sprintf("\x1b[<0;%d;%dM\x1b[<0;%d;%dm", x+1, y+1, x+1, y+1))
		return
	}
	term.t.Fatalf("%q went away before it was clicked:\n%s", words, term.text())
}

// The whole way with the mouse only: browse, mark, plan, confirm, apply, proven, undo.
func TestTheWholeWayWithTheMouse(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	u := admin(t, l)
	before := get(t, l, ns, "deployment/web")
	term := u.open(t, 140, 40, nil, "-n", ns)
	term.sees("live", ns)
	term.click("│  deploy/web", 3)
	term.sees("Findings  deploy/web")
	term.click("○ low  run-as-non-root", -1) // the column of marks
	term.sees("1 marked")
	term.click("f fix", 0)
	term.sees("Plan", "accepted", "web")
	term.click("f apply", 0)
	term.sees("1 Deployment will restart")
	time.Sleep(500 * time.Millisecond) // a confirm takes nothing in its first 400 ms
	term.click("y apply", 0)
	term.sees("Applied", "proven")
	if !strings.Contains(toJSON(t, get(t, l, ns, "deployment/web")), `"runAsNonRoot":true`) {
		t.Error("the screen says proven, the object does not have the fix")
	}
	term.click("u undo", 0)
	term.sees("Undo in")
	time.Sleep(500 * time.Millisecond)
	term.click("y undo", 0)
	term.sees("Undone")
	if diff := cmp.Diff(former(before), former(get(t, l, ns, "deployment/web"))); diff != "" {
		t.Errorf("after undo (-before +after):\n%s", diff)
	}
	term.click("q quit", 0)
	term.wait()
}
