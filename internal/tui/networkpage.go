package tui

import (
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// buildNetworkPage writes about what is under the cursor of the network screen.
func (m *Model) buildNetworkPage() {
	n := &m.net
	_, r := m.networkPlaces()
	if n.view == nil {
		n.page.lines, n.drawn = nil, drawn{}
		return
	}
	id := n.list.id(n.rows)
	if n.tab == tabMatrix {
		id = n.line.id(n.lines) + "|" + n.column.id(n.columns)
	}
	// Where there is no room for it, it is written for the whole frame.
	w := r.w - 4
	if r.h == 0 {
		w = m.width - 4
	}
	now := drawn{id: id, w: w, theme: m.theme, extra: [2]int{n.version, int(n.tab)}}
	if now != n.drawn {
		if now.id != n.drawn.id {
			n.page.top = 0
		}
		n.drawn = now
		p := &page{st: &m.theme.styles, w: max(1, w)}
		switch {
		case n.tab == tabMatrix && n.lines.Len() > 0 && n.columns.Len() > 0:
			m.writeCell(p)
		case n.tab != tabMatrix && n.list.at < len(n.rows):
			m.writeNetworkRow(p, &n.rows[n.list.at])
		}
		n.page.lines = p.lines
	}
	n.page.scroll(0, r.h-2)
}

// writeCell says of each port between two ends whether it is open, and what decides it.
func (m *Model) writeCell(p *page) {
	n := &m.net
	m.writeTitle(p, m.cellName())
	column := n.grid.Columns[n.column.at]
	if len(column) > 1 {
		var names []string
		for _, at := range column {
			names = append(names, n.view.Peers[at].Namespace)
		}
		p.para(p.st.dim, 0, "the same for each of "+plural(len(column), "namespace", "namespaces")+": "+strings.Join(names, ", "))
	}
	cells := n.grid.At(n.line.at, n.column.at)
	if len(cells) == 0 {
		p.gap()
		p.para(p.st.dim, 0, "no port is known between them")
		return
	}
	for _, i := range cells {
		m.writePort(p, &n.view.Cells[i])
	}
}

// writeTitle writes a title that the edge of the box has no room for.
func (m *Model) writeTitle(p *page, title string) {
	if widthOf(clean(title))+4 > p.w {
		p.para(p.st.strong, 0, title)
	}
}

func reachSign(st *styles, r harden.Reach, partly bool) span {
	sum := map[harden.Reach]harden.NetworkSum{harden.ReachAllowed: harden.SumAllowed, harden.ReachDenied: harden.SumDenied, harden.ReachUnknown: harden.SumUnknown}[r]
	if partly {
		sum = harden.SumPartly
	}
	return span{sumStyle(st, sum), sumSigns[sum].glyph + " " + sumSigns[sum].word}
}

func (m *Model) writePort(p *page, c *harden.NetworkCell) {
	v := m.net.view
	before, after := v.Explain(v.Peers[c.From], v.Peers[c.To], c.Port)
	p.gap()
	spans := []span{{p.st.strong, fit(c.Port.String(), 11)}, reachSign(p.st, c.Before, c.BeforePartly)}
	if c.Changed() {
		spans = append(spans, span{p.st.dim, "  →  "}, reachSign(p.st, c.After, c.AfterPartly), span{p.st.dim, " proposed"})
	}
	p.spans(spans...)
	writeDecision(p, "", &before)
	if c.Changed() || after.Why != before.Why {
		writeDecision(p, "proposed: ", &after)
	}
	if f := v.FlowOf(c); f != nil {
		m.writeNeed(p, f)
	}
}

func writeDecision(p *page, lead string, d *harden.Decision) {
	p.para(p.st.text, 2, lead+or(d.Why, "nothing decides it"))
}

func (m *Model) writeNeed(p *page, f *harden.Flow) {
	word, style := "needed, confidence "+f.Confidence.String(), p.st.good
	if !f.Required() {
		word, style = "guessed by name only: no proposal allows it", p.st.warn
	}
	p.lead(style, "  + ", p.st.text, word)
	for _, o := range f.Origins {
		seen := ""
		if o.Observed {
			seen = " (seen)"
		}
		p.para(p.st.dim, 4, o.Code+seen+": "+o.Text)
	}
	if f.Volatile != "" {
		p.lead(p.st.warn, "    ! ", p.st.text, f.Volatile)
	}
}

func (m *Model) writeNetworkRow(p *page, r *networkRow) {
	switch {
	case r.phase != nil:
		m.writePhase(p, r.phase)
	case r.flow != nil:
		m.writeTitle(p, m.flowName(r.flow))
		m.writeNeed(p, r.flow)
		p.gap()
		before, after := m.net.view.Explain(r.flow.From, r.flow.To, r.flow.Port)
		p.spans(reachSign(p.st, before.Reach, before.Partly), span{p.st.dim, " as it is"})
		writeDecision(p, "", &before)
		p.spans(reachSign(p.st, after.Reach, after.Partly), span{p.st.dim, " as proposed"})
		writeDecision(p, "", &after)
	default:
		p.para(p.st.strong, 0, r.unread.Resource)
		if r.unread.Namespace != "" {
			p.para(p.st.dim, 0, "in "+r.unread.Namespace)
		}
		p.gap()
		p.para(p.st.text, 0, r.unread.Why)
	}
}

// writePhase says what a phase of the proposal makes, and why not more.
func (m *Model) writePhase(p *page, phase *harden.NetworkPhase) {
	glyph, word, style := phaseStanding(p.st, phase)
	p.lead(style, glyph+" ", p.st.strong, string(phase.Name)+" in "+phase.Namespace+": "+word)
	if noPhase(m) == "" {
		p.para(p.st.dim, 0, "f plans it; it is applied and taken back as one")
	}
	for _, why := range phase.Refused {
		p.gap()
		p.lead(p.st.bad, "✗ ", p.st.text, "not proposed: "+why)
	}
	for _, text := range phase.Warnings {
		p.gap()
		p.lead(p.st.warn, "! ", p.st.text, text)
	}
	for _, u := range phase.Policies {
		p.head(u.GetKind()+" "+u.GetName(), "")
		b, err := yaml.Marshal(u.Object["spec"])
		if err != nil {
			p.para(p.st.bad, 2, err.Error())
			continue
		}
		for _, line := range strings.Split(strings.TrimRight(string(b), "\n"), "\n") {
			p.para(p.st.code, 2, line)
		}
	}
}
