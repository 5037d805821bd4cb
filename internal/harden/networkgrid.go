package harden

import "slices"

// A NetworkGrid is a NetworkView as a table for people: a row for each workload
// that is looked at, a column for each peer, seen in one direction.
type NetworkGrid struct {
	Direction Direction // Egress: rows connect to columns; Ingress: columns to rows
	Rows      []int     // indexes of NetworkView.Peers
	// Columns are indexes of NetworkView.Peers. Several stand in one column where
	// they are namespaces that nothing tells apart: every row has the same cells for them.
	Columns [][]int

	view  *NetworkView
	cells map[[2]int][]int // row and column peer -> indexes of NetworkView.Cells
}

// Grid makes the table of the cells that keep lets through; nil lets all.
// Workloads and peers without a cell are left out.
func (v *NetworkView) Grid(d Direction, keep func(*NetworkCell) bool) *NetworkGrid {
	g := &NetworkGrid{Direction: d, view: v, cells: map[[2]int][]int{}}
	looked := make([]bool, len(v.Peers))
	for i, p := range v.Peers {
		looked[i] = p.Kind == PeerWorkload && slices.Contains(v.Namespaces, p.Namespace)
	}
	rows, columns := make([]bool, len(v.Peers)), make([]bool, len(v.Peers))
	for i := range v.Cells {
		c := &v.Cells[i]
		row, column := int(c.From), int(c.To)
		if d == Ingress {
			row, column = column, row
		}
		if !looked[row] || keep != nil && !keep(c) {
			continue
		}
		rows[row], columns[column] = true, true
		g.cells[[2]int{row, column}] = append(g.cells[[2]int{row, column}], i)
	}
	for i := range v.Peers {
		if rows[i] {
			g.Rows = append(g.Rows, i)
		}
	}
	for i := range v.Peers {
		if columns[i] {
			g.addColumn(i)
		}
	}
	return g
}

// addColumn puts a namespace beside one that is the same in every row.
func (g *NetworkGrid) addColumn(peer int) {
	if g.view.Peers[peer].Kind == PeerNamespace {
		for i, c := range g.Columns {
			if g.view.Peers[c[0]].Kind == PeerNamespace && g.same(c[0], peer) {
				g.Columns[i] = append(c, peer)
				return
			}
		}
	}
	g.Columns = append(g.Columns, []int{peer})
}

func (g *NetworkGrid) same(a, b int) bool {
	for _, row := range g.Rows {
		if !slices.EqualFunc(g.cells[[2]int{row, a}], g.cells[[2]int{row, b}], func(i, j int) bool {
			x, y := g.view.Cells[i], g.view.Cells[j]
			// Flows tell peers apart, even where their cells are the same.
			x.From, x.To, y.From, y.To = 0, 0, 0, 0
			return x == y && x.Flow == 0
		}) {
			return false
		}
	}
	return true
}

// At are the cells of a row and a column, as indexes of NetworkView.Cells, by
// port. Of a column of several peers they are those of the first.
func (g *NetworkGrid) At(row, column int) []int {
	return g.cells[[2]int{g.Rows[row], g.Columns[column][0]}]
}

// NetworkSum is what several ports of a peer come to.
type NetworkSum int

// Sums.
const (
	SumNone    NetworkSum = iota // there is no cell
	SumDenied                    // all are denied
	SumPartly                    // some are allowed, or a part of the peer is
	SumAllowed                   // all are allowed
	SumUnknown                   // of one at least it is not known
	SumCut                       // one is denied that is needed
)

var sumNames = []string{"none", "denied", "in part", "allowed", "unknown", "needed but denied"}

func (s NetworkSum) String() string { return name(sumNames, int(s)) }

// Sum is what the cells of a row and a column come to, before and after the proposal.
func (g *NetworkGrid) Sum(row, column int) (before, after NetworkSum) {
	return g.view.Sum(g.At(row, column))
}

// Sum is what cells come to, before and after the proposal.
func (v *NetworkView) Sum(cells []int) (before, after NetworkSum) {
	var b, a adder
	for _, i := range cells {
		c := &v.Cells[i]
		needed := v.Needed(c)
		b.add(c.Before, c.BeforePartly, needed)
		a.add(c.After, c.AfterPartly, needed)
	}
	return b.sum(), a.sum()
}

// Needed reports whether a flow that proposals must allow goes through the cell.
func (v *NetworkView) Needed(c *NetworkCell) bool {
	f := v.FlowOf(c)
	return f != nil && f.Required()
}

// FlowOf is the flow that goes through the cell, or nil.
func (v *NetworkView) FlowOf(c *NetworkCell) *Flow {
	if c.Flow <= 0 || int(c.Flow) > len(v.Flows) {
		return nil
	}
	return &v.Flows[c.Flow-1]
}

type adder struct{ allowed, partly, denied, unknown, cut bool }

func (a *adder) add(r Reach, partly, needed bool) {
	switch {
	case r == ReachUnknown:
		a.unknown = true
	case r == ReachAllowed && partly:
		a.partly = true
	case r == ReachAllowed:
		a.allowed = true
	default:
		a.denied = true
		a.cut = a.cut || needed
	}
}

func (a *adder) sum() NetworkSum {
	switch {
	case a.cut:
		return SumCut
	case a.unknown:
		return SumUnknown
	case a.partly, a.allowed && a.denied:
		return SumPartly
	case a.allowed:
		return SumAllowed
	case a.denied:
		return SumDenied
	}
	return SumNone
}
