package tui

import (
	"context"
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// networking is who can talk to whom in the namespaces that were in view.
type networking struct {
	seq        int
	busy       bool
	cancel     context.CancelFunc
	messages   chan tea.Msg // progress, then the end
	progress   harden.GatherProgress
	namespaces []string
	from       string              // object under the cursor of the browse screen, or ""
	view       *harden.NetworkView // nil before the first answer
	gen        int                 // generation of the snapshot that view was asked about
	err        error               // why there is no view, or only an old one

	tab       networkTab
	direction harden.Direction
	proposed  bool // the signs are those of the proposal
	changes   bool // only what the proposal changes
	grid      *harden.NetworkGrid
	lines     peerRows // workloads of the grid
	line      list
	columns   peerRows // peers of the grid
	column    list
	rows      networkRows // of the other lists
	list      list
	counts    [5]int // rows of each list
	before    harden.NetworkCounts
	after     harden.NetworkCounts
	zoom      bool // the text fills the body
	page      doc
	drawn     drawn
	version   int // grows with every change of what is shown
}

type networkTab int

const (
	tabMatrix networkTab = iota
	tabPhases
	tabNeeded
	tabGuessed
	tabUnread
)

type (
	networkProgressMsg struct {
		seq      int
		progress harden.GatherProgress
	}
	networkMsg struct {
		seq  int
		gen  int
		x    *index // nil: nothing was gathered
		view *harden.NetworkView
		err  error
	}
)

// peerRows are the names that identify rows or columns of a grid.
type peerRows []string

func (r peerRows) Len() int        { return len(r) }
func (r peerRows) ID(i int) string { return r[i] }

// networkRow is a row of the lists beside the matrix: one of its fields is set.
type networkRow struct {
	id     string
	phase  *harden.NetworkPhase
	flow   *harden.Flow
	unread *harden.Unread
}

type networkRows []networkRow

func (r networkRows) Len() int        { return len(r) }
func (r networkRows) ID(i int) string { return r[i].id }

func (n *networking) stop() {
	if n.cancel != nil {
		n.cancel()
		n.cancel = nil
	}
	n.busy = false
}

// openNetwork reads how pods are reached, and shows who can talk to whom in the
// namespaces in view.
func (m *Model) openNetwork() tea.Cmd {
	m.screen = screenNetwork
	m.detail.stop()
	m.detail.id = ""
	namespaces := m.namespacesInView()
	old := m.net
	m.net = networking{seq: old.seq, namespaces: namespaces, direction: harden.Egress}
	if o := m.selectedObject(); o != rowAll {
		m.net.from = m.x.objects[o].id
	}
	if slices.Equal(old.namespaces, namespaces) {
		// What was seen before stays on the screen until the answer.
		m.net.view, m.net.gen = old.view, old.gen
		m.refreshNetwork(true)
	}
	return m.readNetwork()
}

// namespacesInView are those of the objects that the browse screen shows.
func (m *Model) namespacesInView() []string {
	if o := m.selectedObject(); o != rowAll {
		return []string{m.x.spaces[m.x.objects[o].space].name}
	}
	var out []string
	seen := make([]bool, len(m.x.spaces))
	for _, o := range m.browse.objectRows.items {
		if o == rowAll {
			continue
		}
		at := m.x.objects[o].space
		if ns := m.x.spaces[at].name; ns != "" && !seen[at] {
			out = append(out, ns)
		}
		seen[at] = true
	}
	slices.Sort(out)
	return out
}

func noNetwork(m *Model) string {
	// Asked for every frame: the first that is found is enough.
	named := func(o int32) bool { return o != rowAll && m.x.spaces[m.x.objects[o].space].name != "" }
	if m.x != nil {
		o := m.selectedObject()
		if named(o) || o == rowAll && slices.ContainsFunc(m.browse.objectRows.items, named) {
			return ""
		}
	}
	return "no namespace in view"
}

// readNetwork looks at the whole cluster, then asks who can talk to whom.
func (m *Model) readNetwork() tea.Cmd {
	n := &m.net
	n.stop()
	n.seq++
	n.busy, n.progress = true, harden.GatherProgress{}
	if n.view == nil {
		n.err = nil
	}
	n.messages = make(chan tea.Msg, 64)
	var ctx context.Context
	ctx, n.cancel = context.WithCancel(m.root)
	b, prev, seq, messages, namespaces := m.backend, m.x, n.seq, n.messages, n.namespaces
	look := func() tea.Msg {
		snap, err := b.Gather(ctx, nil, harden.EvidenceOptions{Network: true}, func(p harden.GatherProgress) {
			select {
			case messages <- networkProgressMsg{seq, p}:
			default: // only the last one matters, and the end comes by itself
			}
		})
		end := networkMsg{seq: seq, err: err}
		if err == nil {
			end.x = newIndex(snap, prev)
			end.gen = end.x.snap.Generation
			end.view, end.err = network(ctx, b, namespaces)
		}
		select {
		case messages <- end:
		case <-ctx.Done():
		}
		return nil
	}
	return tea.Batch(look, listen(ctx, messages))
}

func network(ctx context.Context, b Backend, namespaces []string) (*harden.NetworkView, error) {
	view, err := b.Network(ctx, namespaces)
	if err == nil && view == nil {
		err = errors.New("no answer")
	}
	return view, err
}

// followNetwork asks again when objects changed under the view.
func (m *Model) followNetwork() tea.Cmd {
	n := &m.net
	if m.screen != screenNetwork || n.busy || n.view == nil || m.x == nil || n.gen >= m.x.snap.Generation {
		return nil
	}
	n.seq++
	n.busy = true
	var ctx context.Context
	ctx, n.cancel = context.WithCancel(m.root)
	b, seq, gen, namespaces := m.backend, n.seq, m.x.snap.Generation, n.namespaces
	return func() tea.Msg {
		view, err := network(ctx, b, namespaces)
		return networkMsg{seq: seq, gen: gen, view: view, err: err}
	}
}

func (msg networkProgressMsg) take(m *Model) tea.Cmd {
	n := &m.net
	if msg.seq != n.seq || !n.busy {
		return nil
	}
	n.progress = msg.progress
	return m.listen(n.messages)
}

func (msg networkMsg) take(m *Model) tea.Cmd {
	n := &m.net
	if msg.seq != n.seq || !n.busy {
		return nil
	}
	n.stop()
	var cmd tea.Cmd
	if msg.x != nil && m.x != nil && msg.x.snap.Generation >= m.x.snap.Generation {
		cmd = m.adopt(msg.x)
	}
	n.gen = max(msg.gen, n.gen)
	if msg.err != nil {
		n.err = msg.err
		return tea.Batch(cmd, m.fail("looking at the network", msg.err))
	}
	first := n.view == nil
	n.view, n.err = msg.view, nil
	m.refreshNetwork(first)
	return cmd
}

// refreshNetwork derives what is shown of the view. Cursors stay on what they were on.
func (m *Model) refreshNetwork(reset bool) {
	n := &m.net
	if n.view == nil {
		return
	}
	n.version++
	n.before, n.after = n.view.Counts()
	var keep func(*harden.NetworkCell) bool
	if n.changes {
		keep = (*harden.NetworkCell).Changed
	}
	n.grid = n.view.Grid(n.direction, keep)
	oldLines, oldColumns, oldRows := n.lines, n.columns, n.rows
	n.lines, n.columns = nil, nil
	for _, at := range n.grid.Rows {
		n.lines = append(n.lines, n.view.Peers[at].String()+n.view.Peers[at].Workload.Source.String())
	}
	for _, at := range n.grid.Columns {
		n.columns = append(n.columns, n.view.Peers[at[0]].String()+n.view.Peers[at[0]].Workload.Source.String())
	}
	n.rows = n.deriveRows()
	if reset {
		n.line, n.column, n.list = list{}, list{}, list{}
		m.toObject(n.from)
	} else {
		n.line.keep(oldLines, n.lines, m.networkLines())
		n.column.keep(oldColumns, n.columns, m.networkColumns())
		n.list.keep(oldRows, n.rows, m.networkLines())
	}
	m.clampNetwork()
}

// toObject puts the cursor on the workload that the browse screen was at.
func (m *Model) toObject(id string) {
	n := &m.net
	for i, at := range n.grid.Rows {
		if id != "" && objectID(n.view.Peers[at].Workload) == id {
			n.line.at = i
		}
	}
}

func (m *Model) clampNetwork() {
	n := &m.net
	n.line.clamp(n.lines, m.networkLines())
	n.column.clamp(n.columns, m.networkColumns())
	n.list.clamp(n.rows, m.networkLines())
}

func (n *networking) deriveRows() networkRows {
	v := n.view
	unread := harden.GatherUnread(v.Unread)
	n.counts = [5]int{tabMatrix: len(n.lines), tabPhases: len(v.Phases), tabUnread: len(unread)}
	var out networkRows
	add := func(tab networkTab, r networkRow) {
		if n.tab == tab {
			out = append(out, r)
		}
	}
	for i := range v.Phases {
		p := &v.Phases[i]
		add(tabPhases, networkRow{id: p.Namespace + "|" + string(p.Name), phase: p})
	}
	for i := range v.Flows {
		f := &v.Flows[i]
		tab := tabGuessed
		if f.Required() {
			tab = tabNeeded
		}
		n.counts[tab]++
		add(tab, networkRow{id: strings.Join([]string{f.From.String(), f.To.String(), f.Port.String(), f.Host}, "|"), flow: f})
	}
	for i := range unread {
		u := &unread[i]
		add(tabUnread, networkRow{id: u.Resource + "|" + u.Namespace, unread: u})
	}
	return out
}

// oneByOne reports whether there is room for the peers of one workload only.
func (m *Model) oneByOne() bool { return m.width < twoPanes }

// networkList is the list that up and down move in.
func (m *Model) networkList() (*list, rows) {
	n := &m.net
	switch {
	case n.tab != tabMatrix:
		return &n.list, n.rows
	case m.oneByOne():
		return &n.column, n.columns
	}
	return &n.line, n.lines
}

// sideways moves to another column, or to another workload where one is shown.
func (m *Model) sideways(delta int) tea.Cmd {
	n := &m.net
	if m.oneByOne() {
		n.line.move(n.lines, delta, m.networkLines())
	} else {
		n.column.move(n.columns, delta, m.networkColumns())
	}
	return nil
}

func noColumns(m *Model) string {
	switch n := &m.net; {
	case n.view == nil:
		return "nothing is read yet"
	case n.tab != tabMatrix:
		return "only the matrix has columns: tab goes there"
	case n.zoom:
		return "esc goes back to the matrix"
	case n.lines.Len() == 0:
		return "nothing here"
	}
	return ""
}

func noView(m *Model) string {
	if m.net.view == nil {
		return "nothing is read yet"
	}
	return ""
}

func (m *Model) nextNetworkTab(delta int) tea.Cmd {
	n := &m.net
	const tabs = int(tabUnread) + 1
	n.tab = networkTab((int(n.tab) + delta + tabs) % tabs)
	n.rows, n.list = nil, list{}
	m.refreshNetwork(false)
	return nil
}

func (m *Model) turnNetwork() tea.Cmd {
	n := &m.net
	text := "who the workloads may reach"
	if n.direction == harden.Egress {
		n.direction, text = harden.Ingress, "who may reach the workloads"
	} else {
		n.direction = harden.Egress
	}
	m.refreshNetwork(false)
	return m.say(text)
}

func (m *Model) toggleProposed() tea.Cmd {
	n := &m.net
	n.proposed = !n.proposed
	m.refreshNetwork(false)
	if n.proposed {
		return m.say("as the proposal would make it")
	}
	return m.say("as it is")
}

func (m *Model) toggleChanges() tea.Cmd {
	n := &m.net
	n.changes = !n.changes
	m.refreshNetwork(false)
	if n.changes {
		return m.say("only what the proposal changes")
	}
	return m.say("all connections")
}

func noCell(m *Model) string {
	if m.net.page.lines == nil {
		return "nothing here"
	}
	return ""
}

func (m *Model) zoomNetwork() tea.Cmd {
	m.net.zoom = !m.net.zoom
	m.clampNetwork()
	return nil
}

// backFromNetwork leaves the whole frame, then the screen; what is being read is given up.
func (m *Model) backFromNetwork() tea.Cmd {
	if m.net.zoom {
		return m.zoomNetwork()
	}
	m.net.stop()
	m.show(screenBrowse)
	return nil
}

// phase is the phase under the cursor, or nil.
func (m *Model) phase() *harden.NetworkPhase {
	n := &m.net
	if n.view == nil || n.tab != tabPhases || n.list.at >= len(n.rows) {
		return nil
	}
	return n.rows[n.list.at].phase
}

func noPhase(m *Model) string {
	switch p := m.phase(); {
	case p == nil:
		return "tab goes to the phases of the proposal"
	case p.Done:
		return "nothing is left to do for it"
	case len(p.Findings) == 0 && len(p.Refused) > 0:
		return "refused: " + p.Refused[0]
	case len(p.Findings) == 0:
		return "nothing is proposed for it"
	}
	return ""
}

func networkScreen() screenDef {
	return screenDef{
		on: onNetwork, crumbs: (*Model).networkCrumbs, view: (*Model).networkView, build: (*Model).buildNetworkPage,
		page: func(m *Model) *doc { return &m.net.page },
		list: (*Model).networkList, places: (*Model).networkPlaces, height: (*Model).networkLines,
		zoomed: func(m *Model) bool { return m.net.zoom },
		click:  (*Model).clickNetwork, fit: (*Model).clampNetwork,
	}
}

func (m *Model) networkCrumbs() []string {
	if len(m.net.namespaces) == 1 {
		return []string{"network", m.net.namespaces[0]}
	}
	return []string{"network", plural(len(m.net.namespaces), "namespace", "namespaces")}
}

// networkActions are those of the network screen.
func networkActions() []action {
	return []action{
		{name: "proposal", keys: []string{"b"}, help: "the connections as they are, or as the proposal would make them", on: onNetwork, hint: 3, ready: noView, run: (*Model).toggleProposed},
		{name: "changes", keys: []string{"c"}, help: "only the connections that the proposal changes, or all", on: onNetwork, hint: 4, ready: noView, run: (*Model).toggleChanges},
		{name: "turn", keys: []string{"t"}, help: "who the workloads may reach, or who may reach them", on: onNetwork, hint: 5, ready: noView, run: (*Model).turnNetwork},
		{name: "fix", keys: []string{"f"}, help: "plan the phase of the proposal under the cursor", on: onNetwork, hint: 1, rare: true, ready: noPhase, run: (*Model).openPlan},
		{name: "read", keys: []string{"enter"}, help: "what decides the connection under the cursor and who needs it, in the whole frame", on: onNetwork, hint: 1, ready: noCell, run: (*Model).zoomNetwork},
		{name: "copy", keys: []string{"y"}, help: "copy what stands about the connection or the row under the cursor", on: onNetwork, ready: noCell, run: func(m *Model) tea.Cmd { return m.copyPage(m.networkTitle()) }},
		{name: "next list", keys: []string{"tab"}, help: "next list: matrix, phases of the proposal, needed, guessed, not read", on: onNetwork, hint: 2, ready: noView, run: func(m *Model) tea.Cmd { return m.nextNetworkTab(1) }},
		{name: "list before", keys: []string{"shift+tab"}, help: "list before", on: onNetwork, ready: noView, run: func(m *Model) tea.Cmd { return m.nextNetworkTab(-1) }},
		{name: "back", keys: []string{"esc"}, help: "go back: from the whole frame, to the findings; what is being read is given up", on: onNetwork, hint: 7, run: (*Model).backFromNetwork},
		{name: "left", keys: []string{"left", "h"}, help: "a peer to the left; in a narrow frame the workload before", on: onNetwork, moves: true, ready: noColumns, run: func(m *Model) tea.Cmd { return m.sideways(-1) }},
		{name: "right", keys: []string{"right", "l"}, help: "a peer to the right; in a narrow frame the next workload", on: onNetwork, moves: true, ready: noColumns, run: func(m *Model) tea.Cmd { return m.sideways(1) }},
		{name: "read again", keys: []string{"ctrl+r"}, help: "read how pods are reached in all namespaces again", on: onNetwork, run: (*Model).readNetwork},
	}
}
