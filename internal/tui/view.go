package tui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// View draws the frame: exactly as many lines as the terminal has, none wider.
func (m *Model) View() tea.View {
	v := tea.NewView(m.render())
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	v.WindowTitle = strings.TrimSpace("harden " + clean(m.title()))
	v.Cursor = m.cursor()
	return v
}

func (m *Model) render() string {
	if m.width <= 0 || m.height <= 0 {
		return ""
	}
	m.areas, m.drawing = m.areas[:0], true
	defer func() { m.drawing = false }()
	var lines []string
	if m.tooSmall() {
		lines = m.moreRoom()
	} else {
		lines = append(lines, m.header())
		m.reachScreen()
		lines = append(lines, m.here().view(m)...)
		if m.filterShown() {
			m.reach(area{rect: rect{0, len(lines), m.width, 1}, press: pressFilter, types: true})
			lines = append(lines, m.filterLine())
		}
		lines = append(lines, m.footer())
		if d := m.top(); d != nil {
			m.reachDialog(func() (x, y, w, h int) {
				box, x, y := m.dialogAt(d)
				overlay(lines, box, x, y, m.width)
				return x, y, widthOf(box[0]), len(box)
			})
		}
	}
	for len(lines) < m.height {
		lines = append(lines, "")
	}
	lines = lines[:m.height]
	for i := range lines {
		lines[i] = clip(lines[i], m.width)
	}
	return strings.Join(lines, "\n")
}

// dialogAt draws a dialog and says where its left upper corner is.
func (m *Model) dialogAt(d dialog) (box []string, x, y int) {
	box = d.box(m, m.width, m.height)
	return box, max(0, (m.width-widthOf(box[0]))/2), max(0, (m.height-len(box))/2)
}

func (m *Model) cursor() *tea.Cursor {
	if d, ok := m.top().(typist); ok && !m.tooSmall() {
		return m.cursorIn(d)
	}
	if m.tooSmall() || m.typing == nil || m.top() != nil {
		return nil
	}
	c := m.typing.Cursor()
	if c == nil {
		return nil
	}
	c.Y = m.height - 2
	c.X = min(c.X, m.width-1)
	return c
}

// cursorIn is the cursor in the line of a dialog.
func (m *Model) cursorIn(d typist) *tea.Cursor {
	_, left, top := m.dialogAt(m.top())
	in, x, y := d.line()
	if in == nil {
		return nil
	}
	c := in.Cursor()
	if c == nil {
		return nil
	}
	c.X = min(c.X+left+x, m.width-1)
	c.Y = min(top+y, m.height-1)
	return c
}

func (m *Model) moreRoom() []string {
	lines := make([]string, m.height)
	text := "harden needs " + itoa(minWidth) + "x" + itoa(minHeight) + " cells"
	lines[m.height/2] = m.theme.warn.Render(center(text, m.width))
	return lines
}

func center(s string, w int) string {
	pad := max(0, (w-widthOf(s))/2)
	return fit(strings.Repeat(" ", pad)+s, w)
}

// header says where we are and how fresh the data is.
func (m *Model) header() string {
	st := &m.theme.styles
	sep := st.dim.Render(" › ")
	left := st.brand.Render(" harden ") + " " + st.strong.Render(clean(m.title()))
	if scope := m.scopeName(); scope != "" {
		left += st.dim.Render(" (" + clean(scope) + ")")
	}
	m.reachCrumb(-1, 0, widthOf(left))
	for i, part := range m.here().crumbs(m) {
		from := widthOf(left)
		left += sep + st.text.Render(clean(part))
		m.reachCrumb(i, from+widthOf(sep), widthOf(left))
	}
	glyph, word, more, good := m.connection()
	style := st.good
	if !good {
		style = st.warn
	}
	right := []string{style.Render(clean(glyph + " " + word))}
	if more != "" {
		if room := m.width - widthOf(left) - widthOf(right[0]) - 6; room >= 12 {
			right = append(right, st.dim.Render(ansi.Truncate(clean(more), min(room, 70), ellipsis)))
		}
	}
	if m.opts.ReadOnly {
		right = append(right, st.warn.Render("read-only"))
	}
	if n := len(m.unread()); n > 0 {
		text := "⚠ " + plural(n, "kind", "kinds") + " not readable"
		if m.width < threePanes {
			text = "⚠ " + itoa(n) + " unread"
		}
		right = append(right, st.warn.Render(text))
	}
	if n := m.log.unseen; n > 0 {
		right = append(right, st.warn.Render("⚠ "+itoa(n)+" in the log (~)"))
	}
	if m.x != nil && m.x.snap.Inventory != nil {
		right = append(right, st.dim.Render(plural(m.x.snap.Inventory.Objects, "object", "objects")))
	}
	if m.x != nil && m.x.snap.Took >= time.Millisecond {
		right = append(right, st.dim.Render(tookWord(m.x.snap.Took)))
	}
	// The crumbs give way to the state of the connection, not the other way round.
	room := m.width - widthOf(right[0]) - 3
	if widthOf(left) > room {
		left = ansi.Truncate(left, room, ellipsis)
	}
	return spread(left, right, m.width-1) + " "
}

