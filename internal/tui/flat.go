package tui

import tea "charm.land/bubbletea/v2"

// toggleFlat turns between the panes of namespaces and workloads, and one list
// of all findings.
func (m *Model) toggleFlat() tea.Cmd {
	b := &m.browse
	b.flat = !b.flat
	at := ""
	if r := m.current(); r != nil {
		at = r.id
	}
	if b.flat {
		b.focus = max(b.focus, levelFinds)
	} else if b.focus == levelFinds {
		b.focus = levelSpaces
	}
	m.refresh(false)
	// The finding under the cursor stays where both show it.
	if i := b.findRows.indexOf(at); i >= 0 {
		b.finds.to(b.findRows, i, m.panes().finds.h-2)
	}
	if b.flat {
		return m.say("all findings in one list; v goes back to namespaces and workloads")
	}
	return m.say("namespaces and workloads; v lists all findings")
}

// indexOf is the row of a finding, or -1.
func (r findRows) indexOf(id string) int {
	if id == "" {
		return -1
	}
	for i := range r.items {
		if r.items[i] >= 0 && r.x.rows[r.items[i]].id == id {
			return i
		}
	}
	return -1
}

// flatPanes are the list and the detail, beside each other where there is room.
func (m *Model) flatPanes() panes {
	body, reading := m.body(), m.browse.focus == levelDetail
	var p panes
	share := func(n, list, detail int) int {
		if reading {
			list = detail
		}
		return n * list / 100
	}
	switch {
	case m.width >= threePanes:
		w := share(m.width, 60, 45)
		p.finds, p.detail = rect{0, body.y, w, body.h}, rect{w, body.y, m.width - w, body.h}
	case body.h >= stackFrom:
		h := share(body.h, 58, 30)
		p.finds, p.detail = rect{0, body.y, m.width, h}, rect{0, body.y + h, m.width, body.h - h}
	case reading:
		p.detail = body
	default:
		p.finds = body
	}
	return p
}

// flatColumns are those of the list of all findings.
func (m *Model) flatColumns(inner int) findColumns {
	c := findColumns{word: 5, class: classCells}
	if inner >= 90 {
		c.word = 9
	}
	if inner < 40 {
		c.class = 0
	}
	room := max(0, inner-4-c.word-c.class)
	if m.browse.group != byFixer {
		c.id = min(m.browse.findRows.widest, max(14, room*42/100), room)
	}
	if m.browse.group != byObject && !m.x.onlyOne && room-c.id >= 30 {
		c.space = min(m.x.widestSpace+1, (room-c.id)*40/100)
	}
	c.place = room - c.id - c.space
	return c
}

const (
	minLeft, maxLeft = 24, 200
	leftStep         = 4
)

// leftWidth is how wide the pane of namespaces and workloads is.
func (m *Model) leftWidth() int {
	auto, rest := min(max(m.width*25/100, 32), 50), 76
	if m.width < threePanes {
		auto, rest = min(max(m.width*38/100, 32), 40), 36
	}
	if m.browse.left > 0 {
		auto = m.browse.left
	}
	return max(minLeft, min(auto, m.width-rest))
}

func noWidth(m *Model) string {
	switch {
	case m.browse.flat:
		return "one list has no pane on its left; v goes back"
	case m.width < twoPanes:
		return "only one pane has room"
	case m.width < threePanes && m.browse.focus > levelObjects:
		return "go out to the namespaces first"
	}
	return ""
}

func (m *Model) widen(delta int) tea.Cmd {
	was := m.leftWidth()
	m.browse.left = was + delta
	m.browse.left = m.leftWidth()
	m.reclamp()
	switch {
	case m.browse.left == was && delta < 0:
		return m.say("it does not get narrower")
	case m.browse.left == was:
		return m.say("it does not get wider")
	}
	return m.say("left pane " + itoa(m.browse.left) + " cells")
}
