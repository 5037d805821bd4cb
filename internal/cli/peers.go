package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
)

// peerKinds are ends that are named by what they are.
var peerKinds = map[string]harden.PeerKind{
	"internet": harden.PeerInternet, "private": harden.PeerPrivate, "metadata": harden.PeerMetadata, "api-server": harden.PeerAPIServer,
	"dns": harden.PeerDNS, "nodes": harden.PeerNodes, "load-balancer": harden.PeerLoadBalancer,
}

// peerNames are the names of peerKinds, for people.
var peerNames = []string{"internet", "private", "metadata", "api-server", "dns", "nodes", "load-balancer"}

func peerWords() string { return strings.Join(peerNames, ", ") }

// parsePort reads PORT or PORT/PROTOCOL, such as 53/udp.
func parsePort(s string) (harden.Port, error) {
	number, protocol, ok := strings.Cut(s, "/")
	if !ok {
		protocol = "tcp"
	}
	n, err := strconv.ParseUint(number, 10, 16)
	p := harden.Port{Protocol: corev1.Protocol(strings.ToUpper(protocol)), Number: int32(n)}
	known := slices.Contains([]corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}, p.Protocol)
	if err != nil || n == 0 || !known {
		return p, fmt.Errorf("reading --port %q: expected NUMBER or NUMBER/PROTOCOL such as 8080 or 53/udp", s)
	}
	return p, nil
}

// ends finds what people call the ends of a connection.
type ends struct {
	view      *harden.NetworkView
	workloads []*harden.Workload // of the whole cluster, as far as it was read
	spaces    map[string]bool
}

func newEnds(inv *harden.Inventory, view *harden.NetworkView) *ends {
	if around := inv.Around(); around != nil {
		inv = around
	}
	e := &ends{view: view, workloads: inv.Workloads, spaces: map[string]bool{}}
	for ns := range inv.Namespaces {
		e.spaces[ns] = true
	}
	for _, p := range view.Peers {
		e.spaces[p.Namespace] = true
	}
	delete(e.spaces, "")
	return e
}

// find is the peer of a name; flag is where it was given.
func (e *ends) find(flag, name string) (harden.Peer, error) {
	if kind, ok := peerKinds[strings.ToLower(name)]; ok {
		return e.special(kind), nil
	}
	if ns, ok := strings.CutPrefix(name, "ns:"); ok {
		if !e.spaces[ns] {
			return harden.Peer{}, hinted(fmt.Errorf("reading --%s: no namespace %q was read", flag, ns), "there are: "+strings.Join(sorted(e.spaces), ", "))
		}
		return harden.Peer{Kind: harden.PeerNamespace, Namespace: ns}, nil
	}
	if p, ok := e.address(name); ok {
		return p, nil
	}
	found := e.named(name)
	if len(found) > 1 {
		// Who is looked at comes before others of the same name.
		if here := slices.DeleteFunc(slices.Clone(found), func(p harden.Peer) bool { return !slices.Contains(e.view.Namespaces, p.Namespace) }); len(here) > 0 {
			found = here
		}
	}
	switch len(found) {
	case 0:
		return harden.Peer{}, hinted(fmt.Errorf("reading --%s: no workload or pod is called %q", flag, name), "there are: "+e.list()+"; also ns:NAMESPACE, an address or CIDR, "+peerWords())
	case 1:
		return found[0], nil
	}
	var names []string
	for _, p := range found {
		names = append(names, p.String())
	}
	return harden.Peer{}, hinted(fmt.Errorf("reading --%s: %q may be %s", flag, name, strings.Join(names, " or ")), "name one of them as NAMESPACE/TYPE/NAME")
}

// special is an end that is named by what it is. The DNS is a workload where it was read.
func (e *ends) special(kind harden.PeerKind) harden.Peer {
	if kind == harden.PeerDNS {
		for i := range e.view.Flows {
			if f := &e.view.Flows[i]; f.Required() && (f.Port.Number == 53 || f.Port.Number == 5353) && f.Port.Protocol == corev1.ProtocolUDP {
				return f.To
			}
		}
	}
	return harden.Peer{Kind: kind}
}

