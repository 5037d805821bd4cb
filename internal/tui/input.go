package tui

import (
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"
)

// input is a line that is being typed.
type input struct {
	textinput.Model
	before string // what esc of an empty change goes back to
}

func newInput(prompt, text string, st *styles) *input {
	in := &input{Model: textinput.New(), before: text}
	in.Prompt = prompt
	in.CharLimit = 200
	in.SetVirtualCursor(false)
	look := textinput.StyleState{Text: st.text, Prompt: st.key, Placeholder: st.dim, Suggestion: st.dim}
	in.SetStyles(textinput.Styles{Focused: look, Blurred: look})
	in.SetValue(text)
	in.CursorEnd()
	in.Focus()
	return in
}

func (m *Model) openFilter() tea.Cmd {
	m.typing = newInput(" / ", m.shownFilter().text, &m.theme.styles)
	m.fitLists()
	return nil
}

// setFilter filters the lists of the present screen.
func (m *Model) setFilter(text string) tea.Cmd {
	m.here().refine(m, text)
	return nil
}

// typeFilter takes a key or a paste while the filter is typed; the rows follow
// each of them.
func (m *Model) typeFilter(msg tea.Msg) tea.Cmd {
	if key, ok := msg.(tea.KeyPressMsg); ok {
		switch key.String() {
		case "enter":
			m.typing = nil
			m.fitLists()
			return nil
		case "esc", "ctrl+c":
			m.typing = nil
			m.fitLists()
			return m.setFilter("")
		case "up":
			return m.moveCursor(-1)
		case "down":
			return m.moveCursor(1)
		}
	}
	m.typing.Model, _ = m.typing.Update(msg)
	return m.setFilter(m.typing.Value())
}

// finder finds an action by its name.
type finder struct {
	in    *input
	found []int // into Model.actions
	at    int
}

func (m *Model) openPalette() tea.Cmd {
	d := &finder{in: newInput(": ", "", &m.theme.styles)}
	d.search(m)
	m.open(d)
	return nil
}

func (d *finder) search(m *Model) {
	var names []string
	var at []int
	for i := range m.actions {
		if a := &m.actions[i]; a.on&m.place() != 0 && !a.moves {
			names = append(names, a.name+" "+a.help)
			at = append(at, i)
		}
	}
	d.found, d.at = nil, 0
	if d.in.Value() == "" {
		d.found = at
		return
	}
	for _, f := range fuzzy.Find(d.in.Value(), names) {
		d.found = append(d.found, at[f.Index])
	}
}

func (d *finder) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "esc", "ctrl+c":
		m.closeDialog()
	case "up":
		d.scroll(m, -1)
	case "down":
		d.scroll(m, 1)
	case "enter":
		m.closeDialog()
		if d.at < len(d.found) {
			return m.do(&m.actions[d.found[d.at]])
		}
	default:
		d.in.Model, _ = d.in.Update(msg)
		d.search(m)
	}
	return nil
}

func (d *finder) scroll(_ *Model, delta int) {
	d.at = max(0, min(d.at+delta, len(d.found)-1))
}

func (d *finder) box(m *Model, w, h int) []string {
	p := &page{st: &m.theme.styles, w: min(64, w-8)}
	d.in.SetWidth(p.w - 3)
	p.lines = append(p.lines, d.in.View(), "")
	room := max(1, min(12, h-8))
	from := max(0, min(d.at-room/2, len(d.found)-room))
	for i := from; i < min(from+room, len(d.found)); i++ {
		a := &m.actions[d.found[i]]
		st, lead := &m.theme.styles, "  "
		if i == d.at {
			st, lead = &m.theme.cursor, "▸ "
		}
		style := st.text
		if a.why(m) != "" {
			style = st.dim
		}
		p.lines = append(p.lines, style.Render(fit(lead+a.help, p.w-10))+st.key.Render(fitRight(a.keyWords(), 10)))
	}
	for i := len(d.found); i < room; i++ {
		p.lines = append(p.lines, "")
	}
	return m.frameBox("Do", p.lines, p.w)
}
