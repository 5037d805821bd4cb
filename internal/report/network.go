package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Network is what the writers of who can talk to whom need.
type Network struct {
	View *harden.NetworkView
	// Cluster is zero for files.
	Cluster harden.Cluster
	// Only chooses the workloads whose connections are shown; nil: all.
	Only func(harden.Ref) bool
	// Phases of the proposal to show; empty: all.
	Phases []harden.NetworkPhaseName
	// Proposed shows what the proposal makes of each connection beside what is.
	Proposed bool
	// Changes shows what the proposal changes, and nothing else.
	Changes bool
	// Width is how many cells a line has; 0: as many as it takes.
	Width int
}

// Table writes the engine, a matrix where it fits and a list elsewhere, what is
// needed, what is proposed, and what is not known.
func (r *Network) Table(w io.Writer) error {
	out := &errWriter{w: w}
	r.engine(out)
	fmt.Fprintln(out)
	r.connections(out)
	r.counts(out)
	if err := r.flows(out); err != nil {
		return err
	}
	r.phases(out)
	r.guessed(out)
	writeUnread(out, r.View.Unread)
	return out.err
}

// Matrix writes the engine and the matrix, however wide it is.
func (r *Network) Matrix(w io.Writer) error {
	out := &errWriter{w: w}
	r.engine(out)
	fmt.Fprintln(out)
	ms := r.matrices()
	for _, m := range ms {
		m.write(out, r.both())
		fmt.Fprintln(out)
	}
	if len(ms) == 0 {
		fmt.Fprintln(out, r.nothing())
	} else {
		r.legend(out)
	}
	r.counts(out)
	writeUnread(out, r.View.Unread)
	return out.err
}

// Wide writes the engine and a row for each connection, with what decides it.
func (r *Network) Wide(w io.Writer) error {
	out := &errWriter{w: w}
	r.engine(out)
	fmt.Fprintln(out)
	cells := r.cells()
	if len(cells) == 0 {
		fmt.Fprintln(out, r.nothing())
	} else {
		tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		head := []string{"FROM", "TO", "PORT", "NOW"}
		if r.both() {
			head = append(head, "PROPOSED")
		}
		fmt.Fprintln(tw, strings.Join(append(head, "NEEDED", "BECAUSE"), "\t"))
		for _, i := range cells {
			fmt.Fprintln(tw, strings.Join(r.connection(&r.View.Cells[i]), "\t"))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	r.counts(out)
	r.phases(out)
	r.guessed(out)
	writeUnread(out, r.View.Unread)
	return out.err
}

func (r *Network) connection(c *harden.NetworkCell) []string {
	v := r.View
	from, to := v.Peers[c.From], v.Peers[c.To]
	before, after := v.Explain(from, to, c.Port)
	row := []string{r.peer(from), r.peer(to), c.Port.String(), reachWord(c.Before, c.BeforePartly)}
	why := before.Why
	if r.both() {
		row = append(row, reachWord(c.After, c.AfterPartly))
		if c.Changed() {
			why += "; then: " + after.Why
		}
	}
	need := "-"
	if f := v.FlowOf(c); f != nil {
		need = f.Confidence.String()
	}
	row = append(row, need, orDash(why))
	for i := range row {
		row[i] = harden.OneLine(row[i])
	}
	return row
}

func reachWord(r harden.Reach, partly bool) string {
	if partly {
		return r.String() + " in part"
	}
	return r.String()
}

func (r *Network) both() bool { return r.Proposed || r.Changes }

// keep reports whether a cell is shown.
func (r *Network) keep(c *harden.NetworkCell) bool {
	if r.Changes && !c.Changed() {
		return false
	}
	return r.chosen(r.View.Peers[c.From]) || r.chosen(r.View.Peers[c.To])
}

func (r *Network) chosen(p harden.Peer) bool {
	if r.Only == nil {
		return true
	}
	return p.Kind == harden.PeerWorkload && r.looked(p) && r.Only(p.Workload)
}

// inOneNamespace reports whether all workloads that are looked at are in one.
func (r *Network) inOneNamespace() bool {
	first := ""
	for _, p := range r.View.Peers {
		if p.Kind != harden.PeerWorkload || !r.looked(p) {
			continue
		}
		if first != "" && p.Namespace != first {
			return false
		}
		first = p.Namespace
	}
	return true
}

// looked reports whether a peer is in the namespaces that are looked at.
func (r *Network) looked(p harden.Peer) bool { return slices.Contains(r.View.Namespaces, p.Namespace) }

func (r *Network) cells() []int {
	var out []int
	for i := range r.View.Cells {
		if r.keep(&r.View.Cells[i]) {
			out = append(out, i)
		}
	}
	return out
}

// Engine says who enforces policies, in a comment before plans.
func Engine(w io.Writer, e harden.Engine) error {
	out := &errWriter{w: w}
	comment(out, engineWords(e))
	return out.err
}

// engine says who enforces policies; it stands on every output.
func (r *Network) engine(w io.Writer) {
	for _, line := range wrapWords(engineWords(r.View.Engine), r.Width) {
		fmt.Fprintln(w, line)
	}
}

// engineWords is a sentence about who enforces NetworkPolicies.
func engineWords(e harden.Engine) string {
	name, why := harden.OneLine(e.Name), ""
	if e.Why != "" {
		why = " (" + harden.OneLine(e.Why) + ")"
	}
	switch e.Enforces {
	case harden.Enforced:
		return "NetworkPolicies are enforced by " + orSomebody(name) + why + "."
	case harden.NotEnforced:
		if name != "" {
			why = " by " + name + why
		}
		return "NetworkPolicies are NOT enforced" + why + ": every connection is open, and what follows is what policies only declare."
	}
	if name != "" {
		name = "; the engine is " + name
	}
	return "It cannot be told whether NetworkPolicies are enforced" + why + name + ": what follows is what policies declare."
}

func orSomebody(name string) string {
	if name == "" {
		return "an engine that was not recognised"
	}
	return name
}

func (r *Network) nothing() string {
	switch {
	case r.Changes:
		return "The proposal changes nothing here."
	case len(r.View.Namespaces) == 0:
		return "No namespace is looked at."
	}
	return "No workloads found (" + r.where() + ")."
}

func (r *Network) where() string {
	if len(r.View.Namespaces) == 1 {
		return fmt.Sprintf("in namespace %q", harden.OneLine(r.View.Namespaces[0]))
	}
	return "in " + plural(len(r.View.Namespaces), "namespace")
}

// peer names one end for people: without the namespace where there is only one.
func (r *Network) peer(p harden.Peer) string {
	if p.Kind == harden.PeerWorkload && r.looked(p) && r.inOneNamespace() {
		return harden.OneLine(p.Workload.String())
	}
	return harden.OneLine(p.String())
}

// peers names a column: several namespaces by the first of them and a number.
func (r *Network) peers(column []int) string {
	s := r.peer(r.View.Peers[column[0]])
	if n := len(column) - 1; n > 0 {
		s += fmt.Sprintf(" (+%d)", n)
	}
	return s
}

// wrapWords breaks a text between words into lines of a width; 0: one line.
func wrapWords(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case ansi.StringWidth(line)+1+ansi.StringWidth(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
