package tui

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// reportEvery is how long a report is good for at least: working one out costs a
// second where much is found.
const reportEvery = 2 * time.Second

// reporting is how what is looked at stands against standards.
type reporting struct {
	seq         int
	busy        bool
	due         bool   // it will be asked again in a moment
	known       *index // the data that the report is from
	assessments []*compliance.Assessment
	err         error
	standard    string // id of the one that is shown
	all         bool   // controls that do not fail are listed too
	rows        reportRows
	list        list
	filter      filter
	zoom        bool
	page        doc
	drawn       drawn
	version     int // grows with every change of assessments
}

// reportRow is a control, or the head of a section.
type reportRow struct {
	id      string // "" for a head
	section *compliance.SectionVerdict
	verdict *compliance.Verdict // nil for a head
}

type reportRows []reportRow

func (r reportRows) Len() int        { return len(r) }
func (r reportRows) ID(i int) string { return r[i].id }

type (
	reportMsg struct {
		seq         int
		x           *index
		assessments []*compliance.Assessment
		err         error
	}
	reportDueMsg struct{}
)

func noReport(m *Model) string {
	if m.x == nil || m.x.snap.Inventory == nil {
		return "nothing is read yet"
	}
	return ""
}

func (m *Model) openReport() tea.Cmd {
	m.detail.stop()
	m.detail.id = ""
	m.report.zoom = false
	m.show(screenReport)
	if m.report.known == m.x || m.report.busy {
		return nil
	}
	return m.askReport()
}

func (m *Model) askReport() tea.Cmd {
	r := &m.report
	r.seq++
	r.busy, r.err = true, nil
	b, seq, x := m.backend, r.seq, m.x
	return func() tea.Msg {
		assessments, err := b.Report(nil)
		return reportMsg{seq, x, assessments, err}
	}
}

// followReport asks again, after a while, when the data changed.
func (m *Model) followReport() tea.Cmd {
	r := &m.report
	if m.screen != screenReport || r.busy || r.due || r.known == m.x || r.err != nil {
		return nil
	}
	r.due = true
	return later(reportEvery, reportDueMsg{})
}

func (reportDueMsg) take(m *Model) tea.Cmd {
	r := &m.report
	r.due = false
	if m.screen != screenReport || r.busy || r.known == m.x {
		return nil
	}
	return m.askReport()
}

func (msg reportMsg) take(m *Model) tea.Cmd {
	r := &m.report
	if msg.seq != r.seq || !r.busy {
		return nil
	}
	r.busy = false
	r.version++
	if msg.err != nil {
		r.err = msg.err
		return m.fail("working out the report", msg.err)
	}
	r.known, r.assessments = msg.x, msg.assessments
	m.refreshReport()
	return nil
}

// assessment is the one that is shown, or nil.
func (m *Model) assessment() *compliance.Assessment {
	r := &m.report
	for _, a := range r.assessments {
		if a.Standard.ID == r.standard {
			return a
		}
	}
	if len(r.assessments) == 0 {
		return nil
	}
	r.standard = r.assessments[0].Standard.ID
	return r.assessments[0]
}

// refreshReport derives the rows: controls under their sections.
func (m *Model) refreshReport() {
	r := &m.report
	old := r.rows
	r.rows = nil
	a := m.assessment()
	if a == nil {
		return
	}
	for i := range a.Sections {
		s := &a.Sections[i]
		headed := false
		for k := range s.Verdicts {
			v := &s.Verdicts[k]
			if !r.all && v.Status != compliance.Fail || !controlMatches(&r.filter, v) {
				continue
			}
			if !headed {
				r.rows = append(r.rows, reportRow{section: s})
				headed = true
			}
			r.rows = append(r.rows, reportRow{id: a.Standard.ID + "|" + v.Control.ID, section: s, verdict: v})
		}
	}
	r.list.keep(old, r.rows, m.listHeight())
	r.list.clamp(r.rows, m.listHeight())
}

var reportFilterTerms = []string{"id", "status"}

func parseReportFilter(text string) filter {
	f := parseFilter(text)
	for _, t := range f.terms {
		if !slices.Contains(reportFilterTerms, t.key) {
			f.fail("no term %q here: use %s", t.key, strings.Join(reportFilterTerms, ", "))
		}
	}
	return f
}

// controlMatches reports whether all words are in what a control asks or in the
// names of the rules that answer it.
func controlMatches(f *filter, v *compliance.Verdict) bool {
	text := strings.ToLower(v.Control.ID + " " + v.Control.Title + " " + strings.Join(v.Rules, " "))
	for _, w := range f.words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	for _, t := range f.terms {
		ok := true
		switch t.key {
		case "id":
			ok = t.contains(v.Control.ID) || slices.ContainsFunc(v.Rules, t.contains)
		case "status":
			ok = t.prefix(strings.ToLower(string(v.Status)))
		}
		if !ok {
			return false
		}
	}
	return true
}

