package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A link is what two peers of a graph have to do with each other.
type link struct {
	from, to int // of NetworkView.Peers
	kind     linkKind
	ports    []string
}

type linkKind int

const (
	linkNeeded linkKind = iota // allowed, and known to be needed
	linkOpen                   // allowed, and nobody is known to need it
	linkUnknown
	linkCut // denied though needed
)

var linkWords = [...]string{linkNeeded: "", linkOpen: "", linkUnknown: "unknown: ", linkCut: "denied though needed: "}

func (l *link) label() string { return linkWords[l.kind] + strings.Join(l.ports, ", ") }

// links are the edges of the graph: as it is, or with the proposal.
func (r *Network) links() []*link {
	type key struct {
		from, to int
		kind     linkKind
	}
	found := map[key]*link{}
	var out []*link
	for _, i := range r.cells() {
		c := &r.View.Cells[i]
		reach := c.Before
		if r.both() {
			reach = c.After
		}
		k := key{int(c.From), int(c.To), linkOpen}
		switch needed := r.View.Needed(c); {
		case reach == harden.ReachUnknown:
			k.kind = linkUnknown
		case reach == harden.ReachDenied && needed:
			k.kind = linkCut
		case reach == harden.ReachDenied:
			continue
		case needed:
			k.kind = linkNeeded
		}
		l := found[k]
		if l == nil {
			l = &link{from: k.from, to: k.to, kind: k.kind}
			found[k] = l
			out = append(out, l)
		}
		l.ports = append(l.ports, c.Port.String())
	}
	return out
}

// nodes are the peers of links: workloads by namespace, then the others under "".
func (r *Network) nodes(links []*link) (namespaces []string, in map[string][]int) {
	used := make([]bool, len(r.View.Peers))
	for _, l := range links {
		used[l.from], used[l.to] = true, true
	}
	in = map[string][]int{}
	for i, p := range r.View.Peers {
		if !used[i] {
			continue
		}
		ns := ""
		if p.Kind == harden.PeerWorkload {
			ns = p.Namespace
		}
		if in[ns] == nil {
			namespaces = append(namespaces, ns)
		}
		in[ns] = append(in[ns], i)
	}
	slices.Sort(namespaces)
	return namespaces, in
}

func nodeLabel(p harden.Peer) string {
	if p.Kind == harden.PeerWorkload {
		return harden.OneLine(p.Workload.String())
	}
	return harden.OneLine(p.String())
}

// DOT writes a graph for Graphviz: what is allowed and needed is solid, what is
// allowed only is dashed, what is unknown or cut is dotted and says so.
func (r *Network) DOT(w io.Writer) error {
	out := &errWriter{w: w}
	for _, line := range []string{engineWords(r.View.Engine), r.graphWords()} {
		fmt.Fprintln(out, "// "+line)
	}
	fmt.Fprintln(out, "digraph network {\n  rankdir=LR;\n  node [shape=box];")
	links := r.links()
	namespaces, in := r.nodes(links)
	for n, ns := range namespaces {
		indent := "  "
		if ns != "" {
			fmt.Fprintf(out, "  subgraph cluster_%d {\n    label=%s;\n", n, quoteDOT(ns))
			indent = "    "
		}
		for _, i := range in[ns] {
			p := r.View.Peers[i]
			shape := ""
			if p.Kind != harden.PeerWorkload {
				shape = ", shape=ellipse"
			}
			fmt.Fprintf(out, "%sn%d [label=%s%s];\n", indent, i, quoteDOT(nodeLabel(p)), shape)
		}
		if ns != "" {
			fmt.Fprintln(out, "  }")
		}
	}
	styles := [...]string{linkNeeded: "solid", linkOpen: "dashed", linkUnknown: "dotted", linkCut: "dotted, color=red"}
	for _, l := range links {
		fmt.Fprintf(out, "  n%d -> n%d [style=%s, label=%s];\n", l.from, l.to, styles[l.kind], quoteDOT(l.label()))
	}
	fmt.Fprintln(out, "}")
	return out.err
}

func (r *Network) graphWords() string {
	if r.both() {
		return "With the proposal. Solid: allowed and needed; dashed: allowed, not known to be needed."
	}
	return "As it is. Solid: allowed and needed; dashed: allowed, not known to be needed."
}

// quoteDOT makes a quoted string of Graphviz, where backslashes begin escapes.
func quoteDOT(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(harden.OneLine(s)) + `"`
}

// Mermaid writes the graph of DOT as a Mermaid flowchart.
func (r *Network) Mermaid(w io.Writer) error {
	out := &errWriter{w: w}
	fmt.Fprintln(out, "flowchart LR")
	for _, line := range []string{engineWords(r.View.Engine), r.graphWords()} {
		fmt.Fprintln(out, "  %% "+strings.NewReplacer("{", "(", "}", ")").Replace(line))
	}
	links := r.links()
	namespaces, in := r.nodes(links)
	for n, ns := range namespaces {
		indent := "  "
		if ns != "" {
			fmt.Fprintf(out, "  subgraph s%d[%s]\n", n, quoteMermaid(ns))
			indent = "    "
		}
		for _, i := range in[ns] {
			p := r.View.Peers[i]
			open, end := "[", "]"
			if p.Kind != harden.PeerWorkload {
				open, end = "([", "])"
			}
			fmt.Fprintf(out, "%sn%d%s%s%s\n", indent, i, open, quoteMermaid(nodeLabel(p)), end)
		}
		if ns != "" {
			fmt.Fprintln(out, "  end")
		}
	}
	arrows := [...]string{linkNeeded: "-->", linkOpen: "-.->", linkUnknown: "-.-o", linkCut: "--x"}
	for _, l := range links {
		fmt.Fprintf(out, "  n%d %s|%s| n%d\n", l.from, arrows[l.kind], quoteMermaid(l.label()), l.to)
	}
	return out.err
}

// quoteMermaid makes a quoted text of Mermaid. All that may mean something in it
// or in the HTML that it becomes is written as an entity by number.
func quoteMermaid(s string) string {
	var b strings.Builder
	for _, r := range harden.OneLine(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" ./:,-_()+", r), r > 0x7f:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return `"` + b.String() + `"`
}
