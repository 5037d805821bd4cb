package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// planning is the plan on the screen and what the person decided about it.
type planning struct {
	seq      int
	cancel   context.CancelFunc
	busy     int // requests under way
	findings []*harden.Finding
	from     screen // where it was asked for
	make     maker  // how it is made
	effect   harden.Effect
	plan     *harden.Plan
	err      error
	list     list
	zoom     bool // the detail fills the body
	page     doc
	drawn    drawn
	version  int // grows with every change of plan

	// before is the answer before a takeover, per object.
	before map[harden.Key]*harden.ObjectPlan
	// edited is the text of patches that a person wrote, per object.
	edited map[harden.Key]string
	// then is what to do once the plan is there; may be nil.
	then func(*Model) tea.Cmd
}

// maker makes a plan about findings.
type maker func(ctx context.Context, b Backend, findings []*harden.Finding, opts harden.PlanOptions) (*harden.Plan, error)

func makeFixes(ctx context.Context, b Backend, findings []*harden.Finding, opts harden.PlanOptions) (*harden.Plan, error) {
	return b.Plan(ctx, findings, opts)
}

var errNoAnswer = errors.New("no answer")

type (
	plannedMsg struct {
		seq  int
		plan *harden.Plan
		err  error
	}
	takenOverMsg struct {
		seq  int
		key  harden.Key
		plan *harden.Plan
		err  error
	}
)

// planRows are the objects of the plan, and one row for what is left out.
type planRows struct{ plan *harden.Plan }

const leftOutID = "#left"

func (r planRows) Len() int {
	if r.plan == nil {
		return 0
	}
	n := len(r.plan.Objects)
	if len(r.plan.LeftOut) > 0 {
		n++
	}
	return n
}

func (r planRows) ID(i int) string {
	if i == len(r.plan.Objects) {
		return leftOutID
	}
	k := r.plan.Objects[i].Target.Key()
	return strings.Join([]string{k.Group, k.Kind, k.Namespace, k.Name, k.Source.String()}, "|")
}

func (m *Model) planRows() planRows { return planRows{m.plan.plan} }

// toFix are the findings of the phase under the cursor on the network screen, the
// marked findings elsewhere, or the one under the cursor.
func (m *Model) toFix() []*harden.Finding {
	if p := m.phase(); p != nil && m.screen == screenNetwork {
		return p.Findings
	}
	if marked := m.marked(); len(marked) > 0 {
		return marked
	}
	r := m.current()
	switch {
	case m.screen == screenImage:
		r = nil
		if c := m.content(); c != nil {
			r = c.finding
		}
	case m.browse.focus < levelFinds:
		r = nil
	}
	if r != nil && m.markable(r.Finding, r.id) == "" {
		return []*harden.Finding{r.Finding}
	}
	return nil
}

func (m *Model) openPlan() tea.Cmd {
	m.showPlan(planning{findings: m.toFix(), from: m.screen, make: makeFixes})
	return m.askPlan()
}

// showPlan turns to a plan, which may be there already.
func (m *Model) showPlan(p planning) {
	m.plan.stop()
	p.seq = m.plan.seq + 1
	p.before, p.edited = map[harden.Key]*harden.ObjectPlan{}, map[harden.Key]string{}
	m.plan = p
	m.detail.stop()
	m.detail.id = ""
	m.show(screenPlan)
}

// askAgain makes the plan anew. What a person wrote is given up only after a yes.
func (m *Model) askAgain() tea.Cmd {
	if len(m.plan.edited) == 0 {
		return m.askPlan()
	}
	return m.ask(&confirm{
		title: "Plan again?", lines: []string{"Your edits of " + plural(len(m.plan.edited), "patch", "patches") + " are given up."},
		yes: "plan again", do: (*Model).askPlan,
	})
}

func (m *Model) askPlan() tea.Cmd {
	p := &m.plan
	p.stop()
	p.seq++
	p.busy, p.plan, p.err = 1, nil, nil
	p.before, p.edited = map[harden.Key]*harden.ObjectPlan{}, map[harden.Key]string{}
	ctx := p.context(m.root)
	b, seq, findings, made := m.backend, p.seq, p.findings, p.make
	opts := harden.PlanOptions{ServerDryRun: b.Live()}
	return func() tea.Msg {
		plan, err := made(ctx, b, findings, opts)
		if err == nil && plan == nil {
			err = errNoAnswer
		}
		return plannedMsg{seq, plan, err}
	}
}

// context is that of a request of the plan; stop ends it.
func (p *planning) context(root context.Context) (ctx context.Context) {
	ctx, p.cancel = context.WithCancel(root)
	return ctx
}

func (p *planning) stop() {
	if p.cancel != nil {
		p.cancel()
		p.cancel = nil
	}
	p.busy = 0
}

func (msg plannedMsg) take(m *Model) tea.Cmd {
	p := &m.plan
	if msg.seq != p.seq || p.busy == 0 || m.screen != screenPlan {
		return nil
	}
	p.busy = 0
	p.version++
	if msg.err != nil {
		p.err = msg.err
		return m.fail("planning", msg.err)
	}
	p.plan = msg.plan
	p.list = list{}
	if then := p.then; then != nil {
		p.then = nil
		return then(m)
	}
	return nil
}

