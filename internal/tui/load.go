package tui

import (
	"context"
	"errors"
	"time"

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
	stale    bool      // a reload failed: what is shown is old
	slow     int       // how often something was said about the wait
	lost     time.Time // since when what is shown is stale; zero: it is not
	changes  int       // number of the last change that is marked; 0: none
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
		at  time.Time
	}
	watchMsg struct {
		seq int
		ch  <-chan *harden.Snapshot
	}
	snapshotMsg struct {
		seq int
		x   *index
		ch  <-chan *harden.Snapshot
		at  time.Time
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
	if m.backend == nil {
		return nil
	}
	if m.load.cancel != nil {
		m.load.cancel()
	}
	ctx, cancel := context.WithCancel(m.root)
	m.load.seq++
	m.load.busy, m.load.err, m.load.cancel = true, nil, cancel
	m.load.slow = 0
	b, scope, seq, prev := m.backend, m.opts.Scope, m.load.seq, m.x
	read := func() tea.Msg {
		snap, err := b.Load(ctx, scope)
		if err == nil && snap == nil {
			err = errors.New("reading the scope: no answer")
		}
		if err != nil {
			return loadedMsg{seq: seq, err: err, at: time.Now()}
		}
		return loadedMsg{seq: seq, x: newIndex(snap, prev), at: time.Now()}
	}
	return tea.Batch(read, later(slowAfter, slowMsg{seq}))
}

func (msg loadedMsg) take(m *Model) tea.Cmd {
	if msg.seq != m.load.seq {
		return nil
	}
	m.load.busy = false
	if msg.err != nil {
		if m.x == nil {
			m.load.err, m.lastErr = msg.err, msg.err
			m.fitLists()
			return nil
		}
		m.load.stale, m.load.err = true, msg.err
		m.losing(msg.at)
		return m.fail("reading again", msg.err)
	}
	m.load.stale = false
	m.load.stop()
	var cmd tea.Cmd
	if m.x == nil {
		cmd = m.askUnfinished()
	}
	cmd = tea.Batch(cmd, m.adopt(msg.x))
	m.losing(msg.at)
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
		return snapshotMsg{seq: seq, ch: ch, x: newIndex(snap, prev), at: time.Now()}
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
		m.load.err = nil
		cmd = m.adopt(msg.x)
		m.losing(msg.at)
		if err := msg.x.snap.Err; msg.x.snap.Stale && !was && err != nil {
			cmd = tea.Batch(cmd, m.fail("connection lost, showing what was last seen", err))
		}
	}
	return tea.Batch(cmd, next(m.load.watch, msg.ch, m.x))
}

// adopt shows an index. Cursors and marks stay on what they were on.
func (m *Model) adopt(x *index) tea.Cmd {
	before, space := m.x, ""
	if before != nil {
		if s := m.spaceUnderCursor(); s >= 0 {
			space = before.spaces[s].name
		}
	}
	m.x = x
	m.class.next = 0
	m.rematch()
	if before == nil {
		var word tea.Cmd
		if n := m.pruneMarks(); n > 0 { // those of another scope
			word = m.say(goneMarks(n))
		}
		m.show(screenBrowse)
		m.start()
		m.adoptUses(x.uses)
		return word
	}
	m.refresh(false)
	m.adoptUses(x.uses)
	word := m.settle(before, space)
	for i := range x.objects {
		if x.objects[i].changed {
			m.load.seen++
			m.load.changes = m.load.seen
			return tea.Batch(word, later(changesFor, changesOverMsg{m.load.changes}))
		}
	}
	return word
}

// unread is what could not be read.
func (m *Model) unread() []harden.Unread {
	if m.x == nil || m.x.snap.Inventory == nil {
		return nil
	}
	return m.x.snap.Inventory.Unread
}
