package tui

import (
	tea "charm.land/bubbletea/v2"
)

// Update takes one message. Everything slow is in the command that it returns.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.take(msg)
	return m, tea.Batch(cmd, m.follow())
}

func (m *Model) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.key(msg)
	case tea.PasteMsg:
		if m.typing != nil && len(m.dialogs) == 0 {
			return m.typeFilter(msg)
		}
	case tea.MouseClickMsg:
		return m.click(msg)
	case tea.MouseWheelMsg:
		return m.wheel(msg)
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.reclamp()
		m.clampLists()
		m.refreshImages()
		m.clampNetwork()
	case tea.BackgroundColorMsg:
		m.theme = newTheme(msg.IsDark())
	case spinMsg:
		m.spins = false
		m.spin++
	case toastOverMsg:
		if msg.seq == m.toast.seq {
			m.toast.text = ""
		}
	case changesOverMsg:
		if msg.seq == m.load.changes {
			m.load.changes = 0
		}
	case armMsg:
		msg.c.armed = true
	default:
		return m.answer(msg)
	}
	return nil
}

// answer takes what a command found out.
func (m *Model) answer(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case loadedMsg:
		return m.loaded(msg)
	case watchMsg:
		if msg.seq == m.load.watch {
			return next(msg.seq, msg.ch, m.x)
		}
	case snapshotMsg:
		return m.watched(msg)
	case watchEndMsg:
		if msg.seq == m.load.watch {
			m.load.watching = false
		}
	case classesMsg:
		return m.gotClasses(msg)
	case previewDueMsg:
		return m.previewDue(msg)
	case previewMsg:
		return m.previewed(msg)
	case plannedMsg:
		return m.planned(msg)
	case takenOverMsg:
		return m.tookOver(msg)
	case editsMsg:
		return m.edited(msg)
	case writtenMsg:
		return m.wrote(msg)
	case eventMsg:
		return m.event(msg)
	case runDoneMsg:
		return m.runDone(msg)
	case historyMsg:
		return m.gotHistory(msg)
	case lookMsg:
		return m.looked(msg)
	case lookDoneMsg:
		return m.lookDone(msg)
	case usesMsg:
		return m.usesCounted(msg)
	case networkProgressMsg:
		return m.networkProgressed(msg)
	case networkMsg:
		return m.networkRead(msg)
	}
	return nil
}

func (m *Model) key(msg tea.KeyPressMsg) tea.Cmd {
	if !m.toast.bad {
		m.toast.text = "" // read, or not wanted
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

func (m *Model) askQuit() tea.Cmd {
	if m.run.active() {
		if m.tooSmall() {
			return nil // a confirm must be read before it is answered
		}
		return m.askStop(true)
	}
	return m.quit()
}

// quit ends the UI; what is under way is told that nobody waits for it.
func (m *Model) quit() tea.Cmd {
	m.load.stop()
	m.look.stop()
	m.net.stop()
	m.detail.stop()
	m.plan.stop()
	m.undo.stop()
	return tea.Quit
}

// moveCursor moves in the list of the present screen.
func (m *Model) moveCursor(delta int) tea.Cmd {
	switch {
	case m.screen == screenBrowse:
		return m.step(delta)
	case m.zoomed():
		return m.scrollDetail(delta)
	}
	m.run.follows = m.run.follows && m.screen != screenApply
	l, r := m.screenList()
	l.move(r, delta, m.listHeight())
	return nil
}

// zoomed reports whether the text of a screen with a list fills the body.
func (m *Model) zoomed() bool {
	return m.screen == screenPlan && m.plan.zoom || m.screen == screenImage && m.image.zoom || m.screen == screenNetwork && m.net.zoom
}

// listHeight is how many rows of the list of the present screen have room.
func (m *Model) listHeight() int {
	if m.screen == screenNetwork {
		return m.networkLines()
	}
	pane, _ := m.places()
	return pane.h - 2
}

// clampLists fits the lists of the other screens to a new size.
func (m *Model) clampLists() {
	pane, _ := m.split(m.planRows().Len())
	m.plan.list.clamp(m.planRows(), pane.h-2)
	pane, _ = m.split(len(m.run.objects))
	m.run.list.clamp(runRows(m.run.objects), pane.h-2)
	pane, _ = m.split(len(m.undo.records))
	m.undo.list.clamp(recordRows(m.undo.records), pane.h-2)
}

func (m *Model) pageBy(n int) tea.Cmd {
	if m.screen != screenBrowse {
		return m.scrollDetail(n * max(1, m.detailRect().h-3))
	}
	return m.step(n * m.pageSize())
}

// places are where the list and the text of a screen other than browse stand.
func (m *Model) places() (list, text rect) {
	switch {
	case m.screen == screenImages || m.screen == screenImage:
		return m.imagePlaces(m.screen)
	case m.screen == screenNetwork:
		return m.networkPlaces()
	case m.zoomed():
		return rect{}, m.body()
	}
	_, r := m.screenList()
	return m.split(r.Len())
}

// detailRect is where the scrolling text of the present screen stands.
func (m *Model) detailRect() rect {
	if m.screen == screenBrowse {
		return m.panes().detail
	}
	_, text := m.places()
	return text
}

func (m *Model) scrollDetail(delta int) tea.Cmd {
	page := map[screen]*doc{
		screenBrowse: &m.detail.page, screenPlan: &m.plan.page, screenApply: &m.run.page, screenUndo: &m.undo.page,
		screenImages: &m.images.page, screenImage: &m.image.page, screenNetwork: &m.net.page,
	}[m.screen]
	page.scroll(delta, m.detailRect().h-2)
	return nil
}

func (m *Model) cyclePane(delta level) tea.Cmd {
	n := levelDetail + 1
	if m.current() == nil {
		n = levelDetail
	}
	m.browse.focus = (m.browse.focus + delta + n) % n
	m.reclamp()
	return nil
}

func (m *Model) zoomIn() tea.Cmd {
	m.plan.zoom = !m.plan.zoom
	return nil
}
