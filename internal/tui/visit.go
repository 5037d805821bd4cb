package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A visit is the time in which one scope of one backend is looked at. An answer
// belongs to the visit that asked for it and is dropped in every other.
type visit struct {
	number int
	leave  context.CancelFunc // ends what the visit has under way; nil before Init
}

// enter begins a visit: root ends with it, lasting only when the UI ends.
func (m *Model) enter() {
	if m.lasting == nil {
		m.lasting = m.root
	}
	m.root, m.visit.leave = context.WithCancel(m.lasting)
}

// stamped is an answer with the number of its visit.
type stamped struct {
	visit int
	answer
}

func (msg stamped) take(m *Model) tea.Cmd {
	if msg.visit != m.visit.number {
		return nil
	}
	return msg.answer.take(m)
}

// A lasting answer is about the UI itself and belongs to no visit.
type lasting interface{ lasts() }

func (toastOverMsg) lasts() {}

// stamp marks the answers of a command with the present visit.
func (m *Model) stamp(cmd tea.Cmd) tea.Cmd { return stamp(cmd, m.visit.number) }

func stamp(cmd tea.Cmd, number int) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() tea.Msg {
		switch msg := cmd().(type) {
		case tea.BatchMsg:
			for i := range msg {
				msg[i] = stamp(msg[i], number)
			}
			return msg
		case stamped:
			return msg
		case answer:
			if _, ok := msg.(lasting); ok {
				return msg
			}
			return stamped{number, msg}
		default:
			return msg
		}
	}
}

// opening is another backend that is being opened; what is on the screen stays
// until it is there.
type opening struct {
	seq  int
	what string // "" when nothing is being opened
}

type openedMsg struct {
	seq     int
	backend Backend
	scope   harden.Scope
	err     error
}

func (openedMsg) lasts() {}

// noSwitch tells why what is looked at cannot change now, or "".
func noSwitch(m *Model) string {
	switch {
	case m.run.active():
		return "still " + m.run.verb() + ": wait for it, or stop it first"
	case m.writing > 0 || m.writes.underWay():
		return "something is still being written"
	}
	return ""
}

func noConnector(m *Model) string {
	if m.opts.Connector == nil {
		return "there is nothing else to look at"
	}
	return noSwitch(m)
}

// goTo opens something else to look at.
func (m *Model) goTo(what string, open func() (Backend, harden.Scope, error)) tea.Cmd {
	if why := noConnector(m); why != "" {
		return m.say(why)
	}
	m.opening = opening{seq: m.opening.seq + 1, what: what}
	seq := m.opening.seq
	return func() tea.Msg {
		b, scope, err := open()
		if err == nil && b == nil {
			err = errors.New("nothing was opened")
		}
		if err != nil {
			return openedMsg{seq: seq, err: err}
		}
		return openedMsg{seq: seq, backend: b, scope: scope}
	}
}

func (m *Model) goToContext(name string) tea.Cmd {
	connector := m.opts.Connector
	return m.goTo("context "+name, func() (Backend, harden.Scope, error) { return connector.Context(name) })
}

// goToFiles opens manifests: paths with commas between them.
func (m *Model) goToFiles(text string) tea.Cmd {
	paths := commaList(text)
	if len(paths) == 0 {
		return m.say("name a file or a folder with manifests")
	}
	connector := m.opts.Connector
	return m.goTo(strings.Join(paths, ", "), func() (Backend, harden.Scope, error) { return connector.Files(atHome(paths)) })
}

// atHome reads the ~ of a home folder, as a shell does.
func atHome(paths []string) []string {
	home, err := os.UserHomeDir()
	if err != nil {
		return paths
	}
	out := slices.Clone(paths)
	for i, p := range out {
		if rest, ok := strings.CutPrefix(p, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
			out[i] = filepath.Join(home, rest)
		}
	}
	return out
}

func (m *Model) goToDemo() tea.Cmd {
	connector := m.opts.Connector
	return m.goTo("the demo", func() (Backend, harden.Scope, error) { return connector.Demo() })
}

