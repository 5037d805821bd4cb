package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"
)

// area is a part of the frame that the mouse reaches. What draws a part says
// there what it is; the last area that holds a place has it. The mouse is never
// required: whatever it does, a key does too.
type area struct {
	rect
	// press takes a click; r is where the area is. nil: it does nothing.
	press func(m *Model, r rect, msg tea.MouseClickMsg) tea.Cmd
	wheel func(m *Model, delta int) tea.Cmd // lines; nil: nothing scrolls
	drag  func(m *Model, x int) tea.Cmd     // the column of the frame while the button is held; may be nil
	types bool                              // what is typed in the filter goes on
}

// reach adds an area while a frame is drawn.
func (m *Model) reach(a area) {
	if m.drawing {
		m.areas = append(m.areas, a)
	}
}

// button adds a part of a line that does one thing.
func (m *Model) button(x, y, w int, do func(*Model) tea.Cmd) {
	m.reach(area{rect: rect{x, y, w, 1}, press: func(m *Model, _ rect, _ tea.MouseClickMsg) tea.Cmd { return do(m) }})
}

// reachScreen adds the areas of the present screen: its lists and texts.
func (m *Model) reachScreen() {
	if m.here().list != nil {
		list, text := m.places()
		if !m.zoomed() {
			m.reach(area{rect: list, press: pressList, wheel: (*Model).moveCursor})
		}
		m.reach(area{rect: text, wheel: (*Model).scrollDetail})
		return
	}
	if m.x == nil {
		return
	}
	p := m.panes()
	for at, r := range [4]rect{p.spaces, p.objects, p.finds, p.detail} {
		m.reach(area{rect: r, press: pressPane[at], wheel: wheelPane[at]})
	}
	if noWidth(m) == "" {
		body := m.body()
		m.reach(area{rect: rect{m.leftWidth() - 1, body.y, 2, body.h}, drag: (*Model).dragLeft})
	}
}

// reachDialog adds the areas of a dialog: what box adds counts from its left
// upper corner. Nothing below it is reached.
func (m *Model) reachDialog(place func() (x, y, w, h int)) {
	m.areas = m.areas[:0]
	m.reach(area{rect: rect{0, 0, m.width, m.height}, press: pressOutside, wheel: wheelDialog})
	m.reach(area{wheel: wheelDialog})
	x, y, w, h := place()
	m.areas[1].rect = rect{0, 0, w, h}
	for i := range m.areas[1:] {
		m.areas[i+1].x += x
		m.areas[i+1].y += y
	}
}

// pressOutside closes what is only read. A question is answered by its buttons alone.
func pressOutside(m *Model, _ rect, _ tea.MouseClickMsg) tea.Cmd {
	switch m.top().(type) {
	case *pager, *finder:
		m.closeDialog()
	}
	return nil
}

func wheelDialog(m *Model, delta int) tea.Cmd {
	if d := m.top(); d != nil {
		d.scroll(m, delta)
	}
	return nil
}

func (m *Model) areaAt(x, y int, takes func(*area) bool) *area {
	for i := range slices.Backward(m.areas) {
		if a := &m.areas[i]; a.has(x, y) && takes(a) {
			return a
		}
	}
	return nil
}

func (m *Model) click(msg tea.MouseClickMsg) tea.Cmd {
	m.dragged = nil
	if msg.Button != tea.MouseLeft || m.tooSmall() {
		return nil
	}
	m.readToast()
	a := m.areaAt(msg.X, msg.Y, func(*area) bool { return true })
	if a == nil {
		return nil
	}
	m.dragged = a.drag
	if a.press == nil {
		return nil
	}
	if a.types {
		return a.press(m, a.rect, msg)
	}
	m.typing = nil
	cmd := a.press(m, a.rect, msg)
	m.fitLists()
	return cmd
}

