package propose

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
)

// made is a policy on its way: what was put together, and what goes with it.
type made struct {
	subject   *subject
	direction harden.Direction
	policy    *networkingv1.NetworkPolicy
	engine    []entityRule // what only a policy of Cilium can say
	claims    []harden.Claim
	warnings  []string
	cannot    string
}

func (m *made) warn(format string, args ...any) {
	if w := fmt.Sprintf(format, args...); !slices.Contains(m.warnings, w) {
		m.warnings = append(m.warnings, w)
	}
}

// doubt warns of what may be cut in spite of the rules, now or later, so that a person has to look.
func (m *made) doubt(code, format string, args ...any) {
	m.warn(format, args...)
	c := harden.Claim{Code: code, State: harden.Missing, Text: fmt.Sprintf(format, args...)}
	if !slices.Contains(m.claims, c) {
		m.claims = append(m.claims, c)
	}
}

// A side is who is on the other side of a connection, as rules name it.
type side struct {
	peers []networkingv1.NetworkPolicyPeer // empty together with all: none
	all   bool                             // whoever it is
	ports []int32                          // instead of the flow's own; API servers have one for each address
}

// build makes the rules from the flows.
func (d *drafter) build(m *made, needs []harden.Flow) {
	ports := map[string][]harden.Port{} // by the peer, in JSON
	peers := map[string]networkingv1.NetworkPolicyPeer{}
	var all []harden.Port
	add := func(p networkingv1.NetworkPolicyPeer, port harden.Port) {
		key, _ := json.Marshal(p)
		peers[string(key)] = p
		if !slices.Contains(ports[string(key)], port) {
			ports[string(key)] = append(ports[string(key)], port)
		}
	}
	var nodes []harden.Flow
	for _, f := range needs {
		other := f.From
		if m.direction == harden.Egress {
			other = f.To
		}
		if d.onNodes(other) {
			nodes = append(nodes, f)
			continue
		}
		s := d.other(m, other, f)
		if m.cannot != "" {
			return
		}
		if s.all && !slices.Contains(all, f.Port) {
			all = append(all, f.Port)
		}
		for i, p := range s.peers {
			port := f.Port
			if len(s.ports) > 0 {
				port.Number = s.ports[i]
			}
			add(p, port)
		}
	}
	for _, f := range nodes {
		if slices.Contains(all, f.Port) {
			continue // whoever it is may already
		}
		for _, p := range d.nodePeers(m, f) {
			add(p, f.Port)
		}
	}
	if m.cannot != "" {
		return
	}
	m.policy = &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Labels: map[string]string{managedBy: manager}},
		Spec:       networkingv1.NetworkPolicySpec{PodSelector: m.subject.selector, PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyType(m.direction)}},
	}
	if len(all) > 0 {
		m.rule(nil, all)
		for key, list := range ports {
			if list = slices.DeleteFunc(list, func(p harden.Port) bool { return slices.Contains(all, p) }); len(list) == 0 {
				delete(ports, key)
			} else {
				ports[key] = list
			}
		}
	}
	m.rules(peers, ports)
}

const (
	managedBy = "app.kubernetes.io/managed-by"
	manager   = "harden"
)

// rules makes one rule for all peers that need the same ports.
func (m *made) rules(peers map[string]networkingv1.NetworkPolicyPeer, ports map[string][]harden.Port) {
	groups := map[string][]string{}
	for key, list := range ports {
		slices.SortFunc(list, harden.ComparePorts)
		var names []string
		for _, p := range list {
			names = append(names, fmt.Sprintf("%05d/%s", p.Number, p.Protocol))
		}
		name := strings.Join(names, ",")
		groups[name] = append(groups[name], key)
	}
	order := make([]string, 0, len(groups))
	for name, keys := range groups {
		slices.Sort(keys)
		order = append(order, name)
	}
	slices.SortFunc(order, func(a, b string) int { return cmp.Or(cmp.Compare(groups[a][0], groups[b][0]), cmp.Compare(a, b)) })
	for _, name := range order {
		var list []networkingv1.NetworkPolicyPeer
		for _, key := range groups[name] {
			list = append(list, peers[key])
		}
		m.rule(list, ports[groups[name][0]])
	}
}

