package tui

import (
	"context"
	"slices"
	"sync"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// running is a plan that is being applied or undone, or was.
type running struct {
	seq      int
	state    runState
	undo     bool
	effect   harden.Effect
	back     screen // where it is left to
	cancel   context.CancelFunc
	messages chan tea.Msg // events, then the end
	objects  []runObject
	follows  bool // the cursor goes with the work until the person moves it
	list     list
	page     doc
	drawn    drawn
	version  int
	report   *harden.ApplyReport
	err      error
}

type runState int

const (
	runNone runState = iota
	runGoing
	runStopping // ends after the object in hand
	runDone
)

func (r *running) active() bool { return r.state == runGoing || r.state == runStopping }

// runObject is one object and how far it is.
type runObject struct {
	ref     harden.Ref
	phase   harden.Phase
	message string
	outcome *harden.Outcome
	made    bool // by the plan
}

type runRows []runObject

func (r runRows) Len() int        { return len(r) }
func (r runRows) ID(i int) string { return r[i].ref.APIVersion + "|" + r[i].ref.Long() }

type (
	eventMsg struct {
		seq   int
		event harden.Event
	}
	runDoneMsg struct {
		seq    int
		report *harden.ApplyReport
		err    error
	}
)

// writes counts the calls that write and have not come back.
type writes struct {
	mu   sync.Mutex
	n    int
	idle chan struct{}
}

func (w *writes) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n == 0 {
		w.idle = make(chan struct{})
	}
	w.n++
}

func (w *writes) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n--
	if w.n == 0 {
		close(w.idle)
	}
}

func (w *writes) underWay() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n > 0
}

// done is closed when no call is under way.
func (w *writes) done() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n == 0 {
		idle := make(chan struct{})
		close(idle)
		return idle
	}
	return w.idle
}

type write func(ctx context.Context, progress func(harden.Event)) (*harden.ApplyReport, error)

func (m *Model) apply(plan *harden.Plan) tea.Cmd {
	refs := make([]harden.Ref, len(plan.Objects))
	for i, o := range plan.Objects {
		refs[i] = o.Target
	}
	m.plan.stop()
	b, opts := m.backend, m.opts.Apply
	cmd := m.startRun(false, refs, func(ctx context.Context, progress func(harden.Event)) (*harden.ApplyReport, error) {
		return b.Apply(ctx, plan, opts, progress)
	})
	for i, o := range plan.Objects {
		m.run.objects[i].made = o.Verb == harden.Create
	}
	m.run.effect = m.plan.effect
	if m.plan.from == screenNetwork || m.plan.from == screenWaivers {
		m.run.back = m.plan.from
	}
	return cmd
}

// startRun starts the one write that may be under way.
func (m *Model) startRun(undo bool, refs []harden.Ref, call write) tea.Cmd {
	seq := m.run.seq + 1
	ctx, cancel := context.WithCancel(m.root)
	m.run = running{seq: seq, state: runGoing, undo: undo, cancel: cancel, follows: true, messages: make(chan tea.Msg, 64)}
	for _, r := range refs {
		m.run.objects = append(m.run.objects, runObject{ref: r})
	}
	m.show(screenApply)
	messages, root, writes := m.run.messages, m.root, m.writes
	send := func(msg tea.Msg) {
		select {
		case messages <- msg:
		case <-root.Done():
		}
	}
	start := func() tea.Msg {
		writes.begin()
		defer writes.end()
		report, err := call(ctx, func(e harden.Event) { send(eventMsg{seq, e}) })
		send(runDoneMsg{seq, report, err})
		return nil
	}
	return tea.Batch(start, m.listen(messages))
}

// object finds or adds the line of an object.
func (r *running) object(ref harden.Ref) int {
	key := ref.Key()
	for i := range r.objects {
		if r.objects[i].ref.Key() == key {
			return i
		}
	}
	r.objects = append(r.objects, runObject{ref: ref})
	return len(r.objects) - 1
}

func (msg eventMsg) take(m *Model) tea.Cmd {
	r := &m.run
	if msg.seq != r.seq {
		return nil
	}
	r.version++
	i := r.object(msg.event.Object)
	o := &r.objects[i]
	o.phase, o.message = msg.event.Phase, msg.event.Message
	if r.follows {
		m.toRun(i)
	}
	return m.listen(r.messages)
}

func (m *Model) toRun(i int) {
	pane, _ := m.split(len(m.run.objects))
	m.run.list.to(runRows(m.run.objects), i, pane.h-2)
}