// reachCrumb adds a part of the path in the header, as far as it is shown.
func (m *Model) reachCrumb(i, from, to int) {
	m.button(from, 0, to-from, func(m *Model) tea.Cmd { return m.toCrumb(i) })
}

// footer is the last toast, or what can be done here.
func (m *Model) footer() string {
	st := &m.theme.styles
	right := ""
	if n := len(m.marked()); n > 0 && m.here().marks {
		right = st.accent.Render("✓ " + itoa(n) + " marked ")
	}
	room := m.width - widthOf(right)
	if m.toast.text != "" {
		glyph, style, end := " • ", st.accent, ""
		if m.toast.bad {
			glyph, style = " ✗ ", st.bad
			end = st.key.Render("! ") + st.dim.Render("details ")
		}
		m.reach(area{rect: rect{0, m.height - 1, room, 1}, press: pressToast})
		return style.Render(glyph) + clip(st.text.Render(clean(m.toast.text)), room-3-widthOf(end)) + end + right
	}
	if m.typing != nil && m.top() == nil {
		return clip(m.typingHints(), room) + right
	}
	return clip(m.hints(room), room) + right
}

// typingHints are the keys of a filter that is being typed.
func (m *Model) typingHints() string {
	st := &m.theme.styles
	out := ""
	for _, h := range [][2]string{{"↵", "keep"}, {"esc", "clear"}, {"↑↓", "move"}} {
		if out != "" {
			out += st.border.Render("·")
		}
		out += st.key.Render(" "+h[0]) + st.text.Render(" "+h[1]+" ")
	}
	return out
}

// hints are the actions of this screen by their use, as many as have room; the
// last two, help and quit, always.
func (m *Model) hints(room int) string {
	st := &m.theme.styles
	var shown []*action
	for i := range m.actions {
		if a := &m.actions[i]; a.hint > 0 && a.on&m.place() != 0 && (!a.rare || a.why(m) == "") {
			shown = append(shown, a)
		}
	}
	slices.SortStableFunc(shown, func(a, b *action) int { return cmp.Compare(a.hint, b.hint) })
	text := func(a *action) string { return " " + or(keyNames[a.keys[0]], a.keys[0]) + " " + a.hintName(m) + " " }
	last := max(0, len(shown)-2)
	for _, a := range shown[last:] {
		room -= widthOf(text(a)) + 1
	}
	out, x := "", 0
	for i, a := range shown {
		w := widthOf(text(a)) + 1
		if i < last && w > room {
			continue
		}
		if i < last {
			room -= w
		}
		if out != "" {
			out += st.border.Render("·")
			x++
		}
		m.button(x, m.height-1, w-1, func(m *Model) tea.Cmd { return m.do(a) })
		x += w - 1
		key, name := st.key, st.text
		if a.why(m) != "" {
			key, name = st.dim, st.dim
		}
		out += key.Render(" "+or(keyNames[a.keys[0]], a.keys[0])) + name.Render(" "+a.hintName(m)+" ")
	}
	return out
}

// box draws a pane: thin border, title left and note right in the upper edge,
// foot in the lower. Lines are cut or padded to its inside.
func (m *Model) box(r rect, title, note, foot string, focused bool, lines []string) []string {
	if r.h < 2 || r.w < 4 {
		return nil
	}
	st := &m.theme.styles
	edge, name := st.border, st.dim
	if focused {
		edge, name = st.focus, st.strong
	}
	inner := r.w - 2
	title = ansi.Truncate(clean(title), max(0, inner-4), ellipsis)
	if widthOf(note)+widthOf(title)+3 > inner {
		note = ""
	}
	fill := inner - widthOf(title) - 2 - widthOf(note)
	out := make([]string, 0, r.h)
	out = append(out, edge.Render("┌")+name.Render(" "+title+" ")+edge.Render(strings.Repeat("─", max(0, fill)))+st.dim.Render(note)+edge.Render("┐"))
	side := edge.Render("│")
	for i := range r.h - 2 {
		l := ""
		if i < len(lines) {
			l = lines[i]
		}
		out = append(out, side+clip(l, inner)+side)
	}
	if foot != "" {
		foot = " " + foot + " "
	}
	foot = ansi.Truncate(foot, max(0, inner-1), "")
	return append(out, edge.Render("└"+strings.Repeat("─", max(0, inner-1-widthOf(foot))))+st.dim.Render(foot)+edge.Render("─┘"))
}

// beside joins columns of equal height.
func beside(columns ...[]string) []string {
	var out []string
	for _, c := range columns {
		if c == nil {
			continue
		}
		if out == nil {
			out = append(out, c...)
			continue
		}
		for i := range out {
			out[i] += c[i]
		}
	}
	return out
}

// padded puts a blank cell on the left of each line.
func padded(lines []string) []string {
	for i, l := range lines {
		lines[i] = " " + l
	}
	return lines
}
