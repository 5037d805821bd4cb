package tui

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// buildPlanPage writes the details of the object under the cursor of the plan.
func (m *Model) buildPlanPage() {
	p := &m.plan
	if p.plan == nil || m.planRows().Len() == 0 {
		p.page.lines = nil
		p.drawn = drawn{}
		return
	}
	r := m.detailRect()
	id := p.list.id(m.planRows())
	now := drawn{id: id, gen: p.seq, w: r.w - 4, theme: m.theme, extra: p.version}
	if now != p.drawn {
		if id != p.drawn.id {
			p.page.top = 0
		}
		p.drawn = now
		w := &page{st: &m.theme.styles, w: max(1, r.w-4)}
		if o := m.plannedObject(); o != nil {
			m.writeObject(w, o)
		} else {
			m.writeLeftOut(w)
		}
		p.page.lines = w.lines
	}
	p.page.scroll(0, r.h-2)
}

func (m *Model) writeObject(p *page, o *harden.ObjectPlan) {
	writeDelivery(p, o, m.plan.plan.Live)
	m.writeAnswer(p, o)
	for _, f := range o.Fixes {
		p.gap()
		title := f.Fix.Title
		if f.Finding != nil {
			title += "  (" + f.Finding.Fixer.ID + ")"
		}
		p.lead(p.st.classStyle(f.Fix.Class), fit(f.Fix.Class.String(), 10), p.st.text, title)
		writeFixNotes(p, &f.Fix)
		writeClaims(p, f.Fix.Evidence, m.now())
	}
	p.head("Patch", "")
	if o.Diff == "" {
		p.para(p.st.dim, 0, "no difference to the object as it is")
		return
	}
	p.diff(o.Diff)
}

// writeAnswer says what the server said to the dry run, and what follows.
func (m *Model) writeAnswer(p *page, o *harden.ObjectPlan) {
	d := o.DryRun
	if d == nil {
		if o.Delivery == harden.DeliverLive && m.plan.plan.Live {
			p.lead(p.st.warn, "? ", p.st.text, "the server was not asked: this object is not applied")
		}
		return
	}
	switch m.standing(o) {
	case ready:
		p.lead(p.st.good, "✓ ", p.st.text, "the server accepts it (dry run), and nothing else would change")
	case takesOver:
		p.lead(p.st.warn, "✓ ", p.st.text, "the server accepts it when these fields are taken over: "+strings.Join(o.Force, ", "))
	case conflicts:
		p.lead(p.st.warn, "! ", p.st.text, "another manager holds fields of this patch. F takes them over for this object; the manager may write them again")
	case held:
		p.lead(p.st.bad, "! ", p.st.text, "a manager that applies this object holds fields of this patch: change it at its source. It is never taken over from here")
	case meddled:
		p.lead(p.st.bad, "! ", p.st.text, "the server would change more than was asked for (admission interferes): not applied")
	}
	for _, c := range d.Conflicts {
		p.lead(p.st.dim, "  • ", p.st.text, c.Manager+" holds "+c.Field)
	}
	if d.Err != nil {
		p.lead(p.st.bad, "✗ ", p.st.text, "the server refuses it: "+d.Err.Error())
	}
	for _, u := range d.Unintended {
		p.lead(p.st.dim, "  • ", p.st.text, "also changes "+u)
	}
	for _, w := range d.Warnings {
		p.lead(p.st.warn, "! ", p.st.text, "the server warns: "+w)
	}
}

func (m *Model) writeLeftOut(p *page) {
	for _, l := range m.plan.plan.LeftOut {
		p.gap()
		if l.Finding != nil {
			p.para(p.st.strong, 0, l.Finding.Fixer.ID+"  "+where(l.Finding))
		}
		if l.Fix != nil {
			p.para(p.st.dim, 2, l.Fix.Title)
		}
		p.para(p.st.text, 2, l.Why)
		if l.Fix != nil && l.Fix.Manual != "" {
			p.lead(p.st.warn, "  by hand: ", p.st.text, l.Fix.Manual)
		}
	}
}

// buildRunPage writes how far the object under the cursor is, and the sum at the end.
func (m *Model) buildRunPage() {
	r := m.detailRect()
	id := m.run.list.id(runRows(m.run.objects))
	now := drawn{id: id, gen: m.run.seq, w: r.w - 4, theme: m.theme, extra: m.run.version}
	if now != m.run.drawn {
		if id != m.run.drawn.id {
			m.run.page.top = 0
		}
		m.run.drawn = now
		p := &page{st: &m.theme.styles, w: max(1, r.w-4)}
		m.writeRun(p)
		m.run.page.lines = p.lines
	}
	m.run.page.scroll(0, r.h-2)
}

