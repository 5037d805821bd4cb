package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

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

// edited asks for the yes to what askEdits found.
func (msg editsMsg) take(m *Model) tea.Cmd {
	p := &m.plan
	if msg.seq != p.seq || p.busy == 0 || m.screen != screenPlan {
		return nil
	}
	p.busy = 0
	if msg.err != nil {
		return m.fail("editing files", msg.err)
	}
	c := &confirm{title: "Write files?", yes: "write", do: func(m *Model) tea.Cmd { return m.write(msg.edits.Files) }}
	for _, f := range msg.edits.Files {
		switch {
		case f.New():
			c.lines = append(c.lines, f.Path+" will be made")
		case f.Changed():
			c.lines = append(c.lines, f.Path+" will change")
		}
		c.notes = append(c.notes, f.Notes...)
	}
	for _, o := range msg.edits.Objects {
		if !o.Brought() {
			c.notes = append(c.notes, "not "+short(o.Object)+": "+o.Why)
		}
		c.notes = append(c.notes, o.Notes...)
	}
	if len(c.lines) == 0 {
		return m.say(strings.Join(append([]string{"nothing to write"}, c.notes...), "; "))
	}
	return m.ask(c)
}

func (m *Model) write(files []harden.FileChange) tea.Cmd {
	m.plan.busy = 1
	b, writes := m.backend, m.writes
	return func() tea.Msg {
		writes.begin()
		defer writes.end()
		written, err := b.Write(files)
		return writtenMsg{written, err}
	}
}

// wrote reads everything again: what is still found was not fixed.
func (msg writtenMsg) take(m *Model) tea.Cmd {
	m.plan.busy = 0
	for _, f := range m.plan.findings {
		delete(m.marks, f.ID())
	}
	if m.screen == screenPlan {
		m.plan.zoom = false
		m.closePlan()
	}
	cmd := m.say(plural(len(msg.written), "file", "files") + " written")
	if msg.err != nil {
		cmd = m.fail("writing files", msg.err)
	}
	return tea.Batch(cmd, m.reload())
}
