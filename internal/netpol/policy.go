package netpol

import (
	"net/netip"
	"slices"
	"strconv"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Directions as indexes.
const (
	ingress = iota
	egress
)

var directions = [2]harden.Direction{harden.Ingress, harden.Egress}

func directionIndex(d harden.Direction) int {
	if d == harden.Egress {
		return egress
	}
	return ingress
}

// Isolates reports whether the policy isolates the pods that it selects in the
// direction: as spec.policyTypes says, and where that is empty Ingress always
// and Egress if the policy has egress rules.
func Isolates(np *networkingv1.NetworkPolicy, d harden.Direction) bool {
	if types := np.Spec.PolicyTypes; len(types) > 0 {
		return slices.Contains(types, networkingv1.PolicyType(d))
	}
	return d == harden.Ingress || len(np.Spec.Egress) > 0
}

// A policy is a compiled NetworkPolicy.
type policy struct {
	np       *networkingv1.NetworkPolicy
	ref      harden.Ref
	title    string // for people
	space    string
	subject  selector
	isolates [2]bool
	rules    [2][]rule
}

// A rule is a compiled rule of a policy of any kind.
type rule struct {
	anyPeer bool
	peers   []peerMatch
	ports   []portMatch // empty: all
	action  action      // of rules of cluster-wide policies
}

// A peerMatch is one item of from or to.
type peerMatch struct {
	own     string    // the one namespace that it is about, without spaces
	spaces  *selector // of namespaces
	pods    selector
	isPods  bool // spaces, own and pods count
	blocks  []block
	exact   bool // the blocks match pods by their addresses too
	nodes   *selector
	domains bool   // names of hosts outside, which stand for addresses that are not known
	bad     string // why it cannot be understood
}

func compilePolicy(inv *harden.Inventory, np *networkingv1.NetworkPolicy, ns string) *policy {
	p := &policy{
		np: np, ref: inv.NetworkPolicyRef(np), title: "NetworkPolicy " + ns + "/" + np.Name, space: ns,
		subject: compileSelector(&np.Spec.PodSelector),
	}
	for i, d := range directions {
		p.isolates[i] = Isolates(np, d)
	}
	for _, r := range np.Spec.Ingress {
		p.rules[ingress] = append(p.rules[ingress], compileRule(ns, r.From, r.Ports))
	}
	for _, r := range np.Spec.Egress {
		p.rules[egress] = append(p.rules[egress], compileRule(ns, r.To, r.Ports))
	}
	return p
}

func compileRule(ns string, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) rule {
	r := rule{anyPeer: len(peers) == 0}
	for i := range peers {
		r.peers = append(r.peers, compilePeer(ns, &peers[i]))
	}
	for i := range ports {
		r.ports = append(r.ports, compilePort(ports[i].Protocol, ports[i].Port, ports[i].EndPort))
	}
	return r
}

func compilePeer(ns string, p *networkingv1.NetworkPolicyPeer) peerMatch {
	switch {
	case p.IPBlock != nil && (p.PodSelector != nil || p.NamespaceSelector != nil):
		return peerMatch{bad: "a peer has an ipBlock beside a selector"}
	case p.IPBlock != nil:
		b, bad := compileBlock(p.IPBlock.CIDR, p.IPBlock.Except)
		return peerMatch{blocks: []block{b}, bad: bad}
	case p.PodSelector == nil && p.NamespaceSelector == nil:
		return peerMatch{bad: "a peer says nothing"}
	}
	return compileSpacedPods(ns, p.NamespaceSelector, p.PodSelector)
}

// compileSpacedPods selects pods by both selectors: the namespace's own pods
// where there is none for namespaces, all pods where there is none for pods.
func compileSpacedPods(ns string, spaces, pods *metav1.LabelSelector) peerMatch {
	m := peerMatch{isPods: true, own: ns}
	if spaces != nil {
		s := compileSelector(spaces)
		m.own, m.spaces = "", &s
	}
	if pods != nil {
		m.pods = compileSelector(pods)
	}
	return m
}

// selects says whether the policy selects the pods of a class of its namespace.
func (p *policy) selects(c *class) (tri, string) {
	if c.space.name != p.space {
		return no, ""
	}
	return p.subject.matches(&c.labels)
}

// usage is what policies ask about: what they do not ask about cannot tell pods apart.
type usage struct {
	keys  map[string]bool // of labels of pods
	names map[string]bool // of ports
	cuts  []netip.Prefix  // of addresses; sorted, each once
	// single has the port numbers that rules name alone or at the edge of a range.
	single [protocols]map[int32]bool
}

func newUsage() *usage {
	u := &usage{keys: map[string]bool{}, names: map[string]bool{}}
	for i := range u.single {
		u.single[i] = map[int32]bool{}
	}
	return u
}

func (u *usage) subject(s *selector) { s.keys(func(k string) { u.keys[k] = true }) }

func (u *usage) rule(r *rule) {
	for i := range r.peers {
		u.subject(&r.peers[i].pods)
		for _, b := range r.peers[i].blocks {
			u.cuts = append(append(u.cuts, b.prefix), b.except...)
		}
	}
	for _, m := range r.ports {
		switch {
		case m.name != "":
			u.names[m.name] = true
		case m.from == m.to:
			u.single[m.protocol][m.from] = true
		}
	}
}

func (u *usage) sort() {
	slices.SortFunc(u.cuts, netip.Prefix.Compare)
	u.cuts = slices.Compact(u.cuts)
}

// tells reports whether everything that other asks about is asked about here too.
func (u *usage) tells(other *usage) bool {
	for k := range other.keys {
		if !u.keys[k] {
			return false
		}
	}
	for n := range other.names {
		if !u.names[n] {
			return false
		}
	}
	for _, c := range other.cuts {
		if _, ok := slices.BinarySearchFunc(u.cuts, c, netip.Prefix.Compare); !ok {
			return false
		}
	}
	return true
}

func (r *rule) text(d, n int) string {
	if d == egress {
		return "egress rule " + strconv.Itoa(n)
	}
	return "ingress rule " + strconv.Itoa(n)
}
