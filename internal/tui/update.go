package tui

import (
	"runtime"

	tea "charm.land/bubbletea/v2"
)

// Update takes one message. Everything slow is in the command that it returns.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	zoomed := m.zoomed()
	cmd := m.take(msg)
	if zoomed && !m.zoomed() {
		m.fitLists() // what changed behind the text
	}
	return m, m.stamp(tea.Batch(cmd, m.follow()))
}

func (m *Model) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.key(msg)
	case tea.PasteMsg:
		switch d := m.top().(type) {
		case nil:
			if m.typing != nil {
				return m.typeFilter(msg)
			}
		case typist:
			return d.paste(m, msg)
		}
	case tea.MouseClickMsg:
		return m.click(msg)
	case tea.MouseMotionMsg:
		return m.motion(msg)
	case tea.MouseReleaseMsg:
		m.dragged = nil
	case tea.MouseWheelMsg:
		return m.wheel(msg)
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.fitLists()
	case tea.BackgroundColorMsg:
		m.theme = newTheme(msg.IsDark(), m.theme.profile)
	case tea.ColorProfileMsg:
		m.theme = newTheme(m.theme.dark, msg.Profile)
	case tea.ResumeMsg:
		return tea.Batch(tea.ClearScreen, tea.RequestBackgroundColor)
	case answer:
		return msg.take(m)
	}
	return nil
}

// An answer is what a command found out, or that a while has passed. Answers that
// are not wanted any more change nothing.
type answer interface {
	take(m *Model) tea.Cmd
}

func (m *Model) key(msg tea.KeyPressMsg) tea.Cmd {
	m.readToast()
	if msg.String() == suspendKey {
		return m.suspend()
	}
	if m.tooSmall() {
		if k := msg.String(); k == "q" || k == "ctrl+c" {
			return m.askQuit()
		}
		return nil
	}
	if d := m.top(); d != nil {
		return d.key(m, msg)
	}
	if m.typing != nil {
		return m.typeFilter(msg)
	}
	return m.press(msg.String())
}

// readToast takes away what was read, or was not wanted. An error stays its while.
func (m *Model) readToast() {
	if !m.toast.bad {
		m.toast.text = ""
	}
}

func (m *Model) askQuit() tea.Cmd {
	if m.run.active() {
		if m.tooSmall() {
			return nil // a confirm must be read before it is answered
		}
		return m.askStop(true)
	}
	if m.look.busy && !m.tooSmall() {
		return m.ask(&confirm{
			title: "Quit now?", lines: []string{"Still " + m.look.words() + "."}, notes: []string{"What was found by now is in the cache."},
			yes: "quit", do: (*Model).quit,
		})
	}
	return m.quit()
}

const suspendKey = "ctrl+z"

func noSuspend(m *Model) string {
	if runtime.GOOS == "windows" {
		return "this system cannot suspend programs"
	}
	return noSwitch(m)
}

// suspend gives the terminal back to the shell until the person comes back. A
// write is not left alone.
func (m *Model) suspend() tea.Cmd {
	if why := noSuspend(m); why != "" {
		return m.say("suspend: " + why)
	}
	return tea.Suspend
}

// quit ends the UI; what is under way is told that nobody waits for it.
func (m *Model) quit() tea.Cmd {
	m.stopAll()
	return tea.Quit
}

func (m *Model) cyclePane(delta level) tea.Cmd {
	first, n := m.outermost(), levelDetail+1
	if m.current() == nil {
		n = levelDetail
	}
	n -= first
	m.browse.focus = first + (m.browse.focus-first+delta+n)%n
	m.reclamp()
	return nil
}

func (m *Model) zoomIn() tea.Cmd {
	m.plan.zoom = !m.plan.zoom
	return nil
}
