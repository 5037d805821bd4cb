package netpol

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Peers are the rows and columns of a matrix of the namespaces, in the order of
// harden.ComparePeers: their workloads, the other namespaces, and those who are
// no pods. What has run to its end, and namespaces without workloads, are left out.
func (w *World) Peers(namespaces []string) []harden.Peer {
	peers := []harden.Peer{
		{Kind: harden.PeerAPIServer}, {Kind: harden.PeerMetadata}, {Kind: harden.PeerNodes}, {Kind: harden.PeerPrivate}, {Kind: harden.PeerInternet},
	}
	if len(w.dnsPods()) == 0 {
		peers = append(peers, harden.Peer{Kind: harden.PeerDNS})
	}
	for _, ns := range namespaces {
		if slices.ContainsFunc(w.services[ns], comesFromOutside) {
			peers = append(peers, harden.Peer{Kind: harden.PeerLoadBalancer})
			break
		}
	}
	others := map[string]bool{}
	for _, workload := range w.inv.Workloads {
		switch ns := workload.Ref.Namespace; {
		case workload.Finished:
		case slices.Contains(namespaces, ns):
			peers = append(peers, harden.WorkloadPeer(workload.Ref))
		case !others[ns]:
			others[ns] = true
			peers = append(peers, harden.Peer{Kind: harden.PeerNamespace, Namespace: ns})
		}
	}
	slices.SortFunc(peers, harden.ComparePeers)
	return peers
}

func comesFromOutside(s *corev1.Service) bool {
	return s.Spec.Type == corev1.ServiceTypeLoadBalancer || s.Spec.Type == corev1.ServiceTypeNodePort
}

// Ports are the ports of a peer that a matrix shows, in the order of
// harden.ComparePorts: declared by containers, targets of Services, and last a
// TCP port that nobody declared.
func (w *World) Ports(p harden.Peer) []harden.Port {
	tcp := func(number int32) harden.Port { return harden.Port{Protocol: corev1.ProtocolTCP, Number: number} }
	ports := []harden.Port{tcp(0)}
	switch p.Kind {
	case harden.PeerWorkload:
		if g := w.pods.group(p.Workload); g != nil {
			ports = append(ports, w.portsOf(g.workload)...)
		}
	case harden.PeerNamespace:
		for _, workload := range w.inv.Workloads {
			if workload.Ref.Namespace == p.Namespace && !workload.Finished {
				ports = append(ports, w.portsOf(workload)...)
			}
		}
	case harden.PeerDNS:
		ports = w.dnsPorts()
	case harden.PeerAPIServer:
		ports = w.serverPorts()
	case harden.PeerMetadata:
		ports = []harden.Port{tcp(80)}
	case harden.PeerNodes:
		ports = append(ports, tcp(10250))
	case harden.PeerInternet:
		ports = append(ports, tcp(443))
	case harden.PeerLoadBalancer:
		return nil // it only calls
	}
	slices.SortFunc(ports, harden.ComparePorts)
	return slices.Compact(ports)
}

func (w *World) portsOf(workload *harden.Workload) []harden.Port {
	var out []harden.Port
	add := func(protocol corev1.Protocol, number int32) {
		if protocol == "" {
			protocol = corev1.ProtocolTCP
		}
		if number > 0 {
			out = append(out, harden.Port{Protocol: protocol, Number: number})
		}
	}
	spec, set := &workload.Template.Spec, workload.Template.Labels
	if i := slices.IndexFunc(workload.Pods, runs); i >= 0 {
		spec, set = &workload.Pods[i].Spec, workload.Pods[i].Labels
	}
	declared(spec, func(p corev1.ContainerPort) { add(p.Protocol, p.ContainerPort) })
	named := namedPorts(spec)
	for _, s := range w.services[workload.Ref.Namespace] {
		if len(s.Spec.Selector) == 0 || !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(set)) {
			continue
		}
		for _, p := range s.Spec.Ports {
			switch {
			case p.TargetPort.Type == intstr.String:
				if index, ok := protocolIndex(p.Protocol); ok {
					for _, n := range named[portName{index, p.TargetPort.StrVal}] {
						add(p.Protocol, n)
					}
				}
			case p.TargetPort.IntVal != 0:
				add(p.Protocol, p.TargetPort.IntVal)
			default:
				add(p.Protocol, p.Port)
			}
		}
	}
	return out
}

