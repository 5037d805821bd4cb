package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// form asks for several things at once. It stays open while its answer is worked
// out, so that nothing that was typed is lost when something is wrong with it.
type form struct {
	title  string
	intro  []string // what it is about
	fields []*field
	verb   string // what enter does
	at     int    // the field that has the keys
	err    string // what is wrong with all of it
	busy   bool
	cancel context.CancelFunc // ends what submit started; may be nil
	submit func(*Model) tea.Cmd
	caretY int // line of the box with the field that has the keys
}

// field is one line of a form: text, or a choice where options are set.
type field struct {
	name    string
	help    string // shown while it has the keys
	in      *input
	options []string
	chosen  int
	err     string
}

func (m *Model) textField(name, text, help string) *field {
	in := newInput("", text, &m.theme.styles)
	in.CharLimit = 1000
	in.Blur()
	return &field{name: name, help: help, in: in}
}

func choiceField(name, help string, options ...string) *field {
	return &field{name: name, help: help, options: options}
}

// text is what was typed.
func (f *field) text() string { return strings.TrimSpace(f.in.Value()) }

func (f *form) focus(at int) {
	n := len(f.fields)
	for _, d := range f.fields {
		if d.in != nil {
			d.in.Blur()
		}
	}
	f.at = (at + n) % n
	if in := f.fields[f.at].in; in != nil {
		in.Focus()
	}
}

// openForm shows a form with the keys on its first field.
func (m *Model) openForm(f *form) {
	f.focus(0)
	m.open(f)
}

// complain shows what is wrong beside the first field that has an error, and
// reports whether there is one.
func (f *form) complain() bool {
	for i, d := range f.fields {
		if d.err != "" {
			f.focus(i)
			return true
		}
	}
	return f.err != ""
}

// start marks the form as busy; the context ends when it is left.
func (f *form) start(m *Model) context.Context {
	ctx, cancel := context.WithCancel(m.root)
	f.busy, f.cancel = true, cancel
	return ctx
}

// over takes the end of what submit started, and reports whether it is still wanted.
func (f *form) over(m *Model, err error) bool {
	if !f.busy || !slices.Contains(m.dialogs, dialog(f)) {
		return false
	}
	f.stop()
	if err != nil {
		f.err = err.Error()
		m.lastErr = err
	}
	return err == nil
}

func (f *form) stop() {
	if f.cancel != nil {
		f.cancel()
		f.cancel = nil
	}
	f.busy = false
}

func (f *form) leave(m *Model) tea.Cmd {
	f.stop()
	m.closeDialog()
	return nil
}

func (f *form) send(m *Model) tea.Cmd {
	f.err = ""
	for _, d := range f.fields {
		d.err = ""
	}
	return f.submit(m)
}

func (f *form) next(delta int) tea.Cmd {
	f.focus(f.at + delta)
	return nil
}

// press is a click on a field: a choice that has the keys already changes.
func (f *form) press(i int) tea.Cmd {
	if d := f.fields[i]; f.at == i && d.in == nil && !f.busy {
		d.choose(1)
	}
	f.focus(i)
	return nil
}

func (f *field) choose(delta int) {
	f.err = ""
	f.chosen = (f.chosen + delta + len(f.options)) % len(f.options)
}

func (f *form) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	d := f.fields[f.at]
	switch k := msg.String(); {
	case k == "esc" || k == "ctrl+c":
		return f.leave(m)
	case f.busy:
	case k == "tab" || k == "down":
		return f.next(1)
	case k == "shift+tab" || k == "up":
		return f.next(-1)
	case k == "enter":
		return f.send(m)
	case d.in != nil:
		d.err = ""
		d.in.Model, _ = d.in.Update(msg)
	case k == "space" || k == "right" || k == "l":
		d.choose(1)
	case k == "left" || k == "h":
		d.choose(-1)
	}
	return nil
}

func (f *form) paste(_ *Model, msg tea.PasteMsg) tea.Cmd {
	if d := f.fields[f.at]; d.in != nil && !f.busy {
		d.err = ""
		d.in.Model, _ = d.in.Update(msg)
	}
	return nil
}

func (f *form) scroll(_ *Model, delta int) {
	if !f.busy && delta != 0 {
		f.focus(f.at + delta/max(delta, -delta))
	}
}