func (m *made) rule(peers []networkingv1.NetworkPolicyPeer, ports []harden.Port) {
	slices.SortFunc(ports, harden.ComparePorts)
	var list []networkingv1.NetworkPolicyPort
	for _, p := range ports {
		list = append(list, policyPort(p))
	}
	if m.direction == harden.Ingress {
		m.policy.Spec.Ingress = append(m.policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: peers, Ports: list})
		return
	}
	m.policy.Spec.Egress = append(m.policy.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: peers, Ports: list})
}

func policyPort(p harden.Port) networkingv1.NetworkPolicyPort {
	protocol, number := p.Protocol, intstr.FromInt32(p.Number)
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: &number}
}

// onNodes reports whether policies see a peer by the addresses of nodes (T59).
func (d *drafter) onNodes(p harden.Peer) bool {
	w := d.byPeer[p]
	return p.Kind == harden.PeerNodes || w != nil && w.Template.Spec.HostNetwork
}

// other is how rules name the other side of a flow.
func (d *drafter) other(m *made, p harden.Peer, f harden.Flow) side {
	switch p.Kind {
	case harden.PeerWorkload:
		w := d.byPeer[p]
		if w == nil {
			m.cannot = fmt.Sprintf("%s was not read, and it needs %s", p.Workload.Long(), f.Port)
			return side{}
		}
		return d.pods(m, w, f)
	case harden.PeerNamespace:
		return side{peers: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: named(p.Namespace)}}}
	case harden.PeerDNS:
		return side{peers: []networkingv1.NetworkPolicyPeer{d.dnsPeer()}}
	case harden.PeerAPIServer:
		return d.apiServer(m)
	case harden.PeerLoadBalancer:
		m.warn("Port %s is open to every address, also of other pods: %s.", f.Port, f.Origins[0].Text)
		return side{all: true}
	case harden.PeerMetadata:
		var out side
		for _, a := range metadata {
			out.peers = append(out.peers, d.block(a)...)
		}
		return out
	case harden.PeerInternet:
		if m.direction == harden.Egress {
			m.doubt("E-FLOWS", "Port %s is open to the whole internet%s, and to no private address: a NetworkPolicy cannot name hosts, and nobody looked which addresses it needs.", f.Port, forHost(f.Host))
		}
		return side{peers: d.internet()}
	case harden.PeerPrivate:
		m.doubt("E-FLOWS", "Port %s is open to all private addresses%s: which ones it needs is not known.", f.Port, forHost(f.Host))
		return side{peers: d.privateRanges()}
	case harden.PeerAddress:
		return d.addressBlock(m, p, f)
	}
	m.cannot = fmt.Sprintf("nothing is known of how to name %s, and it needs %s", p, f.Port)
	return side{}
}

func forHost(host string) string {
	if host == "" {
		return ""
	}
	return " for " + host
}

func named(namespace string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
}

func (d *drafter) dnsPeer() networkingv1.NetworkPolicyPeer {
	p := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: d.dns.Selector}}
	if d.dns.Namespace != d.namespace {
		p.NamespaceSelector = named(d.dns.Namespace)
	}
	return p
}

