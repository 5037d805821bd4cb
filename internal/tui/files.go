package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/aymanbagabas/go-udiff"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

type (
	editsMsg struct {
		seq   int
		edits *harden.SourceEdits
		err   error
	}
	writtenMsg struct {
		written []string
		err     error
		then    func(m *Model, written []string) tea.Cmd
	}
)

// askEdits works out what the plan changes in the files.
func (m *Model) askEdits() tea.Cmd {
	p := &m.plan
	p.busy = 1
	b, seq, plan := m.backend, p.seq, p.plan
	return func() tea.Msg {
		edits, err := b.Edits(plan, harden.SourceOptions{})
		return editsMsg{seq, edits, err}
	}
}

// take asks for the yes to what askEdits found.
func (msg editsMsg) take(m *Model) tea.Cmd {
	p := &m.plan
	if msg.seq != p.seq || p.busy == 0 || m.screen != screenPlan {
		return nil
	}
	p.busy = 0
	if msg.err != nil {
		return m.fail("editing files", msg.err)
	}
	var notes []string
	for _, o := range msg.edits.Objects {
		if !o.Brought() {
			notes = append(notes, "not "+short(o.Object)+": "+o.Why)
		}
		notes = append(notes, o.Notes...)
	}
	return m.confirmFiles("Write files?", msg.edits.Files, notes, (*Model).planWritten)
}

// confirmFiles asks for the yes to a change of files, and shows it. What follows once
// they are written is then's.
func (m *Model) confirmFiles(title string, files []harden.FileChange, notes []string, then func(m *Model, written []string) tea.Cmd) tea.Cmd {
	c := &confirm{title: title, yes: "write", do: func(m *Model) tea.Cmd {
		if _, ok := m.top().(*form); ok {
			m.closeDialog() // it has asked what it had to
		}
		return m.writeFiles(files, then)
	}}
	for _, f := range files {
		switch {
		case f.New():
			c.lines = append(c.lines, f.Path+" will be made")
		case f.Changed():
			c.lines = append(c.lines, f.Path+" will change")
		}
		c.notes = append(c.notes, f.Notes...)
	}
	c.notes = append(c.notes, notes...)
	if len(c.lines) == 0 {
		return m.say(strings.Join(append([]string{"nothing to write"}, c.notes...), "; "))
	}
	c.write = func(p *page) { writeFileChanges(p, files) }
	return m.ask(c)
}

// writeFileChanges shows what becomes of files, each under its name.
func writeFileChanges(p *page, files []harden.FileChange) {
	for _, f := range files {
		if !f.Changed() {
			continue
		}
		p.head(f.Path, "")
		p.diff(udiff.Unified(f.Path, f.Path, string(f.Before), string(f.After)))
	}
}

// writeFiles writes files; then takes what was written, if all of it was.
func (m *Model) writeFiles(files []harden.FileChange, then func(m *Model, written []string) tea.Cmd) tea.Cmd {
	m.writing++
	b, writes := m.backend, m.writes
	return func() tea.Msg {
		writes.begin()
		defer writes.end()
		written, err := b.Write(files)
		return writtenMsg{written, err, then}
	}
}

func (msg writtenMsg) take(m *Model) tea.Cmd {
	m.writing--
	if msg.err != nil {
		what := "writing files"
		if n := len(msg.written); n > 0 {
			what += " (" + itoa(n) + " written before)"
		}
		return tea.Batch(m.fail(what, msg.err), m.reload())
	}
	return msg.then(m, msg.written)
}

// planWritten reads everything again: what is still found was not repaired.
func (m *Model) planWritten(written []string) tea.Cmd {
	for _, f := range m.plan.findings {
		delete(m.marks, f.ID())
	}
	if m.screen == screenPlan {
		m.plan.zoom = false
		m.closePlan()
	}
	return tea.Batch(m.say(plural(len(written), "file", "files")+" written"), m.reload())
}