func (m *Model) closePlan() tea.Cmd {
	if m.plan.zoom {
		m.plan.zoom = false
		return nil
	}
	m.plan.stop()
	m.show(m.plan.from)
	return nil
}

// standing is what will become of an object of the plan when it is applied.
type standing int

const (
	ready     standing = iota
	takesOver          // ready, and fields of another manager are forced
	inSource
	byHand
	inFile
	unasked
	refused
	conflicts // may be taken over
	held      // conflicts with a manager that applies: never taken over
	meddled   // more would change than was asked for
)

func (m *Model) standing(o *harden.ObjectPlan) standing { return standingOf(o, m.plan.plan.Live) }

func standingOf(o *harden.ObjectPlan, live bool) standing {
	d := o.DryRun
	switch {
	case o.Delivery == harden.DeliverSource:
		return inSource
	case o.Delivery == harden.DeliverManual:
		return byHand
	case !live:
		return inFile
	case d == nil:
		return unasked
	}
	open, applies := 0, false
	for _, c := range d.Conflicts {
		if !slices.Contains(o.Force, c.Field) {
			open++
		}
		applies = applies || c.Applies
	}
	switch {
	case applies:
		return held
	case open > 0:
		return conflicts
	case d.Err != nil:
		return refused
	case len(d.Unintended) > 0:
		return meddled
	case len(o.Force) > 0:
		return takesOver
	}
	return ready
}

func (s standing) applies() bool { return s == ready || s == takesOver || s == inFile }

// toApply is the part of the plan that may be applied.
func (m *Model) toApply() *harden.Plan {
	if m.plan.plan == nil {
		return nil
	}
	out := *m.plan.plan
	out.Objects = nil
	for _, o := range m.plan.plan.Objects {
		if m.standing(o).applies() {
			out.Objects = append(out.Objects, o)
		}
	}
	return &out
}

// plannedObject is the object under the cursor, or nil.
func (m *Model) plannedObject() *harden.ObjectPlan {
	p := m.plan.plan
	if p == nil || m.plan.list.at >= len(p.Objects) {
		return nil
	}
	return p.Objects[m.plan.list.at]
}

// takeOver forces the conflicts of the object under the cursor, or gives them
// back. The server is asked again about this object alone.
func (m *Model) takeOver() tea.Cmd {
	p, o := &m.plan, m.plannedObject()
	key := o.Target.Key()
	if old, ok := p.before[key]; ok {
		delete(p.before, key)
		p.plan = replaced(p.plan, old)
		p.version++
		return nil
	}
	var fields []string
	for _, c := range o.DryRun.Conflicts {
		fields = append(fields, c.Field)
	}
	var findings []*harden.Finding
	for _, f := range o.Fixes {
		if f.Finding != nil && !slices.Contains(findings, f.Finding) {
			findings = append(findings, f.Finding)
		}
	}
	p.stop()
	ctx := p.context(m.root)
	p.busy = 1
	p.seq++
	b, seq, made, whole := m.backend, p.seq, p.make, p.plan
	text, edited := p.edited[key]
	opts := harden.PlanOptions{ServerDryRun: true, ForceConflicts: fields}
	return func() tea.Msg {
		var plan *harden.Plan
		var err error
		if edited {
			plan, err = b.Revise(ctx, whole, key, text, opts)
		} else {
			plan, err = made(ctx, b, findings, opts)
		}
		if err == nil && plan == nil {
			err = errNoAnswer
		}
		return takenOverMsg{seq, key, plan, err}
	}
}

func (msg takenOverMsg) take(m *Model) tea.Cmd {
	p := &m.plan
	if msg.seq != p.seq || p.busy == 0 || p.plan == nil || m.screen != screenPlan {
		return nil
	}
	p.busy = 0
	if msg.err != nil {
		return m.fail("asking the server with the takeover", msg.err)
	}
	same := func(o *harden.ObjectPlan) bool { return o.Target.Key() == msg.key }
	to := slices.IndexFunc(msg.plan.Objects, same)
	from := slices.IndexFunc(p.plan.Objects, same)
	if to < 0 || from < 0 {
		return m.fail("asking the server with the takeover", errors.New("the object is not in the new plan: go back and plan again"))
	}
	p.before[msg.key] = p.plan.Objects[from]
	p.plan = replaced(p.plan, msg.plan.Objects[to])
	p.version++
	return nil
}

// replaced is the plan with one object exchanged.
func replaced(plan *harden.Plan, o *harden.ObjectPlan) *harden.Plan {
	out := *plan
	out.Objects = slices.Clone(plan.Objects)
	for i := range out.Objects {
		if out.Objects[i].Target.Key() == o.Target.Key() {
			out.Objects[i] = o
		}
	}
	return &out
}