func (msg runDoneMsg) take(m *Model) tea.Cmd {
	r := &m.run
	if msg.seq != r.seq {
		return nil
	}
	r.state, r.report, r.err = runDone, msg.report, msg.err
	r.version++
	r.cancel()
	if msg.report != nil {
		for i := range msg.report.Outcomes {
			out := &msg.report.Outcomes[i]
			o := &r.objects[r.object(out.Object)]
			o.phase, o.outcome = out.Phase, out
			if out.Message != "" || out.Err != nil {
				o.message = out.Message
			}
			for _, f := range slices.Concat(out.Fixed, out.Waived) {
				delete(m.marks, f.ID())
			}
		}
	}
	if m.quitWhenDone {
		return m.quit()
	}
	// The cursor goes to what needs a look.
	for i := range r.objects {
		if p := r.objects[i].phase; p.Final() && !p.Good() {
			m.toRun(i)
			break
		}
	}
	var cmd tea.Cmd
	if msg.err != nil {
		cmd = m.fail(r.verb(), msg.err)
	}
	return tea.Batch(cmd, m.reload())
}

func (r *running) verb() string {
	if r.undo {
		return "undoing"
	}
	return "applying"
}

// written reports whether there is something to undo.
func (r *running) written() bool {
	return r.state == runDone && !r.undo && r.report != nil && r.report.ID != "" && len(r.record().Objects) > 0
}

// record is what stands of a run that is over, as far as it is known here.
func (r *running) record() *harden.Record {
	out := &harden.Record{ID: r.report.ID}
	for _, o := range r.objects {
		switch o.phase {
		case harden.Waiting, harden.Checking, harden.Refused, harden.Skipped, harden.Undone, harden.RolledBack:
		default:
			out.Objects = append(out.Objects, harden.RecordObject{Object: o.ref, State: harden.RecordApplied, Made: o.made})
		}
	}
	return out
}

// askStop offers to stop between objects.
func (m *Model) askStop(quit bool) tea.Cmd {
	if m.run.state == runStopping {
		if !quit {
			return m.say("stopping after the object in hand")
		}
		return m.ask(&confirm{
			title: "Leave without waiting?",
			lines: []string{"The object in hand is still being written."},
			notes: []string{"Its record stays in the journal; undo lists it."},
			yes:   "leave",
			do:    func(m *Model) tea.Cmd { return m.quit() },
		})
	}
	c := &confirm{
		title: "Stop " + m.run.verb() + "?",
		lines: []string{"The object in hand is finished first; the others are left as they are."},
		yes:   "stop",
		do:    func(m *Model) tea.Cmd { return m.stopRun(false) },
	}
	if quit {
		c.title, c.yes = "Stop "+m.run.verb()+" and quit?", "stop and quit"
		c.do = func(m *Model) tea.Cmd { return m.stopRun(true) }
	}
	return m.ask(c)
}

func (m *Model) stopRun(quit bool) tea.Cmd {
	if !m.run.active() {
		if quit {
			return m.quit()
		}
		return nil
	}
	m.run.state = runStopping
	m.run.cancel()
	m.quitWhenDone = quit
	return nil
}

func (m *Model) closeRun() tea.Cmd {
	if m.run.active() {
		return m.askStop(false)
	}
	m.show(m.run.back)
	return nil
}

func applyScreen() screenDef {
	return screenDef{
		on: onApply, crumbs: (*Model).runCrumbs, view: (*Model).runView, build: (*Model).buildRunPage,
		page:  func(m *Model) *doc { return &m.run.page },
		list:  func(m *Model) (*list, rows) { return &m.run.list, runRows(m.run.objects) },
		moved: func(m *Model) { m.run.follows = false },
	}
}

func (m *Model) runCrumbs() []string {
	if m.run.undo {
		return []string{"undo"}
	}
	return []string{"apply"}
}

func stopName(m *Model) string {
	if m.run.active() {
		return "stop"
	}
	return ""
}

// applyActions are those of a run.
func applyActions() []action {
	return []action{
		{name: "undo", keys: []string{"u"}, help: "take back what was just applied (asks first)", on: onApply, hint: 1, ready: noUndoRun, run: (*Model).undoRun},
		{name: "back", keys: []string{"esc", "enter"}, help: "go back; while it runs: stop between objects (asks first)", on: onApply, hint: 2, now: stopName, run: (*Model).closeRun},
	}
}
