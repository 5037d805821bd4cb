package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var tabNames = [...]string{tabVulnerabilities: "Vulnerabilities", tabSecrets: "Secrets", tabUnknown: "Not known", tabUsers: "Used by"}

// Names of the lists where there is little room.
var tabBriefs = [...]string{tabVulnerabilities: "Vulns", tabSecrets: "Secr", tabUnknown: "?", tabUsers: "Used"}

// tabs name the lists of an image with their lengths; the one that is shown
// stands in brackets.
func (m *Model) tabs(r rect) string {
	tabs := tabLine{at: int(m.image.tab), to: func(m *Model, i int) tea.Cmd { return m.nextTab(i - int(m.image.tab)) }}
	for i, n := range m.image.counts {
		count := itoa(n)
		if u := m.image.use; (i == int(tabVulnerabilities) || i == int(tabSecrets)) && (!u.Scanned() || i == int(tabSecrets) && !u.Scan.SecretsKnown) {
			count = "?"
		}
		tabs.names, tabs.briefs = append(tabs.names, tabNames[i]+" "+count), append(tabs.briefs, tabBriefs[i]+" "+count)
	}
	return m.tabLine(r, r.w-6, &tabs)
}

// tabLine is the names of lists of which one is shown.
type tabLine struct {
	names, briefs []string // briefs are for little room
	at            int
	to            func(m *Model, i int) tea.Cmd
}

// tabLine writes the names of lists for the upper edge of a pane, in so many
// cells; the one that is shown stands in brackets. A click goes to one.
func (m *Model) tabLine(r rect, w int, t *tabLine) string {
	const apart = "  "
	join := func(names []string) string { return strings.Join(names, apart) }
	names := slices.Clone(t.names)
	names[t.at] = "[" + names[t.at] + "]"
	if widthOf(join(names)) > w {
		names = slices.Clone(t.briefs)
		names[t.at] = "[" + names[t.at] + "]"
	}
	x := r.x + 2
	for i, name := range names {
		n := widthOf(name)
		m.button(x, r.y, n, func(m *Model) tea.Cmd { return t.to(m, i) })
		x += n + len(apart)
	}
	return join(names)
}

func (m *Model) imageView() []string {
	v := &m.image
	if v.use == nil {
		return m.notice("Image", []string{m.theme.text.Render("This image is not used any more.")})
	}
	l, d := m.imagePlaces(screenImage)
	text := m.docBox(d, m.contentTitle(), &v.page, v.zoom)
	if l.h == 0 {
		return text
	}
	return m.arrange(l, m.contentList(l), text)
}

func (m *Model) contentTitle() string {
	switch c := m.content(); {
	case c == nil:
		return m.image.use.Name()
	case c.vulnerability != nil:
		return c.vulnerability.ID
	case c.secret != nil:
		return c.secret.Rule
	case c.user != nil:
		return c.user.Workload.Ref.Long()
	case c.finding != nil:
		return c.finding.Fixer.ID
	}
	return tabNames[tabUnknown]
}

func (m *Model) contentList(r rect) []string {
	v := &m.image
	inner := r.w - 2
	var lines []string
	for i := v.list.top; i < min(v.list.top+r.h-2, v.rows.Len()); i++ {
		st, glyph := m.rowStyles(i == v.list.at, true)
		lines = append(lines, m.contentRow(st, glyph, &v.rows.items[i], inner))
	}
	if len(lines) == 0 {
		lines = m.noContentNote(inner)
	}
	order := ""
	if v.tab == tabVulnerabilities && v.rows.Len() > 1 {
		order = " by " + vulnerabilityOrderNames[v.order] + " "
	}
	return m.box(r, m.tabs(r), order, position(v.list.at, v.rows.Len()), true, lines)
}