// consequences says with counts what applying will do: "2 Deployments will
// restart", "1 Namespace will be changed".
func consequences(objects []*harden.ObjectPlan) []string {
	type group struct{ kind, what string }
	n := map[group]int{}
	var order []group
	for _, o := range objects {
		g := group{o.Target.Kind, "be changed"}
		switch {
		case o.Verb == harden.Create:
			g.what = "be created"
		case o.Restarts == 1:
			g.what = "restart"
		case o.Restarts > 1:
			g.what = fmt.Sprintf("restart %d times", o.Restarts)
		}
		if n[g] == 0 {
			order = append(order, g)
		}
		n[g]++
	}
	var out []string
	for _, g := range order {
		out = append(out, plural(n[g], g.kind, pluralKind(g.kind))+" will "+g.what)
	}
	return out
}

func (m *Model) confirmApply() tea.Cmd {
	if !m.backend.Live() {
		return m.askEdits()
	}
	plan := m.toApply()
	lines := consequences(plan.Objects)
	var notes []string
	review := 0
	for _, o := range plan.Objects {
		for _, f := range o.Fixes {
			if f.Fix.Class == harden.Review && m.plan.effect == harden.Repairs {
				review++
			}
		}
		if before := m.plan.before[o.Target.Key()]; before != nil {
			for _, c := range before.DryRun.Conflicts {
				notes = append(notes, "takes "+c.Field+" of "+short(o.Target)+" over from "+c.Manager)
			}
		}
	}
	if n := count(plan.Objects, m.isEdited); n > 0 {
		notes = append(notes, plural(n, "patch was", "patches were")+" edited by you: read the difference once more")
	}
	if review > 0 {
		notes = append(notes, plural(review, "fix is", "fixes are")+" for review: nobody has shown that the workload bears it")
	}
	if word := effectNote(m.plan.effect, len(m.plan.findings)); word != "" {
		notes = append(notes, word)
	}
	if left := m.leftOut(plan); len(left) > 0 {
		notes = append(notes, plural(len(left), "object of the plan is", "objects of the plan are")+" not applied: "+strings.Join(left, ", "))
	}
	return m.ask(&confirm{
		title: "Apply to " + m.backend.Title() + "?",
		lines: lines, notes: notes, yes: "apply",
		do: func(m *Model) tea.Cmd { return m.apply(plan) },
	})
}

// leftOut are the names of the objects of the plan that are not to be applied.
func (m *Model) leftOut(plan *harden.Plan) []string {
	var names []string
	for _, o := range m.plan.plan.Objects {
		if !slices.Contains(plan.Objects, o) {
			names = append(names, short(o.Target))
		}
	}
	return names
}

func planScreen() screenDef {
	return screenDef{
		on: onPlan, crumbs: func(*Model) []string { return []string{"plan"} }, view: (*Model).planView, build: (*Model).buildPlanPage,
		page:   func(m *Model) *doc { return &m.plan.page },
		list:   func(m *Model) (*list, rows) { return &m.plan.list, m.planRows() },
		zoomed: func(m *Model) bool { return m.plan.zoom },
	}
}

func writeName(m *Model) string {
	if m.backend != nil && !m.backend.Live() {
		return "write"
	}
	return ""
}

// planActions are those about a plan, and about a patch on the browse screen.
func planActions() []action {
	return []action{
		{name: "apply", keys: []string{"f"}, help: "apply the plan, or write the files (asks first)", on: onPlan, hint: 1, now: writeName, ready: noApply, run: (*Model).confirmApply},
		{name: "take over", keys: []string{"F"}, help: "take the fields in conflict over from a manager that holds them by Update, for this object; again to give them back", on: onPlan, hint: 2, rare: true, ready: noTakeOver, run: (*Model).takeOver},
		{name: "zoom", keys: []string{"enter", "l", "right"}, help: "read the details and the patch in the whole frame", on: onPlan, hint: 3, run: (*Model).zoomIn},
		{name: "back", keys: []string{"esc", "h", "left"}, help: "go back; nothing is written", on: onPlan, hint: 4, run: (*Model).closePlan},
		{name: "copy patch", keys: []string{"y"}, help: "copy the patch", on: onBrowse | onPlan, ready: noPatch, run: (*Model).copyPatch},
		{name: "copy plan", keys: []string{"Y"}, help: "copy the patches of all objects of the plan", on: onPlan, ready: noPlan, run: (*Model).copyPlan},
		{name: "edit", keys: []string{"E"}, help: "edit the patch with $KUBE_EDITOR, $EDITOR or vi; the server is asked about what you wrote", on: onBrowse | onPlan, hint: 9, ready: noEdit, run: (*Model).editPatch},
		{name: "export", keys: []string{"e"}, help: "write the plan, or the marked fixes, as kustomize patches or manifests into a folder (asks first)", on: onBrowse | onPlan, hint: 9, ready: noExport, run: (*Model).openExport},
		{name: "ask again", keys: []string{"ctrl+r"}, help: "plan again and ask the server again", on: onPlan, run: (*Model).askAgain},
	}
}
