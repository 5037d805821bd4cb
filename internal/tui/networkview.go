package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// sumSigns are what stands for the ports of a peer: glyph and word.
var sumSigns = [...]sign{
	harden.SumNone:    {" ", "nothing", ""},
	harden.SumDenied:  {"○", "denied", ""},
	harden.SumPartly:  {"◐", "in part", ""},
	harden.SumAllowed: {"●", "allowed", ""},
	harden.SumUnknown: {"?", "unknown", ""},
	harden.SumCut:     {"!", "needed but denied", ""},
}

func sumStyle(st *styles, s harden.NetworkSum) pen {
	switch s {
	case harden.SumAllowed:
		return st.warn
	case harden.SumPartly:
		return st.accent
	case harden.SumDenied:
		return st.good
	case harden.SumCut:
		return st.bad
	}
	return st.dim
}

var networkTabNames = [...]string{tabMatrix: "Matrix", tabPhases: "Phases", tabNeeded: "Needed", tabGuessed: "Guessed", tabUnread: "Not read"}

// Names of the lists where there is little room.
var networkTabBriefs = [...]string{tabMatrix: "Mtx", tabPhases: "Phas", tabNeeded: "Need", tabGuessed: "Gues", tabUnread: "?"}

// networkTabs name the lists with their lengths; the one that is shown stands in brackets.
func (m *Model) networkTabs(r rect, w int) string {
	tabs := tabLine{at: int(m.net.tab), to: func(m *Model, i int) tea.Cmd { return m.nextNetworkTab(i - int(m.net.tab)) }}
	for i, n := range m.net.counts {
		count := " " + itoa(n)
		if i == int(tabMatrix) {
			count = ""
		}
		tabs.names, tabs.briefs = append(tabs.names, networkTabNames[i]+count), append(tabs.briefs, networkTabBriefs[i]+count)
	}
	return m.tabLine(r, w, &tabs)
}

// networkPlaces are the list and the text of the network screen. Its first line
// says who enforces policies.
func (m *Model) networkPlaces() (list, text rect) {
	body := m.body()
	body.y++
	body.h--
	switch {
	case m.net.zoom:
		return rect{}, body
	case m.width >= threePanes:
		w := m.width * 62 / 100
		return rect{0, body.y, w, body.h}, rect{w, body.y, m.width - w, body.h}
	case body.h < stackFrom:
		return body, rect{}
	}
	_, r := m.networkList()
	h := min(max(r.Len()+4, 8), body.h*55/100)
	return rect{0, body.y, m.width, h}, rect{0, body.y + h, m.width, body.h - h}
}

// networkLines is how many rows of the present list have room: the matrix has a
// line of heads and a legend too, the peers of one workload a line that names it.
func (m *Model) networkLines() int {
	pane, _ := m.networkPlaces()
	switch {
	case m.net.tab != tabMatrix:
		return pane.h - 2
	case m.oneByOne():
		return pane.h - 3
	}
	return pane.h - 4
}

// Cells of the matrix: of the names of workloads, and of a column with a blank.
const (
	fewestNameCells = 16
	fewestPeerCells = 7
	mostPeerCells   = 12
)

// nameCells is how wide the names of the workloads are in a matrix of some cells.
func (m *Model) nameCells(inner int) int {
	widest := fewestNameCells
	for _, at := range m.net.grid.Rows {
		widest = max(widest, widthOf(m.peerName(m.net.view.Peers[at]))+3)
	}
	return min(widest, inner*45/100)
}

// peerCells is how wide a column of a matrix of some cells is.
func (m *Model) peerCells(inner int) int {
	n := max(1, m.net.columns.Len())
	return min(max((inner-m.nameCells(inner))/n, fewestPeerCells), mostPeerCells)
}

// networkColumns is how many columns of the matrix have room.
func (m *Model) networkColumns() int {
	pane, _ := m.networkPlaces()
	if m.oneByOne() {
		return m.networkLines()
	}
	if pane.h == 0 || m.net.grid == nil {
		return 0
	}
	inner := pane.w - 2
	return max(1, (inner-m.nameCells(inner))/m.peerCells(inner))
}

// peerName is a peer in few cells: without the namespace where one is looked at.
func (m *Model) peerName(p harden.Peer) string {
	if p.Kind != harden.PeerWorkload {
		return p.String()
	}
	if len(m.net.namespaces) == 1 && p.Namespace == m.net.namespaces[0] {
		return short(p.Workload)
	}
	return p.Namespace + "/" + short(p.Workload)
}

// columnName is the name of a column; of several namespaces the first, and how many more.
func (m *Model) columnName(column []int) string {
	name := m.peerName(m.net.view.Peers[column[0]])
	if n := len(column) - 1; n > 0 {
		name += " +" + itoa(n)
	}
	return name
}