// motion comes while a button is held.
func (m *Model) motion(msg tea.MouseMotionMsg) tea.Cmd {
	if m.dragged == nil || m.tooSmall() || msg.Button != tea.MouseLeft {
		return nil
	}
	return m.dragged(m, msg.X)
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
	if delta == 0 || m.tooSmall() {
		return nil
	}
	if a := m.areaAt(msg.X, msg.Y, func(a *area) bool { return a.wheel != nil }); a != nil {
		return a.wheel(m, delta)
	}
	return nil
}

// lineIn is the line inside the border of a pane.
func lineIn(r rect, x, y int) (int, bool) {
	if !r.has(x, y) || y == r.y || y == r.y+r.h-1 {
		return -1, false
	}
	return y - r.y - 1, true
}

// inMark reports whether a place is in the cells before a row, where marks stand.
func inMark(r rect, x int) bool { return x == r.x+1 || x == r.x+2 }

// pressList puts the cursor of a screen with a list where the mouse points; on
// the row that has it, the mouse goes in.
func pressList(m *Model, r rect, msg tea.MouseClickMsg) tea.Cmd {
	d := m.here()
	line, ok := lineIn(r, msg.X, msg.Y)
	switch {
	case d.list == nil:
		return nil
	case !ok && msg.Y == r.y && d.head != nil:
		return d.head(m, msg)
	case d.click != nil:
		return d.click(m, msg)
	case !ok:
		return nil
	}
	l, rows := d.list(m)
	at := l.top + line
	if at >= rows.Len() || rows.ID(at) == "" {
		return nil
	}
	return m.pressRow(l, rows, at, inMark(r, msg.X))
}

func (m *Model) pressRow(l *list, r rows, at int, mark bool) tea.Cmd {
	d := m.here()
	if d.moved != nil {
		d.moved(m)
	}
	was := l.at
	l.to(r, at, m.listHeight())
	switch {
	case mark && d.mark != nil && d.mark(m):
		return nil
	case was == at:
		return m.enterRow()
	}
	return nil
}

// enterRow does what enter does, unless that leads back.
func (m *Model) enterRow() tea.Cmd {
	for i := range m.actions {
		if a := &m.actions[i]; a.on&m.place() != 0 && slices.Contains(a.keys, "enter") && !slices.Contains(a.keys, "esc") {
			return m.do(a)
		}
	}
	return nil
}

// pressPane and wheelPane are the mouse on the panes of the browse screen, by level.
var (
	pressPane = [4]func(*Model, rect, tea.MouseClickMsg) tea.Cmd{pressIn(levelSpaces), pressIn(levelObjects), pressIn(levelFinds), pressIn(levelDetail)}
	wheelPane = [4]func(*Model, int) tea.Cmd{wheelIn(levelSpaces), wheelIn(levelObjects), wheelIn(levelFinds), wheelIn(levelDetail)}
)

func wheelIn(at level) func(*Model, int) tea.Cmd {
	return func(m *Model, delta int) tea.Cmd { return m.stepIn(at, delta) }
}

// pressIn puts the cursor of a pane where the mouse points, and the keys into the
// pane; on the row that has them, the mouse goes in.
func pressIn(at level) func(*Model, rect, tea.MouseClickMsg) tea.Cmd {
	return func(m *Model, r rect, msg tea.MouseClickMsg) tea.Cmd {
		if m.x == nil || m.screen != screenBrowse {
			return nil
		}
		b := &m.browse
		had := b.focus == at
		b.focus = at
		if at == levelDetail && m.current() == nil {
			b.focus = levelFinds
		}
		line, ok := lineIn(r, msg.X, msg.Y)
		var cmd tea.Cmd
		switch {
		case !ok && msg.Y == r.y:
			if at == levelFinds {
				cmd = m.regroup()
			}
		case !ok:
		case at == levelFinds && b.findRows.row(b.finds.top+line) != nil:
			i := b.finds.top + line
			same := had && i == b.finds.at
			b.finds.to(b.findRows, i, r.h-2)
			switch {
			case inMark(r, msg.X):
				cmd = m.flipMark()
			case same:
				cmd = m.goIn()
			}
		case at == levelSpaces && b.spaces.top+line < b.spaceRows.Len():
			i := b.spaces.top + line
			switch {
			case i != b.spaces.at:
				b.spaces.to(b.spaceRows, i, r.h-2)
				m.refreshObjects(true)
			case had:
				cmd = m.goIn()
			}
		case at == levelObjects && b.objects.top+line < b.objectRows.Len():
			i := b.objects.top + line
			switch {
			case i != b.objects.at:
				b.objects.to(b.objectRows, i, r.h-2)
				m.refreshFinds(true)
			case had:
				cmd = m.goIn()
			}
		}
		m.reclamp()
		return cmd
	}
}

