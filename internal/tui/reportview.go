package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
)

type statusSign struct {
	glyph, word string
	style       func(*styles) pen
}

var controlSigns = map[compliance.Status]statusSign{
	compliance.Fail:          {"✗", "fail", func(s *styles) pen { return s.bad }},
	compliance.Unknown:       {"?", "unknown", func(s *styles) pen { return s.warn }},
	compliance.Waived:        {"-", "waived", func(s *styles) pen { return s.dim }},
	compliance.Pass:          {"✓", "pass", func(s *styles) pen { return s.good }},
	compliance.NotApplicable: {"·", "not applicable", func(s *styles) pen { return s.dim }},
	compliance.Hidden:        {"·", "not visible", func(s *styles) pen { return s.dim }},
}

const controlStatusCells = 10

// brief is a status in few letters.
func (s statusSign) brief() string {
	switch s.word {
	case "not applicable":
		return "n/a"
	case "not visible":
		return "hidden"
	}
	return s.word
}

// reportAbove is how many lines reportTop has.
func (m *Model) reportAbove() int {
	switch a := m.assessment(); {
	case a == nil:
		return 0
	case m.reportScope(a) != "":
		return 2
	}
	return 1
}

// reportTop are the lines above the report: which standards there are, and a
// warning where less is looked at than the standard is about.
func (m *Model) reportTop() []string {
	st := &m.theme.styles
	a := m.assessment()
	if a == nil {
		return nil
	}
	lines := []string{" " + m.standardTabs(1, m.body().y, m.width-2)}
	if why := m.reportScope(a); why != "" {
		lines = append(lines, st.warn.Render(" ⚠ ")+st.text.Render(ansi.Truncate(clean(why), max(0, m.width-4), ellipsis)))
	}
	return lines
}

// standardTabs name the standards with how many controls fail, from a cell of the
// frame on; what has no room is left out around the one that is shown.
func (m *Model) standardTabs(x, y, w int) string {
	st := &m.theme.styles
	r := &m.report
	var names []string
	at := 0
	for i, a := range r.assessments {
		name := a.Standard.ID
		if n := a.Counts[compliance.Fail]; n > 0 {
			name += " ✗" + itoa(n)
		}
		if a.Standard.ID == r.standard {
			at, name = i, "["+name+"]"
		}
		names = append(names, name)
	}
	from, to := 0, len(names)
	for to-from > 1 && widthOf(strings.Join(names[from:to], "  "))+4 > w {
		if at-from > to-1-at {
			from++
		} else {
			to--
		}
	}
	lead := 0
	if from > 0 {
		lead = 2
	}
	out := ""
	for i := from; i < to; i++ {
		style := st.dim
		if i == at {
			style = st.strong
		}
		if i > from {
			out += "  "
		}
		m.button(x+lead+widthOf(out), y, widthOf(names[i]), func(m *Model) tea.Cmd { return m.nextStandard(i - at) })
		out += style.Render(names[i])
	}
	if from > 0 {
		out = st.dim.Render("‹ ") + out
	}
	if to < len(names) {
		out += st.dim.Render(" ›")
	}
	return out
}

// reportScope says what of a standard cannot be judged by what is looked at.
func (m *Model) reportScope(a *compliance.Assessment) string {
	x := m.report.known
	if x == nil || x.snap.Inventory == nil || x.snap.Inventory.Clusterwide && x.snap.Inventory.Live() {
		return ""
	}
	whole := 0
	for _, s := range a.Sections {
		whole += count(s.Verdicts, func(v compliance.Verdict) bool { return v.Control.Cluster })
	}
	if whole == 0 {
		return ""
	}
	about := plural(whole, "control is", "controls are") + " about the whole cluster, and "
	if !x.snap.Inventory.Live() {
		return about + "manifests do not tell"
	}
	return about + "only " + plural(len(x.snap.Inventory.Scope), "namespace was", "namespaces were") + " looked at: start with -A"
}

