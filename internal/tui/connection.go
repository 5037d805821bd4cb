package tui

import (
	"context"
	"errors"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// losing notes since when what is shown is stale.
func (m *Model) losing(at time.Time) {
	switch {
	case m.lostBy() == nil:
		m.load.lost = time.Time{}
	case m.load.lost.IsZero():
		m.load.lost = at
	}
}

var errLost = errors.New("the connection is lost")

// lostBy is why what is shown is stale, or nil.
func (m *Model) lostBy() error {
	switch {
	case m.x == nil:
		return nil
	case m.load.stale && m.load.err != nil:
		return m.load.err
	case m.x.snap.Stale && m.x.snap.Err != nil:
		return m.x.snap.Err
	case m.x.snap.Stale || m.load.stale:
		return errLost
	}
	return nil
}

// connection is the state of the data in a word or two, with why and what
// happens next where that is worth it.
func (m *Model) connection() (glyph, word, more string, good bool) {
	switch lost := m.lostBy(); {
	case m.opening.what != "":
		return m.spinGlyph(), "opening " + m.opening.what, "", true
	case m.x == nil && m.denied():
		return "○", "credentials expired", "L logs in", false
	case m.x == nil && (m.backend == nil || m.load.err != nil):
		return "○", "not connected", "", false
	case m.x == nil:
		return "○", "reading", "", false
	case lost != nil && m.denied():
		return "○", "credentials expired" + m.since(), "L logs in", false
	case lost != nil && m.load.busy:
		return m.spinGlyph(), "stale" + m.since(), "reading again", false
	case lost != nil && m.load.watching:
		return "○", "stale" + m.since(), "reconnecting: " + lost.Error(), false
	case lost != nil:
		return "○", "stale" + m.since(), "ctrl+r reads again: " + lost.Error(), false
	case m.load.busy:
		return m.spinGlyph(), "reading", "", true
	case m.net.busy:
		return m.spinGlyph(), lookWords(&m.net.progress), "", true
	case m.look.busy:
		return m.spinGlyph(), m.look.words(), "", true
	case !m.live():
		return "●", "files", "", true
	case m.load.watching:
		return "●", "live", "", true
	default:
		return "○", "not live", "ctrl+r reads again", false
	}
}

func (m *Model) since() string {
	if m.load.lost.IsZero() {
		return ""
	}
	return " since " + m.load.lost.Format("15:04")
}

// denied reports whether logging in again is the way out.
func (m *Model) denied() bool {
	err := m.lostBy()
	if m.x == nil {
		err = m.load.err
	}
	return errors.Is(err, harden.ErrCredentials)
}

func noLogin(m *Model) string {
	switch {
	case m.backend == nil:
		return "there is no cluster to log in to"
	case !m.live():
		return "files need no credentials"
	case m.load.busy:
		return "still reading"
	case !m.denied():
		return "the credentials are accepted"
	}
	return noSwitch(m)
}

// login is a command that has the terminal while it runs. It writes to the
// process's own.
type login struct {
	ctx     context.Context
	backend Backend
}

func (l login) Run() error        { return l.backend.Login(l.ctx) }
func (login) SetStdin(io.Reader)  {}
func (login) SetStdout(io.Writer) {}
func (login) SetStderr(io.Writer) {}

type loginMsg struct{ err error }

// logIn lets the credential plugin ask, and reads again.
func (m *Model) logIn() tea.Cmd {
	return m.exec(login{m.root, m.backend}, func(err error) tea.Msg { return loginMsg{err} })
}

func (msg loginMsg) take(m *Model) tea.Cmd {
	if msg.err != nil {
		return tea.Batch(tea.RequestBackgroundColor, m.fail("logging in", msg.err))
	}
	return tea.Batch(tea.RequestBackgroundColor, m.say("logged in"), m.reload())
}
