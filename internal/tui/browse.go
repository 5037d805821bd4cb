package tui

import (
	tea "charm.land/bubbletea/v2"
)

// level is a pane of the browse screen, from the outside in.
type level int

const (
	levelSpaces level = iota
	levelObjects
	levelFinds
	levelDetail
)

// browse is where the person is. Rows are derived anew when data, filter,
// grouping or the cursor of an outer pane change, never in View.
type browse struct {
	focus                  level
	spaces, objects, finds list
	spaceRows              spaceRows
	objectRows             objectRows
	findRows               findRows
	group                  grouping
	sort                   sorting
	order                  rowOrder
	flat                   bool // all findings in one list, without the outer panes
	unfolded               bool // namespaces of the system are listed
	noExcused              bool // what is waived or expected is not listed
	left                   int  // cells of the left pane; 0: by the width
}

// start puts the cursors for the first data.
func (m *Model) start() {
	m.browse.focus = levelSpaces
	if m.x.onlyOne {
		m.browse.focus = levelObjects
	}
	m.recall()
	if m.browse.flat {
		m.browse.focus = levelFinds
	}
	m.refresh(true)
	m.recallSpace()
}

// rematch runs the filter over the present data.
func (m *Model) rematch() {
	m.match = nil
	if m.x != nil && !m.filter.empty() {
		m.match = m.filter.match(m.x, m.classOf)
	}
}

// refresh derives all rows; with reset the cursors start at the top.
func (m *Model) refresh(reset bool) {
	if m.x == nil {
		return
	}
	old := m.browse.spaceRows
	m.browse.spaceRows = m.deriveSpaces()
	height := m.panes().spaces.h - 2
	if reset {
		m.browse.spaces = list{}
	} else {
		m.browse.spaces.keep(old, m.browse.spaceRows, height)
	}
	m.browse.spaces.clamp(m.browse.spaceRows, height)
	m.refreshObjects(reset)
}

func (m *Model) refreshObjects(reset bool) {
	old := m.browse.objectRows
	m.browse.objectRows = m.deriveObjects()
	height := m.panes().objects.h - 2
	if reset || old.x == nil {
		m.browse.objects = list{}
	} else {
		m.browse.objects.keep(old, m.browse.objectRows, height)
	}
	m.browse.objects.clamp(m.browse.objectRows, height)
	m.refreshFinds(reset)
}

func (m *Model) refreshFinds(reset bool) {
	old := m.browse.findRows
	m.browse.findRows = m.deriveFinds()
	height := m.panes().finds.h - 2
	if reset || old.x == nil {
		m.browse.finds = list{}
	} else {
		m.browse.finds.keep(old, m.browse.findRows, height)
	}
	m.browse.finds.clamp(m.browse.findRows, height)
	if m.browse.focus == levelDetail && m.current() == nil {
		m.browse.focus = levelFinds
	}
}

// reclamp fits the cursors to a new size.
func (m *Model) reclamp() {
	if m.x == nil {
		return
	}
	p := m.panes()
	m.browse.spaces.clamp(m.browse.spaceRows, p.spaces.h-2)
	m.browse.objects.clamp(m.browse.objectRows, p.objects.h-2)
	m.browse.finds.clamp(m.browse.findRows, p.finds.h-2)
}

// current is the finding under the cursor, or nil.
func (m *Model) current() *row {
	if m.x == nil {
		return nil
	}
	return m.browse.findRows.row(m.browse.finds.at)
}

// step moves the cursor of the focused pane.
func (m *Model) step(delta int) tea.Cmd { return m.stepIn(m.browse.focus, delta) }

func (m *Model) stepIn(at level, delta int) tea.Cmd {
	if m.x == nil {
		return nil
	}
	b, p := &m.browse, m.panes()
	switch at {
	case levelSpaces:
		was := b.spaces.id(b.spaceRows)
		b.spaces.move(b.spaceRows, delta, p.spaces.h-2)
		if was != b.spaces.id(b.spaceRows) {
			m.refreshObjects(true)
		}
	case levelObjects:
		was := b.objects.id(b.objectRows)
		b.objects.move(b.objectRows, delta, p.objects.h-2)
		if was != b.objects.id(b.objectRows) {
			m.refreshFinds(true)
		}
	case levelFinds:
		b.finds.move(b.findRows, delta, p.finds.h-2)
	case levelDetail:
		m.detail.page.scroll(delta, p.detail.h-2)
	}
	return nil
}