// columnHead is the name of a column where there is room for a word.
func (m *Model) columnHead(column []int) string {
	p := m.net.view.Peers[column[0]]
	switch {
	case len(column) > 1:
		return "ns +" + itoa(len(column)-1)
	case p.Kind == harden.PeerWorkload:
		return p.Workload.Name
	case p.Kind == harden.PeerNamespace:
		return p.Namespace
	case p.Kind == harden.PeerLoadBalancer:
		return "balancer"
	case p.Kind == harden.PeerAPIServer:
		return "api-srv"
	}
	return p.String()
}

func (m *Model) networkView() []string {
	n := &m.net
	st := &m.theme.styles
	line := m.engineLine()
	switch {
	case n.view == nil && n.err != nil:
		w := &page{st: st, w: max(1, m.width-6)}
		w.lead(st.bad, "✗ ", st.strong, "The network could not be looked at")
		w.para(st.text, 2, n.err.Error())
		w.gap()
		w.lines = append(w.lines, st.key.Render("ctrl+r")+st.text.Render(" try again   ")+st.key.Render("esc")+st.text.Render(" back"))
		return m.underEngine(line, w.lines)
	case n.view == nil:
		w := &page{st: st, w: max(1, m.width-6)}
		w.lead(st.accent, m.spinGlyph()+" ", st.text, "Reading how pods are reached, in all namespaces that may be read "+ellipsis)
		w.para(st.dim, 2, lookWords(&n.progress))
		w.gap()
		w.para(st.dim, 2, "Anybody in the cluster may be the other end of a connection. Nothing is written; esc gives it up.")
		return m.underEngine(line, w.lines)
	}
	l, d := m.networkPlaces()
	text := m.docBox(d, m.networkTitle(), &n.page, n.zoom)
	if l.h == 0 {
		return append([]string{line}, text...)
	}
	var list []string
	switch {
	case n.tab != tabMatrix:
		list = m.networkRowsBox(l)
	case m.oneByOne():
		list = m.peersBox(l)
	default:
		list = m.matrixBox(l)
	}
	return append([]string{line}, m.arrange(l, list, text)...)
}

func (m *Model) underEngine(line string, lines []string) []string {
	body := m.body()
	return append([]string{line}, m.box(rect{body.x, body.y + 1, body.w, body.h - 1}, "Network", "", "", true, append([]string{""}, padded(lines)...))...)
}

// engineLine says who enforces policies, and how old the answer is.
func (m *Model) engineLine() string {
	n := &m.net
	st := &m.theme.styles
	if n.view == nil {
		return st.dim.Render(" ? who enforces policies is not known yet")
	}
	e := &n.view.Engine
	glyph, word, style := "?", "it cannot be told whether policies are enforced", st.warn
	switch e.Enforces {
	case harden.Enforced:
		glyph, word, style = "✓", "policies are enforced by "+or(e.Name, "an unknown engine"), st.good
	case harden.NotEnforced:
		glyph, word, style = "✗", "policies are NOT enforced: all is open", st.bad
		if e.Name != "" {
			word = "policies are NOT enforced by " + e.Name + ": all is open"
		}
	}
	left := style.Render(" " + glyph + " " + clean(word))
	var right []string
	if n.err != nil {
		right = append(right, st.warn.Render("○ old: "+clean(n.err.Error())))
	} else if a := age(n.view.Time, m.now()); a != "" {
		right = append(right, st.dim.Render("read "+a+" ago"))
	}
	right = append(right, st.text.Render(fmt.Sprintf("%d open", n.before.Allowed))+st.dim.Render(fmt.Sprintf(" → %d proposed", n.after.Allowed)))
	if unknown := n.before.Unknown; unknown > 0 {
		right = append(right, st.dim.Render(itoa(unknown)+" unknown"))
	}
	room := m.width - 5 - widthOf(left)
	for _, r := range right {
		room -= widthOf(r) + 2
	}
	const fewest = 12
	if e.Why != "" && room >= fewest {
		left += st.dim.Render("  " + ansi.Truncate(clean(e.Why), room, ellipsis))
	}
	// What enforces comes before everything else.
	return spread(left, right, m.width-1) + " "
}

func (m *Model) networkTitle() string {
	n := &m.net
	switch {
	case n.tab != tabMatrix:
		if n.list.at < len(n.rows) {
			r := &n.rows[n.list.at]
			switch {
			case r.phase != nil:
				return string(r.phase.Name) + " in " + r.phase.Namespace
			case r.flow != nil:
				return m.flowName(r.flow)
			}
		}
		return networkTabNames[n.tab]
	case n.lines.Len() == 0:
		return "Network"
	}
	return m.cellName()
}