func (msg openedMsg) take(m *Model) tea.Cmd {
	if msg.seq != m.opening.seq || m.opening.what == "" || msg.err == nil && noSwitch(m) != "" {
		return closing(msg.backend)
	}
	what := m.opening.what
	m.opening.what = ""
	if msg.err != nil {
		if m.backend == nil {
			m.opts.Err = msg.err
		}
		return m.fail("opening "+what, msg.err)
	}
	return m.turnTo(msg.backend, msg.scope)
}

// notOpening gives up what is being opened; it is closed when it comes.
func (m *Model) notOpening() tea.Cmd {
	what := m.opening.what
	m.opening.what = ""
	return m.say("not opening " + what)
}

// closing closes a backend off the loop.
func closing(b Backend) tea.Cmd {
	if b == nil {
		return nil
	}
	return func() tea.Msg {
		b.Close()
		return nil
	}
}

// turnTo begins a visit of a scope. What belonged to the one before is gone: only
// marks stay where the backend does.
func (m *Model) turnTo(b Backend, scope harden.Scope) tea.Cmd {
	old, kept := m.backend, m.remember()
	m.stopAll()
	fresh := New(b, m.opts)
	fresh.opts.Scope, fresh.opts.Err = scope, nil
	fresh.outlast(m)
	if old == b {
		fresh.marks, old = m.marks, nil
	}
	*m = *fresh
	m.visit.number++
	m.enter()
	return tea.Batch(kept, closing(old), m.reload())
}

// outlast takes over from before what no visit owns.
func (m *Model) outlast(before *Model) {
	m.root, m.lasting, m.visit = before.root, before.lasting, before.visit
	m.writes, m.keeper, m.state, m.exec = before.writes, before.keeper, before.state, before.exec
	m.width, m.height, m.theme = before.width, before.height, before.theme
	m.toast, m.lastErr, m.spin = before.toast, before.lastErr, before.spin
	m.opening, m.contexts = before.opening, before.contexts
	m.log, m.tools = before.log, before.tools
	m.contexts.sort(m.state.Last)
}

// stopAll tells everything under way that nobody waits for it any more.
func (m *Model) stopAll() {
	m.load.stop()
	m.look.stop()
	m.net.stop()
	m.detail.stop()
	m.plan.stop()
	m.undo.stop()
	if m.visit.leave != nil {
		m.visit.leave()
	}
}

// setScope reads other namespaces of the same backend: "all", or names with
// commas between them.
func (m *Model) setScope(text string) tea.Cmd {
	names := commaList(text)
	switch {
	case m.backend == nil:
		return m.say("there is nothing to look at yet")
	case noSwitch(m) != "":
		return m.say(noSwitch(m))
	case len(names) == 0:
		return m.say("name a namespace, several with commas, or all")
	}
	scope := harden.Scope{Namespaces: names}
	if slices.Contains(names, allNamespaces) || slices.Contains(names, "*") {
		scope = harden.Scope{All: true}
	}
	for _, name := range scope.Namespaces {
		if known := m.spaces.names; len(known) > 0 && !slices.Contains(known, name) {
			return m.say(fmt.Sprintf("there is no namespace %q; %s lists them", name, ":ns"))
		}
		if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
			return m.say(fmt.Sprintf("%q cannot be a namespace: %s", name, wrong[0]))
		}
	}
	return m.turnTo(m.backend, scope)
}

const allNamespaces = "all"

// commaList is what stands between commas, each once.
func commaList(text string) []string {
	var out []string
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return out
}

// title is what is looked at, or "" before there is anything.
func (m *Model) title() string {
	if m.backend == nil {
		return ""
	}
	return m.backend.Title()
}

func (m *Model) live() bool { return m.backend != nil && m.backend.Live() }

// scopeName is the scope in few words, for the header; "" where nothing was
// narrowed and nothing is known.
func (m *Model) scopeName() string {
	switch scope := m.opts.Scope; {
	case m.backend == nil:
		return ""
	case len(scope.Names) > 0:
		return plural(len(scope.Names), "object", "objects")
	case scope.All:
		return "all namespaces"
	case len(scope.Namespaces) > 2:
		return itoa(len(scope.Namespaces)) + " namespaces"
	default:
		return strings.Join(scope.Namespaces, ", ")
	}
}