// page is the number of rows of the focused pane.
func (m *Model) pageSize() int {
	p := m.panes()
	return max(1, [4]int{p.spaces.h, p.objects.h, p.finds.h, p.detail.h}[m.browse.focus]-3)
}

func (m *Model) goIn() tea.Cmd {
	b := &m.browse
	switch {
	case m.x == nil:
		return nil
	case b.focus == levelSpaces && m.selectedSpace() == rowSystem:
		return m.fold()
	case b.focus == levelFinds && m.current() == nil:
		return nil
	case b.focus < levelDetail:
		b.focus++
		m.reclamp()
	}
	return nil
}

func (m *Model) goOut() tea.Cmd {
	if m.browse.focus <= m.outermost() {
		return m.say("this is the outermost pane: q quits")
	}
	m.browse.focus--
	m.reclamp()
	return nil
}

// outermost is the pane from which there is no way out.
func (m *Model) outermost() level {
	if m.browse.flat {
		return levelFinds
	}
	return levelSpaces
}

// goBack gives up what is being opened, or clears the filter, or else goes out.
func (m *Model) goBack() tea.Cmd {
	if m.opening.what != "" {
		return m.notOpening()
	}
	if m.filter.text != "" {
		return m.setFilter("")
	}
	return m.goOut()
}

func (m *Model) fold() tea.Cmd {
	m.browse.unfolded = !m.browse.unfolded
	m.refresh(false)
	return nil
}

// toggleExcused hides what is waived or expected, or lists it again.
func (m *Model) toggleExcused() tea.Cmd {
	m.browse.noExcused = !m.browse.noExcused
	m.refreshFinds(false)
	what := plural(m.browse.findRows.excused, "waived or expected finding is ", "waived or expected findings are ")
	if m.browse.noExcused {
		return m.say(what + "hidden")
	}
	return m.say(what + "listed")
}

// excused reports whether the finding does not count: waived, or expected.
func (r *row) excused() bool {
	return r.weight == weighsOther
}

func noSystem(m *Model) string {
	for i := range m.x.spaces {
		if m.x.spaces[i].system {
			return ""
		}
	}
	return "no namespace of the system is in this scope"
}

func (m *Model) toggleSystem() tea.Cmd {
	m.fold()
	if m.browse.unfolded {
		return m.say("namespaces of the system are listed")
	}
	return m.say("namespaces of the system are folded")
}

func (m *Model) regroup() tea.Cmd {
	m.browse.group = (m.browse.group + 1) % 3
	m.refreshFinds(false)
	return m.say("findings by " + groupingNames[m.browse.group])
}

// refine filters what the browse screen lists.
func (m *Model) refine(text string) {
	was := m.filter.text
	m.filter = parseFilter(text)
	if m.filter.text != was {
		m.class.next = 0
		m.rematch()
		m.refresh(false)
	}
}

// browseScreen is where the UI starts: namespaces, workloads, findings, detail.
func browseScreen() screenDef {
	return screenDef{
		on: onBrowse, crumbs: (*Model).browseCrumbs, view: (*Model).browseView, build: (*Model).buildDetail, marks: true,
		page: func(m *Model) *doc { return &m.detail.page }, fit: (*Model).reclamp,
		filter: func(m *Model) *filter { return &m.filter }, refine: (*Model).refine,
	}
}

func (m *Model) browseCrumbs() []string {
	parts, _ := m.path()
	return parts
}

// path is where the cursor is, and the pane that each part of it is the inside of.
func (m *Model) path() (parts []string, inside []level) {
	if m.x == nil {
		return nil, nil
	}
	add := func(part string, at level) { parts, inside = append(parts, part), append(inside, at) }
	switch s := m.selectedSpace(); s {
	case rowAll:
	case rowSystem:
		add("system", levelObjects)
	default:
		if m.x.spaces[s].name != m.scopeName() {
			add(m.x.spaces[s].name, levelObjects)
		}
	}
	if m.browse.flat {
		add("all findings", levelFinds)
	}
	if o := m.selectedObject(); o != rowAll && m.browse.focus >= levelObjects {
		add(m.x.objects[o].name, levelFinds)
	}
	if r := m.current(); r != nil && m.browse.focus == levelDetail {
		add(r.Fixer.ID, levelDetail)
	}
	return parts, inside
}