func (d *drafter) pods(m *made, w *harden.Workload, f harden.Flow) side {
	if m.direction == harden.Egress && w.Ref.Namespace == d.dns.Namespace && slices.Contains(d.dns.Ports, f.Port) && labels.SelectorFromSet(d.dns.Selector).Matches(labels.Set(w.Template.Labels)) {
		return side{peers: []networkingv1.NetworkPolicyPeer{d.dnsPeer()}}
	}
	s := d.subject(w)
	if s.cannot != "" {
		m.cannot = fmt.Sprintf("it needs %s on %s, and %s", w.Ref.Long(), f.Port, s.cannot)
		return side{}
	}
	if w.Ref.Namespace == "" && d.namespace != "" {
		m.cannot = fmt.Sprintf("it needs %s on %s, whose namespace the files do not name", w.Ref, f.Port)
		return side{}
	}
	selector := s.selector
	p := networkingv1.NetworkPolicyPeer{PodSelector: &selector}
	if w.Ref.Namespace != d.namespace {
		p.NamespaceSelector = named(w.Ref.Namespace)
	}
	return side{peers: []networkingv1.NetworkPolicyPeer{p}}
}

// apiServer is any source on the way in: nobody can select who the API server
// is there. On the way out it is its addresses before and after translation (T63).
func (d *drafter) apiServer(m *made) side {
	if m.direction == harden.Ingress {
		m.doubt("E-SLICES", "The API server calls it, and no selector finds the API server: the port is open to every address. If it were cut, writes to the cluster would wait for it.")
		return side{all: true}
	}
	if d.cilium() && (len(d.api.Endpoints) == 0 || slices.ContainsFunc(d.api.Endpoints, func(a netip.AddrPort) bool { return slices.Contains(d.nodes, a.Addr()) })) {
		m.entity("kube-apiserver", harden.Port{})
		return side{}
	}
	var out side
	for _, a := range slices.Concat(d.api.Endpoints, d.api.ClusterIP) {
		for _, p := range d.block(a.Addr()) {
			out.peers, out.ports = append(out.peers, p), append(out.ports, int32(a.Port()))
		}
	}
	if len(d.api.Endpoints) > 0 {
		m.doubt("E-SLICES", "The API server is named by the addresses that it has today; when they change the pods cannot reach it. If they do not need it, do not mount its token.")
		return out
	}
	m.doubt("E-SLICES", "The addresses of the API server (EndpointSlices of Service default/kubernetes) are not known, so its usual ports are open to all private addresses. If the pods do not need it, do not mount its token.")
	for _, p := range d.privateRanges() {
		for _, port := range d.api.Ports() {
			out.peers, out.ports = append(out.peers, p), append(out.ports, port)
		}
	}
	return out
}

// nodePeers are the addresses of all nodes.
func (d *drafter) nodePeers(m *made, f harden.Flow) []networkingv1.NetworkPolicyPeer {
	if d.cilium() {
		m.entity("host", f.Port)
		m.entity("remote-node", f.Port)
		return nil
	}
	if len(d.nodes) == 0 {
		who := f.From
		if m.direction == harden.Egress {
			who = f.To
		}
		m.cannot = fmt.Sprintf("%s uses the addresses of nodes, which were not read, and needs %s", who, f.Port)
		return nil
	}
	m.doubt("E-NODE", "Nodes are named by the addresses that they have today: a new node needs a new policy.")
	var out []networkingv1.NetworkPolicyPeer
	for _, a := range d.nodes {
		out = append(out, d.block(a)...)
	}
	return out
}

// Blocks that rules of egress leave out or are made of.
var (
	metadata      = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254")}
	private4      = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16")}
	private6      = []netip.Prefix{netip.MustParsePrefix("fc00::/7")}
	notInternet4  = append(slices.Clone(private4), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("169.254.0.0/16"))
	notInternet6  = append(slices.Clone(private6), netip.MustParsePrefix("fe80::/10"))
	any4, any6    = netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")
	agentIdentity = netip.MustParseAddr("169.254.170.23")
)

func (d *drafter) internet() []networkingv1.NetworkPolicyPeer {
	return slices.Concat(d.prefix(any4, notInternet4...), d.prefix(any6, notInternet6...))
}

func (d *drafter) privateRanges() []networkingv1.NetworkPolicyPeer {
	var out []networkingv1.NetworkPolicyPeer
	for _, p := range slices.Concat(private4, private6) {
		out = append(out, d.prefix(p)...)
	}
	return out
}

