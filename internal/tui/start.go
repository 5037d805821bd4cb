package tui

import (
	"errors"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// starting is the screen before there is data: what is wrong, and what else can
// be looked at.
type starting struct {
	list  list
	page  doc
	drawn drawn
}

// choice is a row of the start screen. A heading has no id.
type choice struct {
	id, key    string
	text, note string
	run        func(*Model) tea.Cmd
}

type choices []choice

func (c choices) Len() int        { return len(c) }
func (c choices) ID(i int) string { return c[i].id }

// slowAfter is how long a read may take before a word is said about it.
const slowAfter = 4 * time.Second

type slowMsg struct{ seq int }

func (msg slowMsg) take(m *Model) tea.Cmd {
	if msg.seq != m.load.seq || !m.load.busy {
		return nil
	}
	m.load.slow++
	if m.load.slow > 1 {
		return nil
	}
	return later(2*slowAfter, slowMsg{msg.seq})
}

// waiting reports whether the first answer is still to come.
func (m *Model) waiting() bool { return m.backend != nil && m.load.err == nil }

// startErr is why there is nothing to show, or nil.
func (m *Model) startErr() error {
	if m.load.err != nil {
		return m.load.err
	}
	return m.opts.Err
}

// choices are what can be done instead, in the order in which a person would try.
func (m *Model) choices() choices {
	if m.waiting() {
		return nil
	}
	var out choices
	add := func(key, text, note string, run func(*Model) tea.Cmd) {
		out = append(out, choice{"key:" + key, key, text, note, run})
	}
	if m.denied() {
		add("L", "log in", "lets the credential plugin of "+m.title()+" ask you", (*Model).logIn)
	}
	if m.backend != nil {
		add("r", "try again", m.title(), (*Model).reload)
		add("s", "namespaces", "read others of "+m.title(), (*Model).askScope)
	}
	if m.opts.Connector == nil {
		add("q", "quit", "", (*Model).askQuit)
		return out
	}
	for _, c := range m.contexts.known {
		if m.live() && c.Name == m.title() {
			continue // that is what cannot be read
		}
		notes := m.contextNotes(c)
		out = append(out, choice{"ctx:" + c.Name, "", c.Name, strings.Join(append([]string{"context"}, notes...), ", "), func(m *Model) tea.Cmd { return m.goToContext(c.Name) }})
	}
	add("f", "files", "manifests in a file or a folder, without a cluster", (*Model).askFiles)
	add("d", "the demo", "the manifests of a small shop with much to fix", (*Model).goToDemo)
	if m.backend == nil {
		add("r", "try again", "read the kubeconfig again", (*Model).retry)
	}
	add("q", "quit", "", (*Model).askQuit)
	return out
}

func (m *Model) askFiles() tea.Cmd   { return m.openCommand("files ") }
func (m *Model) askContext() tea.Cmd { return m.openCommand("ctx ") }
func (m *Model) askScope() tea.Cmd   { return m.openCommand("ns ") }
func (m *Model) choose() tea.Cmd     { return m.choices()[m.begin.list.at].run(m) }

// retry reads what could not be read, or the kubeconfig where there is nothing yet.
func (m *Model) retry() tea.Cmd {
	if m.backend == nil {
		return m.askContexts(true)
	}
	return m.reload()
}

// stopReading gives up the first read, and offers something else.
func (m *Model) stopReading() tea.Cmd {
	switch {
	case m.opening.what != "":
		return m.notOpening()
	case m.waiting():
		m.load.stop()
		m.load.seq++
		m.load.busy, m.load.err = false, errStopped
		m.fitLists()
		return nil
	}
	return m.say("this is where it starts: q quits")
}

var errStopped = errors.New("reading was stopped before there was an answer")

func noChoice(m *Model) string {
	if len(m.choices()) == 0 {
		return "still reading; esc stops it"
	}
	return ""
}

// startPlaces puts what is wrong above what can be done.
func (m *Model) startPlaces() (list, text rect) {
	body := m.body()
	if m.waiting() {
		return rect{}, body
	}
	rows := len(m.choices()) + 2
	h := max(3, min(len(m.begin.page.lines)+2, body.h-min(rows, body.h/2)))
	return rect{0, body.y + h, m.width, body.h - h}, rect{0, body.y, m.width, h}
}

func (m *Model) startView() []string {
	if m.waiting() {
		return m.readingView()
	}
	list, text := m.startPlaces()
	title := "Welcome"
	if m.startErr() != nil {
		title = "What is wrong"
	}
	return append(m.docBox(text, title, &m.begin.page, false), m.startList(list)...)
}

func (m *Model) startList(r rect) []string {
	l, rows := &m.begin.list, m.choices()
	inner := r.w - 2
	names := 12
	for _, c := range rows {
		names = max(names, widthOf(clean(c.text))+2)
	}
	names = min(names, inner*45/100)
	var lines []string
	for i := l.top; i < min(l.top+r.h-2, len(rows)); i++ {
		st, glyph := m.rowStyles(i == l.at, true)
		c := rows[i]
		lines = append(lines, st.accent.Render(glyph+" ")+st.key.Render(fit(c.key, 3))+st.text.Render(fit(c.text, names))+st.dim.Render(fit(c.note, inner-5-names)))
	}
	return m.box(r, "What to look at", "", position(l.at, len(rows)), true, lines)
}

// buildStart writes what is wrong.
func (m *Model) buildStart() {
	r := m.body()
	now := drawn{w: r.w - 4, theme: m.theme, extra: [2]any{m.startErr(), m.contexts.err}}
	if now != m.begin.drawn {
		m.begin.drawn = now
		p := &page{st: &m.theme.styles, w: max(1, min(r.w-4, 100))}
		m.writeStart(p)
		m.begin.page.lines = p.lines
		m.fitLists()
	}
	_, text := m.startPlaces()
	m.begin.page.scroll(0, text.h-2)
}

func (m *Model) writeStart(p *page) {
	err := m.startErr()
	if err == nil {
		p.para(p.st.text, 0, "Choose what to look at.")
		return
	}
	what := "No cluster could be opened."
	switch {
	case errors.Is(err, errStopped):
		what = "There is no answer of " + m.title() + "."
	case m.denied():
		what = "Your credentials for " + m.title() + " are missing, expired or refused."
	case m.backend != nil:
		what = "Could not read " + m.title() + "."
	}
	p.lead(p.st.bad, "✗ ", p.st.strong, what)
	p.para(p.st.text, 2, err.Error())
	if h := hintOf(err); h != "" {
		p.para(p.st.dim, 2, h)
	}
	if m.contexts.err != nil && m.contexts.err.Error() != err.Error() {
		p.para(p.st.dim, 2, "contexts cannot be offered: "+m.contexts.err.Error())
	}
}

// hintOf is the way out that an error carries, or "".
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// readingView says what is waited for.
func (m *Model) readingView() []string {
	st := &m.theme.styles
	body := m.body()
	what := clean("Reading " + m.title() + " " + ellipsis)
	text := []string{centered(st.accent.Render(m.spinGlyph())+" "+st.text.Render(what), m.width)}
	say := func(s string) {
		for _, l := range wrap(s, min(64, m.width-4)) {
			text = append(text, centered(st.dim.Render(l), m.width))
		}
	}
	if m.load.slow > 0 {
		text = append(text, "")
		if m.live() {
			say("The API server was asked for what is in scope and has not sent all of it yet.")
		} else {
			say("The files are being read: it takes as long as there are many.")
		}
	}
	if m.load.slow > 1 {
		if m.live() {
			say("Is the cluster up, and are you on its network?")
		}
		say("esc stops and offers something else.")
	}
	lines := make([]string, body.h)
	top := max(0, (body.h-1)/2)
	for i, l := range text {
		if top+i < len(lines) {
			lines[top+i] = l
		}
	}
	return lines
}

// centered is center for styled text.
func centered(s string, w int) string {
	return strings.Repeat(" ", max(0, (w-widthOf(s))/2)) + s
}

// startScreen is shown until there is data.
func startScreen() screenDef {
	return screenDef{
		on: onStart, crumbs: func(*Model) []string { return nil }, view: (*Model).startView, build: (*Model).buildStart,
		page:   func(m *Model) *doc { return &m.begin.page },
		list:   func(m *Model) (*list, rows) { return &m.begin.list, m.choices() },
		places: (*Model).startPlaces,
	}
}

// startActions are those before there is data, and those that go elsewhere.
func startActions() []action {
	return []action{
		{name: "go", keys: []string{"enter", "l", "right"}, help: "do what is under the cursor", on: onStart, hint: 1, rare: true, ready: noChoice, run: (*Model).choose},
		{name: "retry", keys: []string{"r", "ctrl+r"}, help: "try to read again", on: onStart, hint: 2, ready: noReload, run: (*Model).retry},
		{name: "contexts", keys: []string{"c"}, help: "look at another context of the kubeconfig", on: onBrowse | onStart, hint: 9, rare: true, ready: noConnector, run: (*Model).askContext},
		{name: "namespaces", keys: []string{"s"}, help: "choose which namespaces are read", on: onBrowse | onStart, hint: 9, rare: true, ready: noScope, run: (*Model).askScope},
		{name: "files", keys: []string{"f"}, help: "look at manifests in a file or a folder", on: onStart, hint: 9, rare: true, ready: noConnector, run: (*Model).askFiles},
		{name: "demo", keys: []string{"d"}, help: "look at the manifests of a small shop with much to fix", on: onStart, hint: 9, rare: true, ready: noConnector, run: (*Model).goToDemo},
		{name: "log in", keys: []string{"L"}, help: "let the credential plugin of the kubeconfig ask for what it needs", on: onBrowse | onStart, hint: 1, rare: true, ready: noLogin, run: (*Model).logIn},
		{name: "stop", keys: []string{"esc", "h", "left"}, help: "stop reading or opening", on: onStart, run: (*Model).stopReading},
	}
}
