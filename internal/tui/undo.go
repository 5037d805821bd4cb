package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// undoing is the list of what was applied.
type undoing struct {
	seq     int
	busy    bool
	cancel  context.CancelFunc
	records []harden.Record
	err     error
	list    list
	page    doc
	drawn   drawn
}

type historyMsg struct {
	seq     int
	records []harden.Record
	err     error
}

type recordRows []harden.Record

func (r recordRows) Len() int        { return len(r) }
func (r recordRows) ID(i int) string { return r[i].ID }

func (m *Model) openUndo() tea.Cmd {
	m.show(screenUndo)
	u := &m.undo
	u.stop()
	u.seq++
	u.busy, u.err = true, nil
	var ctx context.Context
	ctx, u.cancel = context.WithCancel(m.root)
	b, seq := m.backend, u.seq
	return func() tea.Msg {
		records, err := b.History(ctx)
		return historyMsg{seq, records, err}
	}
}

func (u *undoing) stop() {
	if u.cancel != nil {
		u.cancel()
		u.cancel = nil
	}
	u.busy = false
}

func (msg historyMsg) take(m *Model) tea.Cmd {
	u := &m.undo
	if msg.seq != u.seq || !u.busy {
		return nil
	}
	u.stop()
	if msg.err != nil {
		u.err = msg.err
		return m.fail("reading the journal", msg.err)
	}
	old := recordRows(u.records)
	u.records = msg.records
	pane, _ := m.split(len(u.records))
	u.list.keep(old, recordRows(u.records), pane.h-2)
	return nil
}

func (m *Model) closeUndo() tea.Cmd {
	m.undo.stop()
	m.show(screenBrowse)
	return nil
}

// record is the one under the cursor, or nil.
func (m *Model) record() *harden.Record {
	u := &m.undo
	if u.list.at >= len(u.records) {
		return nil
	}
	return &u.records[u.list.at]
}

// whyNotUndo tells why a record cannot be undone, or "".
func whyNotUndo(r *harden.Record) string {
	if r == nil {
		return "nothing was applied yet"
	}
	if len(r.Undoable()) > 0 {
		return ""
	}
	for _, o := range r.Objects {
		if o.State == harden.RecordUndone {
			return "this plan is already undone"
		}
	}
	return "nothing of this plan was written"
}

// undoConsequences says with counts what undoing will do: "1 Deployment will get
// the former values back", "2 NetworkPolicies will be deleted again".
func undoConsequences(r *harden.Record) []string {
	var objects []*harden.ObjectPlan
	for _, o := range r.Objects {
		p := &harden.ObjectPlan{Target: o.Object}
		if o.Made {
			p.Verb = harden.Create
		}
		if o.State.Stands() {
			objects = append(objects, p)
		}
	}
	words := strings.NewReplacer(" will be changed", " will get the former values back", " will be created", " will be deleted again")
	lines := consequences(objects)
	for i, l := range lines {
		lines[i] = words.Replace(l)
	}
	return lines
}

func (m *Model) confirmUndo(r *harden.Record) tea.Cmd {
	lines, id, refs := undoConsequences(r), r.ID, r.Undoable()
	b, opts := m.backend, m.opts.Apply
	return m.ask(&confirm{
		title: "Undo in " + m.backend.Title() + "?",
		lines: lines,
		notes: []string{"Workloads whose pod template changes restart. The findings come back."},
		yes:   "undo",
		do: func(m *Model) tea.Cmd {
			m.undo.stop()
			return m.startRun(true, refs, func(ctx context.Context, progress func(harden.Event)) (*harden.ApplyReport, error) {
				return b.Undo(ctx, id, opts, progress)
			})
		},
	})
}

// unfinishedMsg counts the plans of which nobody has said how they went.
type unfinishedMsg struct {
	of Backend
	n  int
}

// askUnfinished looks for plans that were interrupted, so that nobody has to know
// of them to find them. That the journal cannot be read is told where it is listed.
func (m *Model) askUnfinished() tea.Cmd {
	if !m.live() {
		return nil
	}
	b, ctx := m.backend, m.root
	return func() tea.Msg {
		records, err := b.History(ctx)
		if err != nil {
			return nil
		}
		n := 0
		for i := range records {
			if len(records[i].Interrupted()) > 0 {
				n++
			}
		}
		return unfinishedMsg{b, n}
	}
}

func (msg unfinishedMsg) take(m *Model) tea.Cmd {
	if msg.n == 0 || msg.of != m.backend || m.run.active() {
		return nil
	}
	return m.say(plural(msg.n, "plan was", "plans were") + " applied, and nobody has seen how it went: u lists what was applied")
}

func noResume(m *Model) string {
	switch r := m.record(); {
	case m.opts.ReadOnly:
		return readOnly
	case r == nil || len(r.Interrupted()) == 0:
		return "this plan was not interrupted"
	}
	return ""
}

// resume goes on with the plan under the cursor.
func (m *Model) resume() tea.Cmd {
	r := m.record()
	id, refs, b, opts := r.ID, r.Interrupted(), m.backend, m.opts.Apply
	var made []harden.Ref
	for _, o := range r.Objects {
		if o.Made {
			made = append(made, o.Object)
		}
	}
	return m.ask(&confirm{
		title: "Go on in " + b.Title() + "?",
		lines: []string{"Watches the rollouts of " + plural(len(refs), "object", "objects") + ", and takes back what went wrong."},
		yes:   "go on",
		do: func(m *Model) tea.Cmd {
			m.undo.stop()
			cmd := m.startRun(false, refs, func(ctx context.Context, progress func(harden.Event)) (*harden.ApplyReport, error) {
				return b.Resume(ctx, id, opts, progress)
			})
			for i := range m.run.objects {
				m.run.objects[i].made = slices.Contains(made, m.run.objects[i].ref)
			}
			return cmd
		},
	})
}

// undoRun undoes the plan that was just applied.
func (m *Model) undoRun() tea.Cmd { return m.confirmUndo(m.run.record()) }

func undoScreen() screenDef {
	return screenDef{
		on: onUndo, crumbs: func(*Model) []string { return []string{"applied plans"} }, view: (*Model).undoView, build: (*Model).buildUndoPage,
		page: func(m *Model) *doc { return &m.undo.page },
		list: func(m *Model) (*list, rows) { return &m.undo.list, recordRows(m.undo.records) },
	}
}

// undoActions are those of the journal.
func undoActions() []action {
	return []action{
		{name: "undo", keys: []string{"u", "enter"}, help: "take this plan back (asks first)", on: onUndo, hint: 1, ready: noUndo, run: func(m *Model) tea.Cmd {
			return m.confirmUndo(m.record())
		}},
		{name: "go on", keys: []string{"R"}, help: "go on with a plan that was interrupted: watch its rollouts, take back what went wrong", on: onUndo, hint: 3, rare: true, ready: noResume, run: (*Model).resume},
		{name: "back", keys: []string{"esc", "h", "left"}, help: "go back", on: onUndo, hint: 2, run: (*Model).closeUndo},
		{name: "reload", keys: []string{"ctrl+r"}, help: "read the journal again", on: onUndo, run: (*Model).openUndo},
	}
}