// block is one address; nothing where the cluster does not have its family.
func (d *drafter) block(a netip.Addr) []networkingv1.NetworkPolicyPeer {
	return d.prefix(netip.PrefixFrom(a, a.BitLen()))
}

// prefix is a block in the family of the cluster, without its host bits (T66)
// and without the metadata service where that lies in it.
func (d *drafter) prefix(p netip.Prefix, except ...netip.Prefix) []networkingv1.NetworkPolicyPeer {
	if p.Addr().Is4() && !d.v4 || p.Addr().Is6() && !d.v6 {
		return nil
	}
	p = p.Masked()
	b := &networkingv1.IPBlock{CIDR: p.String()}
	for _, e := range except {
		b.Except = append(b.Except, e.String())
	}
	for _, a := range metadata {
		if p.Contains(a) && !p.IsSingleIP() && !slices.ContainsFunc(except, func(e netip.Prefix) bool { return e.Contains(a) }) {
			b.Except = append(b.Except, netip.PrefixFrom(a, a.BitLen()).String())
		}
	}
	return []networkingv1.NetworkPolicyPeer{{IPBlock: b}}
}

func (d *drafter) addressBlock(m *made, p harden.Peer, f harden.Flow) side {
	prefix, err := netip.ParsePrefix(p.CIDR)
	if err != nil {
		m.cannot = fmt.Sprintf("%s is no block of addresses, and it needs %s", p.CIDR, f.Port)
		return side{}
	}
	if d.cilium() && m.direction == harden.Egress && (prefix.Addr() == agentIdentity || slices.Contains(d.dns.Addresses, prefix.Addr())) {
		m.entity("host", f.Port) // T56: the address is one of the node's own, which no ipBlock matches there
	}
	return side{peers: d.prefix(prefix)}
}

// AllowDNS are the rules that let pods of a namespace resolve names: the pods of
// the cluster's DNS on the ports that they listen on, and the addresses of
// NodeLocal DNSCache where it runs (T50).
func AllowDNS(around *harden.Inventory, namespace string) []networkingv1.NetworkPolicyEgressRule {
	d := &drafter{inv: around, namespace: namespace, dns: flows.DNSOf(around), v4: true, v6: true}
	m := &made{direction: harden.Egress, policy: &networkingv1.NetworkPolicy{}}
	m.rule([]networkingv1.NetworkPolicyPeer{d.dnsPeer()}, slices.Clone(d.dns.Ports))
	var local []networkingv1.NetworkPolicyPeer
	for _, a := range d.dns.Addresses {
		local = append(local, d.block(a)...)
	}
	if len(local) > 0 {
		m.rule(local, []harden.Port{{Protocol: corev1.ProtocolTCP, Number: 53}, {Protocol: corev1.ProtocolUDP, Number: 53}})
	}
	return m.policy.Spec.Egress
}

// maxName is how long names of ours are: what engines derive from them must fit as well.
const maxName = 63

// policyName is harden-WORKLOAD-ingress or -egress. Where that is too long, or
// another kind has a workload of that name, a hash tells them apart.
func (d *drafter) policyName(w *harden.Workload, direction harden.Direction) string {
	end := "-" + strings.ToLower(string(direction))
	name := "harden-" + w.Ref.Name + end
	shared := slices.ContainsFunc(d.spaces[d.namespace], func(o *harden.Workload) bool { return o != w && o.Ref.Name == w.Ref.Name })
	if len(name) <= maxName && !shared {
		return name
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(w.Ref.Kind + "/" + w.Ref.Name + w.Ref.Source.String()))
	end = fmt.Sprintf("-%08x%s", h.Sum32(), end)
	base := "harden-" + w.Ref.Name
	return strings.TrimRight(base[:min(len(base), maxName-len(end))], "-.") + end
}
