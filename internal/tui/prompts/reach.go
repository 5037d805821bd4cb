package prompts

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// peerName is a peer in a sentence; the namespace is not said where it is that of
// the sentence.
func peerName(p harden.Peer, namespace string) string {
	switch p.Kind {
	case harden.PeerWorkload:
		return bare(p.Workload, namespace)
	case harden.PeerNamespace:
		return "namespace " + p.Namespace
	case harden.PeerInternet:
		return "the internet"
	case harden.PeerPrivate:
		return "other private addresses"
	case harden.PeerMetadata:
		return "the metadata service"
	case harden.PeerAPIServer:
		return "the API server"
	case harden.PeerDNS:
		return "DNS"
	case harden.PeerNodes:
		return "the nodes"
	case harden.PeerLoadBalancer:
		return "what comes through load balancers"
	case harden.PeerAddress:
		return "addresses " + p.CIDR
	}
	return p.String()
}

func portName(p harden.Port) string {
	protocol := ""
	if p.Protocol != "" && p.Protocol != "TCP" {
		protocol = string(p.Protocol) + " "
	}
	if p.Number == 0 {
		return "other " + protocol + "ports"
	}
	return fmt.Sprintf("%sport %d", protocol, p.Number)
}

func reachName(r harden.Reach, partly bool) string {
	word := r.String()
	if r == harden.ReachUnknown {
		word = "not known"
	}
	if partly {
		word += " in part"
	}
	return word
}

// reached is what a row has with the columns of the grid, by what may be.
type reached struct{ allowed, denied, unknown, cut []string }

// sentence says who a workload may reach, or who may reach it: "Deployment web may
// reach: DNS, the internet and StatefulSet db in payments on port 5432".
func (n *networking) sentence(g *harden.NetworkGrid, row int) string {
	p := n.view.Peers[g.Rows[row]]
	var r reached
	inside := n.openInside(g, row)
	if inside {
		r.allowed = append(r.allowed, "every workload of "+p.Namespace)
	}
	for column := range g.Columns {
		if !inside || !n.inside(g, row, column) {
			n.reach(&r, g, row, column)
		}
	}
	may, mayNot := "may reach", "It may not reach"
	if g.Direction == harden.Ingress {
		may, mayNot = "may be reached by", "It may not be reached by"
	}
	s := bare(p.Workload, n.only()) + " " + may + ": " + or(join(r.allowed), "nothing that is known") + "."
	add := func(lead string, names []string) {
		if len(names) > 0 {
			s += " " + lead + ": " + join(names) + "."
		}
	}
	add(mayNot, r.denied)
	add("Needed but denied", r.cut)
	add("Not known", r.unknown)
	return s
}

// inside reports whether a column is a workload of the namespace of the row.
func (n *networking) inside(g *harden.NetworkGrid, row, column int) bool {
	p := n.view.Peers[g.Columns[column][0]]
	return p.Kind == harden.PeerWorkload && p.Namespace == n.view.Peers[g.Rows[row]].Namespace
}

// openInside reports whether all workloads of the namespace of the row are allowed:
// that is said in a word, unless they are two or fewer.
func (n *networking) openInside(g *harden.NetworkGrid, row int) bool {
	const few = 2
	workloads := 0
	for column := range g.Columns {
		if n.inside(g, row, column) && len(g.At(row, column)) > 0 {
			workloads++
			if n.sum(g.At(row, column)) != harden.SumAllowed {
				return false
			}
		}
	}
	return workloads > few
}

// sum is what cells come to, as it is or as proposed.
func (n *networking) sum(cells []int) harden.NetworkSum {
	before, after := n.view.Sum(cells)
	if n.proposed {
		return after
	}
	return before
}

// only is the namespace, where one alone is looked at.
func (n *networking) only() string {
	if len(n.view.Namespaces) == 1 {
		return n.view.Namespaces[0]
	}
	return ""
}

