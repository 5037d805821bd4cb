package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// columns of a row of findings, by the inside of the pane.
type findColumns struct {
	word  int // severity
	id    int
	space int // namespace; 0: in place, if at all
	place int // object and container
	class int
}

const classCells = 9 // "evidence" and a blank

func (m *Model) findColumns(inner int) findColumns {
	if m.browse.flat {
		return m.flatColumns(inner)
	}
	c := findColumns{word: 5, class: classCells}
	if inner >= 60 {
		c.word = 9
	}
	if inner < 34 {
		c.class = 0
	}
	room := max(0, inner-4-c.word-c.class)
	if m.browse.group == byFixer {
		c.place = room
		return c
	}
	// The container may be left out, but not the object where rows are of many.
	c.id = min(room, m.browse.findRows.widest)
	if m.selectedObject() == rowAll && m.browse.group == bySeverity {
		c.id = min(c.id, max(14, room*58/100))
	} else if c.id > room-8 && room >= 24 {
		// Rules cut short are still told apart; two containers without names are not.
		c.id = room - 8
	} else if c.id > room-8 {
		c.id = room
	}
	c.place = room - c.id
	return c
}

func (m *Model) findsPane(r rect) []string {
	if r.h == 0 {
		return nil
	}
	b := &m.browse
	focused := b.focus == levelFinds
	inner := r.w - 2
	c := m.findColumns(inner)
	var lines []string
	for i := b.finds.top; i < min(b.finds.top+r.h-2, b.findRows.Len()); i++ {
		if at := b.findRows.items[i]; at < 0 {
			lines = append(lines, m.heading(&m.x.rows[^at], inner))
			continue
		}
		lines = append(lines, m.findRow(b.findRows.row(i), c, i == b.finds.at, focused))
	}
	if len(lines) == 0 {
		lines = m.noFindingsNote(inner)
	} else if len(lines) < r.h-2 {
		lines = append(lines, m.restNote(inner)...)
	}
	title := "Findings"
	if b.flat {
		title = "All findings"
	}
	if o := m.selectedObject(); o != rowAll {
		title += "  " + m.x.objects[o].name
	} else if s := m.selectedSpace(); s >= 0 {
		title += "  " + m.x.spaces[s].name
	}
	note := " by " + groupingNames[b.group] + " "
	if b.flat {
		note = " by " + groupingNames[b.group] + ", " + sortWords[b.sort] + " "
	}
	foot := ""
	if b.findRows.n > 0 {
		foot = position(b.findRows.before(b.finds.at), b.findRows.n)
	}
	if n := b.findRows.excused; n > 0 {
		word := " excused"
		if b.noExcused {
			word = " excused hidden"
		}
		foot = strings.TrimSpace(itoa(n) + word + "  " + foot)
	}
	return m.box(r, title, note, foot, focused, lines)
}

// before counts the findings above a row.
func (r findRows) before(at int) int {
	if r.n == len(r.items) {
		return at
	}
	n := 0
	for _, i := range r.items[:min(at, len(r.items))] {
		if i >= 0 {
			n++
		}
	}
	return n
}

// heading starts a group.
func (m *Model) heading(r *row, inner int) string {
	st := &m.theme.styles
	text, note := r.Fixer.ID, r.Fixer.Title
	if m.browse.group == byObject {
		o := &m.x.objects[r.object]
		text, note = o.name, m.x.spaces[o.space].name
	}
	room := max(0, inner-3-widthOf(text))
	return " " + st.accent.Render(ansi.Truncate(clean(text), max(0, inner-1), ellipsis)) + st.dim.Render("  "+ansi.Truncate(clean(note), room, ellipsis))
}

func (m *Model) findRow(r *row, c findColumns, under, focused bool) string {
	st, glyph := m.rowStyles(under, focused)
	var b strings.Builder
	mark := m.changedGlyph(r.changed)
	if m.marks[r.id] {
		mark = "✓"
	}
	b.WriteString(st.accent.Render(glyph + mark))
	sign, style := st.signOf(r.Finding)
	word := sign.word
	if c.word < 9 {
		word = sign.brief
	}
	b.WriteString(style.Render(sign.glyph + " " + fit(word, c.word)))
	text := st.text
	if r.Status != harden.StatusFail {
		text = st.dim
	}
	if c.id > 0 {
		b.WriteString(text.Render(fit(r.Fixer.ID, c.id)))
	}
	if c.space > 0 {
		lead := " "
		if c.id == 0 {
			lead = ""
		}
		b.WriteString(st.dim.Render(lead + fit(m.x.spaces[r.space].name, c.space-len(lead))))
	}
	if c.place > 0 {
		lead := " "
		if c.id == 0 && c.space == 0 {
			lead = ""
		}
		b.WriteString(st.dim.Render(lead + fit(m.placeOf(r, c.place-len(lead)), c.place-len(lead))))
	}
	if c.class > 0 {
		b.WriteString(m.classCell(st, r, c.class))
	}
	return b.String()
}

