package netpol_test

import (
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

var (
	worlds = flag.Int("worlds", 1000, "how many random worlds are compared")
	first  = flag.Uint64("first", 0, "seed of the first world; the others follow")
)

func TestAgreesWithCyclonus(t *testing.T) {
	asked := 0
	var answers [3]int
	for i := range *worlds {
		seed := *first + uint64(i)
		w := newSource(seed).world()
		difference := compare(w, newSource(seed), func(r harden.Reach) { asked++; answers[r]++ })
		if difference == "" {
			continue
		}
		small := shrink(w, func(c *world) bool { return compare(c, newSource(seed), nil) != "" })
		t.Fatalf("world %d: %s\n\nshrunk: %s\n%s", seed, difference, compare(small, newSource(seed), nil), small.yaml())
	}
	for _, r := range []harden.Reach{harden.ReachAllowed, harden.ReachDenied, harden.ReachUnknown} {
		if answers[r]*1000 < asked {
			t.Errorf("only %d of %d answers are %s: the worlds show little of it", answers[r], asked, r)
		}
	}
	t.Logf("%d worlds, %d questions: %d allowed, %d denied, %d unknown", *worlds, asked, answers[harden.ReachAllowed], answers[harden.ReachDenied], answers[harden.ReachUnknown])
}

// compare asks both about a world, and says where they first differ.
func compare(w *world, s source, count func(harden.Reach)) string {
	some := s.IntN(len(w.Policies) + 1)
	ours := netpol.New(w.inventory(w.Policies[some:])).With(w.Policies[:some]...)
	theirs := newReference(w)
	ports := []harden.Port{{Protocol: corev1.ProtocolTCP}}
	for range 5 {
		ports = append(ports, harden.Port{Protocol: s.protocol(), Number: s.number()})
	}
	outside := w.outside()
	note := func(r harden.Reach) {
		if count != nil {
			count(r)
		}
	}
	for _, port := range ports {
		for _, from := range w.Pods {
			for _, to := range w.Pods {
				if from == to {
					continue
				}
				got, want := ours.Decide(w.peer(from), w.peer(to), port), theirs.betweenPods(from, to, port)
				note(want)
				if got.Reach != want || got.Partly {
					return differ(from.Name, to.Name, port, got, want.String())
				}
			}
		}
		for _, pod := range w.Pods {
			for _, block := range outside {
				peer := harden.Peer{Kind: harden.PeerAddress, CIDR: block.String()}
				for _, opens := range []bool{true, false} {
					from, to := w.peer(pod), peer
					if !opens {
						from, to = peer, w.peer(pod)
					}
					got := ours.Decide(from, to, port)
					want, partly := theirs.withBlock(pod, block, opens, port)
					note(want)
					if got.Reach != want || got.Partly != partly {
						return differ(from.String(), to.String(), port, got, fmt.Sprintf("%s, partly %t", want, partly))
					}
				}
			}
		}
	}
	return ""
}

func differ(from, to string, port harden.Port, got harden.Decision, want string) string {
	return fmt.Sprintf("%s to %s at %s: %s, partly %t (%s); want %s", from, to, port, got.Reach, got.Partly, got.Why, want)
}

func (w *world) peer(p *corev1.Pod) harden.Peer {
	return harden.WorkloadPeer(harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: p.Namespace, Name: p.Name})
}

func (w *world) inventory(policies []*networkingv1.NetworkPolicy) *harden.Inventory {
	inv := &harden.Inventory{Namespaces: map[string]*corev1.Namespace{}, NetworkPolicies: map[string][]*networkingv1.NetworkPolicy{}}
	inv.Net.Engine = harden.Engine{IPv4: !w.IPv6, IPv6: w.IPv6}
	for _, ns := range w.Namespaces {
		inv.Namespaces[ns.Name] = ns
		inv.Scope = append(inv.Scope, ns.Name)
	}
	for _, p := range w.Pods {
		inv.Workloads = append(inv.Workloads, &harden.Workload{
			Ref: w.peer(p).Workload, Meta: p.ObjectMeta, Template: corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}, Pods: []*corev1.Pod{p},
		})
	}
	for _, p := range policies {
		inv.NetworkPolicies[p.Namespace] = append(inv.NetworkPolicies[p.Namespace], p)
	}
	return inv.Fresh()
}

