package tui

import (
	"cmp"
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// waivering is the list of all waivers that are written.
type waivering struct {
	seq    int
	busy   bool
	known  *index // the data that all is from
	all    []harden.WaiverView
	rows   waiverRows
	marks  map[string]bool
	list   list
	order  waiverOrder
	filter filter
	zoom   bool
	page   doc
	drawn  drawn
	// version grows with every change of all.
	version int
}

type waiverRows []*harden.WaiverView

func (r waiverRows) Len() int        { return len(r) }
func (r waiverRows) ID(i int) string { return r[i].ID() }

// waiverOrder is how waivers are sorted.
type waiverOrder int

const (
	byState waiverOrder = iota
	byEnd
	byRule
	byPlace
)

var waiverOrderNames = [...]string{"state", "end", "rule", "object"}

type waiversMsg struct {
	seq int
	x   *index
	all []harden.WaiverView
}

func (w *waivering) stop() { w.busy = false }

func (m *Model) openWaivers() tea.Cmd {
	m.detail.stop()
	m.detail.id = ""
	m.waivers.zoom = false
	m.show(screenWaivers)
	return m.askWaivers()
}

func (m *Model) askWaivers() tea.Cmd {
	w := &m.waivers
	w.seq++
	w.busy = true
	b, seq, x := m.backend, w.seq, m.x
	return func() tea.Msg { return waiversMsg{seq, x, b.Waivers()} }
}

// followWaivers asks again when the data changed.
func (m *Model) followWaivers() tea.Cmd {
	if m.screen != screenWaivers || m.waivers.busy || m.waivers.known == m.x {
		return nil
	}
	return m.askWaivers()
}

func (msg waiversMsg) take(m *Model) tea.Cmd {
	w := &m.waivers
	if msg.seq != w.seq || !w.busy {
		return nil
	}
	w.busy, w.known, w.all = false, msg.x, msg.all
	w.version++
	m.refreshWaivers()
	return nil
}

// refreshWaivers derives the rows.
func (m *Model) refreshWaivers() {
	w := &m.waivers
	old := w.rows
	w.rows = nil
	there := map[string]bool{}
	for i := range w.all {
		v := &w.all[i]
		there[v.ID()] = true
		if waiverMatches(&w.filter, v) {
			w.rows = append(w.rows, v)
		}
	}
	for id := range w.marks {
		if !there[id] {
			delete(w.marks, id)
		}
	}
	slices.SortStableFunc(w.rows, func(a, b *harden.WaiverView) int { return m.compareWaivers(a, b) })
	w.list.keep(old, w.rows, m.listHeight())
	w.list.clamp(w.rows, m.listHeight())
}

func (m *Model) compareWaivers(a, b *harden.WaiverView) int {
	byEnds := a.Until.Compare(b.Until)
	switch m.waivers.order {
	case byEnd:
		return byEnds
	case byRule:
		return cmp.Or(strings.Compare(a.Rule, b.Rule), byEnds)
	case byPlace:
		return cmp.Or(strings.Compare(a.Source, b.Source), byEnds)
	}
	return cmp.Or(cmp.Compare(m.waiverRank(a), m.waiverRank(b)), byEnds)
}

var waiverFilterTerms = []string{"id", "ns", "name"}

func parseWaiverFilter(text string) filter {
	f := parseFilter(text)
	for _, t := range f.terms {
		if !slices.Contains(waiverFilterTerms, t.key) {
			f.fail("no term %q here: use %s", t.key, strings.Join(waiverFilterTerms, ", "))
		}
	}
	return f
}

// waiverMatches reports whether all words are in what is written about a waiver.
func waiverMatches(f *filter, v *harden.WaiverView) bool {
	text := strings.ToLower(strings.Join([]string{v.Rule, string(v.State), v.Reason, v.Source, v.By, v.Ticket, v.Object.Long(), v.Why}, " "))
	for _, w := range f.words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	for _, t := range f.terms {
		ok := true
		switch t.key {
		case "id":
			ok = t.contains(v.Rule)
		case "ns":
			ok = t.contains(v.Object.Namespace) || slices.ContainsFunc(v.Findings, func(x *harden.Finding) bool { return t.contains(x.Object.Namespace) })
		case "name":
			ok = t.contains(v.Object.Name) || slices.ContainsFunc(v.Findings, func(x *harden.Finding) bool { return t.contains(x.Object.Name) })
		}
		if !ok {
			return false
		}
	}
	return true
}

// waiver is the one under the cursor, or nil.
func (m *Model) waiver() *harden.WaiverView {
	w := &m.waivers
	if w.list.at >= len(w.rows) {
		return nil
	}
	return w.rows[w.list.at]
}

// chosenWaivers are the marked ones, or the one under the cursor.
func (m *Model) chosenWaivers() []harden.WaiverView {
	var out []harden.WaiverView
	for i := range m.waivers.all {
		if v := m.waivers.all[i]; m.waivers.marks[v.ID()] {
			out = append(out, v)
		}
	}
	if v := m.waiver(); len(out) == 0 && v != nil {
		out = append(out, *v)
	}
	return out
}

func inConfiguration(v harden.WaiverView) bool { return v.Annotation == "" }

func noWaiver(m *Model) string {
	if m.waiver() == nil {
		return "no waiver in view"
	}
	return ""
}

func noUnwaive(m *Model) string {
	chosen := m.chosenWaivers()
	switch {
	case m.opts.ReadOnly:
		return readOnly
	case len(chosen) == 0:
		return "no waiver in view"
	case count(chosen, inConfiguration) == len(chosen):
		return "it is a line of the configuration: take it out at " + chosen[0].Source
	}
	return ""
}

// unwaive plans that the chosen waivers are taken away.
func (m *Model) unwaive() tea.Cmd {
	chosen := m.chosenWaivers()
	var findings []*harden.Finding
	for _, v := range chosen {
		findings = append(findings, v.Findings...)
	}
	m.showPlan(planning{findings: findings, from: m.screen, effect: harden.Unwaives, make: func(ctx context.Context, b Backend, _ []*harden.Finding, opts harden.PlanOptions) (*harden.Plan, error) {
		return b.Unwaive(ctx, chosen, opts)
	}})
	return m.askPlan()
}

func (m *Model) markWaiver() tea.Cmd {
	m.flipWaiver()
	return m.moveCursor(1)
}

// flipWaiver marks the waiver under the cursor or takes its mark away.
func (m *Model) flipWaiver() {
	w, id := &m.waivers, m.waiver().ID()
	if w.marks == nil {
		w.marks = map[string]bool{}
	}
	if w.marks[id] {
		delete(w.marks, id)
	} else {
		w.marks[id] = true
	}
}

func (m *Model) sortWaivers() tea.Cmd {
	m.waivers.order = (m.waivers.order + 1) % waiverOrder(len(waiverOrderNames))
	m.refreshWaivers()
	return m.say("waivers by " + waiverOrderNames[m.waivers.order])
}

// openWaiver goes to what the waiver excuses.
func (m *Model) openWaiver() tea.Cmd {
	v := m.waiver()
	if len(v.Findings) == 0 {
		return m.say("it excuses nothing: there is no finding to go to")
	}
	return m.showFindings(v.Findings)
}

func (m *Model) backFromWaivers() tea.Cmd {
	w := &m.waivers
	switch {
	case w.zoom:
		w.zoom = false
	case w.filter.text != "":
		return m.setFilter("")
	default:
		w.stop()
		m.show(screenBrowse)
	}
	return nil
}

func (m *Model) zoomWaiver() tea.Cmd {
	m.waivers.zoom = !m.waivers.zoom
	return nil
}

func waiversScreen() screenDef {
	return screenDef{
		on: onWaivers, crumbs: func(*Model) []string { return []string{"waivers"} }, view: (*Model).waiversView, build: (*Model).buildWaiverPage,
		page:   func(m *Model) *doc { return &m.waivers.page },
		list:   func(m *Model) (*list, rows) { return &m.waivers.list, m.waivers.rows },
		places: func(m *Model) (list, text rect) { return m.mostlyList(m.waivers.zoom, m.waivers.rows.Len(), 0) },
		zoomed: func(m *Model) bool { return m.waivers.zoom },
		filter: func(m *Model) *filter { return &m.waivers.filter },
		refine: func(m *Model, text string) {
			m.waivers.filter = parseWaiverFilter(text)
			m.refreshWaivers()
		},
		head: func(m *Model, _ tea.MouseClickMsg) tea.Cmd { return m.sortWaivers() },
		mark: func(m *Model) bool {
			m.flipWaiver()
			return true
		},
		fit: (*Model).refreshWaivers,
	}
}

// waiverActions are those about waivers.
func waiverActions() []action {
	return []action{
		{name: "waive", keys: []string{"w"}, help: "waive the finding under the cursor, with all marked ones if it is marked: they stay, and do not count until a day (asks first)", on: onBrowse, hint: 7, ready: noWaive, run: (*Model).openWaive},
		{name: "waivers", keys: []string{"W"}, help: "all waivers that are written: which hold, end soon, are over or excuse nothing", on: onBrowse, hint: 9, run: (*Model).openWaivers},
		{name: "finding", keys: []string{"enter"}, help: "go to what it excuses", on: onWaivers, hint: 1, ready: noWaiver, run: (*Model).openWaiver},
		{name: "mark", keys: []string{"space"}, help: "mark the waiver, to take several away", on: onWaivers, hint: 2, ready: noWaiver, run: (*Model).markWaiver},
		{name: "take away", keys: []string{"x"}, help: "take the marked waivers away, or the one under the cursor (asks first): what they excuse counts again", on: onWaivers, hint: 3, ready: noUnwaive, run: (*Model).unwaive},
		{name: "filter", keys: []string{"/"}, help: "filter by words (rule, reason, object, file, who, ticket) and terms such as id: ns: name:", on: onWaivers, hint: 5, run: (*Model).openFilter},
		{name: "sort", keys: []string{"g"}, help: "sort the waivers by state, end, rule or object", on: onWaivers, hint: 6, ready: noWaiver, run: (*Model).sortWaivers},
		{name: "zoom", keys: []string{"l", "right"}, help: "read all about it in the whole frame", on: onWaivers, hint: 7, ready: noWaiver, run: (*Model).zoomWaiver},
		{name: "copy", keys: []string{"y"}, help: "copy the waiver as text", on: onWaivers, ready: noWaiver, run: (*Model).copyWaiver},
		{name: "back", keys: []string{"esc", "h", "left"}, help: "go back: from the whole frame, from the filter, to the findings", on: onWaivers, hint: 4, run: (*Model).backFromWaivers},
	}
}
