package tui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

type (
	// editMsg is a patch as text for an editor.
	editMsg struct {
		seq    int
		key    harden.Key
		before string // what the editor begins with
		err    error
	}
	// editorMsg is the end of an editor.
	editorMsg struct {
		editMsg
		text string
		err  error
	}
	// revisedMsg is what became of an edited patch.
	revisedMsg struct {
		editorMsg
		plan *harden.Plan
		err  error
	}
)

func noEdit(m *Model) string {
	if m.screen != screenPlan {
		switch r := m.current(); {
		case r == nil:
			return "no finding under the cursor"
		case m.browse.focus < levelFinds:
			return "go into the findings first"
		default:
			return m.markable(r.Finding, r.id)
		}
	}
	switch {
	case m.plan.busy > 0:
		return "still working on it"
	case m.plannedObject() == nil:
		return "no object under the cursor"
	}
	return ""
}

func (m *Model) isEdited(o *harden.ObjectPlan) bool {
	_, ok := m.plan.edited[o.Target.Key()]
	return ok
}

// editPatch opens the patch of the object under the cursor in an editor; from a
// finding it is planned first.
func (m *Model) editPatch() tea.Cmd {
	if m.screen == screenPlan {
		return m.startEdit(m.plannedObject(), "")
	}
	m.showPlan(planning{findings: []*harden.Finding{m.current().Finding}, from: m.screen, make: makeFixes, then: func(m *Model) tea.Cmd {
		if o := m.plannedObject(); o != nil {
			return m.startEdit(o, "")
		}
		return nil
	}})
	return m.askPlan()
}

// startEdit asks for the patch of an object as text, or takes what the person made
// of it before.
func (m *Model) startEdit(o *harden.ObjectPlan, text string) tea.Cmd {
	p := &m.plan
	p.stop()
	p.seq++
	p.busy = 1
	b, msg := m.backend, editMsg{seq: p.seq, key: o.Target.Key(), before: or(text, p.edited[o.Target.Key()])}
	return func() tea.Msg {
		if msg.before == "" {
			msg.before, msg.err = b.PatchText(o)
		}
		return msg
	}
}

// editor is an editor that has the terminal while it runs, on a file of its own.
type editor struct {
	getenv         func(string) string
	text           string // before, and after Run
	stdin          io.Reader
	stdout, stderr io.Writer
}

func (e *editor) SetStdin(r io.Reader)  { e.stdin = r }
func (e *editor) SetStdout(w io.Writer) { e.stdout = w }
func (e *editor) SetStderr(w io.Writer) { e.stderr = w }

// Run lets the person edit the text. The file is one that only they can read, and
// it is gone afterwards.
func (e *editor) Run() (err error) {
	f, err := os.CreateTemp("", "harden-*.yaml") // 0600
	if err != nil {
		return fmt.Errorf("making a file to edit: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString(e.text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %q: %w", f.Name(), err)
	}
	c := editorCommand(e.getenv, f.Name())
	c.Stdin, c.Stdout, c.Stderr = e.stdin, e.stdout, e.stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("running the editor %q: %w; set KUBE_EDITOR or EDITOR to another one", c.Args[0], err)
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		return fmt.Errorf("reading what was edited: %w", err)
	}
	e.text = string(text)
	return nil
}

