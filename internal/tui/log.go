package tui

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	// logLines is how many lines are kept.
	logLines = 2000
	// logEvery is how long lines are gathered before they are shown together.
	logEvery = 100 * time.Millisecond
)

// logging is what others said while the UI was up.
type logging struct {
	lines  []logEntry
	next   int // number of the next line
	rows   logRows
	list   list
	filter filter
	zoom   bool
	back   screen // where it was asked for
	page   doc
	drawn  drawn
	unseen int // warnings since it was looked at
}

// logEntry is a line with its number, which tells it apart from equal ones.
type logEntry struct {
	LogLine
	id string
}

type logRows []*logEntry

func (r logRows) Len() int        { return len(r) }
func (r logRows) ID(i int) string { return r[i].id }

type logMsg struct {
	lines []LogLine
	ended bool
}

func (logMsg) lasts() {}

// readLog waits for lines and takes those that follow closely with them.
func (m *Model) readLog() tea.Cmd {
	if m.opts.Log == nil {
		return nil
	}
	return gatherLines(m.lasting, m.opts.Log)
}

func gatherLines(ctx context.Context, from <-chan LogLine) tea.Cmd {
	return func() tea.Msg {
		var msg logMsg
		var full <-chan time.Time
		for len(msg.lines) < logLines {
			select {
			case l, ok := <-from:
				if !ok {
					msg.ended = true
					return msg
				}
				msg.lines = append(msg.lines, l)
				if full == nil {
					full = time.After(logEvery)
				}
			case <-full:
				return msg
			case <-ctx.Done():
				return nil
			}
		}
		return msg
	}
}

// warning finds what klog, Trivy and others write before warnings and errors.
var warning = regexp.MustCompile(`^[WEF]\d{4} |(?i)\b(warn(ing)?|error|fatal|failed|denied|forbidden)\b`)

// onlyWarns are those whose lines are all warnings: of the other levels nothing comes.
var onlyWarns = []string{"api-server", "client-go"}

func isWarning(l LogLine) bool {
	return slices.Contains(onlyWarns, l.From) || warning.MatchString(l.Text)
}

func (msg logMsg) take(m *Model) tea.Cmd {
	g := &m.log
	for _, l := range msg.lines {
		g.next++
		g.lines = append(g.lines, logEntry{l, itoa(g.next)})
		if m.screen != screenLog && isWarning(l) {
			g.unseen++
		}
	}
	if over := len(g.lines) - logLines; over > 0 {
		g.lines = append([]logEntry(nil), g.lines[over:]...)
	}
	m.refreshLog()
	if msg.ended {
		return nil
	}
	return m.readLog()
}

// refreshLog derives the rows. The cursor stays on the end when it was there.
func (m *Model) refreshLog() {
	if m.screen != screenLog {
		return
	}
	g := &m.log
	old := g.rows
	atEnd := g.list.at >= len(old)-1
	g.rows = nil
	for i := range g.lines {
		if logMatches(&g.filter, &g.lines[i]) {
			g.rows = append(g.rows, &g.lines[i])
		}
	}
	if atEnd {
		g.list.to(g.rows, len(g.rows)-1, m.listHeight())
		return
	}
	g.list.keep(old, g.rows, m.listHeight())
}

func logMatches(f *filter, l *logEntry) bool {
	if len(f.words) == 0 {
		return true
	}
	text := strings.ToLower(l.From + " " + l.Text)
	for _, w := range f.words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// logLine is the line under the cursor, or nil.
func (m *Model) logLine() *logEntry {
	g := &m.log
	if g.list.at < 0 || g.list.at >= len(g.rows) {
		return nil
	}
	return g.rows[g.list.at]
}

func noLogLine(m *Model) string {
	if m.logLine() == nil {
		return "nothing was said"
	}
	return ""
}

func (m *Model) openLog() tea.Cmd {
	m.log.back = m.screen
	m.log.unseen, m.log.zoom = 0, false
	m.log.rows, m.log.list = nil, list{}
	m.show(screenLog)
	return nil
}

func (m *Model) backFromLog() tea.Cmd {
	switch g := &m.log; {
	case g.zoom:
		g.zoom = false
	case g.filter.text != "":
		return m.setFilter("")
	default:
		g.rows = nil
		m.show(g.back)
	}
	return nil
}

func logScreen() screenDef {
	return screenDef{
		on: onLog, crumbs: func(*Model) []string { return []string{"log"} }, view: (*Model).logView, build: (*Model).buildLogPage,
		page:   func(m *Model) *doc { return &m.log.page },
		list:   func(m *Model) (*list, rows) { return &m.log.list, m.log.rows },
		places: (*Model).logPlaces,
		zoomed: func(m *Model) bool { return m.log.zoom },
		filter: func(m *Model) *filter { return &m.log.filter },
		refine: func(m *Model, text string) {
			// Everything is a word here: what is looked for has colons in it.
			m.log.filter = filter{text: strings.TrimSpace(text), words: strings.Fields(strings.ToLower(text))}
			m.refreshLog()
		},
		fit: (*Model).refreshLog,
	}
}

// logActions are those about the log.
func logActions() []action {
	return []action{
		{name: "log", keys: []string{"~"}, help: "what client-go, the API server's warnings, image scanners and credential plugins said", on: onAll &^ onLog, run: (*Model).openLog},
		{name: "read", keys: []string{"enter", "l", "right"}, help: "read the line in the whole frame", on: onLog, hint: 1, ready: noLogLine, run: func(m *Model) tea.Cmd {
			m.log.zoom = !m.log.zoom
			return nil
		}},
		{name: "filter", keys: []string{"/"}, help: "filter by words", on: onLog, hint: 3, run: (*Model).openFilter},
		{name: "copy line", keys: []string{"y"}, help: "copy the line", on: onLog, hint: 4, ready: noLogLine, run: (*Model).copyLogLine},
		{name: "copy log", keys: []string{"Y"}, help: "copy all lines in view", on: onLog, ready: noLogLine, run: (*Model).copyLog},
		{name: "back", keys: []string{"esc", "h", "left", "~"}, help: "go back: from the whole frame, from the filter, to where you were", on: onLog, hint: 2, run: (*Model).backFromLog},
	}
}