// placeOf says which object and container a row is about, as far as the panes
// around it do not say so already and as fully as there is room.
func (m *Model) placeOf(r *row, w int) string {
	at := r.Discriminator
	if !r.Container.IsZero() {
		at = containerWord(r.Container)
	}
	if m.selectedObject() != rowAll || m.browse.group == byObject {
		if full := at + " " + r.Discriminator; !r.Container.IsZero() && widthOf(full) <= w {
			at = strings.TrimSpace(full)
		}
		return at
	}
	o, space := &m.x.objects[r.object], ""
	if m.browse.flat && !m.x.onlyOne {
		if w >= 26 && at != "" {
			return o.name + " › " + at
		}
		return o.name
	}
	if m.selectedSpace() < 0 {
		space = m.x.spaces[r.space].name + "/"
	}
	brief := space + o.ref.Name
	if o.ref.Kind == "Namespace" {
		brief = o.name
	}
	// The form hangs on the room, not on the row: a column reads the same all down.
	const spaceCells = 10
	if space == "" {
		w += spaceCells
	}
	switch {
	case w >= 38 && at != "":
		return space + o.name + " › " + at
	case w >= 26:
		return space + o.name
	default:
		return brief
	}
}

func (m *Model) classCell(st *styles, r *row, w int) string {
	switch class := m.classOf(r.id); {
	case r.Status != harden.StatusFail || r.Fixer.Fix == nil || class == "none":
		return st.dim.Render(fitRight("–", w))
	case class == "":
		return st.dim.Render(fitRight(ellipsis, w))
	default:
		parsed, err := harden.ParseClass(class)
		if err != nil {
			return st.dim.Render(fitRight(class, w))
		}
		return st.classStyle(parsed).Render(fitRight(class, w))
	}
}

func (m *Model) filterLine() string {
	st := &m.theme.styles
	found := ""
	f := m.shownFilter()
	switch {
	case f.err != "":
		found = st.warn.Render("! " + clean(f.err))
	case m.screen != screenBrowse && f.empty():
	case m.screen != screenBrowse:
		_, r := m.here().list(m)
		found = st.dim.Render(itoa(r.Len()) + " found")
	case m.class.busy:
		found = st.dim.Render("looking at fixes " + ellipsis + " " + itoa(len(m.x.rows)-m.class.next) + " left")
	case m.match != nil:
		found = st.dim.Render(itoa(m.match.n) + " of " + itoa(len(m.x.rows)))
	}
	left := ""
	if m.typing != nil {
		m.typing.SetWidth(max(4, m.width/2))
		left = m.typing.View()
	} else {
		left = st.key.Render(" / ") + st.text.Render(clean(f.text)) + st.dim.Render("   esc clears")
	}
	if room := m.width - 3 - ansi.StringWidth(left); f.err != "" && room > 0 {
		found = ansi.Truncate(found, room, ellipsis)
	}
	return spread(left, []string{found}, m.width-1) + " "
}

func (m *Model) detailPane(r rect) []string {
	if r.h == 0 {
		return nil
	}
	focused := m.browse.focus == levelDetail
	row := m.current()
	if row == nil {
		return m.box(r, "Detail", "", "", focused, m.emptyNote(r.w-2, "Choose a finding to read about it.", ""))
	}
	return m.docBox(r, row.Fixer.ID, &m.detail.page, focused)
}

// docBox is a pane of text that scrolls.
func (m *Model) docBox(r rect, title string, d *doc, focused bool) []string {
	foot := ""
	if len(d.lines) > r.h-2 {
		foot = itoa(min(100, (d.top+r.h-2)*100/max(1, len(d.lines)))) + "%"
	}
	return m.box(r, title, "", foot, focused, padded(d.window(r.h-2)))
}