func (m *Model) reportView() []string {
	st := &m.theme.styles
	r := &m.report
	a := m.assessment()
	switch {
	case a == nil && r.err != nil:
		p := &page{st: st, w: max(1, m.width-6)}
		p.lead(st.bad, "✗ ", st.strong, "The report could not be worked out")
		p.para(st.text, 2, r.err.Error())
		p.gap()
		p.lines = append(p.lines, st.key.Render("ctrl+r")+st.text.Render(" try again   ")+st.key.Render("esc")+st.text.Render(" back"))
		return m.notice("Report", p.lines)
	case a == nil && r.known == nil:
		return m.notice("Report", []string{st.accent.Render(m.spinGlyph()) + " " + st.text.Render("Holding what was found against the standards "+ellipsis)})
	case a == nil:
		return m.notice("Report", []string{st.text.Render("No standard fits what is looked at.")})
	}
	l, d := m.places()
	top := m.reportTop()
	if r.zoom {
		return append(top, m.docBox(d, m.controlTitle(), &r.page, true)...)
	}
	return append(top, m.arrange(l, m.reportList(l, a), m.docBox(d, m.controlTitle(), &r.page, false))...)
}

func (m *Model) controlTitle() string {
	if v := m.verdict(); v != nil {
		return v.Control.ID
	}
	return "Control"
}

// reportCounts are the controls by status: "12 fail · 3 unknown".
func reportCounts(counts map[compliance.Status]int) string {
	var parts []string
	for _, s := range compliance.Statuses() {
		if n := counts[s]; n > 0 {
			parts = append(parts, itoa(n)+" "+controlSigns[s].brief())
		}
	}
	return strings.Join(parts, " · ")
}

func (m *Model) reportList(r rect, a *compliance.Assessment) []string {
	rep := &m.report
	inner := r.w - 2
	const countCells, longID = 6, 14
	id := 0
	for i := range rep.rows {
		if v := rep.rows[i].verdict; v != nil {
			id = max(id, widthOf(v.Control.ID)+1)
		}
	}
	if id > longID {
		id = 0 // words, which the titles say again
	}
	var lines []string
	for i := rep.list.top; i < min(rep.list.top+r.h-2, len(rep.rows)); i++ {
		row := &rep.rows[i]
		st, glyph := m.rowStyles(i == rep.list.at, true)
		if row.verdict == nil {
			lines = append(lines, " "+st.accent.Render(fit(row.section.Name(), inner-1)))
			continue
		}
		v := row.verdict
		sign := controlSigns[v.Status]
		n, text := "", st.text
		if v.Status == compliance.Fail {
			n = itoa(len(v.Objects()))
		} else {
			text = st.dim
		}
		lines = append(lines, st.accent.Render(glyph+" ")+sign.style(st).Render(fit(sign.glyph+" "+sign.brief(), controlStatusCells))+
			st.dim.Render(fit(v.Control.ID, id))+text.Render(fit(v.Control.Title, inner-2-controlStatusCells-id-countCells))+st.dim.Render(fitRight(n, countCells)))
	}
	if len(lines) == 0 {
		lines = m.noControlsNote(inner, a)
	}
	foot := position(slices.IndexFunc(m.controls(), func(v *compliance.Verdict) bool { return v == m.verdict() }), len(m.controls()))
	asOf := ""
	if x := rep.known; x != nil && x.snap.Inventory != nil && !x.snap.Inventory.Now.IsZero() {
		asOf = "as of " + x.snap.Inventory.Now.Format("15:04:05")
	}
	if rep.busy || rep.due {
		asOf += ", being worked out again"
	}
	if foot != "" && asOf != "" {
		foot = " · " + foot
	}
	title := "What fails"
	if rep.all {
		title = "All controls"
	}
	return m.box(r, title, " "+reportCounts(a.Counts)+" ", asOf+foot, true, lines)
}

// controls are those that are listed.
func (m *Model) controls() []*compliance.Verdict {
	var out []*compliance.Verdict
	for i := range m.report.rows {
		if v := m.report.rows[i].verdict; v != nil {
			out = append(out, v)
		}
	}
	return out
}

func (m *Model) noControlsNote(inner int, a *compliance.Assessment) []string {
	if m.report.filter.text != "" {
		return m.note(inner, "No controls", m.report.filter.text, "match the filter; esc clears it")
	}
	p := &page{st: &m.theme.styles, w: max(1, inner-2)}
	p.lead(p.st.good, "✓ ", p.st.text, "No control of this standard fails.")
	if n := a.Counts[compliance.Unknown]; n > 0 {
		p.lead(p.st.warn, "? ", p.st.text, plural(n, "control could", "controls could")+" not be judged: a lists all.")
	}
	return append([]string{""}, padded(p.lines)...)
}