// dragLeft puts the border of the left pane into a column.
func (m *Model) dragLeft(x int) tea.Cmd {
	if noWidth(m) != "" {
		return nil
	}
	return m.widen(max(x+1, minLeft) - m.leftWidth())
}

// reachTally adds the upper edge of a pane with counts: names and counts sort.
func (m *Model) reachTally(r rect, t *tally) {
	counts := rect{r.x + r.w - 1 - t.cells(), r.y, t.cells(), 1}
	m.button(r.x, r.y, counts.x-r.x, func(m *Model) tea.Cmd { return m.sortFirst(nameFirst, changedFirst) })
	m.button(counts.x, counts.y, counts.w, func(m *Model) tea.Cmd { return m.sortFirst(byDanger, mostFirst) })
}

// sortFirst sorts by the one, or by the other where it is sorted by the one.
func (m *Model) sortFirst(one, other sorting) tea.Cmd {
	if m.browse.sort == one {
		one = other
	}
	return m.sortBy(one)
}

// flipMark marks the finding under the cursor or takes its mark away, or says why not.
func (m *Model) flipMark() tea.Cmd {
	if why := noMark(m); why != "" {
		return m.say("mark: " + why)
	}
	m.flip(m.current().id)
	return nil
}

func (m *Model) flip(id string) {
	if m.marks[id] {
		delete(m.marks, id)
	} else {
		m.marks[id] = true
	}
}

// toCrumb goes to a part of the path in the header; -1 is what stands before it.
func (m *Model) toCrumb(i int) tea.Cmd {
	if m.x != nil && m.screen == screenBrowse {
		return m.toLevel(i)
	}
	if i >= len(m.here().crumbs(m))-1 {
		return nil
	}
	var cmds []tea.Cmd
	// Zoom and filter are left before the screen is.
	const most = 8
	for range most {
		from := m.screen
		cmds = append(cmds, m.press("esc"))
		if m.top() != nil || m.screen == screenBrowse || m.screen != from && i >= 0 {
			break
		}
	}
	return tea.Batch(cmds...)
}

// toLevel puts the keys into the pane that a part of the path is the inside of.
func (m *Model) toLevel(i int) tea.Cmd {
	m.browse.focus = m.outermost()
	if _, inside := m.path(); i >= 0 && i < len(inside) {
		m.browse.focus = inside[i]
	}
	m.reclamp()
	return nil
}

// flipContent marks the finding about an image, or takes its mark away.
func (m *Model) flipContent() bool {
	c := m.content()
	if c == nil || c.finding == nil || noImageMark(m) != "" {
		return false
	}
	m.flip(c.finding.id)
	return true
}

func pressFilter(m *Model, _ rect, _ tea.MouseClickMsg) tea.Cmd {
	if m.typing != nil || m.shownFilter() == nil {
		return nil
	}
	return m.openFilter()
}

// pressToast takes a toast away; of an error it shows the rest.
func pressToast(m *Model, _ rect, _ tea.MouseClickMsg) tea.Cmd {
	bad := m.toast.bad && m.toast.text != ""
	m.toast.text = ""
	if bad {
		return m.showError()
	}
	return nil
}