// browseActions are those of the browse screen.
func browseActions() []action {
	return []action{
		{name: "mark", keys: []string{"space"}, help: "mark the finding for fixing", on: onBrowse, hint: 2, ready: noMark, run: (*Model).toggleMark},
		{name: "mark safe", keys: []string{"a"}, help: "mark all safe and evidence-backed fixes in view", on: onBrowse, hint: 3, ready: noFindings, run: (*Model).markAll},
		{name: "unmark", keys: []string{"A"}, help: "unmark all", on: onBrowse, ready: noMarks, run: (*Model).markNone},
		{name: "fix", keys: []string{"f"}, help: "plan the marked fixes, or the one under the cursor", on: onBrowse, hint: 4, ready: noFix, run: (*Model).openPlan},
		{name: "undo", keys: []string{"u"}, help: "what was applied, and taking it back", on: onBrowse, hint: 5, ready: noUndoList, run: (*Model).openUndo},
		{name: "network", keys: []string{"n"}, help: "who can talk to whom in the namespaces in view, and the policies that leave open what is needed (reads all namespaces that may be read)", on: onBrowse, hint: 7, ready: noNetwork, run: (*Model).openNetwork},
		{name: "images", keys: []string{"i"}, help: "the images of the workloads in view: users, vulnerabilities, secrets", on: onBrowse, hint: 7, ready: noImages, run: (*Model).openImages},
		{name: "probe", keys: []string{"p"}, help: "look into running containers of the workloads in view (asks first)", on: onBrowse, hint: 7, ready: noProbe, run: (*Model).askProbe},
		{name: "filter", keys: []string{"/"}, help: "filter by words and terms such as severity:high class:safe ns:shop", on: onBrowse, hint: 6, run: (*Model).openFilter},
		{name: "group", keys: []string{"g"}, help: "group findings by severity, fixer or object", on: onBrowse, hint: 8, run: (*Model).regroup},
		{name: "flat", keys: []string{"v"}, help: "all findings in one list, or by namespace and workload", on: onBrowse, hint: 8, run: (*Model).toggleFlat},
		{name: "sort", keys: []string{"o"}, help: "sort namespaces, workloads and the one list: worst first, by name, most findings, last changed", on: onBrowse, hint: 8, run: (*Model).resort},
		{name: "excused", keys: []string{"z"}, help: "hide or list what is waived or expected", on: onBrowse, run: (*Model).toggleExcused},
		{name: "system", keys: []string{"S"}, help: "fold or list the namespaces of the system", on: onBrowse, ready: noSystem, run: (*Model).toggleSystem},
		{name: "narrower", keys: []string{"<"}, help: "make the left pane narrower", on: onBrowse, ready: noWidth, run: func(m *Model) tea.Cmd { return m.widen(-leftStep) }},
		{name: "wider", keys: []string{">"}, help: "make the left pane wider", on: onBrowse, ready: noWidth, run: func(m *Model) tea.Cmd { return m.widen(leftStep) }},
		{name: "open", keys: []string{"enter", "l", "right"}, help: "go in", on: onBrowse, hint: 1, run: (*Model).goIn},
		{name: "clear, out", keys: []string{"esc"}, help: "clear the filter, or go out", on: onBrowse, run: (*Model).goBack},
		{name: "out", keys: []string{"h", "left"}, help: "go out", on: onBrowse, run: (*Model).goOut},
		{name: "next pane", keys: []string{"tab"}, help: "next pane", on: onBrowse, run: func(m *Model) tea.Cmd { return m.cyclePane(1) }},
		{name: "pane before", keys: []string{"shift+tab"}, help: "pane before", on: onBrowse, run: func(m *Model) tea.Cmd { return m.cyclePane(-1) }},
		{name: "copy finding", keys: []string{"Y"}, help: "copy the finding as markdown", on: onBrowse, ready: noFinding, run: (*Model).copyFinding},
		{name: "not readable", keys: []string{"r"}, help: "what could not be read, and why", on: onBrowse, hint: 9, rare: true, ready: allRead, run: (*Model).showUnread},
		{name: "rescan", keys: []string{"ctrl+r"}, help: "read everything again", on: onBrowse, ready: noReload, run: (*Model).reload},
	}
}
