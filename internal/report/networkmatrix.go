package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// sumSigns are what stands in a cell of a matrix.
var sumSigns = [...]string{
	harden.SumNone: " ", harden.SumDenied: "-", harden.SumPartly: "~", harden.SumAllowed: "+", harden.SumUnknown: "?", harden.SumCut: "!",
}

var sumLegend = []string{
	"+ allowed", "~ in part (some ports, some pods or some addresses)", "- denied", "? unknown", "! denied though needed",
}

// A matrix is a grid with its words.
type matrix struct {
	title  string
	grid   *harden.NetworkGrid
	rows   []string
	heads  []string
	widths []int // of the rows' names, then of each column
}

// matrices are what workloads may reach, and who may reach them.
func (r *Network) matrices() []*matrix {
	var out []*matrix
	for _, d := range []struct {
		direction harden.Direction
		title     string
	}{{harden.Egress, "MAY REACH"}, {harden.Ingress, "IS REACHED BY"}} {
		g := r.View.Grid(d.direction, func(c *harden.NetworkCell) bool {
			row := c.From
			if d.direction == harden.Ingress {
				row = c.To
			}
			return r.keep(c) && r.chosen(r.View.Peers[row])
		})
		if len(g.Rows) > 0 {
			out = append(out, r.matrix(d.title, g))
		}
	}
	return out
}

func (r *Network) matrix(title string, g *harden.NetworkGrid) *matrix {
	m := &matrix{title: title, grid: g}
	for _, row := range g.Rows {
		m.rows = append(m.rows, r.peer(r.View.Peers[row]))
	}
	times := map[string]int{}
	for _, c := range g.Columns {
		times[r.head(c)]++
	}
	for _, c := range g.Columns {
		head := r.head(c)
		if times[head] > 1 {
			head = r.peers(c)
		}
		m.heads = append(m.heads, head)
	}
	m.measure()
	return m
}

// head names a column as shortly as can be.
func (r *Network) head(column []int) string {
	if p := r.View.Peers[column[0]]; p.Kind == harden.PeerWorkload && r.looked(p) {
		return harden.OneLine(p.Workload.Name)
	}
	return r.peers(column)
}

// measure takes the widths of the columns; 2 are for two signs.
func (m *matrix) measure() {
	m.widths = []int{ansi.StringWidth(m.title)}
	for _, row := range m.rows {
		m.widths[0] = max(m.widths[0], ansi.StringWidth(row))
	}
	for _, head := range m.heads {
		m.widths = append(m.widths, max(ansi.StringWidth(head), 2))
	}
}

const columnGap = 2

func (m *matrix) fits(width int) bool {
	n := -columnGap
	for _, w := range m.widths {
		n += w + columnGap
	}
	return width == 0 || n <= width
}

// number gives the columns numbers in the place of their names, which it answers.
func (m *matrix) number() (key []string) {
	for i, head := range m.heads {
		m.heads[i] = fmt.Sprint(i + 1)
		key = append(key, m.heads[i]+" "+head)
	}
	m.measure()
	return key
}

func (m *matrix) write(w io.Writer, both bool) {
	m.line(w, m.title, m.heads)
	for i, row := range m.rows {
		var cells []string
		for k := range m.heads {
			before, after := m.grid.Sum(i, k)
			sign := sumSigns[before]
			if both && after != before {
				sign += sumSigns[after]
			}
			cells = append(cells, sign)
		}
		m.line(w, row, cells)
	}
}

func (m *matrix) line(w io.Writer, label string, cells []string) {
	var b strings.Builder
	for i, c := range append([]string{label}, cells...) {
		b.WriteString(c + strings.Repeat(" ", max(0, m.widths[i]-ansi.StringWidth(c))+columnGap))
	}
	fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
}

// connections writes matrices where they fit, with numbers for the names of
// columns where that makes them fit, and lists elsewhere.
func (r *Network) connections(w io.Writer) {
	ms := r.matrices()
	if len(ms) == 0 {
		fmt.Fprintln(w, r.nothing())
		fmt.Fprintln(w)
		return
	}
	keys := make([][]string, len(ms))
	for i, m := range ms {
		if !m.fits(r.Width) {
			keys[i] = m.number()
		}
		if !m.fits(r.Width) {
			r.lists(w)
			return
		}
	}
	for i, m := range ms {
		m.write(w, r.both())
		writeWords(w, "Columns: ", keys[i], r.Width)
		fmt.Fprintln(w)
	}
	r.legend(w)
}

func (r *Network) legend(w io.Writer) {
	writeWords(w, "", sumLegend, r.Width)
	if r.both() {
		fmt.Fprintln(w, "Two signs: as it is, and with the proposal.")
	}
	fmt.Fprintln(w)
}

// writeWords writes words with commas after a lead, broken between them, or nothing.
func writeWords(w io.Writer, lead string, words []string, width int) {
	if len(words) == 0 {
		return
	}
	line, room := lead, width
	for i, word := range words {
		if i < len(words)-1 {
			word += ","
		}
		if i > 0 && room > 0 && ansi.StringWidth(line)+ansi.StringWidth(word) > room {
			fmt.Fprintln(w, strings.TrimRight(line, " "))
			line = strings.Repeat(" ", ansi.StringWidth(lead))
		}
		line += word + " "
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}

// lists writes the peers of each workload by what is allowed.
func (r *Network) lists(w io.Writer) {
	for _, m := range r.matrices() {
		for i, row := range m.rows {
			fmt.Fprintln(w, row+" "+strings.ToLower(m.title))
			r.list(w, m.grid, i)
			fmt.Fprintln(w)
		}
	}
}

func (r *Network) list(w io.Writer, g *harden.NetworkGrid, row int) {
	type sums struct{ before, after harden.NetworkSum }
	names := map[sums][]string{}
	for k, column := range g.Columns {
		s := sums{}
		s.before, s.after = g.Sum(row, k)
		if s.before == harden.SumNone {
			continue
		}
		if !r.both() {
			s.after = s.before
		}
		names[s] = append(names[s], r.peers(column)+r.openPorts(g.At(row, k), s.before, s.after))
	}
	ordered := slices.SortedFunc(maps.Keys(names), func(a, b sums) int {
		return cmp.Or(cmp.Compare(b.before, a.before), cmp.Compare(b.after, a.after))
	})
	for _, s := range ordered {
		lead := sumSigns[s.before] + " " + s.before.String()
		if s.after != s.before {
			lead = sumSigns[s.before] + sumSigns[s.after] + " " + s.before.String() + ", then " + s.after.String()
		}
		writeWords(w, "  "+lead+": ", names[s], r.Width)
	}
}

// openPorts are the ports that are open where not all are: " (tcp/8080)"; with a
// proposal those that it leaves open.
func (r *Network) openPorts(cells []int, before, after harden.NetworkSum) string {
	sum, reach := before, func(c *harden.NetworkCell) harden.Reach { return c.Before }
	if r.both() {
		sum, reach = after, func(c *harden.NetworkCell) harden.Reach { return c.After }
	}
	if sum != harden.SumPartly {
		return ""
	}
	var ports []string
	for _, i := range cells {
		if c := &r.View.Cells[i]; reach(c) == harden.ReachAllowed {
			ports = append(ports, c.Port.String())
		}
	}
	return " (" + strings.Join(ports, " ") + ")"
}
