package tui

import tea "charm.land/bubbletea/v2"

// screen is what fills the frame; dialogs lie on top of it.
type screen int

const (
	screenBrowse screen = iota
	screenPlan
	screenApply
	screenUndo
	screenImages
	screenImage
	screenNetwork
	screenWaivers
	screenReport
	screenLog
	screenStart

	screenCount
)

// screenDef is what the frame needs to know of a screen. Each has a list of rows
// and a text about the row under the cursor, which are laid out beside or above
// each other; the browse screen has four panes of its own.
type screenDef struct {
	on     place                                   // where its actions are offered
	crumbs func(*Model) []string                   // the path in the header
	view   func(*Model) []string                   // the body, as many lines as body has
	build  func(*Model)                            // writes page
	page   func(*Model) *doc                       // the text
	list   func(*Model) (*list, rows)              // nil: as browse
	places func(*Model) (list, text rect)          // nil: split by the number of rows
	height func(*Model) int                        // rows of the list that have room; nil: the inside of its pane
	zoomed func(*Model) bool                       // the text fills the body; nil: never
	filter func(*Model) *filter                    // nil: rows are not filtered
	refine func(*Model, string)                    // takes another text of the filter
	moved  func(*Model)                            // the person moved the cursor; may be nil
	head   func(*Model, tea.MouseClickMsg) tea.Cmd // a click on the upper edge of the list; may be nil
	click  func(*Model, tea.MouseClickMsg) tea.Cmd // instead of putting the cursor on a row; may be nil
	mark   func(*Model) bool                       // a click before the row under the cursor; false: the row has no mark; may be nil
	fit    func(*Model)                            // fits its lists to another size; nil: only the list
	marks  bool                                    // findings can be marked
}

// screenDefs are all screens. Each is described in the file that draws it.
func screenDefs() [screenCount]screenDef {
	return [...]screenDef{
		screenBrowse: browseScreen(), screenPlan: planScreen(), screenApply: applyScreen(), screenUndo: undoScreen(),
		screenImages: imagesScreen(), screenImage: imageScreen(), screenNetwork: networkScreen(), screenStart: startScreen(),
		screenWaivers: waiversScreen(), screenReport: reportScreen(), screenLog: logScreen(),
	}
}

// here is the present screen.
func (m *Model) here() *screenDef { return &m.screens[m.screen] }

// zoomed reports whether the text of a screen with a list fills the body.
func (m *Model) zoomed() bool {
	d := m.here()
	return d.zoomed != nil && d.zoomed(m)
}

// places are where the list and the text of a screen other than browse stand.
func (m *Model) places() (list, text rect) {
	d := m.here()
	switch {
	case d.places != nil:
		return d.places(m)
	case m.zoomed():
		return rect{}, m.body()
	}
	_, r := d.list(m)
	return m.split(r.Len())
}

// listHeight is how many rows of the list of the present screen have room.
func (m *Model) listHeight() int {
	if d := m.here(); d.height != nil {
		return d.height(m)
	}
	pane, _ := m.places()
	return pane.h - 2
}

// fitLists fits what the present screen lists to the room that there is.
func (m *Model) fitLists() {
	d := m.here()
	switch {
	case d.fit != nil:
		d.fit(m)
	case d.list != nil:
		l, r := d.list(m)
		l.clamp(r, m.listHeight())
	}
}

// detailRect is where the scrolling text of the present screen stands.
func (m *Model) detailRect() rect {
	if m.screen == screenBrowse {
		return m.panes().detail
	}
	_, text := m.places()
	return text
}

// show turns to a screen.
func (m *Model) show(s screen) {
	m.screen = s
	m.fitLists()
}

// buildPages draws the scrolling text of the present screen, if it changed.
func (m *Model) buildPages() {
	if m.width > 0 {
		m.here().build(m)
	}
}

// moveCursor moves in the list of the present screen.
func (m *Model) moveCursor(delta int) tea.Cmd {
	d := m.here()
	switch {
	case d.list == nil:
		return m.step(delta)
	case m.zoomed():
		return m.scrollDetail(delta)
	}
	if d.moved != nil {
		d.moved(m)
	}
	l, r := d.list(m)
	l.move(r, delta, m.listHeight())
	return nil
}

func (m *Model) pageBy(n int) tea.Cmd {
	if m.here().list == nil {
		return m.step(n * m.pageSize())
	}
	return m.scrollDetail(n * max(1, m.detailRect().h-3))
}

func (m *Model) scrollDetail(delta int) tea.Cmd {
	m.here().page(m).scroll(delta, m.detailRect().h-2)
	return nil
}
