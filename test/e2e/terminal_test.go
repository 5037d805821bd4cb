//go:build unix

package e2e

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// A terminal is the program in a pseudo-terminal, and what a person sees there.
type terminal struct {
	t      *testing.T
	pty    *os.File
	cmd    *exec.Cmd
	screen *vt.SafeEmulator
	ended  chan error

	mu    sync.Mutex
	modes map[ansi.Mode]bool // that are switched on
}

func (u *user) open(t *testing.T, width, height int, env []string, args ...string) *terminal {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	cmd := u.command(ctx, t, args...)
	cmd.Env = append(append(cmd.Env, "TERM=xterm-256color"), env...)
	return openCommand(t, cmd, width, height)
}

// openCommand runs a command in a terminal.
func openCommand(t *testing.T, cmd *exec.Cmd, width, height int) *terminal {
	t.Helper()
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)})
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, pty: f, cmd: cmd, screen: vt.NewSafeEmulator(width, height), ended: make(chan error, 1), modes: map[ansi.Mode]bool{}}
	term.screen.SetCallbacks(vt.Callbacks{
		EnableMode:  func(m ansi.Mode) { term.mode(m, true) },
		DisableMode: func(m ansi.Mode) { term.mode(m, false) },
	})
	go func() { _, _ = io.Copy(term.screen, f) }()
	// The emulator answers what the program asks the terminal.
	go func() { _, _ = io.Copy(f, term.screen) }()
	go func() { term.ended <- cmd.Wait() }()
	t.Cleanup(func() { f.Close() })
	return term
}

func (term *terminal) mode(m ansi.Mode, on bool) {
	term.mu.Lock()
	defer term.mu.Unlock()
	term.modes[m] = on
}

func (term *terminal) keys(keys string) {
	term.t.Helper()
	if _, err := term.pty.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// sees waits until all words are on the screen.
func (term *terminal) sees(words ...string) {
	term.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		text := term.text()
		missing := ""
		for _, w := range words {
			if !strings.Contains(text, w) {
				missing = w
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("%q does not appear:\n%s", missing, text)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// seesNo waits until the words are gone.
func (term *terminal) seesNo(words string) {
	term.t.Helper()
	for deadline := time.Now().Add(time.Minute); strings.Contains(term.text(), words); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			term.t.Fatalf("%q stays:\n%s", words, term.text())
		}
	}
}

func (term *terminal) text() string { return term.screen.String() }

// wait wants the program to end well.
func (term *terminal) wait() {
	term.t.Helper()
	select {
	case err := <-term.ended:
		if err != nil {
			term.t.Errorf("the program ended with %v:\n%s", err, term.text())
		}
	case <-time.After(20 * time.Second):
		term.t.Fatalf("the program does not end:\n%s", term.text())
	}
}

// The whole way with keys only: browse, mark, plan, confirm, apply, proven, undo.
func TestTheWholeWayInATerminal(t *testing.T) {
	l := labtest.Shared(t)
	for name, size := range map[string][2]int{"80x24": {80, 24}, "160x48": {160, 48}, "60x20": {60, 20}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := labtest.Namespace(t, l)
			web(t, l, ns)
			u := admin(t, l)
			before := get(t, l, ns, "deployment/web")
			term := u.open(t, size[0], size[1], nil, "-n", ns)
			term.sees("harden", "live", ns)
			term.keys("/run-as-non-root\r") // one of what is safe or proven
			term.keys("a")
			term.sees("1 marked")
			term.keys("f")
			term.sees("Plan", "accepted", "web")
			term.keys("f")
			term.sees("1 Deployment will restart")
			time.Sleep(500 * time.Millisecond) // a confirm takes no key in its first 400 ms
			term.keys("y")
			term.sees("Applied", "proven")
			if !strings.Contains(toJSON(t, get(t, l, ns, "deployment/web")), `"runAsNonRoot":true`) {
				t.Error("the screen says proven, the object does not have the fix")
			}
			term.keys("u")
			term.sees("Undo in")
			time.Sleep(500 * time.Millisecond)
			term.keys("y")
			term.sees("Undone")
			if diff := cmp.Diff(former(before), former(get(t, l, ns, "deployment/web"))); diff != "" {
				t.Errorf("after undo (-before +after):\n%s", diff)
			}
			term.keys("q")
			term.wait()
		})
	}
}

// Keys that come before anybody can have read the question are not an answer.
func TestAHastyYesAppliesNothing(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	u := admin(t, l)
	before := get(t, l, ns, "deployment/web")
	term := u.open(t, 100, 30, nil, "-n", ns)
	term.sees("live", ns)
	term.keys("/run-as-non-root\r")
	term.keys("a")
	term.sees("1 marked")
	term.keys("f")
	term.sees("Plan", "accepted")
	term.keys("fy")
	term.sees("will restart")
	time.Sleep(500 * time.Millisecond) // the question takes no key in its first 400 ms
	term.keys("n")
	term.seesNo("will restart")
	if got := get(t, l, ns, "deployment/web"); got.GetGeneration() != before.GetGeneration() {
		t.Error("a hasty y was taken for a yes")
	}
	term.keys("\x03")
	term.wait()
}

func TestTerminalOnFilesAndOnNoCluster(t *testing.T) {
	u := &user{home: t.TempDir(), kubeconfig: os.DevNull}
	term := u.open(t, 100, 30, []string{"NO_COLOR=1"}, "-f", "../../examples/shop")
	term.sees("shop", "privileged")
	term.keys("q")
	term.wait()
}
