package tui

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// screenBoxes puts a list and the detail of its row into the body.
func (m *Model) screenBoxes(n int, list func(r rect) []string, detail func(r rect) []string) []string {
	l, d := m.split(n)
	if l.w < m.width {
		return beside(list(l), detail(d))
	}
	return append(list(l), detail(d)...)
}

// notice fills the body with one message.
func (m *Model) notice(title string, lines []string) []string {
	return m.box(m.body(), title, "", "", true, append([]string{""}, padded(lines)...))
}

type standingWord struct {
	glyph, word string
	style       func(*styles) pen
}

var standingWords = map[standing]standingWord{
	ready:     {"✓", "accepted", func(s *styles) pen { return s.good }},
	takesOver: {"✓", "takes over", func(s *styles) pen { return s.warn }},
	inSource:  {"→", "in the source", func(s *styles) pen { return s.dim }},
	byHand:    {"→", "by hand", func(s *styles) pen { return s.dim }},
	inFile:    {"→", "in the file", func(s *styles) pen { return s.dim }},
	unasked:   {"?", "not asked", func(s *styles) pen { return s.warn }},
	refused:   {"✗", "refused", func(s *styles) pen { return s.bad }},
	conflicts: {"!", "conflict", func(s *styles) pen { return s.warn }},
	held:      {"!", "conflict", func(s *styles) pen { return s.bad }},
	meddled:   {"!", "changes more", func(s *styles) pen { return s.bad }},
}

const standingCells = 17

func (m *Model) planView() []string {
	st := &m.theme.styles
	p := &m.plan
	switch {
	case p.plan == nil && p.err != nil:
		w := &page{st: st, w: max(1, m.width-6)}
		w.lead(st.bad, "✗ ", st.strong, "No plan could be made")
		w.para(st.text, 2, p.err.Error())
		w.gap()
		w.lines = append(w.lines, st.key.Render("ctrl+r")+st.text.Render(" try again   ")+st.key.Render("esc")+st.text.Render(" back"))
		return m.notice("Plan", w.lines)
	case p.plan == nil:
		what := "Working out the patch " + ellipsis
		if m.backend.Live() {
			what = "Working out the patch and asking the API server (dry run) " + ellipsis
		}
		return m.notice("Plan", []string{st.accent.Render(m.spinGlyph()) + " " + st.text.Render(what)})
	case m.planRows().Len() == 0:
		return m.notice("Plan", []string{st.text.Render("There is nothing to change.")})
	}
	if p.zoom {
		return m.docBox(m.body(), m.planTitle(), &p.page, true)
	}
	return m.screenBoxes(m.planRows().Len(), m.planList, func(r rect) []string {
		return m.docBox(r, m.planTitle(), &p.page, false)
	})
}

func (m *Model) planTitle() string {
	if o := m.plannedObject(); o != nil {
		return o.Target.Long()
	}
	return "Left out"
}

func (m *Model) planList(r rect) []string {
	p := &m.plan
	inner := r.w - 2
	rows := m.planRows()
	factCells := 0
	for _, o := range p.plan.Objects {
		factCells = max(factCells, 1+widthOf(m.planFacts(o)))
	}
	var lines []string
	for i := p.list.top; i < min(p.list.top+r.h-2, rows.Len()); i++ {
		st, glyph := m.rowStyles(i == p.list.at, true)
		if i == len(p.plan.Objects) {
			lines = append(lines, st.accent.Render(glyph+" ")+st.dim.Render(fit(plural(len(p.plan.LeftOut), "finding", "findings")+" left out, and why", inner-2)))
			continue
		}
		o := p.plan.Objects[i]
		w := standingWords[m.standing(o)]
		name := short(o.Target)
		if o.Target.Namespace != "" {
			name = o.Target.Namespace + "/" + name
		}
		lines = append(lines, st.accent.Render(glyph+" ")+w.style(st).Render(w.glyph+" "+fit(w.word, standingCells-2))+
			st.text.Render(fitEnd(name, inner-2-standingCells-factCells))+st.dim.Render(fitRight(m.planFacts(o), factCells)))
	}
	chosen := m.toApply()
	note := " " + itoa(len(chosen.Objects)) + " of " + plural(len(p.plan.Objects), "object", "objects") + " can be applied "
	if p.busy > 0 {
		note = " " + m.spinGlyph() + " asking the server "
	}
	return m.box(r, planName(m.plan.effect), note, position(p.list.at, rows.Len()), true, lines)
}

// planFacts is how much is done to an object, in few words.
func (m *Model) planFacts(o *harden.ObjectPlan) string {
	facts := effectWord(m.plan.effect, len(o.Fixes))
	if m.isEdited(o) {
		facts = "edited, review"
	}
	switch {
	case o.Verb == harden.Create:
		facts += ", new"
	case o.Restarts == 1:
		facts += ", restarts"
	case o.Restarts > 1:
		facts += ", restarts " + itoa(o.Restarts) + "x"
	}
	return facts
}