// address is a CIDR or an IP; one of a pod is its workload.
func (e *ends) address(name string) (harden.Peer, bool) {
	prefix, err := netip.ParsePrefix(name)
	if err != nil {
		ip, err := netip.ParseAddr(name)
		if err != nil || ip.Zone() != "" {
			return harden.Peer{}, false
		}
		for _, w := range e.workloads {
			if !w.Template.Spec.HostNetwork && slices.ContainsFunc(w.Pods, func(p *corev1.Pod) bool { return hasIP(p, ip) }) {
				return harden.WorkloadPeer(w.Ref), true
			}
		}
		prefix = netip.PrefixFrom(ip, ip.BitLen())
	}
	return harden.Peer{Kind: harden.PeerAddress, CIDR: prefix.Masked().String()}, true
}

func hasIP(p *corev1.Pod, ip netip.Addr) bool {
	return slices.ContainsFunc(p.Status.PodIPs, func(have corev1.PodIP) bool { return have.IP == ip.String() })
}

// named are the workloads of a name, and those of the pods of that name.
func (e *ends) named(name string) []harden.Peer {
	parts := strings.Split(name, "/")
	last := parts[len(parts)-1]
	kind, namespace := "", ""
	switch len(parts) {
	case 1:
	case 2:
		var err error
		if kind, err = parseKind(parts[0]); err != nil {
			namespace = parts[0]
		}
	case 3:
		var err error
		if kind, err = parseKind(parts[1]); err != nil {
			return nil
		}
		namespace = parts[0]
	default:
		return nil
	}
	var out []harden.Peer
	for _, w := range e.workloads {
		if namespace != "" && w.Ref.Namespace != namespace {
			continue
		}
		isPod := (kind == "" || kind == "Pod") && slices.ContainsFunc(w.Pods, func(p *corev1.Pod) bool { return p.Name == last })
		if w.Ref.Name == last && (kind == "" || w.Ref.Kind == kind) || isPod {
			out = append(out, harden.WorkloadPeer(w.Ref))
		}
	}
	return out
}

// list names the workloads that are looked at, not too many of them.
func (e *ends) list() string {
	const most = 20
	var names []string
	for _, p := range e.view.Peers {
		if p.Kind == harden.PeerWorkload && slices.Contains(e.view.Namespaces, p.Namespace) {
			names = append(names, harden.OneLine(p.String()))
		}
	}
	switch {
	case len(names) == 0:
		return "no workloads here"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// answers tell about the connections between two ends. An end without a name is
// every peer, a port without a number every port that is known between the two.
func (e *ends) answers(from, to string, port harden.Port) ([]report.NetworkAnswer, error) {
	var ends [2]*harden.Peer
	for i, end := range []struct{ flag, name string }{{"from", from}, {"to", to}} {
		if end.name == "" {
			continue
		}
		p, err := e.find(end.flag, end.name)
		if err != nil {
			return nil, err
		}
		ends[i] = &p
	}
	var out []report.NetworkAnswer
	ask := func(from, to harden.Peer, port harden.Port) {
		a := report.NetworkAnswer{From: from, To: to, Port: port}
		a.Before, a.After = e.view.Explain(from, to, port)
		out = append(out, a)
	}
	switch {
	case ends[0] != nil && ends[1] != nil && port.Number != 0:
		ask(*ends[0], *ends[1], port)
	case ends[0] != nil && ends[1] != nil:
		for _, p := range e.ports(*ends[1]) {
			ask(*ends[0], *ends[1], p)
		}
	default:
		for i := range e.view.Cells {
			c := &e.view.Cells[i]
			a, b := e.view.Peers[c.From], e.view.Peers[c.To]
			if (ends[0] == nil || *ends[0] == a) && (ends[1] == nil || *ends[1] == b) {
				ask(a, b, c.Port)
			}
		}
	}
	if len(out) == 0 {
		return nil, hinted(errors.New("no port is known between these ends"), "name both with --from and --to, and a port with --port")
	}
	return out, nil
}

// ports are those that the matrix shows of an end.
func (e *ends) ports(to harden.Peer) []harden.Port {
	var out []harden.Port
	for i := range e.view.Cells {
		if c := &e.view.Cells[i]; e.view.Peers[c.To] == to && !slices.Contains(out, c.Port) {
			out = append(out, c.Port)
		}
	}
	slices.SortFunc(out, harden.ComparePorts)
	return out
}

func sorted(set map[string]bool) []string {
	var out []string
	for s := range set {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}
