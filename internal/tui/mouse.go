package tui

import tea "charm.land/bubbletea/v2"

// click puts the cursor where the mouse points. It never answers a dialog.
func (m *Model) click(msg tea.MouseClickMsg) tea.Cmd {
	if msg.Button != tea.MouseLeft || m.tooSmall() || len(m.dialogs) > 0 {
		return nil
	}
	if m.here().list != nil {
		return m.clickList(msg)
	}
	p, b := m.panes(), &m.browse
	at, line, ok := m.paneAt(msg.X, msg.Y)
	if !ok {
		return nil
	}
	b.focus = at
	if at == levelDetail && m.current() == nil {
		b.focus = levelFinds
	}
	switch at {
	case levelSpaces:
		if i := b.spaces.top + line; line >= 0 && i < b.spaceRows.Len() {
			same := i == b.spaces.at
			b.spaces.to(b.spaceRows, i, p.spaces.h-2)
			if !same {
				m.refreshObjects(true)
			} else if b.spaceRows.items[i] == rowSystem {
				m.fold()
			}
		}
	case levelObjects:
		if i := b.objects.top + line; line >= 0 && i < b.objectRows.Len() && i != b.objects.at {
			b.objects.to(b.objectRows, i, p.objects.h-2)
			m.refreshFinds(true)
		}
	case levelFinds:
		if i := b.finds.top + line; line >= 0 && b.findRows.row(i) != nil {
			b.finds.to(b.findRows, i, p.finds.h-2)
		}
	}
	m.reclamp()
	return nil
}

// lineIn is the line inside the border of a pane.
func lineIn(r rect, x, y int) (int, bool) {
	if !r.has(x, y) || y == r.y || y == r.y+r.h-1 {
		return -1, false
	}
	return y - r.y - 1, true
}

// paneAt finds the pane and its line at a place; the line is -1 on a border.
func (m *Model) paneAt(x, y int) (level, int, bool) {
	p := m.panes()
	for at, r := range [4]rect{p.spaces, p.objects, p.finds, p.detail} {
		if r.has(x, y) {
			line, _ := lineIn(r, x, y)
			return level(at), line, true
		}
	}
	return 0, 0, false
}

// clickList puts the cursor of a screen with a list where the mouse points.
func (m *Model) clickList(msg tea.MouseClickMsg) tea.Cmd {
	d := m.here()
	switch {
	case m.zoomed():
		return nil
	case d.click != nil:
		return d.click(m, msg)
	}
	l, r := d.list(m)
	pane, _ := m.places()
	line, ok := lineIn(pane, msg.X, msg.Y)
	switch {
	case !ok && pane.has(msg.X, msg.Y) && msg.Y == pane.y && d.head != nil:
		return d.head(m, msg)
	case ok && l.top+line < r.Len():
		if d.moved != nil {
			d.moved(m)
		}
		l.to(r, l.top+line, pane.h-2)
	}
	return nil
}

const wheelStep = 3

func (m *Model) wheel(msg tea.MouseWheelMsg) tea.Cmd {
	delta := 0
	switch msg.Button {
	case tea.MouseWheelUp:
		delta = -wheelStep
	case tea.MouseWheelDown:
		delta = wheelStep
	}
	switch d := m.top(); {
	case delta == 0 || m.tooSmall():
	case d != nil:
		d.scroll(m, delta)
	case m.here().list != nil:
		if m.detailRect().has(msg.X, msg.Y) {
			return m.scrollDetail(delta)
		}
		return m.moveCursor(delta)
	default:
		if at, _, ok := m.paneAt(msg.X, msg.Y); ok {
			return m.stepIn(at, delta)
		}
	}
	return nil
}