// editorCommand is the editor that kubectl edit would take: $KUBE_EDITOR, $EDITOR
// or vi. Its value is split at blanks; one with quotes goes through the shell.
func editorCommand(getenv func(string) string, path string) *exec.Cmd {
	editor, shell := "vi", []string{or(getenv("SHELL"), "/bin/bash"), "-c"}
	if runtime.GOOS == "windows" {
		editor, shell = "notepad", []string{"cmd", "/C"}
	}
	editor = or(getenv("KUBE_EDITOR"), or(getenv("EDITOR"), editor))
	if strings.ContainsAny(editor, `"'\`) && strings.Contains(editor, " ") {
		return exec.Command(shell[0], shell[1], fmt.Sprintf("%s %q", editor, path))
	}
	args := append(strings.Fields(editor), path)
	return exec.Command(args[0], args[1:]...)
}

// take hands the terminal to the editor.
func (msg editMsg) take(m *Model) tea.Cmd {
	p := &m.plan
	if msg.seq != p.seq || p.busy == 0 || m.screen != screenPlan {
		return nil
	}
	if msg.err != nil {
		p.busy = 0
		return m.fail("editing the patch", msg.err)
	}
	e := &editor{getenv: m.tools.getenv, text: msg.before}
	return m.exec(e, func(err error) tea.Msg { return editorMsg{msg, e.text, err} })
}

// take asks about what the person made of the patch.
func (msg editorMsg) take(m *Model) tea.Cmd {
	p := &m.plan
	if msg.seq != p.seq || p.busy == 0 || p.plan == nil || m.screen != screenPlan {
		return nil
	}
	p.busy = 0
	switch {
	case msg.err != nil:
		return m.fail("editing the patch", msg.err)
	case strings.TrimSpace(msg.text) == "" || msg.text == msg.before:
		return m.say("nothing was changed")
	}
	p.busy = 1
	ctx := p.context(m.root)
	b, plan := m.backend, p.plan
	return func() tea.Msg {
		revised, err := b.Revise(ctx, plan, msg.key, msg.text, harden.PlanOptions{ServerDryRun: b.Live()})
		if err == nil && revised == nil {
			err = errNoAnswer
		}
		return revisedMsg{msg, revised, err}
	}
}

// take shows the plan with the edited patch, or what is wrong with it.
func (msg revisedMsg) take(m *Model) tea.Cmd {
	p := &m.plan
	if msg.seq != p.seq || p.busy == 0 || m.screen != screenPlan {
		return nil
	}
	p.busy = 0
	if msg.err != nil {
		m.lastErr = wrapped{"the edited patch", msg.err}
		m.open(&refusedEdit{msg})
		return nil
	}
	p.edited[msg.key] = msg.text
	delete(p.before, msg.key)
	p.plan = msg.plan
	p.version++
	return m.say("edited: read the difference once more before you apply it")
}

// refusedEdit says why an edited patch was not taken, and lets the person go on.
type refusedEdit struct{ revised revisedMsg }

func (d *refusedEdit) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "e", "E", "enter":
		return d.again(m)
	case "y":
		return d.copy(m)
	case "esc", "n", "q", "ctrl+c":
		return d.leave(m)
	}
	return nil
}

func (d *refusedEdit) again(m *Model) tea.Cmd {
	m.closeDialog()
	for _, o := range m.plan.plan.Objects {
		if o.Target.Key() == d.revised.key {
			return m.startEdit(o, d.revised.text)
		}
	}
	return m.say("this object is not in the plan any more")
}

func (d *refusedEdit) copy(m *Model) tea.Cmd { return m.copyText(d.revised.text, "what you wrote") }

func (d *refusedEdit) leave(m *Model) tea.Cmd {
	m.closeDialog()
	return nil
}

func (d *refusedEdit) scroll(*Model, int) {}

func (d *refusedEdit) box(m *Model, w, h int) []string {
	p := &page{st: &m.theme.styles, w: min(84, w-6)}
	p.lead(p.st.bad, "✗ ", p.st.text, d.revised.err.Error())
	if room := max(1, h-4); len(p.lines) > room {
		p.lines = append(p.lines[:room-1], p.st.dim.Render(ellipsis))
	}
	p.gap()
	foot := ""
	for _, b := range []struct {
		key, word string
		do        func(*Model) tea.Cmd
	}{{"e", "go on editing", d.again}, {"y", "copy what you wrote", d.copy}, {"esc", "give it up", d.leave}} {
		text := p.st.key.Render(b.key) + p.st.text.Render(" "+b.word)
		m.button(2+widthOf(foot), 1+len(p.lines), widthOf(text), b.do)
		foot += text + "    "
	}
	p.lines = append(p.lines, strings.TrimRight(foot, " "))
	return m.frameBox("The edited patch was not taken", p.lines, p.w)
}
