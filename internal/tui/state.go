package tui

import (
	"maps"
	"slices"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

// clone is a copy that shares nothing.
func (s State) clone() State {
	s.Contexts = maps.Clone(s.Contexts)
	if s.Contexts == nil {
		s.Contexts = map[string]Look{}
	}
	return s
}

// keeper keeps states one after the other, and none that is older than one that
// is kept already.
type keeper struct {
	mu     sync.Mutex
	number int // of the last change
	kept   int
}

func (k *keeper) keep(number int, s State, remember func(State) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if number <= k.kept {
		return nil
	}
	k.kept = number
	return remember(s)
}

// keepAfter is how long a look must rest before it is kept.
const keepAfter = 2 * time.Second

type (
	keepDueMsg struct{ number int }
	keptMsg    struct{ err error }
)

func (keepDueMsg) lasts() {}
func (keptMsg) lasts()    {}

// noteLook writes the present look into the state; false: it is there already.
// Files are not contexts, and nothing is kept of them.
func (m *Model) noteLook() bool {
	if m.x == nil || !m.live() {
		return false
	}
	name, now := m.title(), m.present()
	if m.state.Last == name && m.state.Contexts[name] == now {
		return false
	}
	m.state.Last, m.state.Contexts[name] = name, now
	m.keeper.number++
	return true
}

// followLook keeps how the UI looks once it rests.
func (m *Model) followLook() tea.Cmd {
	if !m.noteLook() || m.opts.Remember == nil {
		return nil
	}
	return later(keepAfter, keepDueMsg{m.keeper.number})
}

func (msg keepDueMsg) take(m *Model) tea.Cmd {
	if msg.number != m.keeper.number {
		return nil
	}
	return m.remember()
}

// remember keeps the state off the loop.
func (m *Model) remember() tea.Cmd {
	m.noteLook()
	if m.opts.Remember == nil {
		return nil
	}
	number, state, k, remember := m.keeper.number, m.state.clone(), m.keeper, m.opts.Remember
	return func() tea.Msg { return keptMsg{k.keep(number, state, remember)} }
}

func (msg keptMsg) take(m *Model) tea.Cmd {
	if msg.err != nil {
		return m.fail("keeping how the UI was left", msg.err)
	}
	return nil
}

// keep is remember for the end of the UI; it blocks.
func (m *Model) keep() error {
	m.noteLook()
	if m.opts.Remember == nil {
		return nil
	}
	return m.keeper.keep(m.keeper.number, m.state.clone(), m.opts.Remember)
}

// present is how the context is looked at now.
func (m *Model) present() Look {
	b := &m.browse
	l := Look{Grouping: groupingNames[b.group], Sort: sortNames[b.sort], Flat: b.flat, Unfolded: b.unfolded, Left: b.left}
	if m.x.onlyOne { // no choice of the person
		l.Namespace = m.state.Contexts[m.title()].Namespace
	} else if s := m.spaceUnderCursor(); s >= 0 {
		l.Namespace = m.x.spaces[s].name
	}
	return l
}

// recall puts the UI as it was left; what is remembered and makes no sense any
// more is passed over.
func (m *Model) recall() {
	look, ok := m.state.Contexts[m.title()]
	if !ok {
		return
	}
	b := &m.browse
	if i := slices.Index(groupingNames[:], look.Grouping); i >= 0 {
		b.group = grouping(i)
	}
	if i := slices.Index(sortNames[:], look.Sort); i >= 0 {
		b.sort = sorting(i)
	}
	b.flat, b.unfolded, b.left = look.Flat, look.Unfolded, max(0, min(look.Left, maxLeft))
}

// recallSpace puts the cursor on the namespace where it was left.
func (m *Model) recallSpace() {
	name := m.state.Contexts[m.title()].Namespace
	if name == "" {
		return
	}
	b := &m.browse
	for i, at := range b.spaceRows.items {
		if at >= 0 && m.x.spaces[at].name == name {
			b.spaces.to(b.spaceRows, i, m.panes().spaces.h-2)
			m.refreshObjects(true)
			return
		}
	}
}