// outside are the blocks of addresses that are asked about.
func (w *world) outside() []netip.Prefix {
	texts := []string{"0.0.0.0/0", "10.0.0.0/23", "172.16.0.0/16", "8.8.8.8/32", "200.0.0.1/32", "2001:db8::/40", "fd00::11/128", "::/0"}
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// A reference is the world as cyclonus has it.
type reference struct {
	labels map[string]map[string]string // of namespaces
	// all has all policies, podsOnly those without their ipBlocks.
	all, podsOnly *matcher.Policy
	edges         []netip.Addr // of all blocks in policies, and the addresses next to them
}

func newReference(w *world) *reference {
	r := &reference{labels: map[string]map[string]string{}}
	for _, ns := range w.Namespaces {
		r.labels[ns.Name] = ns.Labels
	}
	var all, podsOnly []*networkingv1.NetworkPolicy
	for _, p := range w.Policies {
		p = defaulted(p)
		all = append(all, p)
		podsOnly = append(podsOnly, withoutBlocks(p))
		for _, prefix := range blocksOf(p) {
			r.edges = append(r.edges, edges(prefix)...)
		}
	}
	r.all, r.podsOnly = matcher.BuildNetworkPolicies(false, all), matcher.BuildNetworkPolicies(false, podsOnly)
	return r
}

// defaulted has the policyTypes that the API server sets.
func defaulted(p *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicy {
	p = p.DeepCopy()
	if len(p.Spec.PolicyTypes) == 0 {
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if len(p.Spec.Egress) > 0 {
			p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		}
	}
	return p
}

// withoutBlocks lacks the peers that are ipBlocks, and the rules that had no others.
func withoutBlocks(p *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicy {
	p = p.DeepCopy()
	drop := func(peers []networkingv1.NetworkPolicyPeer) ([]networkingv1.NetworkPolicyPeer, bool) {
		kept := slices.DeleteFunc(slices.Clone(peers), func(p networkingv1.NetworkPolicyPeer) bool { return p.IPBlock != nil })
		return kept, len(kept) > 0 || len(peers) == 0
	}
	var in []networkingv1.NetworkPolicyIngressRule
	for _, r := range p.Spec.Ingress {
		if kept, ok := drop(r.From); ok {
			r.From = kept
			in = append(in, r)
		}
	}
	var out []networkingv1.NetworkPolicyEgressRule
	for _, r := range p.Spec.Egress {
		if kept, ok := drop(r.To); ok {
			r.To = kept
			out = append(out, r)
		}
	}
	p.Spec.Ingress, p.Spec.Egress = in, out
	return p
}

func blocksOf(p *networkingv1.NetworkPolicy) []netip.Prefix {
	var out []netip.Prefix
	add := func(peers []networkingv1.NetworkPolicyPeer) {
		for _, p := range peers {
			if p.IPBlock == nil {
				continue
			}
			for _, text := range append([]string{p.IPBlock.CIDR}, p.IPBlock.Except...) {
				out = append(out, netip.MustParsePrefix(text).Masked())
			}
		}
	}
	for _, r := range p.Spec.Ingress {
		add(r.From)
	}
	for _, r := range p.Spec.Egress {
		add(r.To)
	}
	return out
}

// edges are the first and last address of a block and those next to it. Of every
// part into which blocks cut the addresses, one is among the edges of all blocks.
func edges(p netip.Prefix) []netip.Addr {
	last := lastOf(p)
	var out []netip.Addr
	for _, a := range []netip.Addr{p.Addr(), last, p.Addr().Prev(), last.Next()} {
		if a.IsValid() {
			out = append(out, a)
		}
	}
	return out
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (r *reference) end(p *corev1.Pod) *matcher.TrafficPeer {
	return &matcher.TrafficPeer{IP: p.Status.PodIP, Internal: &matcher.InternalPeer{
		PodLabels: p.Labels, Namespace: p.Namespace, NamespaceLabels: r.labels[p.Namespace],
	}}
}

// undeclared is the number that stands for the port that nobody declared: no
// policy of the worlds names it alone.
const undeclared = 60999

// asks says whether cyclonus lets the traffic through. It takes one name of the
// port; a port with several is let through by any.
func asks(policies *matcher.Policy, from, to *matcher.TrafficPeer, names []string, port harden.Port) bool {
	number := int(port.Number)
	if number == 0 {
		number = undeclared
	}
	in, out := false, false
	for _, name := range append([]string{""}, names...) {
		traffic := &matcher.Traffic{Source: from, Destination: to, ResolvedPort: number, ResolvedPortName: name, Protocol: port.Protocol}
		in = in || policies.IsIngressOrEgressAllowed(traffic, true).IsAllowed()
		out = out || policies.IsIngressOrEgressAllowed(traffic, false).IsAllowed()
	}
	return in && out
}

// namesOf are the names that a pod gives to the port.
func namesOf(p *corev1.Pod, port harden.Port) []string {
	var out []string
	for _, c := range p.Spec.Containers {
		for _, declared := range c.Ports {
			if declared.ContainerPort == port.Number && declared.Protocol == port.Protocol && declared.Name != "" {
				out = append(out, declared.Name)
			}
		}
	}
	return out
}

func (r *reference) betweenPods(from, to *corev1.Pod, port harden.Port) harden.Reach {
	names := namesOf(to, port)
	some, none := asks(r.all, r.end(from), r.end(to), names, port), asks(r.podsOnly, r.end(from), r.end(to), names, port)
	switch {
	case some != none:
		return harden.ReachUnknown
	case some:
		return harden.ReachAllowed
	}
	return harden.ReachDenied
}

// withBlock asks about every part of a block of addresses.
func (r *reference) withBlock(pod *corev1.Pod, block netip.Prefix, opens bool, port harden.Port) (harden.Reach, bool) {
	allowed, denied := false, false
	for _, a := range append(edges(block), r.edges...) {
		if !block.Contains(a) {
			continue
		}
		from, to, names := r.end(pod), &matcher.TrafficPeer{IP: a.String()}, []string(nil)
		if !opens {
			from, to, names = to, from, namesOf(pod, port)
		}
		if asks(r.all, from, to, names, port) {
			allowed = true
		} else {
			denied = true
		}
	}
	if !allowed {
		return harden.ReachDenied, false
	}
	return harden.ReachAllowed, denied
}

func (w *world) yaml() string {
	var b strings.Builder
	for _, o := range w.objects() {
		b.WriteString("---\n")
		b.Write(o)
	}
	return b.String()
}
