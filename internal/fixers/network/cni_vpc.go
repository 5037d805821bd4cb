package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// mostPorts is how many pairs of port and protocol the VPC CNI holds for one block
// (network-policy considerations of the EKS user guide).
const mostPorts = 24

func checkVPC(p *harden.Pass) {
	for _, d := range directions {
		checkBlocks(p, d)
	}
	checkHeadless(p)
	checkUncovered(p)
}

// A spread is what the rules of a direction say about one block.
type spread struct {
	cidr  string // as it stands in the policy
	open  []int  // rules without ports
	ports int    // pairs of port and protocol, of all rules
}

// blocks are the blocks of a direction, in their order.
func blocks(policy *networkingv1.NetworkPolicy, d harden.Direction) []*spread {
	var all []*spread
	byPrefix := map[netip.Prefix]*spread{}
	for _, r := range rulesOf(policy, d) {
		for _, peer := range r.peers {
			if peer.IPBlock == nil {
				continue
			}
			prefix, err := netip.ParsePrefix(peer.IPBlock.CIDR)
			if err != nil {
				continue // no server takes it
			}
			s := byPrefix[prefix.Masked()]
			if s == nil {
				s = &spread{cidr: peer.IPBlock.CIDR}
				byPrefix[prefix.Masked()] = s
				all = append(all, s)
			}
			if len(r.ports) == 0 {
				s.open = append(s.open, r.n)
			}
			s.ports += len(r.ports)
		}
	}
	return all
}

func checkBlocks(p *harden.Pass, d harden.Direction) {
	var foreign []string
	e := p.Inventory.Net.Engine
	for _, s := range blocks(p.NetworkPolicy, d) {
		if len(s.open) > 0 && s.ports > 0 {
			p.Report(harden.Finding{
				Discriminator: string(d) + " " + s.cidr, Field: field(d), Verdict: "duplicate-cidr", Reason: fmt.Sprintf("%s: %s has a rule with ports and one without", d, s.cidr),
				Detail: fmt.Sprintf("Rule %d admits all ports of %s and another rule admits some. The VPC CNI joins rules by block, and may keep the ports that are named alone.", s.open[0], s.cidr),
			})
		}
		if s.ports > mostPorts {
			p.Report(harden.Finding{
				Discriminator: string(d) + " ports " + s.cidr, Field: field(d), Verdict: "ports", Reason: fmt.Sprintf("%s: %d ports for %s, of which %d fit", d, s.ports, s.cidr, mostPorts),
				Detail: fmt.Sprintf("The rules name %d pairs of port and protocol for %s; the VPC CNI holds %d for one block.", s.ports, s.cidr, mostPorts),
			})
		}
		if prefix := netip.MustParsePrefix(s.cidr); e.IPv4 != e.IPv6 && prefix.Addr().Is4() != e.IPv4 {
			foreign = append(foreign, s.cidr)
		}
	}
	if len(foreign) > 0 {
		p.Report(harden.Finding{
			Discriminator: string(d) + " family", Field: field(d), Verdict: "family", Reason: fmt.Sprintf("%s: %s is not of the cluster's family of addresses", d, list(foreign)),
			Detail: fmt.Sprintf("The VPC CNI enforces the family of addresses that the cluster has; %s has no effect.", list(foreign)),
		})
	}
}

// checkHeadless reports egress to pods that a headless Service leads to, and no other.
func checkHeadless(p *harden.Pass) {
	inv := sight(p.Inventory)
	var found []string
	for _, r := range rulesOf(p.NetworkPolicy, harden.Egress) {
		for _, w := range destinations(inv, p.NetworkPolicy, harden.Egress, r) {
			services := indexOf(inv).servicesOf(w)
			headless := func(s *corev1.Service) bool { return s.Spec.ClusterIP == corev1.ClusterIPNone }
			if len(services) > 0 && !slices.ContainsFunc(services, func(s *corev1.Service) bool { return !headless(s) }) {
				if text := fmt.Sprintf("Service %s/%s", services[0].Namespace, services[0].Name); !slices.Contains(found, text) {
					found = append(found, text)
				}
			}
		}
	}
	if len(found) > 0 {
		p.Report(harden.Finding{
			Discriminator: "headless", Field: "spec.egress", Verdict: "headless", Reason: "egress to pods behind a headless Service is admitted by their addresses alone",
			Detail: fmt.Sprintf("%s is headless: the VPC CNI admits the addresses of its pods as they become known, and a pod that has just started is refused until then.", list(found)),
		})
	}
}

