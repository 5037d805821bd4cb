package tui

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestEdit(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.edit("kind: Deployment\nspec: edited\n")
		d.press("tab", "tab", "E") // plans first
		d.has("Plan", "edited, review", "+ spec: edited", "read the difference once more")
		if diff := cmp.Diff([]string{"kind: Deployment\nspec: edited\n"}, f.revised); diff != "" {
			t.Error(diff)
		}
		d.press("f")
		d.wait(armAfter)
		d.has("1 patch was edited by you")
		d.press("n")
		if f.writes() != 0 {
			t.Error("written without a yes")
		}
		// The same text again is no change, and the edit is not lost unasked.
		d.press("E")
		d.has("nothing was changed", "edited, review")
		d.press("ctrl+r")
		d.wait(armAfter)
		d.has("Plan again?", "Your edits of 1 patch are given up")
		d.press("y")
		d.hasNot("edited, review")
	})
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "harden-*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestEditThatIsRefusedIsNotLost(t *testing.T) {
	f := newFake()
	f.reviseErr = errors.New("line 2: unknown field \"sepc\"")
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.edit("kind: Deployment\nsepc: wrong\n")
		d.press("a", "f", "E")
		d.has("The edited patch was not taken", "line 2: unknown field")
		f.reviseErr = nil
		var given string
		d.execute = func(c tea.ExecCommand) error {
			e := c.(*editor)
			given, e.text = e.text, "kind: Deployment\nspec: right\n"
			return nil
		}
		d.press("e")
		if want := "kind: Deployment\nsepc: wrong\n"; given != want {
			t.Errorf("the editor was given %q, want %q", given, want)
		}
		d.has("edited, review")
	})
}

func TestEditThatChangesNothing(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("E")
		d.has("edit: go into the findings first")
		d.edit("  \n")
		d.press("a", "f", "E")
		d.has("nothing was changed")
		d.editor = "false"
		d.press("E")
		d.has("running the editor \"false\"")
		d.editor = "true"
		d.press("E")
		d.has("nothing was changed")
		if f.revised != nil {
			t.Errorf("asked about %q", f.revised)
		}
	})
}

// An edited patch that meets a conflict is what is taken over, not the patch before.
func TestTakeOverKeepsTheEdit(t *testing.T) {
	f := newFake()
	conflicted(f)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.edit("kind: Deployment\nspec: mine\n")
		d.press("a", "f", "down", "E")
		o := d.m.plannedObject()
		o.DryRun.Conflicts = []harden.Conflict{{Field: ".spec.x", Manager: "kubectl-edit"}}
		d.press("F")
		if n := len(f.revised); n != 2 || !strings.Contains(f.revised[1], "mine") {
			t.Fatalf("asked about %q", f.revised)
		}
		if diff := cmp.Diff([]string{".spec.x"}, d.m.plannedObject().Force); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEditorCommand(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		want []string
	}{
		{nil, []string{"vi", "f.yaml"}},
		{map[string]string{"EDITOR": "nano"}, []string{"nano", "f.yaml"}},
		{map[string]string{"EDITOR": "nano", "KUBE_EDITOR": "code --wait"}, []string{"code", "--wait", "f.yaml"}},
		{map[string]string{"EDITOR": `"my editor" -x`, "SHELL": "/bin/zsh"}, []string{"/bin/zsh", "-c", `"my editor" -x "f.yaml"`}},
		{map[string]string{"EDITOR": `sed -i 's/a/b/'`}, []string{"/bin/bash", "-c", `sed -i 's/a/b/' "f.yaml"`}},
	} {
		got := editorCommand(func(name string) string { return test.env[name] }, "f.yaml").Args
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v: %s", test.env, diff)
		}
	}
}
