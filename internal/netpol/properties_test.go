package netpol_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

// decisions asks for every cell of the matrix of a few namespaces, with reasons.
func decisions(w *netpol.World, inv *harden.Inventory) map[string]harden.Decision {
	out := map[string]harden.Decision{}
	namespaces := inv.Scope[:1]
	peers, cells := netpol.Cells(w, w, namespaces, nil)
	for _, c := range cells {
		out[peers[c.From].String()+" "+peers[c.To].String()+" "+c.Port.String()] = w.Decide(peers[c.From], peers[c.To], c.Port)
	}
	return out
}

func TestT70OrderDoesNotMatter(t *testing.T) {
	inv := city(1, 300)
	want := decisions(netpol.New(inv), inv)
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 3))
		other := inv.Fresh()
		other.NetworkPolicies = map[string][]*networkingv1.NetworkPolicy{}
		for ns, all := range inv.NetworkPolicies {
			other.NetworkPolicies[ns] = shuffled(r, all)
		}
		other.Nodes = shuffled(r, inv.Nodes)
		other.Workloads = nil
		for _, w := range shuffled(r, inv.Workloads) {
			next := *w
			next.Pods = shuffled(r, w.Pods)
			other.Workloads = append(other.Workloads, &next)
		}
		if diff := cmp.Diff(want, decisions(netpol.New(other), inv)); diff != "" {
			t.Fatalf("order %d: %s", seed, diff)
		}
	}
}

func shuffled[T any](r *rand.Rand, all []T) []T {
	out := slices.Clone(all)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func TestPolicyThatSelectsNothingChangesNothing(t *testing.T) {
	inv := city(2, 200)
	w := netpol.New(inv)
	nothing := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: inv.Scope[0], Name: "nothing"},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: *match("new-key", "x"), PolicyTypes: both,
			Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: match("pod-template-hash", "h")}}}},
		},
	}
	if diff := cmp.Diff(decisions(w, inv), decisions(w.With(nothing), inv)); diff != "" {
		t.Error(diff)
	}
}

func TestWithEqualsNew(t *testing.T) {
	for seed := range uint64(3) {
		inv := city(seed, 200)
		less := inv.Fresh()
		less.NetworkPolicies = map[string][]*networkingv1.NetworkPolicy{}
		var added []*networkingv1.NetworkPolicy
		r := rand.New(rand.NewPCG(seed, 4))
		for ns, all := range inv.NetworkPolicies {
			for _, p := range all {
				switch r.IntN(3) {
				case 0:
					added = append(added, p)
				case 1: // one that is replaced
					old := p.DeepCopy()
					old.Spec = networkingv1.NetworkPolicySpec{PodSelector: *match("role", "api")}
					less.NetworkPolicies[ns] = append(less.NetworkPolicies[ns], old)
					added = append(added, p)
				default:
					less.NetworkPolicies[ns] = append(less.NetworkPolicies[ns], p)
				}
			}
		}
		before := netpol.New(less)
		was := decisions(before, inv)
		if diff := cmp.Diff(decisions(netpol.New(inv), inv), decisions(before.With(added...), inv)); diff != "" {
			t.Fatalf("city %d: %s", seed, diff)
		}
		if diff := cmp.Diff(was, decisions(before, inv)); diff != "" {
			t.Fatalf("city %d: the world itself changed: %s", seed, diff)
		}
	}
}

