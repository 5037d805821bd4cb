package tui

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func (m *Model) buildReportPage() {
	r := &m.report
	v := m.verdict()
	_, pane := m.places()
	if v == nil || pane.h == 0 {
		r.page.lines, r.drawn = nil, drawn{}
		return
	}
	now := drawn{id: r.standard + "|" + v.Control.ID, w: pane.w - 4, theme: m.theme, x: r.known, extra: r.version}
	if now != r.drawn {
		if now.id != r.drawn.id {
			r.page.top = 0
		}
		r.drawn = now
		p := &page{st: &m.theme.styles, w: max(1, pane.w-4)}
		m.writeControl(p, v)
		r.page.lines = p.lines
	}
	r.page.scroll(0, pane.h-2)
}

var controlWords = map[compliance.Status]string{
	compliance.Fail:          "something is wrong that nobody excused",
	compliance.Unknown:       "it could not be judged, or not all of it",
	compliance.Waived:        "all that is wrong is waived, or expected of such a workload",
	compliance.Pass:          "rules ran and found nothing",
	compliance.NotApplicable: "nothing here is what it is about",
	compliance.Hidden:        "the Kubernetes API does not show it",
}

// writeControl says what a control asks for, how it stands and what is behind that.
func (m *Model) writeControl(p *page, v *compliance.Verdict) {
	p.para(p.st.strong, 0, v.Control.Title)
	sign := controlSigns[v.Status]
	p.lead(sign.style(p.st), sign.glyph+" "+sign.word+"  ", p.st.text, controlWords[v.Status])
	if v.Why != "" {
		p.para(p.st.text, 2, v.Why)
	}
	if v.Control.Visibility == compliance.PartlyVisible && v.Control.Why != v.Why {
		p.para(p.st.dim, 2, "not seen: "+v.Control.Why)
	}
	if v.Control.Needs != "" && v.Status == compliance.Unknown {
		p.para(p.st.dim, 2, "it is looked at with "+v.Control.Needs)
	}
	if len(v.Rules) > 0 {
		p.head("Answered by", "")
		for _, rule := range v.Rules {
			p.item(p.st.text, "• ", rule)
		}
	}
	if len(v.Findings) == 0 {
		return
	}
	failed := count(v.Findings, func(f *harden.Finding) bool { return f.Status == harden.StatusFail })
	note := plural(failed, "failure", "failures")
	if rest := len(v.Findings) - failed; rest > 0 {
		note += ", " + itoa(rest) + " unknown or excused"
	}
	p.head("Findings", note)
	const most = 200
	for i, f := range v.Findings {
		if i == most {
			p.para(p.st.dim, 0, ellipsis+" and "+itoa(len(v.Findings)-most)+" more: enter lists them")
			break
		}
		sign, style := p.st.signOf(f)
		p.lead(style, sign.glyph+" ", p.st.text, where(f)+"  "+f.Reason)
	}
}

// controlText is a control for an issue or a chat.
func controlText(s *compliance.Standard, v *compliance.Verdict) string {
	var b strings.Builder
	b.WriteString("### " + s.Title + " " + v.Control.ID + ": " + controlSigns[v.Status].word + "\n\n" + v.Control.Title + "\n")
	if v.Why != "" {
		b.WriteString("\n" + v.Why + "\n")
	}
	if len(v.Findings) > 0 {
		b.WriteString("\n")
	}
	for _, f := range v.Findings {
		b.WriteString("- " + f.Status.String() + " `" + f.Fixer.ID + "` " + where(f) + ": " + f.Reason + "\n")
	}
	return b.String()
}