func (m *Model) writeRun(p *page) {
	run := &m.run
	if run.state == runDone {
		m.writeSum(p)
		p.gap()
	}
	if run.list.at >= len(run.objects) {
		return
	}
	o := &run.objects[run.list.at]
	p.para(p.st.strong, 0, o.ref.Long())
	sign, style := m.phaseSign(p.st, o.phase)
	if !o.phase.Final() {
		sign = "·"
	}
	p.lead(style, sign+" ", p.st.text, o.phase.String())
	if o.message != "" {
		p.para(p.st.text, 2, o.message)
	}
	if o.outcome == nil {
		return
	}
	if err := o.outcome.Err; err != nil {
		for _, l := range strings.Split(err.Error(), "\n") {
			if !strings.Contains(o.message, l) {
				p.para(p.st.text, 2, l)
			}
		}
	}
	for _, f := range o.outcome.Fixed {
		p.lead(p.st.good, "  ✓ ", p.st.text, f.Fixer.ID+" is gone"+inContainer(f))
	}
	for _, f := range o.outcome.Waived {
		p.lead(p.st.good, "  - ", p.st.text, f.Fixer.ID+" is "+waivedWord(f)+inContainer(f))
	}
	for _, f := range o.outcome.Counted {
		p.lead(p.st.good, "  ✓ ", p.st.text, f.Fixer.ID+" counts again"+inContainer(f))
	}
	for _, f := range o.outcome.Open {
		p.lead(p.st.bad, "  ✗ ", p.st.text, f.Fixer.ID+" is "+openWord(run.effect)+inContainer(f))
	}
}

func inContainer(f *harden.Finding) string {
	if f.Container.IsZero() {
		return ""
	}
	return "  (" + containerWord(f.Container) + ")"
}

// writeSum counts how it ended.
func (m *Model) writeSum(p *page) {
	run := &m.run
	if run.err != nil {
		p.lead(p.st.bad, "✗ ", p.st.text, run.verb()+": "+run.err.Error())
	}
	n := map[harden.Phase]int{}
	fixed, waived, counted, open := 0, 0, 0, 0
	for i := range run.objects {
		n[run.objects[i].phase]++
		if out := run.objects[i].outcome; out != nil {
			fixed += len(out.Fixed)
			waived += len(out.Waived)
			counted += len(out.Counted)
			open += len(out.Open)
		}
	}
	for phase := harden.Proven; phase <= harden.Skipped; phase++ {
		if n[phase] > 0 {
			sign, style := m.phaseSign(p.st, phase)
			p.lead(style, sign+" ", p.st.strong, plural(n[phase], "object", "objects")+" "+phase.String())
		}
	}
	switch {
	case run.undo:
	case open > 0:
		p.para(p.st.warn, 2, plural(fixed+waived+counted, "finding", "findings")+" "+doneWord(run.effect)+", "+itoa(open)+" "+openWord(run.effect))
	case fixed+waived+counted > 0:
		p.para(p.st.text, 2, plural(fixed+waived+counted, "finding", "findings")+" "+doneWord(run.effect)+", read back from the cluster")
	}
	if run.written() {
		p.lines = append(p.lines, p.st.text.Render("  ")+p.st.key.Render("u")+p.st.text.Render(" takes it all back"))
	}
}

// buildUndoPage writes what the record under the cursor changed.
func (m *Model) buildUndoPage() {
	r := m.detailRect()
	rec := m.record()
	if rec == nil {
		m.undo.page.lines = nil
		m.undo.drawn = drawn{}
		return
	}
	now := drawn{id: rec.ID, gen: m.undo.seq, w: r.w - 4, theme: m.theme, pending: m.undo.busy}
	if now != m.undo.drawn {
		if rec.ID != m.undo.drawn.id {
			m.undo.page.top = 0
		}
		m.undo.drawn = now
		p := &page{st: &m.theme.styles, w: max(1, r.w-4)}
		writeRecord(p, rec)
		m.undo.page.lines = p.lines
	}
	m.undo.page.scroll(0, r.h-2)
}

func writeRecord(p *page, r *harden.Record) {
	p.para(p.st.dim, 0, r.ID+"  "+r.Cluster)
	for _, o := range r.Objects {
		p.gap()
		p.spans(span{p.st.strong, o.Object.Long()}, span{p.st.dim, "  " + string(o.State)})
		if len(o.Fixes) > 0 {
			p.para(p.st.text, 2, strings.Join(o.Fixes, ", "))
		}
		if o.Note != "" && o.Note != string(o.State) {
			p.para(p.st.text, 2, o.Note)
		}
	}
	if why := whyNotUndo(r); why != "" {
		p.gap()
		p.para(p.st.dim, 0, why)
	}
}