// cellName is "deploy/web → deploy/api": who connects stands first.
func (m *Model) cellName() string {
	n := &m.net
	row := m.peerName(n.view.Peers[n.grid.Rows[n.line.at]])
	column := m.columnName(n.grid.Columns[n.column.at])
	if n.direction == harden.Ingress {
		row, column = column, row
	}
	return row + " → " + column
}

func (m *Model) flowName(f *harden.Flow) string {
	to := m.peerName(f.To)
	if f.Host != "" {
		to += " (" + f.Host + ")"
	}
	return m.peerName(f.From) + " → " + to + " " + f.Port.String()
}

// directionWord says what the rows have to do with the columns.
func (m *Model) directionWord() string {
	if m.net.direction == harden.Ingress {
		return "is reached by"
	}
	return "may reach"
}

// stateWord says which of the two states the signs show.
func (m *Model) stateWord() string {
	n := &m.net
	switch {
	case n.changes:
		return " changes only "
	case n.proposed:
		return " as proposed "
	}
	return " as it is "
}

// signsOf is what stands in a cell: the sign, + where something is needed, and *
// where the proposal changes it. With the differences alone both signs stand there.
func (m *Model) signsOf(row, column int) (string, harden.NetworkSum) {
	n := &m.net
	cells := n.grid.At(row, column)
	before, after := n.view.Sum(cells)
	shown := before
	if n.proposed {
		shown = after
	}
	text := sumSigns[shown].glyph
	if n.changes {
		shown = after
		if before != harden.SumNone {
			text = sumSigns[before].glyph + "→" + sumSigns[after].glyph
		}
	}
	needed, changed := false, false
	for _, i := range cells {
		c := &n.view.Cells[i]
		needed = needed || n.view.Needed(c)
		changed = changed || c.Changed()
	}
	if needed {
		text += "+"
	}
	if n.proposed && changed && !n.changes {
		text += "*"
	}
	return text, shown
}

func (m *Model) matrixBox(r rect) []string {
	n := &m.net
	inner := r.w - 2
	st := &m.theme.styles
	names, peerCells := m.nameCells(inner), m.peerCells(inner)
	from, to := n.column.top, min(n.column.top+m.networkColumns(), n.columns.Len())
	head := st.dim.Render(fit("  "+m.directionWord(), names))
	for k := from; k < to; k++ {
		style := st.dim
		if k == n.column.at {
			style = st.strong
		}
		head += style.Render(" " + fit(m.columnHead(n.grid.Columns[k]), peerCells-1))
	}
	lines := []string{head}
	for i := n.line.top; i < min(n.line.top+m.networkLines(), n.lines.Len()); i++ {
		st, glyph := m.rowStyles(i == n.line.at, true)
		line := st.accent.Render(glyph+" ") + st.text.Render(fit(m.peerName(n.view.Peers[n.grid.Rows[i]]), names-2))
		for k := from; k < to; k++ {
			text, sum := m.signsOf(i, k)
			style, lead := sumStyle(st, sum), "  "
			if i == n.line.at && k == n.column.at {
				lead = " ["
				text += "]"
			}
			line += style.Render(lead + fit(text, peerCells-2))
		}
		lines = append(lines, line)
	}
	if n.lines.Len() == 0 {
		lines = m.nothingHere(inner)
	}
	for len(lines) < r.h-3 {
		lines = append(lines, "")
	}
	lines = append(lines, m.networkLegend())
	foot := position(n.line.at, n.lines.Len())
	if n.columns.Len() > to-from {
		foot += " · " + position(n.column.at, n.columns.Len()) + " across"
	}
	return m.box(r, m.networkTabs(r, inner-16), m.stateWord(), foot, true, lines)
}

func (m *Model) nothingHere(inner int) []string {
	if m.net.changes {
		return m.note(inner, "The proposal changes nothing here: c shows all connections.", "", "")
	}
	return m.note(inner, "There are no workloads here.", "", "")
}

func (m *Model) networkLegend() string {
	st := &m.theme.styles
	out := ""
	for _, s := range []harden.NetworkSum{harden.SumAllowed, harden.SumPartly, harden.SumDenied, harden.SumUnknown, harden.SumCut} {
		word := sumSigns[s].word
		if s == harden.SumCut {
			word = "cut"
		}
		out += sumStyle(st, s).Render(" "+sumSigns[s].glyph) + st.dim.Render(" "+word)
	}
	return out + st.dim.Render("  + needed  * changed")
}