func TestCellsAgreeWithDecide(t *testing.T) {
	inv := city(5, 300)
	before := netpol.New(inv)
	after := before.With(&networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: inv.Scope[1], Name: "default-deny"}, Spec: networkingv1.NetworkPolicySpec{PolicyTypes: both}})
	address := harden.Peer{Kind: harden.PeerAddress, CIDR: "1.2.3.4/32"}
	here := harden.WorkloadPeer(inv.Workloads[0].Ref)
	there := harden.WorkloadPeer(inv.Workloads[25].Ref)
	flows := []harden.Flow{
		{From: here, To: address, Port: harden.Port{Protocol: corev1.ProtocolTCP, Number: 443}},
		{From: there, To: here, Port: harden.Port{Protocol: corev1.ProtocolUDP, Number: 7}},
		{From: there, To: there, Port: harden.Port{Protocol: corev1.ProtocolUDP, Number: 8}},
		{From: here, To: here, Port: harden.Port{Protocol: corev1.ProtocolTCP, Number: 9090}},
	}
	peers, cells := netpol.Cells(before, after, inv.Scope[:2], flows)
	seen, changed := map[int]bool{}, 0
	for i, c := range cells {
		b, a := before.Decide(peers[c.From], peers[c.To], c.Port), after.Decide(peers[c.From], peers[c.To], c.Port)
		if c.Before != b.Reach || c.BeforePartly != b.Partly || c.After != a.Reach || c.AfterPartly != a.Partly {
			t.Fatalf("%s to %s at %s: %+v, want %+v and %+v", peers[c.From], peers[c.To], c.Port, c, b, a)
		}
		if c.Changed() {
			changed++
		}
		seen[int(c.Flow)] = true
		if i > 0 && compareCells(cells[i-1], c) >= 0 {
			t.Fatalf("%+v comes before %+v", cells[i-1], c)
		}
	}
	if !seen[1] || !seen[2] || seen[3] || !seen[4] {
		t.Errorf("flows with cells: %v", seen)
	}
	if changed == 0 {
		t.Error("nothing changed")
	}
	if !slices.IsSortedFunc(peers, harden.ComparePeers) || !slices.Contains(peers, address) || !slices.Contains(peers, there) {
		t.Errorf("peers: %v", peers)
	}
}

// Pods of one class on different nodes are told apart by whose probes are let in.
func TestCellsTellNodesApart(t *testing.T) {
	c := truth{policies: []string{`shop/p ` + denyIngress}}
	inv := c.inventory(t)
	inv.Nodes = inv.Nodes[:1]
	w := netpol.New(inv)
	peers, cells := netpol.Cells(w, w, []string{"shop"}, nil)
	for _, cell := range cells {
		if peers[cell.From].Kind != harden.PeerNodes {
			continue
		}
		d := w.Decide(peers[cell.From], peers[cell.To], cell.Port)
		if cell.Before != d.Reach || cell.BeforePartly != d.Partly || cell.BeforePartly != (peers[cell.To].Workload.Name != "api") {
			t.Errorf("%s: %+v, want %+v", peers[cell.To], cell, d)
		}
	}
}

func compareCells(a, b harden.NetworkCell) int {
	switch {
	case a.From != b.From:
		return int(a.From - b.From)
	case a.To != b.To:
		return int(a.To - b.To)
	}
	return harden.ComparePorts(a.Port, b.Port)
}

func TestPeersAndPorts(t *testing.T) {
	c := truth{more: rolling + `---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {type: NodePort, selector: {app: api}, ports: [{port: 80, targetPort: http}, {port: 7000}, {port: 53, targetPort: 5353, protocol: UDP}]}
---
apiVersion: v1
kind: Pod
metadata: {name: done, namespace: shop}
spec: {containers: [{name: c, image: i}]}
status: {phase: Succeeded}
`}
	inv := c.inventory(t)
	for _, w := range inv.Workloads {
		w.Finished = w.Ref.Name == "done"
	}
	w := netpol.New(inv)
	var got []string
	for _, p := range w.Peers([]string{"shop"}) {
		got = append(got, p.String())
	}
	want := []string{
		"shop/CronJob/night", "shop/Deployment/rolling", "shop/Pod/api", "shop/Pod/db", "ns:edge", "ns:web",
		"dns", "api-server", "metadata", "nodes", "load-balancer", "private", "internet",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for question, want := range map[string]string{
		"shop/api": "udp/5353 tcp/7000 tcp/8080 tcp/9090 tcp/other", "shop/night": "tcp/other", "ns:web": "tcp/8443 tcp/other", "dns": "tcp/53 udp/53",
		"api-server": "tcp/6443", "load-balancer": "", "internet": "tcp/443 tcp/other",
	} {
		text := ""
		for i, p := range w.Ports(peer(inv, question)) {
			if i > 0 {
				text += " "
			}
			text += p.String()
		}
		if text != want {
			t.Errorf("%s: got %q, want %q", question, text, want)
		}
	}
}