// dnsPorts are the ports that the pods of DNS listen on: the targets of its
// Service where these are numbers.
func (w *World) dnsPorts() []harden.Port {
	var out []harden.Port
	if s := w.dnsService(); s != nil {
		for _, p := range s.Spec.Ports {
			if n := p.TargetPort.IntVal; n != 0 && (p.Protocol == corev1.ProtocolUDP || p.Protocol == corev1.ProtocolTCP) && p.Port == 53 {
				out = append(out, harden.Port{Protocol: p.Protocol, Number: n})
			}
		}
	}
	if len(out) == 0 {
		out = []harden.Port{{Protocol: corev1.ProtocolUDP, Number: 53}, {Protocol: corev1.ProtocolTCP, Number: 53}}
	}
	return out
}

// serverPorts are the ports of the API server's endpoints, by convention 6443.
func (w *World) serverPorts() []harden.Port {
	var out []harden.Port
	for _, s := range w.serverSlices() {
		for _, p := range s.Ports {
			if p.Port != nil {
				out = append(out, harden.Port{Protocol: corev1.ProtocolTCP, Number: *p.Port})
			}
		}
	}
	if len(out) == 0 {
		out = append(out, harden.Port{Protocol: corev1.ProtocolTCP, Number: 6443})
	}
	return out
}

// Cells is the matrix: every pair of peers of which one lies in the namespaces,
// at the ports of the second and those of the flows between them. Flows are
// numbered as in NetworkCell.Flow. What flows name and Peers does not (a
// workload elsewhere, an address) is added to the peers, and has cells for these
// flows alone. Peers that open no connections have no cells as the first.
func Cells(before, after *World, namespaces []string, flows []harden.Flow) ([]harden.Peer, []harden.NetworkCell) {
	inside := func(p harden.Peer) bool {
		return p.Kind == harden.PeerWorkload && slices.Contains(namespaces, p.Namespace)
	}
	own := before.Peers(namespaces)
	peers := slices.Clone(own)
	for i := range flows {
		if f := &flows[i]; inside(f.From) || inside(f.To) {
			peers = append(peers, f.From, f.To)
		}
	}
	slices.SortFunc(peers, harden.ComparePeers)
	peers = slices.Compact(peers)
	index := make(map[harden.Peer]int, len(peers))
	for i, p := range peers {
		index[p] = i
	}
	between := map[[2]int]map[harden.Port]int{}
	for i := range flows {
		f := &flows[i]
		if !inside(f.From) && !inside(f.To) {
			continue
		}
		at := [2]int{index[f.From], index[f.To]}
		if between[at] == nil {
			between[at] = map[harden.Port]int{}
		}
		if _, ok := between[at][f.Port]; !ok {
			between[at][f.Port] = i + 1
		}
	}
	s := shape{peers: peers, ports: make([][]harden.Port, len(peers)), opens: make([]bool, len(peers)), inside: make([]bool, len(peers)), between: between}
	for _, p := range own {
		i := index[p]
		s.ports[i], s.inside[i] = before.Ports(p), inside(p)
		s.opens[i] = p.Kind != harden.PeerMetadata && p.Kind != harden.PeerDNS
	}
	return peers, s.fill(before, after)
}

// shape is which cells a matrix has.
type shape struct {
	peers   []harden.Peer
	ports   [][]harden.Port // by peer; none of one that only flows name
	opens   []bool          // by peer
	inside  []bool          // by peer: it lies in the namespaces
	between map[[2]int]map[harden.Port]int
}