// checkUncovered reports selected pods for which nothing is enforced.
func checkUncovered(p *harden.Pass) {
	fargate := map[string]bool{}
	for _, n := range p.Inventory.Nodes {
		fargate[n.Name] = n.Labels["eks.amazonaws.com/compute-type"] == "fargate"
	}
	found := map[string][]*harden.Workload{}
	for _, w := range subjects(p.Inventory, p.NetworkPolicy) {
		view := harden.NewPodView(harden.Declared, w.Ref, &w.Template.ObjectMeta, &w.Template.Spec, nil, p.Inventory.Nodes)
		onFargate := slices.ContainsFunc(w.Pods, func(pod *corev1.Pod) bool {
			return pod.Labels["eks.amazonaws.com/fargate-profile"] != "" || fargate[pod.Spec.NodeName]
		})
		switch {
		case view.Windows():
			found["windows"] = append(found["windows"], w)
		case onFargate:
			found["fargate"] = append(found["fargate"], w)
		case w.Ref.Kind == "Pod" && w.Controller == nil && len(w.Meta.OwnerReferences) == 0:
			found["bare-pod"] = append(found["bare-pod"], w)
		}
	}
	for _, kind := range []struct{ verdict, what string }{
		{"bare-pod", "pods that nothing owns"}, {"fargate", "pods on Fargate"}, {"windows", "pods on Windows"},
	} {
		all := found[kind.verdict]
		if len(all) == 0 {
			continue
		}
		f := harden.Finding{
			Discriminator: kind.verdict, Field: "spec.podSelector", Verdict: kind.verdict, Reason: fmt.Sprintf("not enforced for %s: %s", kind.what, names(all)),
			Detail: fmt.Sprintf("The VPC CNI does not enforce policies for %s. It selects %s, which nothing isolates.", kind.what, names(all)),
		}
		Weigh(&f, p.Fixer.Severity, "the pods are not isolated", "")
		p.Report(f)
	}
}

// fixDuplicate writes out the ports of the rules that have none.
func fixDuplicate(p *harden.Pass, f *harden.Finding) []harden.Fix {
	d := directionOf(f)
	cidr := strings.TrimPrefix(f.Discriminator, string(d)+" ")
	change, ok := editRules(p.Object, p.NetworkPolicy, d, func(_ int, peers *[]networkingv1.NetworkPolicyPeer, ports *[]networkingv1.NetworkPolicyPort) {
		if len(*ports) == 0 && slices.ContainsFunc(*peers, func(peer networkingv1.NetworkPolicyPeer) bool {
			return peer.IPBlock != nil && sameBlock(peer.IPBlock.CIDR, cidr)
		}) {
			*ports = everyPort()
		}
	})
	if !ok {
		return nil
	}
	return []harden.Fix{{
		Title: "write out the ports of the rule without", Class: harden.Review, Changes: []harden.Change{change},
		Evidence: []harden.Claim{{Code: "E-LIVE", State: harden.Missing, Text: "Nobody tried what the engine admits now."}},
		Warning:  "Protocols besides TCP and UDP are denied from then on.",
	}}
}

func sameBlock(a, b string) bool {
	x, err := netip.ParsePrefix(a)
	y, err2 := netip.ParsePrefix(b)
	return err == nil && err2 == nil && x.Masked() == y.Masked()
}

func everyPort() []networkingv1.NetworkPolicyPort {
	var all []networkingv1.NetworkPolicyPort
	for _, protocol := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP} {
		first, last := intstr.FromInt32(1), int32(65535)
		all = append(all, networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: &first, EndPort: &last})
	}
	return all
}
