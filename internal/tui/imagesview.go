package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/dustin/go-humanize"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func (m *Model) imagesView() []string {
	l, d := m.imagePlaces(screenImages)
	return m.arrange(l, m.imageList(l), m.docBox(d, m.imageTitle(), &m.images.page, false))
}

// arrange puts a list beside its text, or above it.
func (m *Model) arrange(l rect, list, text []string) []string {
	if l.w > 0 && l.w < m.width {
		return beside(list, text)
	}
	return append(list, text...)
}

func (m *Model) imageTitle() string {
	if u := m.imageUnderCursor(); u != nil {
		return u.Name()
	}
	return "Image"
}

func (m *Model) imageUnderCursor() *harden.ImageUse {
	im := &m.images
	if im.list.at >= im.rows.Len() {
		return nil
	}
	return im.rows[im.list.at]
}

// imageColumn is a column of the list of images.
type imageColumn struct {
	head  string
	cells int
	right bool
	order imageOrder // by which a click sorts; -1: none
	write func(m *Model, st *styles, u *harden.ImageUse) (string, pen)
}

const countCells = 7

// imageColumns are the columns that have room, in the order of the screen. They
// give way to the name by their use.
func (m *Model) imageColumns(inner int) []imageColumn {
	count := func(s harden.Severity, head string) imageColumn {
		return imageColumn{head, countCells, true, byDamage, func(_ *Model, st *styles, u *harden.ImageUse) (string, pen) { return countCell(st, u, s) }}
	}
	all := []imageColumn{
		{"digest", 14, false, -1, digestCell},
		{"user", 9, false, -1, userCell},
		{"size", 8, true, bySize, sizeCell},
		{"age", 5, true, byAge, ageCell},
		count(harden.Critical, "C"), count(harden.High, "H"), count(harden.Medium, "M"), count(harden.Low, "L"),
		{"source", 9, true, -1, sourceCell},
	}
	// The most useful first: counts of the worst, user, the other counts, age, size, digest, source.
	order := []int{4, 5, 1, 6, 7, 3, 2, 0, 8}
	room := inner - 4 - min(22, inner*40/100)
	in := make([]bool, len(all))
	for _, i := range order {
		if all[i].cells > room {
			break
		}
		in[i] = true
		room -= all[i].cells
	}
	var out []imageColumn
	for i, c := range all {
		if in[i] {
			out = append(out, c)
		}
	}
	return out
}

func notKnownCell(st *styles) (string, pen) { return "?", st.dim }

func digestCell(_ *Model, st *styles, u *harden.ImageUse) (string, pen) {
	if d := harden.ShortDigest(u.Digest()); d != "" {
		return " " + d, st.dim
	}
	return " ?", st.dim
}

func userCell(_ *Model, st *styles, u *harden.ImageUse) (string, pen) {
	if u.Facts == nil || !u.Facts.Known {
		return " ?", st.dim
	}
	name, root := userWord(u.Facts)
	if root {
		return " " + name, st.warn
	}
	return " " + name, st.text
}

// userWord is the user that an image runs as, and whether that is root.
func userWord(f *harden.ImageFacts) (string, bool) {
	if kind, _ := harden.ParseImageUser(f.User); kind == harden.ImageUserRoot {
		return "root", true
	}
	return f.User, false
}

func sizeCell(_ *Model, st *styles, u *harden.ImageUse) (string, pen) {
	if u.Facts == nil || !u.Facts.Known {
		return notKnownCell(st)
	}
	return humanize.Bytes(uint64(max(u.Facts.Size, 0))), st.dim
}

func ageCell(m *Model, st *styles, u *harden.ImageUse) (string, pen) {
	if u.Facts == nil || !u.Facts.Known {
		return notKnownCell(st)
	}
	return or(m.imageAge(u), "–"), st.dim
}

func sourceCell(_ *Model, st *styles, u *harden.ImageUse) (string, pen) {
	if !u.Scanned() {
		return "–", st.dim
	}
	return sourceWords[u.Scan.Source.Kind], st.dim
}