// peersBox lists the peers of one workload, for frames that are too narrow for a matrix.
func (m *Model) peersBox(r rect) []string {
	n := &m.net
	inner := r.w - 2
	st := &m.theme.styles
	if n.lines.Len() == 0 {
		return m.box(r, m.networkTabs(r, inner-16), m.stateWord(), "", true, m.nothingHere(inner))
	}
	name := m.peerName(n.view.Peers[n.grid.Rows[n.line.at]])
	lines := []string{st.key.Render(" ‹ ") + st.strong.Render(clean(name)) + st.key.Render(" › ") + st.dim.Render(m.directionWord())}
	for k := n.column.top; k < min(n.column.top+m.networkLines(), n.columns.Len()); k++ {
		st, glyph := m.rowStyles(k == n.column.at, true)
		text, sum := m.signsOf(n.line.at, k)
		const signCells = 6
		words := sumSigns[sum].word
		if sum == harden.SumNone {
			words = "–"
		}
		wordCells := min(18, inner/3)
		lines = append(lines, st.accent.Render(glyph+" ")+sumStyle(st, sum).Render(fit(text, signCells)+fit(words, wordCells))+
			st.text.Render(fit(m.columnName(n.grid.Columns[k]), inner-2-signCells-wordCells)))
	}
	foot := position(n.column.at, n.columns.Len()) + " · workload " + position(n.line.at, n.lines.Len())
	return m.box(r, m.networkTabs(r, inner-16), m.stateWord(), foot, true, lines)
}

func (m *Model) networkRowsBox(r rect) []string {
	n := &m.net
	inner := r.w - 2
	var lines []string
	for i := n.list.top; i < min(n.list.top+r.h-2, n.rows.Len()); i++ {
		st, glyph := m.rowStyles(i == n.list.at, true)
		lines = append(lines, st.accent.Render(glyph+" ")+m.networkRow(st, &n.rows[i], inner-2))
	}
	if len(lines) == 0 {
		lines = m.note(inner, map[networkTab]string{
			tabPhases: "Nothing is proposed.", tabNeeded: "Nothing is known of what the workloads need.",
			tabGuessed: "Nothing is guessed by name only.", tabUnread: "Everything that was asked for could be read.",
		}[n.tab], "", "")
	}
	return m.box(r, m.networkTabs(r, inner-4), "", position(n.list.at, n.rows.Len()), true, lines)
}

func (m *Model) networkRow(st *styles, r *networkRow, w int) string {
	switch {
	case r.phase != nil:
		glyph, word, style := phaseStanding(st, r.phase)
		const wordCells = 26
		cells := min(wordCells, w/2)
		return style.Render(fit(glyph+" "+word, cells)) + st.text.Render(fit(string(r.phase.Name)+" in "+r.phase.Namespace, w-cells))
	case r.flow != nil:
		const confidenceCells = 10
		return st.dim.Render(fit(r.flow.Confidence.String(), confidenceCells)) + st.text.Render(fit(m.flowName(r.flow), w-confidenceCells))
	}
	where := r.unread.Resource
	if r.unread.Namespace != "" {
		where += " in " + r.unread.Namespace
	}
	return st.warn.Render("? ") + st.text.Render(fit(where, w-2))
}

// phaseStanding is how a phase of the proposal stands: glyph, words and style.
func phaseStanding(st *styles, p *harden.NetworkPhase) (glyph, word string, style pen) {
	switch {
	case p.Done:
		return "✓", "done", st.good
	case len(p.Policies) == 0 && len(p.Refused) > 0:
		return "✗", "refused", st.bad
	case len(p.Policies) == 0:
		return "–", "nothing proposed", st.dim
	case len(p.Refused) > 0:
		return "!", plural(len(p.Policies), "policy", "policies") + ", " + itoa(len(p.Refused)) + " refused", st.warn
	}
	return "●", plural(len(p.Policies), "new policy", "new policies"), st.accent
}

// clickNetwork puts the cursor where the mouse points; on the cell or the row that
// has it, the mouse goes in.
func (m *Model) clickNetwork(msg tea.MouseClickMsg) tea.Cmd {
	n := &m.net
	pane, _ := m.networkPlaces()
	line, ok := lineIn(pane, msg.X, msg.Y)
	if n.view == nil || !ok {
		return nil
	}
	was := [3]int{n.line.at, n.column.at, n.list.at}
	if n.tab == tabMatrix {
		line-- // the line of heads
	}
	l, r := m.networkList()
	if line < 0 || line >= m.networkLines() || l.top+line >= r.Len() {
		return nil
	}
	l.to(r, l.top+line, m.networkLines())
	if names := m.nameCells(pane.w - 2); n.tab == tabMatrix && !m.oneByOne() && msg.X-pane.x-1 >= names {
		if k := n.column.top + (msg.X-pane.x-1-names)/m.peerCells(pane.w-2); k < n.columns.Len() {
			n.column.to(n.columns, k, m.networkColumns())
		}
	}
	if was == [3]int{n.line.at, n.column.at, n.list.at} {
		return m.enterRow()
	}
	return nil
}
