package propose

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
)

// limits warns of what the engine is known to do otherwise.
func (d *drafter) limits(m *made, draft *Draft) {
	if d.inv.Net.Engine.Name == harden.EngineVPCCNI {
		d.vpcCNI(m, draft)
	}
	if d.cilium() && len(m.engine) > 0 {
		m.warn("Cilium matches nodes, and an API server on them, by no address, so a CiliumNetworkPolicy must come with it, and first.")
	}
}

// portsPerBlock is how many ports and protocols the VPC CNI takes for one block
// of addresses (EKS user guide, "Considerations" of network policies).
const portsPerBlock = 24

func (d *drafter) vpcCNI(m *made, draft *Draft) {
	w := m.subject.workload
	if w.Ref.Kind == "Pod" && w.Controller == nil {
		m.doubt("E-LIVE", "The VPC CNI applies no policies to a Pod without an owner.") // T64
	}
	for _, p := range w.Pods {
		for _, n := range d.inv.Nodes {
			if n.Name == p.Spec.NodeName && (n.Labels["eks.amazonaws.com/compute-type"] == "fargate" || n.Labels[corev1.LabelOSStable] == "windows") {
				m.doubt("E-NODE", "Pods of it run on Fargate or Windows nodes, where the VPC CNI applies no policies.")
			}
		}
	}
	for _, f := range draft.Flows {
		if s, port := d.translated(f); s != nil {
			m.doubt("E-SLICES", "Service %s/%s sends port %d to %s: versions of the VPC CNI compared the wrong one of the two. Test it.", s.Namespace, s.Name, port, f.Port)
		}
	}
	blocks := map[netip.Prefix]map[string]bool{}
	note := func(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
		for _, p := range peers {
			if p.IPBlock == nil {
				continue
			}
			prefix, err := netip.ParsePrefix(p.IPBlock.CIDR)
			if err != nil {
				continue
			}
			if blocks[prefix] == nil {
				blocks[prefix] = map[string]bool{}
			}
			for _, port := range ports {
				blocks[prefix][fmt.Sprint(*port.Protocol, port.Port.IntVal)] = true
			}
		}
	}
	for _, r := range m.policy.Spec.Ingress {
		note(r.From, r.Ports)
	}
	for _, r := range m.policy.Spec.Egress {
		note(r.To, r.Ports)
	}
	d.overlaps(m, blocks)
}

// overlaps finds blocks within blocks: the VPC CNI may keep the ports of one of them only (T55).
func (d *drafter) overlaps(m *made, blocks map[netip.Prefix]map[string]bool) {
	var order []netip.Prefix
	for p, ports := range blocks {
		order = append(order, p)
		if len(ports) > portsPerBlock {
			m.doubt("E-SLICES", "The VPC CNI takes %d ports for a block of addresses, and %s has %d.", portsPerBlock, p, len(ports))
		}
	}
	slices.SortFunc(order, netip.Prefix.Compare)
	for _, outer := range order {
		for _, inner := range order {
			if outer.Bits() < inner.Bits() && outer.Contains(inner.Addr()) {
				m.doubt("E-SLICES", "%s lies within %s: versions of the VPC CNI keep the ports of only one of the two. Test both.", inner, outer)
			}
		}
	}
}

// translated is a Service that sends another port to the one of the flow.
func (d *drafter) translated(f harden.Flow) (*corev1.Service, int32) {
	w := d.byPeer[f.To]
	if w == nil || f.To.Kind != harden.PeerWorkload {
		return nil, 0
	}
	for _, s := range d.inv.Net.Services {
		if s.Namespace != w.Ref.Namespace || len(s.Spec.Selector) == 0 || s.Spec.ClusterIP == corev1.ClusterIPNone || !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(w.Template.Labels)) {
			continue
		}
		for _, p := range s.Spec.Ports {
			if p.Port != f.Port.Number && flows.TargetPort(&p, w) == f.Port.Number {
				return s, p.Port
			}
		}
	}
	return nil, 0
}