var sourceWords = map[harden.ScanKind]string{
	harden.ScanTrivy: "trivy", harden.ScanTrivyServer: "server", harden.ScanVulnerabilityReport: "report", harden.ScanVulnerabilityManifest: "report",
}

// countCell is ALL/FIXABLE. What was not scanned is never 0.
func countCell(st *styles, u *harden.ImageUse, s harden.Severity) (string, pen) {
	if !u.Scanned() {
		return notKnownCell(st)
	}
	c := u.Scan.Count()
	if c.All[s] == 0 {
		return "·", st.dim
	}
	return fmt.Sprintf("%d/%d", c.All[s], c.Fixable[s]), st.severity[s]
}

// imageSign is what an image is marked with: its worst severity.
func imageSign(st *styles, u *harden.ImageUse) (string, pen) {
	if !u.Scanned() {
		return "?", st.dim
	}
	c := u.Scan.Count()
	for _, s := range harden.Severities() {
		if c.All[s] > 0 {
			return severitySigns[s].glyph, st.severity[s]
		}
	}
	if len(u.Scan.Secrets) > 0 {
		return "!", st.bad
	}
	if len(u.Scan.Gaps) > 0 {
		return "?", st.warn
	}
	return "✓", st.good
}

func (m *Model) imageList(r rect) []string {
	im := &m.images
	inner := r.w - 2
	columns := m.imageColumns(inner)
	name := inner - 4
	head := ""
	for _, c := range columns {
		name -= c.cells
		if c.right {
			head += fitRight(c.head, c.cells)
		} else {
			head += fit(" "+c.head, c.cells)
		}
	}
	x := r.x + 4 + name + 1
	m.button(r.x, r.y, x-r.x, func(m *Model) tea.Cmd { return m.sortImagesBy(byName) })
	for _, c := range columns {
		if c.order >= 0 {
			m.button(x, r.y, c.cells, func(m *Model) tea.Cmd { return m.sortImagesBy(c.order) })
		}
		x += c.cells
	}
	var lines []string
	for i := im.list.top; i < min(im.list.top+r.h-2, im.rows.Len()); i++ {
		u := im.rows[i]
		st, glyph := m.rowStyles(i == im.list.at, true)
		sign, style := imageSign(st, u)
		var b strings.Builder
		b.WriteString(st.accent.Render(glyph+" ") + style.Render(sign) + st.text.Render(" "+fitEnd(m.imageName(u), name)))
		for _, c := range columns {
			text, style := c.write(m, st, u)
			if c.right {
				b.WriteString(style.Render(fitRight(text, c.cells)))
			} else {
				b.WriteString(style.Render(fit(text, c.cells)))
			}
		}
		lines = append(lines, b.String())
	}
	if len(lines) == 0 {
		lines = m.note(inner, "No images here", im.filter.text, "match the filter; esc clears it")
	}
	scanned := 0
	for _, u := range im.rows {
		if u.Scanned() {
			scanned++
		}
	}
	foot := position(im.list.at, im.rows.Len())
	if im.rows.Len() > 0 {
		more := itoa(scanned) + " scanned"
		if d := m.databaseAge(im.rows); d != "" {
			more += " · " + d
		}
		foot = more + " · " + foot
	}
	return m.box(r, "Images"+m.scopeWord(), strings.ReplaceAll(head, " ", "─"), foot, true, lines)
}

// note is a friendly word where a list has no rows.
func (m *Model) note(w int, text, filter, filtered string) []string {
	if filter != "" {
		text += " " + filtered
	}
	p := &page{st: &m.theme.styles, w: max(1, w-2)}
	p.para(p.st.dim, 0, text)
	return append([]string{""}, padded(p.lines)...)
}

// scopeWord names what the browse screen has chosen.
func (m *Model) scopeWord() string {
	if o := m.selectedObject(); o != rowAll {
		return "  " + m.x.objects[o].name
	}
	if s := m.selectedSpace(); s >= 0 {
		return "  " + m.x.spaces[s].name
	}
	return ""
}

// imageName is the name of an image, with its platform where there are several.
func (m *Model) imageName(u *harden.ImageUse) string {
	if m.images.mixed {
		return u.Name() + " " + u.Key.Platform
	}
	return u.Name()
}
