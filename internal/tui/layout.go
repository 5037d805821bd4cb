package tui

// rect is a part of the frame; h == 0 means hidden.
type rect struct{ x, y, w, h int }

func (r rect) has(x, y int) bool {
	return r.h > 0 && x >= r.x && x < r.x+r.w && y >= r.y && y < r.y+r.h
}

// The frame: a header line, the body, a line for the filter when there is one,
// and a line of hints.
const (
	minWidth, minHeight = 40, 12
	twoPanes            = 80
	threePanes          = 120
	stackFrom           = 16 // lines of body from which namespaces and workloads stand above each other
)

func (m *Model) tooSmall() bool { return m.width < minWidth || m.height < minHeight }

// body is what lies between header and the lines at the bottom.
func (m *Model) body() rect {
	r := rect{0, 1, m.width, max(0, m.height-2)}
	if m.filterShown() {
		r.h--
	}
	return r
}

// shownFilter is the filter of the present screen, or nil.
func (m *Model) shownFilter() *filter {
	if d := m.here(); d.filter != nil {
		return d.filter(m)
	}
	return nil
}

func (m *Model) filterShown() bool {
	f := m.shownFilter()
	return f != nil && (m.typing != nil || f.text != "")
}

// panes are the places of the browse screen.
type panes struct{ spaces, objects, finds, detail rect }

func (m *Model) panes() panes {
	body := m.body()
	focus := m.browse.focus
	if m.browse.flat {
		return m.flatPanes()
	}
	var p panes
	switch {
	case m.width >= threePanes:
		left := m.leftWidth()
		rest := m.width - left
		finds := rest * findsShare(m.width, focus) / 100
		p.left(rect{body.x, body.y, left, body.h}, focus, len(m.browse.spaceRows.items))
		p.finds = rect{left, body.y, finds, body.h}
		p.detail = rect{left + finds, body.y, rest - finds, body.h}
	case m.width >= twoPanes && focus <= levelObjects:
		left := m.leftWidth()
		p.left(rect{body.x, body.y, left, body.h}, focus, len(m.browse.spaceRows.items))
		p.finds = rect{left, body.y, m.width - left, body.h}
	case m.width >= twoPanes:
		finds := m.width * 55 / 100
		if focus == levelDetail {
			finds = m.width * 36 / 100
		}
		p.finds = rect{0, body.y, finds, body.h}
		p.detail = rect{finds, body.y, m.width - finds, body.h}
	default:
		*[4]*rect{&p.spaces, &p.objects, &p.finds, &p.detail}[focus] = body
	}
	return p
}

// findsShare is how much of the room right of the left pane the findings get, in
// percent. Where room is scarce the pane that is worked in grows.
func findsShare(w int, focus level) int {
	switch {
	case w >= 150:
		return 48
	case focus <= levelObjects:
		return 58
	case focus == levelFinds:
		return 52
	default:
		return 40
	}
}

// left places namespaces over workloads, or only the one that has the keys
// where the body is low.
func (p *panes) left(r rect, focus level, spaces int) {
	if r.h < stackFrom {
		if focus == levelSpaces {
			p.spaces = r
		} else {
			p.objects = r
		}
		return
	}
	top := min(max(spaces+2, 5), r.h*45/100)
	p.spaces = rect{r.x, r.y, r.w, top}
	p.objects = rect{r.x, r.y + top, r.w, r.h - top}
}

// split places a list and the detail of its row: beside each other on wide
// frames, one above the other on others.
func (m *Model) split(rows int) (list, detail rect) {
	body := m.body()
	if m.width >= threePanes {
		w := m.width * 44 / 100
		return rect{0, body.y, w, body.h}, rect{w, body.y, m.width - w, body.h}
	}
	h := min(max(rows+2, 4), max(4, body.h*2/5))
	return rect{0, body.y, m.width, h}, rect{0, body.y + h, m.width, body.h - h}
}
