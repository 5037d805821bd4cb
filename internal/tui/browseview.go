package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func tookWord(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}

func (m *Model) browseView() []string {
	p := m.panes()
	if m.browse.flat && p.detail.x == 0 {
		return append(m.findsPane(p.finds), m.detailPane(p.detail)...)
	}
	left := append(m.spacesPane(p.spaces), m.objectsPane(p.objects)...)
	return beside(left, m.findsPane(p.finds), m.detailPane(p.detail))
}

// rowStyles are the styles of a row and the glyph of the cursor before it.
func (m *Model) rowStyles(under, focused bool) (*styles, string) {
	switch {
	case under && focused:
		return &m.theme.cursor, "▸"
	case under:
		return &m.theme.shadow, "›"
	default:
		return &m.theme.styles, " "
	}
}

// position is 12/340 for the lower edge of a list.
func position(at, n int) string {
	if n == 0 {
		return ""
	}
	return itoa(at+1) + "/" + itoa(n)
}

// sortedFoot is the lower edge of a list that can be sorted.
func (b *browse) sortedFoot(at, n int) string {
	if n == 0 {
		return ""
	}
	return sortWords[b.sort] + "  " + position(at, n)
}

// tally is how counts are laid out: the cells of each column.
type tally struct {
	widths  [4]int // critical to low
	unknown int    // 0: no column
	bar     int    // cells of the bar, 0: none
	most    int    // findings that fill the bar
}

var tallied = [4]harden.Severity{harden.Critical, harden.High, harden.Medium, harden.Low}

// tally lays counts out for rows that sum holds together; names keep at least
// so many cells before a bar gets any.
func newTally(inner, names int, sum *counts, most int) tally {
	t := tally{most: most}
	for i, s := range tallied {
		t.widths[i] = max(3, len(itoa(sum.failed[s]))+1)
	}
	if sum.unknown > 0 && inner >= 36 {
		t.unknown = max(len(itoa(sum.unknown))+1, 3)
	}
	const bar = 6
	if inner-2-t.cells()-bar-1 >= names {
		t.bar = bar
	}
	return t
}

func (t *tally) cells() int {
	n := t.unknown
	for _, w := range t.widths {
		n += w
	}
	if t.bar > 0 {
		n += t.bar + 1
	}
	return n
}

// head names the columns, for the upper edge of the pane.
func (t *tally) head() string {
	s := ""
	for i, w := range t.widths {
		s += fitRight([4]string{"C", "H", "M", "L"}[i], w)
	}
	if t.unknown > 0 {
		s += fitRight("?", t.unknown)
	}
	if t.bar > 0 {
		s += strings.Repeat("─", t.bar+1)
	}
	return strings.ReplaceAll(s, " ", "─")
}

func (t *tally) write(b *strings.Builder, st *styles, c *counts) {
	for i, s := range tallied {
		if n := c.failed[s]; n > 0 {
			b.WriteString(st.severity[s].Render(fitRight(itoa(n), t.widths[i])))
		} else {
			b.WriteString(st.dim.Render(fitRight("·", t.widths[i])))
		}
	}
	if t.unknown > 0 {
		text := "·"
		if c.unknown > 0 {
			text = itoa(c.unknown)
		}
		b.WriteString(st.dim.Render(fitRight(text, t.unknown)))
	}
	if t.bar == 0 {
		return
	}
	b.WriteString(st.text.Render(" "))
	left := t.bar
	for i, n := range t.cut(c) {
		b.WriteString(st.severity[tallied[i]].Render(strings.Repeat(bars[tallied[i]], n)))
		left -= n
	}
	b.WriteString(st.text.Render(strings.Repeat(" ", left)))
}

// cut is how many cells of the bar each severity gets: at least one where there
// is a finding, the most to what there is most of.
func (t *tally) cut(c *counts) [4]int {
	var cells [4]int
	sum, top := 0, 0
	for i, s := range tallied {
		sum += c.failed[s]
		if c.failed[s] > c.failed[tallied[top]] {
			top = i
		}
	}
	if sum == 0 || t.most == 0 {
		return cells
	}
	length := min(t.bar, (sum*t.bar+t.most-1)/t.most)
	left := length
	for i, s := range tallied {
		if c.failed[s] > 0 && left > 0 {
			cells[i] = min(max(1, c.failed[s]*length/sum), left)
			left -= cells[i]
		}
	}
	cells[top] += left
	return cells
}

func (m *Model) allCounts() *counts {
	if m.match != nil {
		return &m.match.total
	}
	return &m.x.total
}

