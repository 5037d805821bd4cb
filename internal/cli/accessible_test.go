package cli

import (
	"strings"
	"testing"
)

func TestAccessible(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("ACCESSIBLE", "")
	code, out, errOut := execute(t, "1\nq\n", "--accessible", "-f", "../../examples/shop")
	if code != exitOK || !strings.Contains(out, "Your choice:") || !strings.Contains(out, "findings") {
		t.Errorf("exit code %d\n%s\n%s", code, out, errOut)
	}
	if strings.Contains(out, "\x1b") {
		t.Error("an escape sequence is in the output")
	}
}

func TestAccessibleByTheEnvironmentNeedsATerminal(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("ACCESSIBLE", "1")
	code, out, errOut := execute(t, "", "-f", "../../examples/shop")
	if code != exitOK || strings.Contains(out, "Your choice:") || !strings.Contains(out, "List them with") {
		t.Errorf("exit code %d\n%s\n%s", code, out, errOut)
	}
}
