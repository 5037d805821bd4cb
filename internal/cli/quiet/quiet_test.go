package quiet

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// take is Take on a standard error whose content is returned by the function.
func take(t *testing.T) (*Stderr, func() string) {
	t.Helper()
	before := os.Stderr
	screen, err := os.CreateTemp(t.TempDir(), "stderr")
	if err != nil {
		t.Fatal(err)
	}
	os.Stderr = screen
	s, err := Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		os.Stderr = before
		log.SetOutput(before)
		screen.Close()
	})
	return s, func() string {
		data, err := os.ReadFile(screen.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
}

// texts are the next n lines.
func texts(t *testing.T, lines <-chan tui.LogLine, n int) []string {
	t.Helper()
	var all []string
	for range n {
		select {
		case l := <-lines:
			all = append(all, l.From+": "+l.Text)
		case <-time.After(20 * time.Second):
			t.Fatalf("no more lines than %q", all)
		}
	}
	return all
}

func TestWhatIsHeldStaysOffTheScreen(t *testing.T) {
	s, screen := take(t)
	fmt.Fprintln(os.Stderr, "before")
	texts(t, s.Lines(), 1)
	s.Hold()
	fmt.Fprintln(os.Stderr, "while it is held")
	log.Print("by package log")
	slog.New(s.Logger("client-go")).Warn("refreshing", "err", "refused")
	slog.New(s.Logger("client-go")).Info("nobody wants to know")
	s.Note("api-server", "v1 Old is deprecated")
	got := strings.Join(texts(t, s.Lines(), 4), "\n")
	for _, want := range []string{"stderr: while it is held", "by package log", "client-go: msg=refreshing err=refused", "api-server: v1 Old is deprecated"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not among the lines:\n%s", want, got)
		}
	}
	s.Release()
	fmt.Fprint(os.Stderr, "Password: ")
	s.Close()
	fmt.Fprintln(os.Stderr, "after")
	if got := screen(); got != "before\nPassword: after\n" {
		t.Errorf("on the screen: %q", got)
	}
	if got := s.Held(); len(got) != 2 || got[0] != "while it is held" {
		t.Errorf("held: %q", got)
	}
}

func TestChildrenAreHeld(t *testing.T) {
	s, screen := take(t)
	s.Hold()
	cmd := exec.Command(os.Args[0], "-test.run=^$", "-no-such-flag")
	cmd.Stderr = os.Stderr
	_ = cmd.Run()
	if got := texts(t, s.Lines(), 1)[0]; !strings.Contains(got, "no-such-flag") {
		t.Errorf("got %q", got)
	}
	s.Close()
	if got := screen(); got != "" {
		t.Errorf("on the screen: %q", got)
	}
}

func TestLinesAreCleanAndBounded(t *testing.T) {
	s, _ := take(t)
	s.Hold()
	for _, test := range []struct{ in, want string }{
		{"\x1b[31mred\x1b[0m \x1b]0;title\x07text\n", "stderr: red text"},
		{"10%\r50%\r100%\r\n", "stderr: 100%"},
		{"\n\n \t\nafter empty lines\n", "stderr: after empty lines"},
		{"a\xffb\x00c\n", "stderr: abc"},
		{strings.Repeat("x", 3*longest) + "\n", "stderr: " + strings.Repeat("x", longest)},
		{"a question without an end of line? ", "stderr: a question without an end of line?"},
	} {
		if _, err := io.WriteString(os.Stderr, test.in); err != nil {
			t.Fatal(err)
		}
		if got := texts(t, s.Lines(), 1)[0]; got != test.want {
			t.Errorf("%.40q: got %.60q, want %.60q", test.in, got, test.want)
		}
	}
	s.Close()
}

// Nobody reads: the writer gets rid of all that it has to say.
func TestAWriterNeverWaits(t *testing.T) {
	s, _ := take(t)
	s.Hold()
	const many = 3 * waiting
	if _, err := io.Copy(os.Stderr, bytes.NewReader(bytes.Repeat([]byte("again\n"), many))); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); len(s.Held()) < kept && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := len(s.Held()); n != kept {
		t.Errorf("%d lines are held, want %d", n, kept)
	}
	s.Close()
	texts(t, s.Lines(), waiting)
	s.Note("harden", "more")
	got := texts(t, s.Lines(), 2)
	if want := fmt.Sprintf("harden: %d lines came faster than they could be kept", many-waiting); got[0] != want || got[1] != "harden: more" {
		t.Errorf("got %q, want %q first", got, want)
	}
}
