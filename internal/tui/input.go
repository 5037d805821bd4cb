package tui

import (
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
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
	look := textinput.StyleState{Text: *st.text.Style, Prompt: *st.key.Style, Placeholder: *st.dim.Style, Suggestion: *st.dim.Style}
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