// verdict is the control under the cursor, or nil.
func (m *Model) verdict() *compliance.Verdict {
	r := &m.report
	if r.list.at >= len(r.rows) {
		return nil
	}
	return r.rows[r.list.at].verdict
}

func (m *Model) nextStandard(delta int) tea.Cmd {
	r := &m.report
	n := len(r.assessments)
	if n == 0 || m.assessment() == nil {
		return nil
	}
	at := slices.IndexFunc(r.assessments, func(a *compliance.Assessment) bool { return a.Standard.ID == r.standard })
	r.standard = r.assessments[(at+delta+n)%n].Standard.ID
	r.rows, r.list = nil, list{}
	m.refreshReport()
	return nil
}

func (m *Model) toggleAllControls() tea.Cmd {
	m.report.all = !m.report.all
	m.refreshReport()
	if m.report.all {
		return m.say("all controls")
	}
	return m.say("only the controls that fail")
}

func noControl(m *Model) string {
	if m.verdict() == nil {
		return "no control in view"
	}
	return ""
}

func noControlFindings(m *Model) string {
	v := m.verdict()
	switch {
	case v == nil:
		return "no control in view"
	case len(v.Findings) == 0:
		return "no finding is behind this control"
	}
	return ""
}

// openControl goes to what the control found: what fails, or else all of it.
func (m *Model) openControl() tea.Cmd {
	v := m.verdict()
	var failed []*harden.Finding
	for _, f := range v.Findings {
		if f.Status == harden.StatusFail {
			failed = append(failed, f)
		}
	}
	if len(failed) > 0 {
		return m.showFindings(failed)
	}
	return m.showFindings(v.Findings)
}

func (m *Model) backFromReport() tea.Cmd {
	r := &m.report
	switch {
	case r.zoom:
		r.zoom = false
	case r.filter.text != "":
		return m.setFilter("")
	default:
		m.show(screenBrowse)
	}
	return nil
}

func reportScreen() screenDef {
	return screenDef{
		on: onReport, crumbs: (*Model).reportCrumbs, view: (*Model).reportView, build: (*Model).buildReportPage,
		page: func(m *Model) *doc { return &m.report.page },
		list: func(m *Model) (*list, rows) { return &m.report.list, m.report.rows },
		places: func(m *Model) (list, text rect) {
			return m.mostlyList(m.report.zoom, len(m.report.rows), m.reportAbove())
		},
		zoomed: func(m *Model) bool { return m.report.zoom },
		filter: func(m *Model) *filter { return &m.report.filter },
		refine: func(m *Model, text string) {
			m.report.filter = parseReportFilter(text)
			m.refreshReport()
		},
		fit: (*Model).refreshReport,
	}
}

func (m *Model) reportCrumbs() []string {
	if a := m.assessment(); a != nil {
		return []string{"report", a.Standard.ID}
	}
	return []string{"report"}
}

// reportActions are those about how the cluster stands against standards.
func reportActions() []action {
	return []action{
		{name: "report", keys: []string{"C"}, help: "compliance: how this stands against the standards that fit (CIS, NSA, Pod Security)", on: onBrowse, hint: 8, ready: noReport, run: (*Model).openReport},
		{name: "findings", keys: []string{"enter"}, help: "go to the findings behind the control", on: onReport, hint: 1, ready: noControlFindings, run: (*Model).openControl},
		{name: "standard", keys: []string{"tab"}, help: "next standard", on: onReport, hint: 2, run: func(m *Model) tea.Cmd { return m.nextStandard(1) }},
		{name: "standard before", keys: []string{"shift+tab"}, help: "standard before", on: onReport, run: func(m *Model) tea.Cmd { return m.nextStandard(-1) }},
		{name: "all", keys: []string{"a"}, help: "list all controls, or only those that fail", on: onReport, hint: 3, run: (*Model).toggleAllControls},
		{name: "filter", keys: []string{"/"}, help: "filter by words (number, title, rule) and terms such as status:unknown id:", on: onReport, hint: 5, run: (*Model).openFilter},
		{name: "zoom", keys: []string{"l", "right"}, help: "read all about the control in the whole frame", on: onReport, hint: 6, ready: noControl, run: func(m *Model) tea.Cmd {
			m.report.zoom = !m.report.zoom
			return nil
		}},
		{name: "copy control", keys: []string{"y"}, help: "copy the control as markdown", on: onReport, hint: 7, ready: noControl, run: (*Model).copyControl},
		{name: "report again", keys: []string{"ctrl+r"}, help: "work the report out again", on: onReport, run: (*Model).askReport},
		{name: "back", keys: []string{"esc", "h", "left"}, help: "go back: from the whole frame, from the filter, to the findings", on: onReport, hint: 4, run: (*Model).backFromReport},
	}
}
