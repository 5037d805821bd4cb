package tui

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func (f *fake) Network(ctx context.Context, namespaces []string) (*harden.NetworkView, error) {
	f.mu.Lock()
	f.networks = append(f.networks, namespaces)
	f.mu.Unlock()
	if f.networkGate != nil {
		select {
		case <-f.networkGate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if f.networkErr != nil {
		return nil, f.networkErr
	}
	v := shopNetwork(f.snap)
	v.Namespaces = namespaces
	if f.renet != nil {
		f.renet(v)
	}
	return v, nil
}

var (
	fixMissingIngress = &harden.Fixer{ID: "netpol-missing-ingress", Area: harden.AreaNetwork, Title: "Everybody may connect to the pods", Severity: harden.Medium, Doc: "Ingress.", Fix: fixOf(harden.Evidence, "Allow what is needed")}
	fixMissingEgress  = &harden.Fixer{ID: "netpol-missing-egress", Area: harden.AreaNetwork, Title: "The pods may connect to everybody", Severity: harden.Medium, Doc: "Egress.", Fix: fixOf(harden.Evidence, "Allow what is needed")}
)

// shopNetwork is who can talk to whom in a shop whose api alone is isolated: each
// workload to each and to the others, with a proposal that leaves open what is needed.
func shopNetwork(s *harden.Snapshot) *harden.NetworkView {
	v := &harden.NetworkView{
		Engine: harden.Engine{Name: harden.EngineCilium, Enforces: harden.Enforced, Why: "DaemonSet kube-system/cilium", IPv4: true}, Time: seen,
		Unread: []harden.Unread{{Resource: harden.ConfigMaps, Namespace: "payments", Why: "forbidden: user \"dev\" cannot list resource \"configmaps\""}},
	}
	for _, w := range shop().Inventory.Workloads {
		if w.Ref.Namespace == "shop" {
			v.Peers = append(v.Peers, harden.WorkloadPeer(w.Ref))
		}
	}
	slices.SortFunc(v.Peers, harden.ComparePeers)
	if s != nil && s.Result != nil {
		// A peer is there as long as its workload is.
		v.Peers = slices.DeleteFunc(v.Peers, func(p harden.Peer) bool {
			return !slices.ContainsFunc(s.Inventory.Workloads, func(w *harden.Workload) bool { return harden.WorkloadPeer(w.Ref) == p })
		})
	}
	workloads := len(v.Peers)
	for _, ns := range []string{"default", "identity", "payments"} {
		v.Peers = append(v.Peers, harden.Peer{Kind: harden.PeerNamespace, Namespace: ns})
	}
	for _, kind := range []harden.PeerKind{harden.PeerDNS, harden.PeerAPIServer, harden.PeerMetadata, harden.PeerNodes, harden.PeerLoadBalancer, harden.PeerPrivate, harden.PeerInternet} {
		v.Peers = append(v.Peers, harden.Peer{Kind: kind})
	}
	at := func(name string) int {
		return slices.IndexFunc(v.Peers, func(p harden.Peer) bool { return p.Workload.Name == name || p.Kind == harden.PeerKind(name) })
	}
	http, other, domain := harden.Port{Protocol: corev1.ProtocolTCP, Number: 8080}, harden.Port{Protocol: corev1.ProtocolTCP}, harden.Port{Protocol: corev1.ProtocolUDP, Number: 53}
	need := func(from, to string, port harden.Port, c harden.Confidence, code, text string) {
		if at(from) < 0 || at(to) < 0 {
			return
		}
		v.Flows = append(v.Flows, harden.Flow{From: v.Peers[at(from)], To: v.Peers[at(to)], Port: port, Confidence: c, Origins: []harden.FlowOrigin{{Code: code, Text: text, Observed: c == harden.ConfidenceHigh}}})
	}
	need("web", "api", http, harden.ConfidenceHigh, "E-ENV", `env API_ADDR of container web is "api:8080"`)
	need("web", "checkout", http, harden.ConfidenceMedium, "E-ENV", `env CHECKOUT of container web is "http://checkout"`)
	need("checkout", "cache", http, harden.ConfidenceMedium, "E-ENV", `env CACHE of container checkout is "cache"`)
	need("api", "cache", http, harden.ConfidenceLow, "E-ENV", `env STORE of container api sounds like "cache"`)
	need("web", "dns", domain, harden.ConfidenceMedium, "E-SLICES", "names are looked up")
	need("load-balancer", "web", http, harden.ConfidenceMedium, "E-SLICES", "Service web of type LoadBalancer")
	slices.SortFunc(v.Flows, harden.CompareFlows)
	cell := func(from, to int, port harden.Port) {
		c := harden.NetworkCell{From: int32(from), To: int32(to), Port: port, Before: harden.ReachAllowed, After: harden.ReachDenied}
		c.Flow = int32(1 + slices.IndexFunc(v.Flows, func(f harden.Flow) bool { return f.From == v.Peers[from] && f.To == v.Peers[to] && f.Port == port }))
		c.Before, c.After = decideShop(v, v.Peers[from], v.Peers[to], port, v.Needed(&c))
		v.Cells = append(v.Cells, c)
	}
	for i := range v.Peers {
		for k := range v.Peers {
			switch {
			case i == k || i >= workloads && k >= workloads:
			case k == at("dns"):
				cell(i, k, domain)
			case k >= workloads:
				cell(i, k, other)
			case i == at("dns") || i == at("metadata"):
			default:
				cell(i, k, http)
				cell(i, k, other)
			}
		}
	}
	v.Explain = func(from, to harden.Peer, port harden.Port) (before, after harden.Decision) {
		needed := slices.ContainsFunc(v.Flows, func(f harden.Flow) bool { return f.From == from && f.To == to && f.Port == port && f.Required() })
		before.Reach, after.Reach = decideShop(v, from, to, port, needed)
		switch before.Reach {
		case harden.ReachAllowed:
			before.Why = "no policy isolates it"
		case harden.ReachUnknown:
			before.Why = "CiliumNetworkPolicy shop/l7 decides by HTTP path"
		default:
			before.Why = "NetworkPolicy shop/api isolates ingress and no rule admits it"
		}
		after.Why = before.Why
		if after.Reach == harden.ReachAllowed {
			after.Why = "NetworkPolicy shop/harden-web-egress, egress rule 2; NetworkPolicy shop/harden-api-ingress, ingress rule 1"
		} else if after.Reach == harden.ReachDenied && before.Reach == harden.ReachAllowed {
			after.Why = "NetworkPolicy shop/harden-" + or(to.Workload.Name, from.Workload.Name) + "-ingress isolates ingress and no rule admits it"
		}
		return before, after
	}
	v.Phases = shopPhases()
	return v
}

func decideShop(v *harden.NetworkView, from, to harden.Peer, port harden.Port, needed bool) (before, after harden.Reach) {
	switch {
	case to.Workload.Name == "search" && from.Kind == harden.PeerInternet:
		return harden.ReachUnknown, harden.ReachUnknown
	case to.Workload.Name == "api" && !needed && (from.Workload.Name != "checkout" || port.Number == 0):
		return harden.ReachDenied, harden.ReachDenied
	case from.Workload.Name == "cache" && to.Kind == harden.PeerInternet && needed:
		return harden.ReachDenied, harden.ReachDenied
	case needed:
		return harden.ReachAllowed, harden.ReachAllowed
	}
	return harden.ReachAllowed, harden.ReachDenied
}

func shopPhases() []harden.NetworkPhase {
	policy := func(name string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": map[string]any{"name": name, "namespace": "shop"},
			"spec": map[string]any{
				"podSelector": map[string]any{"matchLabels": map[string]any{"app": "web"}}, "policyTypes": []any{"Ingress"},
				"ingress": []any{map[string]any{"ports": []any{map[string]any{"port": int64(8080), "protocol": "TCP"}}}},
			},
		}}
	}
	web, checkout := workload("Deployment", "shop", "web"), workload("Deployment", "shop", "checkout")
	return []harden.NetworkPhase{
		{
			Namespace: "shop", Name: harden.PhaseIngress, Policies: []*unstructured.Unstructured{policy("harden-checkout-ingress"), policy("harden-web-ingress")},
			Findings: []*harden.Finding{finding(checkout, fixMissingIngress, "", "no policy isolates ingress"), finding(web, fixMissingIngress, "", "no policy isolates ingress")},
			Warnings: []string{"probes come from the node of the pod"},
		},
		{
			Namespace: "shop", Name: harden.PhaseEgress, Policies: []*unstructured.Unstructured{policy("harden-web-egress")},
			Findings: []*harden.Finding{finding(web, fixMissingEgress, "", "no policy isolates egress")},
			Refused:  []string{"Deployment/search: it shares its labels with Deployment/search-green: give one of them another label"},
		},
		{Namespace: "shop", Name: harden.PhaseDefaultDeny, Refused: []string{"not every workload is isolated yet"}},
	}
}