func (m *Model) noContentNote(inner int) []string {
	v := &m.image
	p := &page{st: &m.theme.styles, w: max(1, inner-2)}
	switch {
	case v.filter.text != "":
		p.para(p.st.dim, 0, "Nothing matches the filter; esc clears it.")
	case v.tab == tabUnknown:
		p.lead(p.st.good, "✓ ", p.st.text, "Everything that was asked for is known.")
	case v.use.Why() != "":
		p.lead(p.st.warn, "? ", p.st.text, "It could not be scanned: "+v.use.Why())
	case !v.use.Scanned():
		p.lead(p.st.warn, "? ", p.st.text, "Not scanned: what is in it is not known. s scans it.")
	case v.tab == tabSecrets && !v.use.Scan.SecretsKnown:
		p.lead(p.st.warn, "? ", p.st.text, "Nobody looked for secrets in it. s scans it.")
	case v.tab == tabSecrets:
		p.lead(p.st.good, "✓ ", p.st.text, "No secrets were found.")
	case len(v.use.Scan.Gaps) > 0:
		p.lead(p.st.warn, "? ", p.st.text, "None were found, but not everything was looked at: see what is not known.")
	default:
		p.lead(p.st.good, "✓ ", p.st.text, "No known vulnerabilities.")
	}
	return append([]string{""}, padded(p.lines)...)
}

func (m *Model) contentRow(st *styles, glyph string, c *content, inner int) string {
	lead := st.accent.Render(glyph + " ")
	switch {
	case c.vulnerability != nil:
		return lead + m.vulnerabilityRow(st, c.vulnerability, inner-2)
	case c.secret != nil:
		s := c.secret
		sign := severitySigns[s.Severity]
		place := min(max(16, inner/2), inner-10)
		return lead + st.severity[s.Severity].Render(sign.glyph+" "+fit(sign.brief, 5)) + st.text.Render(fit(s.Place(), place-9)) + st.dim.Render(fit(" "+or(s.Title, s.Rule), inner-place))
	case c.user != nil:
		b := c.user
		name := short(b.Workload.Ref)
		if ns := b.Workload.Ref.Namespace; ns != "" {
			name = ns + "/" + name
		}
		return lead + st.strong.Render(fit(name+" › "+containerWord(b.Container), inner-2))
	case c.finding != nil:
		mark := " "
		if m.marks[c.finding.id] {
			mark = "✓"
		}
		sign, style := st.signOf(c.finding.Finding)
		const class = classCells
		return st.accent.Render(glyph+mark) + style.Render("  "+sign.glyph+" ") + st.text.Render(fit(c.finding.Fixer.ID+"  "+c.finding.Reason, inner-6-class)) + m.classCell(st, c.finding, class)
	}
	return lead + st.warn.Render("? ") + st.text.Render(fit(c.unknown, inner-4))
}

// vulnerabilityRow is severity, id, package, versions and title, as far as there
// is room.
func (m *Model) vulnerabilityRow(st *styles, v *harden.Vulnerability, w int) string {
	rows := &m.image.rows
	sign := vulnerabilitySign(v.Severity)
	var b strings.Builder
	b.WriteString(st.severity[v.Severity].Render(sign.glyph + " " + fit(sign.brief, 5)))
	w -= 7
	id := min(rows.widestID+1, 20, max(8, w/2))
	b.WriteString(st.text.Render(fit(v.ID, id-1) + " "))
	w -= id
	fixed, style := "no fix", st.dim
	if v.Fixable() {
		fixed, style = v.Fixed, st.good
	}
	pkg := min(rows.widestPackage+1, max(w*40/100, 8))
	installed := min(rows.widestVersion+1, 16)
	if w < pkg+installed+18 {
		// The version that is installed is in the text below.
		installed = 0
	}
	b.WriteString(st.text.Render(fit(v.Package, pkg-1) + " "))
	w -= pkg
	if installed > 0 {
		b.WriteString(st.dim.Render(fit(v.Installed, installed-1) + " "))
		w -= installed
	}
	arrow := "→ "
	if !v.Fixable() {
		arrow = "  "
	}
	to := min(w, 18)
	b.WriteString(style.Render(fit(arrow+fixed, to)))
	w -= to
	b.WriteString(st.dim.Render(fit(" "+v.Title, w)))
	return b.String()
}

// vulnerabilitySign is the sign of a severity: Info stands for one that nobody
// has rated.
func vulnerabilitySign(s harden.Severity) sign {
	if s == harden.Info {
		return sign{severitySigns[s].glyph, "unrated", "n/a"}
	}
	return severitySigns[s]
}