func (m *Model) runView() []string {
	return m.screenBoxes(len(m.run.objects), m.runList, func(r rect) []string {
		title := "Progress"
		if m.run.state == runDone {
			title = "Outcome"
		}
		return m.docBox(r, title, &m.run.page, false)
	})
}

// phaseSign is glyph and style of a phase.
func (m *Model) phaseSign(st *styles, p harden.Phase) (string, pen) {
	switch p {
	case harden.Waiting:
		return "·", st.dim
	case harden.Checking, harden.Applying, harden.RollingOut, harden.Soaking, harden.RollingBack:
		return m.spinGlyph(), st.accent
	case harden.Proven, harden.Undone:
		return "✓", st.good
	case harden.Unproven:
		return "✓", st.warn
	case harden.Skipped:
		return "–", st.dim
	default:
		return "✗", st.bad
	}
}

const phaseCells = 20

func (m *Model) runList(r rect) []string {
	run := &m.run
	inner := r.w - 2
	over := 0
	for i := range run.objects {
		if run.objects[i].phase.Final() {
			over++
		}
	}
	var lines []string
	for i := run.list.top; i < min(run.list.top+r.h-2, len(run.objects)); i++ {
		o := &run.objects[i]
		st, glyph := m.rowStyles(i == run.list.at, true)
		sign, style := m.phaseSign(st, o.phase)
		name := short(o.ref)
		if o.ref.Namespace != "" {
			name = o.ref.Namespace + "/" + name
		}
		nameCells := min(max(16, inner*40/100), inner-2-phaseCells)
		lines = append(lines, st.accent.Render(glyph+" ")+style.Render(sign+" "+fit(o.phase.String(), phaseCells-2))+
			st.text.Render(fitEnd(name, nameCells))+st.dim.Render(fit(" "+o.message, inner-2-phaseCells-nameCells)))
	}
	title, note := "Applying", " "+itoa(over)+" of "+plural(len(run.objects), "object", "objects")+" "
	switch {
	case run.state == runDone && run.undo:
		title = "Undone"
	case run.state == runDone && run.report != nil && !run.written():
		title = "Nothing is applied"
	case run.state == runDone:
		title = "Applied"
	case run.state == runStopping:
		title = "Stopping after the object in hand"
	case run.undo:
		title = "Undoing"
	}
	return m.box(r, title, note, position(run.list.at, len(run.objects)), true, lines)
}

func (m *Model) undoView() []string {
	st := &m.theme.styles
	u := &m.undo
	switch {
	case len(u.records) == 0 && u.busy:
		return m.notice("Applied plans", []string{st.accent.Render(m.spinGlyph()) + " " + st.text.Render("Reading the journal "+ellipsis)})
	case len(u.records) == 0 && u.err != nil:
		w := &page{st: st, w: max(1, m.width-6)}
		w.lead(st.bad, "✗ ", st.strong, "The journal could not be read")
		w.para(st.text, 2, u.err.Error())
		return m.notice("Applied plans", w.lines)
	case len(u.records) == 0:
		return m.notice("Applied plans", []string{st.text.Render("Nothing was applied to this cluster from here yet.")})
	}
	return m.screenBoxes(len(u.records), m.undoList, func(r rect) []string {
		return m.docBox(r, "What it changed", &u.page, false)
	})
}

func (m *Model) undoList(r rect) []string {
	u := &m.undo
	inner := r.w - 2
	var lines []string
	for i := u.list.top; i < min(u.list.top+r.h-2, len(u.records)); i++ {
		rec := &u.records[i]
		st, glyph := m.rowStyles(i == u.list.at, true)
		state, style := recordState(st, rec)
		names := make([]string, len(rec.Objects))
		for k, o := range rec.Objects {
			names[k] = short(o.Object)
		}
		lines = append(lines, st.accent.Render(glyph+" ")+st.text.Render(fit(rec.Time.Format("2006-01-02 15:04"), 18))+
			style.Render(fit(state, 16))+st.text.Render(fit(strings.Join(names, ", "), inner-36)))
	}
	return m.box(r, "Applied plans", "", position(u.list.at, len(u.records)), true, lines)
}

// recordState sums up a record.
func recordState(st *styles, r *harden.Record) (string, pen) {
	n := map[harden.RecordState]int{}
	for _, o := range r.Objects {
		n[o.State]++
	}
	switch all := len(r.Objects); {
	case n[harden.RecordUndone] == all && all > 0:
		return "– undone", st.dim
	case n[harden.RecordStarted]+n[harden.RecordOnTrial] > 0:
		return "? interrupted", st.warn
	case n[harden.RecordUndone] > 0:
		return "! partly undone", st.warn
	case n[harden.RecordApplied] == 0:
		return "✗ refused", st.dim
	case n[harden.RecordFailed] > 0:
		return "! partly applied", st.warn
	default:
		return "✓ applied", st.good
	}
}