// reach puts a column of the grid where it belongs.
func (n *networking) reach(r *reached, g *harden.NetworkGrid, row, column int) {
	cells := g.At(row, column)
	name := n.columnName(g, row, column)
	var open, cut []harden.Port
	for _, i := range cells {
		c := &n.view.Cells[i]
		switch state := n.state(c); {
		case state == harden.ReachAllowed:
			open = append(open, c.Port)
		case state == harden.ReachDenied && n.view.Needed(c):
			cut = append(cut, c.Port)
		}
	}
	switch n.sum(cells) {
	case harden.SumAllowed:
		// Of what is no workload nobody lists the ports.
		if n.view.Peers[g.Columns[column][0]].Kind == harden.PeerWorkload {
			name += onPorts(open)
		}
		r.allowed = append(r.allowed, name)
	case harden.SumPartly:
		if len(open) < len(cells) {
			name += onPorts(open)
		} else {
			name = "a part of " + name
		}
		r.allowed = append(r.allowed, name)
	case harden.SumDenied:
		r.denied = append(r.denied, name)
	case harden.SumUnknown:
		r.unknown = append(r.unknown, name)
	case harden.SumCut:
		r.cut = append(r.cut, name+onPorts(cut))
		if len(open) > 0 {
			r.allowed = append(r.allowed, name+onPorts(open))
		}
	}
}

// onPorts is " on port 5432", or nothing where ports that nobody declared are among them.
func onPorts(ports []harden.Port) string {
	var names []string
	for _, p := range ports {
		if p.Number == 0 {
			return ""
		}
		names = append(names, portName(p))
	}
	if len(names) == 0 {
		return ""
	}
	return " on " + join(names)
}

func (n *networking) state(c *harden.NetworkCell) harden.Reach {
	if n.proposed {
		return c.After
	}
	return c.Before
}

func (n *networking) columnName(g *harden.NetworkGrid, row, column int) string {
	peers := g.Columns[column]
	namespace := n.view.Peers[g.Rows[row]].Namespace
	if len(peers) == 1 {
		return peerName(n.view.Peers[peers[0]], namespace)
	}
	var names []string
	for _, at := range peers {
		names = append(names, n.view.Peers[at].Namespace)
	}
	return "the namespaces " + strings.Join(names, ", ")
}

// workload lists the peers of a workload, with what decides each connection.
func (n *networking) workload(g *harden.NetworkGrid, row int) error {
	p := n.view.Peers[g.Rows[row]]
	return n.browse(func() (menu, error) {
		m := menu{title: called(p.Workload) + ": what decides its connections", none: "No connection is known.", hint: "a number"}
		for column := range g.Columns {
			cells := g.At(row, column)
			if len(cells) == 0 {
				continue
			}
			name := n.columnName(g, row, column)
			m.items = append(m.items, item{id: name, text: func() string { return name + ": " + n.change(cells) }, open: func() error { return n.cells(called(p.Workload)+" and "+name, cells) }})
		}
		return m, nil
	})
}

// change is "allowed", or "allowed, denied with the proposal".
func (n *networking) change(cells []int) string {
	before, after := n.view.Sum(cells)
	if before == after {
		return sumName(before)
	}
	return sumName(before) + ", " + sumName(after) + " with the proposal"
}

func sumName(s harden.NetworkSum) string {
	switch s {
	case harden.SumPartly:
		return "allowed in part"
	case harden.SumUnknown:
		return "not known"
	}
	return s.String()
}

// cells say of each port between two ends whether it is open, and why.
func (n *networking) cells(title string, cells []int) error {
	return n.browse(func() (menu, error) {
		return menu{title: title, intro: func() {
			for _, i := range cells {
				c := &n.view.Cells[i]
				before, after := n.view.Explain(n.view.Peers[c.From], n.view.Peers[c.To], c.Port)
				n.say("%s:", upper(portName(c.Port)))
				n.sayDecision("As it is", &before)
				if c.Changed() || after.Why != before.Why {
					n.sayDecision("As proposed", &after)
				}
				if f := n.view.FlowOf(c); f != nil {
					n.sayNeed(f)
				}
			}
		}}, nil
	})
}