func (m *Model) spacesPane(r rect) []string {
	if r.h == 0 {
		return nil
	}
	b := &m.browse
	focused := b.focus == levelSpaces
	inner := r.w - 2
	var system counts
	most := 0
	for i := range m.x.spaces {
		c := m.spaceCounts(int32(i))
		most = max(most, c.failures())
		if m.x.spaces[i].system {
			system.plus(c)
		}
	}
	everything := *m.allCounts()
	whole := everything
	whole.plus(&system)
	if b.unfolded || m.x.allSystem() {
		everything = whole
	}
	t := newTally(inner, 14, &whole, most)
	m.reachTally(r, &t)
	var lines []string
	for i := b.spaces.top; i < min(b.spaces.top+r.h-2, b.spaceRows.Len()); i++ {
		st, glyph := m.rowStyles(i == b.spaces.at, focused)
		name, c, style, changed := "", &everything, st.text, false
		switch at := b.spaceRows.items[i]; at {
		case rowAll:
			name = "all namespaces"
		case rowSystem:
			c, style = &system, st.dim
			name = "+ system"
			if b.unfolded {
				name = "- system"
			}
		default:
			s := &m.x.spaces[at]
			name, c, changed = s.name, m.spaceCounts(at), s.changed
			if s.system {
				style = st.dim
			}
		}
		lines = append(lines, m.tallyRow(st, glyph, name, style, changed, &t, c, inner))
	}
	if len(lines) == 0 {
		lines = m.emptyNote(inner, "No namespaces", "match the filter")
	}
	return m.box(r, "Namespaces", t.head(), b.sortedFoot(b.spaces.at, b.spaceRows.Len()), focused, lines)
}

func (x *index) allSystem() bool {
	for i := range x.spaces {
		if !x.spaces[i].system {
			return false
		}
	}
	return true
}

func (m *Model) changedGlyph(changed bool) string {
	if changed && m.load.changes > 0 {
		return "*"
	}
	return " "
}

func (m *Model) tallyRow(st *styles, glyph, name string, style pen, changed bool, t *tally, c *counts, inner int) string {
	var b strings.Builder
	b.WriteString(st.accent.Render(glyph + m.changedGlyph(changed)))
	b.WriteString(style.Render(fit(name, inner-2-t.cells())))
	t.write(&b, st, c)
	return b.String()
}

// emptyNote is a friendly word where a list has no rows.
func (m *Model) emptyNote(w int, text, filtered string) []string {
	if m.filter.text != "" {
		text += " " + filtered
	}
	p := &page{st: &m.theme.styles, w: max(1, w-2)}
	p.para(p.st.dim, 0, text)
	return append([]string{""}, padded(p.lines)...)
}

func (m *Model) objectsPane(r rect) []string {
	if r.h == 0 {
		return nil
	}
	b := &m.browse
	focused := b.focus == levelObjects
	inner := r.w - 2
	t := newTally(inner, 24, &b.objectRows.sum, b.objectRows.most)
	m.reachTally(r, &t)
	space := m.selectedSpace()
	var lines []string
	for i := b.objects.top; i < min(b.objects.top+r.h-2, b.objectRows.Len()); i++ {
		st, glyph := m.rowStyles(i == b.objects.at, focused)
		at := b.objectRows.items[i]
		if at == rowAll {
			lines = append(lines, m.tallyRow(st, glyph, "all workloads", st.text, false, &t, &b.objectRows.sum, inner))
			continue
		}
		o := &m.x.objects[at]
		name, style := o.name, st.text
		if full := name + "  " + m.x.spaces[o.space].name; space < 0 && o.ref.Kind != "Namespace" && widthOf(full) <= inner-2-t.cells() {
			name = full
		}
		if o.counts.total() == 0 {
			name, style = "✓ "+o.name, st.good
		}
		lines = append(lines, m.tallyRow(st, glyph, name, style, o.changed, &t, m.objectCounts(at), inner))
	}
	if len(lines) == 0 {
		lines = m.emptyNote(inner, "No workloads here", "match the filter")
	}
	if m.x.allSystem() && len(m.x.spaces) > 0 && len(lines) < r.h-3 {
		p := &page{st: &m.theme.styles, w: max(1, inner-2)}
		p.para(p.st.dim, 0, onlySystem)
		lines = append(append(lines, ""), padded(p.lines)...)
	}
	title := "Workloads"
	if space >= 0 {
		title += "  " + m.x.spaces[space].name
	}
	return m.box(r, title, t.head(), b.sortedFoot(b.objects.at, b.objectRows.Len()), focused, lines)
}
