package tui

import (
	"context"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Times of the UI. All are messages of tea.Tick: Update reads no clock.
const (
	armAfter     = 400 * time.Millisecond // keys of a confirm are ignored until then
	previewAfter = 60 * time.Millisecond  // the cursor must rest before a patch is asked for
	spinEvery    = 120 * time.Millisecond
	toastFor     = 5 * time.Second
	changesFor   = 10 * time.Second
)

// Model is the whole UI. Update and View do no I/O and read no clock: what takes
// time is a command, whose answer is dropped when it is not wanted any more.
type Model struct {
	backend Backend
	opts    Options
	root    context.Context // ends with the visit
	lasting context.Context // ends when the UI ends
	visit   visit
	opening opening
	writes  *writes
	keeper  *keeper
	state   State // how contexts were looked at last
	// exec gives the terminal to something else: tea.Exec.
	exec func(tea.ExecCommand, tea.ExecCallback) tea.Cmd

	width, height int
	theme         *theme
	actions       []action

	areas   []area // what the mouse reaches in the frame that was drawn last
	drawing bool
	dragged func(*Model, int) tea.Cmd // while a button is held; nil: nothing
	screens [screenCount]screenDef
	screen  screen
	dialogs []dialog
	toast   toast
	lastErr error
	spin    int
	spins   bool // a tick of the spinner is under way

	begin    starting
	contexts contexts
	spaces   spaces

	load   loading
	look   looking
	x      *index // what is shown; nil before the first answer
	fixes  map[string]fixInfo
	asked  map[string]int // generation for which the class of a finding was asked
	class  classing
	marks  map[string]bool
	told   map[string]bool // what was said once about what can be read
	browse browse
	typing *input // the filter, while it is typed
	filter filter
	match  *matches // nil without a filter
	detail detail
	plan   planning
	run    running
	undo   undoing
	images imaging
	image  imageView
	net    networking

	waivers waivering
	report  reporting
	log     logging
	writing int // calls that write files and have not come back
	// Ways out of the program that tests replace.
	tools tools

	quitWhenDone bool
}

// New makes the UI over a backend. Run shows it; tests drive its Update.
func New(b Backend, opts Options) *Model {
	return &Model{
		backend: b, opts: opts, root: context.Background(), writes: &writes{}, exec: tea.Exec,
		keeper: &keeper{}, state: opts.Remembered.clone(), screen: screenStart,
		theme: newTheme(true, colorprofile.TrueColor), actions: actions(), screens: screenDefs(),
		tools: defaultTools(),
		fixes: map[string]fixInfo{}, asked: map[string]int{}, marks: map[string]bool{}, told: map[string]bool{},
	}
}

// later delivers a message after a while.
func later(d time.Duration, msg tea.Msg) tea.Cmd {
	return tea.Tick(d, func(time.Time) tea.Msg { return msg })
}

// Init asks for the background of the terminal and for the data; neither is
// waited for.
func (m *Model) Init() tea.Cmd {
	m.enter()
	return m.stamp(tea.Batch(tea.RequestBackgroundColor, m.reload(), m.readContexts(), m.readLog(), m.follow()))
}

// toast is a line that says what just happened.
type toast struct {
	text string
	bad  bool
	seq  int
}

type toastOverMsg struct{ seq int }

func (msg toastOverMsg) take(m *Model) tea.Cmd {
	if msg.seq == m.toast.seq {
		m.toast.text = ""
	}
	return nil
}

// say shows a toast.
func (m *Model) say(text string) tea.Cmd { return m.showToast(text, false) }

// fail shows that something went wrong and keeps the error for the ! key.
func (m *Model) fail(what string, err error) tea.Cmd {
	m.lastErr = wrapped{what, err}
	return m.showToast(what+": "+err.Error(), true)
}

func (m *Model) showToast(text string, bad bool) tea.Cmd {
	m.toast = toast{text: text, bad: bad, seq: m.toast.seq + 1}
	return later(toastFor, toastOverMsg{m.toast.seq})
}

type wrapped struct {
	what string
	err  error
}

func (w wrapped) Error() string { return w.what + ": " + w.err.Error() }
func (w wrapped) Unwrap() error { return w.err }

type spinMsg struct{}

func (spinMsg) take(m *Model) tea.Cmd {
	m.spins = false
	m.spin++
	return nil
}

var spinner = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

func (m *Model) spinGlyph() string { return spinner[m.spin%len(spinner)] }

// busy reports whether something is under way that a spinner shows.
func (m *Model) busy() bool {
	return m.opening.what != "" || m.load.busy || m.look.busy || m.net.busy || m.plan.busy > 0 || m.run.active() || m.undo.busy ||
		m.writing > 0 || m.waivers.busy || m.report.busy || m.working()
}

// follow issues what the state of the screen asks for: the classes of the rows
// in sight, the patch of the finding under the cursor, the spinner.
func (m *Model) follow() tea.Cmd {
	var cmds []tea.Cmd
	if m.busy() && !m.spins {
		m.spins = true
		cmds = append(cmds, later(spinEvery, spinMsg{}))
	}
	cmds = append(cmds, m.followClasses(), m.followDetail(), m.followNetwork(), m.followLook(), m.followWaivers(), m.followReport())
	m.buildPages()
	return tea.Batch(cmds...)
}

// fixInfo is what rows show about the best fix of a finding.
type fixInfo struct {
	gen   int
	class string // a harden.Class, or "none"
}

type classing struct {
	// marking says that classes were asked for to mark findings: until they are
	// there, what is marked is not what the person sees next.
	marking bool
	next    int // first row that may be without a class, for a class: term
	busy    bool
}

type classesMsg struct {
	fixes map[string]fixInfo
	mark  []string // findings to mark when their fix may be trusted
	chunk bool     // part of the classes of all findings
}

// classify asks for the classes of findings.
func (m *Model) classify(findings []*harden.Finding, ids []string, mark []string, chunk bool) tea.Cmd {
	b, gen := m.backend, m.x.snap.Generation
	return func() tea.Msg {
		msg := classesMsg{fixes: make(map[string]fixInfo, len(findings)), mark: mark, chunk: chunk}
		for i, f := range findings {
			info := fixInfo{gen: gen, class: "none"}
			if fixes := b.Fixes(f); len(fixes) > 0 {
				info.class = fixes[0].Class.String()
			}
			msg.fixes[ids[i]] = info
		}
		return msg
	}
}

const classChunk = 2000

// rowsInSight are the findings of which the screen shows the class of the fix.
func (m *Model) rowsInSight() []*row {
	var out []*row
	switch m.screen {
	case screenBrowse:
		l, h := m.browse.finds, m.panes().finds.h-2
		for i := l.top; i < min(l.top+h, m.browse.findRows.Len()); i++ {
			if r := m.browse.findRows.row(i); r != nil {
				out = append(out, r)
			}
		}
	case screenImage:
		pane, _ := m.places()
		l, items := m.image.list, m.image.rows.items
		for i := l.top; i < min(l.top+pane.h-2, len(items)); i++ {
			if r := items[i].finding; r != nil {
				out = append(out, r)
			}
		}
	}
	return out
}

func (m *Model) followClasses() tea.Cmd {
	if m.x == nil {
		return nil
	}
	var cmds []tea.Cmd
	var findings []*harden.Finding
	var ids []string
	gen := m.x.snap.Generation
	for _, r := range m.rowsInSight() {
		if m.fixes[r.id].class != "" && m.fixes[r.id].gen == gen || m.asked[r.id] == gen+1 {
			continue
		}
		m.asked[r.id] = gen + 1
		findings, ids = append(findings, r.Finding), append(ids, r.id)
	}
	if len(ids) > 0 {
		cmds = append(cmds, m.classify(findings, ids, nil, false))
	}
	if m.filter.class && !m.class.busy {
		findings, ids = nil, nil
		for ; m.class.next < len(m.x.rows) && len(ids) < classChunk; m.class.next++ {
			r := &m.x.rows[m.class.next]
			if m.fixes[r.id].class == "" {
				findings, ids = append(findings, r.Finding), append(ids, r.id)
			}
		}
		if len(ids) > 0 {
			m.class.busy = true
			cmds = append(cmds, m.classify(findings, ids, nil, true))
		}
	}
	return tea.Batch(cmds...)
}

func (msg classesMsg) take(m *Model) tea.Cmd {
	for id, info := range msg.fixes {
		if m.fixes[id].gen <= info.gen {
			m.fixes[id] = info
		}
	}
	if msg.chunk {
		m.class.busy = false
	}
	if m.filter.class {
		m.rematch()
		m.refresh(false)
	}
	if msg.mark != nil {
		m.class.marking = false
		return m.markTrusted(msg.mark)
	}
	return nil
}

// classOf is the class of a finding's best fix, or "".
func (m *Model) classOf(id string) string { return m.fixes[id].class }

func itoa(n int) string { return strconv.Itoa(n) }