func (f *form) labelCells() int {
	n := 0
	for _, d := range f.fields {
		n = max(n, widthOf(d.name))
	}
	return n + 4
}

func (f *form) box(m *Model, w, h int) []string {
	p := &page{st: &m.theme.styles, w: max(1, min(72, w-6))}
	room := max(1, h-3)
	body, at := f.lines(m, p.w)
	help := wrap(f.fields[f.at].help, p.w)
	for _, l := range f.intro {
		p.para(p.st.text, 0, l)
	}
	p.gap()
	if len(p.lines)+len(body)+len(help)+2 > room {
		p.lines = nil // the fields matter more
	}
	if len(body)+len(help)+2 > room {
		help = nil
	}
	if over := len(body) + 1 - room; over > 0 && len(p.lines) == 0 {
		from := min(over, max(0, at-1))
		body, at = body[from:min(len(body), from+room-1)], at-from
	}
	f.caretY = 1 + len(p.lines) + at
	for y, line := range body {
		if line.of >= 0 {
			m.button(2, 1+len(p.lines), p.w, func(*Model) tea.Cmd { return f.press(line.of) })
		}
		p.lines = append(p.lines, body[y].text)
	}
	if len(help) > 0 {
		p.lines = append(p.lines, "")
		for _, l := range help {
			p.lines = append(p.lines, p.st.dim.Render(l))
		}
	}
	p.lines = append(p.lines, f.foot(m, 2, 1+len(p.lines)))
	return m.frameBox(f.title, p.lines, p.w)
}

// formLine is a line of a form, and the field that it is of; -1: of none.
type formLine struct {
	text string
	of   int
}

// lines are the fields with their errors, and the line of the one with the keys.
func (f *form) lines(m *Model, w int) (lines []formLine, at int) {
	st := &m.theme.styles
	label := f.labelCells()
	for i, d := range f.fields {
		lead, style := "  ", st.dim
		if i == f.at {
			lead, style, at = "▸ ", st.key, len(lines)
		}
		line := style.Render(fit(lead+d.name, label))
		if d.in != nil {
			d.in.SetWidth(max(1, w-label-1))
			line += d.in.View()
		} else {
			line += d.choice(m, i == f.at)
		}
		lines = append(lines, formLine{line, i})
		if d.err != "" {
			for _, l := range wrap("✗ "+d.err, max(1, w-label)) {
				lines = append(lines, formLine{strings.Repeat(" ", label) + st.bad.Render(l), i})
			}
		}
	}
	if f.err != "" {
		lines = append(lines, formLine{"", -1})
		for _, l := range wrap("✗ "+f.err, w) {
			lines = append(lines, formLine{st.bad.Render(l), -1})
		}
	}
	return lines, at
}

func (f *field) choice(m *Model, focused bool) string {
	st := &m.theme.styles
	if focused {
		return st.key.Render("‹ ") + st.text.Render(f.options[f.chosen]) + st.key.Render(" ›")
	}
	return st.text.Render("  " + f.options[f.chosen])
}

// foot says what can be done; it begins at a cell of the box.
func (f *form) foot(m *Model, x, y int) string {
	st := &m.theme.styles
	out := ""
	hint := func(key, word string, do func(*Model) tea.Cmd) {
		if out != "" {
			out += "   "
		}
		text := st.key.Render(key) + st.text.Render(" "+word)
		m.button(x+widthOf(out), y, widthOf(text), do)
		out += text
	}
	if f.busy {
		out = st.accent.Render(m.spinGlyph()) + st.text.Render(" working it out "+ellipsis)
		hint("esc", "stop", f.leave)
		return out
	}
	hint("↵", f.verb, f.send)
	hint("tab", "next", func(*Model) tea.Cmd { return f.next(1) })
	if f.fields[f.at].in == nil {
		hint("space", "change", func(*Model) tea.Cmd { return f.press(f.at) })
	}
	hint("esc", "leave it", f.leave)
	return out
}

func (f *form) line() (in *input, x, y int) {
	if f.busy {
		return nil, 0, 0
	}
	return f.fields[f.at].in, 2 + f.labelCells(), f.caretY
}

// working reports whether an answer to a form is being worked out.
func (m *Model) working() bool {
	f, ok := m.top().(*form)
	return ok && f.busy
}
