package tui

import (
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Rows that stand for several entries.
const (
	rowAll    int32 = -1
	rowSystem int32 = -2
)

type spaceRows struct {
	x     *index
	items []int32
}

func (r spaceRows) Len() int { return len(r.items) }
func (r spaceRows) ID(i int) string {
	switch at := r.items[i]; at {
	case rowAll:
		return "*"
	case rowSystem:
		return "#system"
	default:
		return r.x.spaces[at].id
	}
}

type objectRows struct {
	x     *index
	items []int32
	sum   counts // of all rows
	most  int    // failures of the row with the most
}

func (r objectRows) Len() int { return len(r.items) }
func (r objectRows) ID(i int) string {
	if r.items[i] == rowAll {
		return "*"
	}
	return r.x.objects[r.items[i]].id
}

// findRows are findings, with headings where they are grouped: a heading is
// the row after it, complemented.
type findRows struct {
	x       *index
	items   []int32
	n       int // findings
	failed  int // of these, those that fail
	excused int // waived and expected ones, listed or not
	widest  int // letters of the longest id
}

func (r findRows) Len() int { return len(r.items) }
func (r findRows) ID(i int) string {
	if r.items[i] < 0 {
		return ""
	}
	return r.x.rows[r.items[i]].id
}

func (r findRows) row(i int) *row {
	if i < 0 || i >= len(r.items) || r.items[i] < 0 {
		return nil
	}
	return &r.x.rows[r.items[i]]
}

func (m *Model) spaceCounts(i int32) *counts {
	if m.match != nil {
		return &m.match.spaces[i]
	}
	return &m.x.spaces[i].counts
}

func (m *Model) objectCounts(i int32) *counts {
	if m.match != nil {
		return &m.match.objects[i]
	}
	return &m.x.objects[i].counts
}

func (m *Model) deriveSpaces() spaceRows {
	r := spaceRows{x: m.x}
	var system []int32
	for _, i := range m.x.spaceOrders[m.browse.sort] {
		if m.match != nil && m.match.spaces[i].total() == 0 {
			continue
		}
		if m.x.spaces[i].system {
			system = append(system, i)
			continue
		}
		r.items = append(r.items, i)
	}
	if len(r.items) == 0 {
		r.items, system = system, nil
	}
	if len(r.items)+len(system) > 1 {
		r.items = slices.Insert(r.items, 0, rowAll)
	}
	if len(system) > 0 {
		r.items = append(r.items, rowSystem)
		if m.browse.unfolded {
			r.items = append(r.items, system...)
		}
	}
	return r
}

// selectedSpace is the namespace of which the findings are listed, rowAll or rowSystem.
func (m *Model) selectedSpace() int32 {
	if m.browse.flat {
		return rowAll
	}
	return m.spaceUnderCursor()
}

func (m *Model) spaceUnderCursor() int32 {
	b := &m.browse
	if b.spaces.at >= b.spaceRows.Len() {
		return rowAll
	}
	return b.spaceRows.items[b.spaces.at]
}

// selectedObject is the object of which the findings are listed, or rowAll.
func (m *Model) selectedObject() int32 {
	b := &m.browse
	if b.flat || b.objects.at >= b.objectRows.Len() {
		return rowAll
	}
	return b.objectRows.items[b.objects.at]
}

// inSpace reports whether a namespace belongs to the selected row. Those of the
// system belong to "all" only while they are listed.
func (m *Model) inSpace(selected, space int32) bool {
	switch selected {
	case rowAll:
		return !m.x.spaces[space].system || m.browse.unfolded || !slices.Contains(m.browse.spaceRows.items, rowSystem)
	case rowSystem:
		return m.x.spaces[space].system
	default:
		return selected == space
	}
}

func (m *Model) deriveObjects() objectRows {
	r := objectRows{x: m.x}
	selected := m.selectedSpace()
	inside := over(len(m.x.spaces), func(i int) bool { return m.inSpace(selected, int32(i)) })
	for _, i := range m.x.objectOrders[m.browse.sort] {
		if !inside[m.x.objects[i].space] || m.match != nil && m.match.objects[i].total() == 0 {
			continue
		}
		r.items = append(r.items, i)
		c := m.objectCounts(i)
		r.sum.plus(c)
		r.most = max(r.most, c.failures())
	}
	if len(r.items) > 1 {
		r.items = slices.Insert(r.items, 0, rowAll)
	}
	return r
}

func (m *Model) deriveFinds() findRows {
	r := findRows{x: m.x}
	space, object := m.selectedSpace(), m.selectedObject()
	if m.browse.objectRows.Len() == 0 {
		return r
	}
	inside := over(len(m.x.spaces), func(i int) bool { return m.inSpace(space, int32(i)) })
	group := m.browse.group
	heads := group == byFixer || group == byObject && object == rowAll
	last := int32(-1)
	for _, at := range m.order() {
		row := &m.x.rows[at]
		if object != rowAll && row.object != object || !inside[row.space] || m.match != nil && !m.match.rows[at] {
			continue
		}
		if row.excused() {
			r.excused++
			if m.browse.noExcused {
				continue
			}
		}
		key := row.fixer
		if group == byObject {
			key = row.object
		}
		if heads && key != last {
			r.items = append(r.items, ^at)
			last = key
		}
		r.items = append(r.items, at)
		r.n++
		r.widest = max(r.widest, len(m.x.fixers[row.fixer].ID))
		if row.weight <= weight(harden.Critical) {
			r.failed++
		}
	}
	return r
}
