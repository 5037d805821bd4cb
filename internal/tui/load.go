package tui

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// loading is the state of reading and watching. Every load and every watch has
// a number; answers with an older number are dropped.
type loading struct {
	seq      int
	busy     bool
	err      error // why there is nothing to show
	cancel   context.CancelFunc
	watch    int // number of the watch
	watching bool
	unwatch  context.CancelFunc
	stale    bool // a reload failed: what is shown is old
	changes  int  // number of the last change that is marked; 0: none
	seen     int
}

func (l *loading) stop() {
	for _, cancel := range []context.CancelFunc{l.cancel, l.unwatch} {
		if cancel != nil {
			cancel()
		}
	}
}

type (
	loadedMsg struct {
		seq int
		x   *index
		err error
	}
	watchMsg struct {
		seq int
		ch  <-chan *harden.Snapshot
	}
	snapshotMsg struct {
		seq int
		x   *index
		ch  <-chan *harden.Snapshot
	}
	watchEndMsg    struct{ seq int }
	changesOverMsg struct{ seq int }
)

func (msg changesOverMsg) take(m *Model) tea.Cmd {
	if msg.seq == m.load.changes {
		m.load.changes = 0
	}
	return nil
}

func (msg watchMsg) take(m *Model) tea.Cmd {
	if msg.seq != m.load.watch {
		return nil
	}
	return next(msg.seq, msg.ch, m.x)
}

func (msg watchEndMsg) take(m *Model) tea.Cmd {
	if msg.seq == m.load.watch {
		m.load.watching = false
	}
	return nil
}

// reload reads everything anew. What is on screen stays until the answer, and
// so does the watch: it may come back by itself where the reload fails.
func (m *Model) reload() tea.Cmd {
	if m.load.cancel != nil {
		m.load.cancel()
	}
	ctx, cancel := context.WithCancel(m.root)
	m.load.seq++
	m.load.busy, m.load.err, m.load.cancel = true, nil, cancel
	b, scope, seq, prev := m.backend, m.opts.Scope, m.load.seq, m.x
	return func() tea.Msg {
		snap, err := b.Load(ctx, scope)
		if err == nil && snap == nil {
			err = errors.New("reading the scope: no answer")
		}
		if err != nil {
			return loadedMsg{seq: seq, err: err}
		}
		return loadedMsg{seq: seq, x: newIndex(snap, prev)}
	}
}

func (msg loadedMsg) take(m *Model) tea.Cmd {
	if msg.seq != m.load.seq {
		return nil
	}
	m.load.busy = false
	if msg.err != nil {
		if m.x == nil {
			m.load.err, m.lastErr = msg.err, msg.err
			return nil
		}
		m.load.stale = true
		return m.fail("reading again", msg.err)
	}
	m.load.stale = false
	m.load.stop()
	cmd := m.adopt(msg.x)
	var ctx context.Context
	ctx, m.load.unwatch = context.WithCancel(m.root)
	m.load.watch++
	m.load.watching = true
	b, scope, seq := m.backend, m.opts.Scope, m.load.watch
	return tea.Batch(cmd, func() tea.Msg { return watchMsg{seq, b.Watch(ctx, scope)} })
}

// next waits for a snapshot of the watch; of several that wait it takes the last.
func next(seq int, ch <-chan *harden.Snapshot, prev *index) tea.Cmd {
	return func() tea.Msg {
		snap, ok := <-ch
		if !ok {
			return watchEndMsg{seq}
		}
		for more := true; more; {
			select {
			case later, ok := <-ch:
				if !ok {
					// The closed channel is seen again by the next call.
					more = false
				} else if later != nil {
					snap = later
				}
			default:
				more = false
			}
		}
		if snap == nil {
			return snapshotMsg{seq: seq, ch: ch}
		}
		return snapshotMsg{seq: seq, ch: ch, x: newIndex(snap, prev)}
	}
}

func (msg snapshotMsg) take(m *Model) tea.Cmd {
	if msg.seq != m.load.watch {
		return nil
	}
	var cmd tea.Cmd
	if msg.x != nil && (m.x == nil || msg.x.snap.Generation >= m.x.snap.Generation) {
		was := m.x != nil && m.x.snap.Stale
		m.load.stale = false
		cmd = m.adopt(msg.x)
		if err := msg.x.snap.Err; msg.x.snap.Stale && !was && err != nil {
			cmd = tea.Batch(cmd, m.fail("connection lost, showing what was last seen", err))
		}
	}
	return tea.Batch(cmd, next(m.load.watch, msg.ch, m.x))
}

// adopt shows an index. Cursors and marks stay on what they were on.
func (m *Model) adopt(x *index) tea.Cmd {
	first := m.x == nil
	m.x = x
	m.class.next = 0
	m.rematch()
	if first {
		m.start()
		m.adoptUses(x.uses)
		return nil
	}
	m.refresh(false)
	m.adoptUses(x.uses)
	for i := range x.objects {
		if x.objects[i].changed {
			m.load.seen++
			m.load.changes = m.load.seen
			return later(changesFor, changesOverMsg{m.load.changes})
		}
	}
	return nil
}

// connection is the word for the state of the data.
func (m *Model) connection() (glyph, word string, good bool) {
	switch {
	case m.x == nil && m.load.err != nil:
		return "○", "not connected", false
	case m.x == nil:
		return "○", "reading", false
	case m.x.snap.Stale || m.load.stale:
		return "○", "stale", false
	case m.load.busy:
		return m.spinGlyph(), "reading", true
	case m.net.busy:
		return m.spinGlyph(), lookWords(&m.net.progress), true
	case m.look.busy:
		return m.spinGlyph(), m.look.words(), true
	case !m.backend.Live():
		return "●", "files", true
	case m.load.watching:
		return "●", "live", true
	default:
		return "○", "not live", false
	}
}

// unread is what could not be read.
func (m *Model) unread() []harden.Unread {
	if m.x == nil || m.x.snap.Inventory == nil {
		return nil
	}
	return m.x.snap.Inventory.Unread
}