// cellPorts are the ports of a pair, in order.
func (s *shape) cellPorts(from, to int) []harden.Port {
	var ports []harden.Port
	if s.opens[from] && (s.inside[from] || s.inside[to]) && (from != to || s.peers[from].Workload.Kind != "Pod") {
		ports = s.ports[to]
	}
	flows := s.between[[2]int{from, to}]
	if len(flows) == 0 {
		return ports
	}
	ports = slices.Clone(ports)
	for p := range flows {
		ports = append(ports, p)
	}
	slices.SortFunc(ports, harden.ComparePorts)
	return slices.Compact(ports)
}

func (s *shape) fill(before, after *World) []harden.NetworkCell {
	n := 0
	for from := range s.peers {
		for to := range s.peers {
			n += len(s.cellPorts(from, to))
		}
	}
	cells := make([]harden.NetworkCell, 0, n)
	old := newAnswers(before, s.peers)
	next := old
	if after != before {
		next = newAnswers(after, s.peers)
	}
	for from := range s.peers {
		for to := range s.peers {
			flows := s.between[[2]int{from, to}]
			for _, p := range s.cellPorts(from, to) {
				c := harden.NetworkCell{From: int32(from), To: int32(to), Port: p, Flow: int32(flows[p])}
				c.Before, c.BeforePartly = old.ask(from, to, p)
				c.After, c.AfterPartly = c.Before, c.BeforePartly
				if next != old {
					c.After, c.AfterPartly = next.ask(from, to, p)
				}
				cells = append(cells, c)
			}
		}
	}
	return cells
}

// answers decides for peers, once for all that are made of the same classes.
type answers struct {
	w     *World
	peers []harden.Peer
	left  []ends
	right []ends
	kind  []int // by peer: those of one kind have the same ends
	known map[harden.Port][][]verdict
	kinds int
}

// verdict is a reach plus 1, and 4 more where it is for a part; 0 is not known yet.
type verdict uint8

func newAnswers(w *World, peers []harden.Peer) *answers {
	a := &answers{w: w, peers: peers, left: make([]ends, len(peers)), right: make([]ends, len(peers)), kind: make([]int, len(peers)), known: map[harden.Port][][]verdict{}}
	kinds := map[string]int{}
	for i, p := range peers {
		a.left[i], a.right[i] = w.ends(p, true), w.ends(p, false)
		key := fmt.Sprint("peer ", i)
		if p.Kind == harden.PeerWorkload && a.left[i].why == "" {
			var ids []string
			for _, e := range a.left[i].all {
				id := fmt.Sprint(e.pod.id)
				if len(e.on) == 1 {
					id += "@" + e.on[0] // whose probes are let in
				}
				ids = append(ids, id)
			}
			slices.Sort(ids)
			key = strings.Join(ids, " ")
		}
		if _, ok := kinds[key]; !ok {
			kinds[key] = len(kinds)
		}
		a.kind[i] = kinds[key]
	}
	a.kinds = len(kinds)
	return a
}

func (a *answers) ask(from, to int, p harden.Port) (harden.Reach, bool) {
	rows := a.known[p]
	if rows == nil {
		rows = make([][]verdict, a.kinds)
		a.known[p] = rows
	}
	// By the second peer first: few peers have a port, and all may ask for it.
	row := rows[a.kind[to]]
	if row == nil {
		row = make([]verdict, a.kinds)
		rows[a.kind[to]] = row
	}
	v := &row[a.kind[from]]
	if *v == 0 {
		reach, partly := a.w.reach(&a.left[from], &a.right[to], p)
		*v = verdict(reach) + 1
		if partly {
			*v |= 4
		}
	}
	return harden.Reach(*v&3) - 1, *v&4 != 0
}

// reach is Decide without the reasons.
func (w *World) reach(left, right *ends, p harden.Port) (harden.Reach, bool) {
	port, ok := w.dial(p)
	if !ok || left.why != "" || right.why != "" {
		return harden.ReachUnknown, false
	}
	a := question(left, right, func(a, b *end) part { return part{reach: w.pair(a, b, port, nil).reach()} })
	return a.reach, a.partly
}
