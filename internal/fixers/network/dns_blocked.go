package network

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/propose"
)

// DNSBlocked finds workloads whose policies cut them off from DNS.
var DNSBlocked = &harden.Fixer{
	ID:       "netpol-dns-blocked",
	Title:    "cannot ask the cluster's DNS",
	Area:     harden.AreaNetwork,
	Severity: harden.Medium,
	Subject:  harden.SubjectWorkload,
	Doc: `
Policies isolate the pods for egress, and none admits DNS.

Fields, of all policies that select the pods:

    spec.egress[].to, spec.egress[].ports
    spec.dnsPolicy of the pods

Allowed: a way to the cluster's DNS over UDP and over TCP, on the port that its pods
listen on.

**Why it matters.** A pod that cannot resolve names can reach nothing that it knows by
name, whatever else its policies admit: connections time out and the error says
nothing about policies. It is the most common outage that a first egress policy makes.
Over TCP go the answers that are too large for UDP: without it, it fails now and then
(verdict tcp).

**The fix.** A policy that admits DNS for these pods, besides those that there are. It
only adds, so it is evidence when it was seen where DNS really is.

**Traps.** Policies see the port of the DNS pods after translation: CoreDNS listens on
53, on OpenShift on 5353. With NodeLocal DNSCache pods ask a link-local address or the
Service's, which no podSelector matches: there an ipBlock has to admit it. Pods
with dnsPolicy None or Default do not ask the cluster's DNS. Where no rule admits any
egress at all, perhaps nothing is to be resolved either, and the finding is low. What
cannot be decided from what was read is unknown.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "default deny all egress traffic", URL: "https://kubernetes.io/docs/concepts/services-networking/network-policies/"},
	},
	Reads: harden.InCluster(harden.KindNamespace, harden.KindNetworkPolicy, harden.Templates, harden.NetLists, harden.OtherPolicies, harden.KindService, harden.Pods),
	Check: checkDNSBlocked,
	Fix:   fixDNSBlocked,
}

func checkDNSBlocked(p *harden.Pass) {
	spec := p.Pod.Spec
	if spec.HostNetwork || spec.DNSPolicy == corev1.DNSNone || spec.DNSPolicy == corev1.DNSDefault {
		p.NotApplicable()
		return
	}
	if Isolated(p, harden.Egress).State != harden.ReachDenied {
		return // whether it is isolated at all is the matter of netpol-missing-egress
	}
	from := harden.WorkloadPeer(p.Object)
	inv := sight(p.Inventory)
	udp, tcp := dnsReach(inv, from, corev1.ProtocolUDP), dnsReach(inv, from, corev1.ProtocolTCP)
	f := harden.Finding{Field: "NetworkPolicies"}
	switch {
	case udp.Reach == harden.ReachDenied:
		f.Verdict, f.Reason = "blocked", "no policy admits DNS"
		f.Detail = fmt.Sprintf("Policies isolate its pods for egress, and none admits UDP to DNS (%s).", sentence(udp.Why))
		down := Idle(p.Workload)
		if down == "" && !anyEgress(p) {
			down = "no rule admits any egress, so that may be meant"
		}
		Weigh(&f, p.Fixer.Severity, "", down)
	case udp.Reach == harden.ReachUnknown, tcp.Reach == harden.ReachUnknown:
		why := udp.Why
		if udp.Reach != harden.ReachUnknown {
			why = tcp.Why
		}
		f.Status, f.Verdict = harden.StatusUnknown, "unknown"
		f.Reason = "whether DNS is admitted is not known"
		f.Detail = fmt.Sprintf("Whether its policies admit DNS is not known: %s.", sentence(why))
	case tcp.Reach == harden.ReachDenied:
		f.Verdict, f.Reason = "tcp", "DNS is admitted over UDP alone"
		f.Detail = fmt.Sprintf("UDP to DNS is admitted and TCP is not (%s): answers that do not fit into a datagram are lost.", sentence(tcp.Why))
		Weigh(&f, p.Fixer.Severity, "", "only long answers fail")
	default:
		return
	}
	p.Report(f)
}

// anyEgress reports whether some policy that selects the pods has a rule for egress.
func anyEgress(p *harden.Pass) bool {
	for _, policy := range netpol.Of(p.Inventory).Selecting(p.Object) {
		if len(rulesOf(policy, harden.Egress)) > 0 {
			return true
		}
	}
	return false
}

func fixDNSBlocked(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	const title = "admit DNS"
	selector, others, cannot := propose.SelectorOf(p.Inventory, p.Workload)
	if selector == nil {
		return []harden.Fix{{Title: title, Class: harden.Review, Manual: "No policy is drafted: " + cannot + ", and admit UDP and TCP 53 to the cluster's DNS for it."}}
	}
	inv := sight(p.Inventory)
	policy := newPolicy(p, "dns", networkingv1.NetworkPolicySpec{
		PodSelector: *selector, PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}, Egress: propose.AllowDNS(inv, p.Object.Namespace),
	})
	change, ok := create(policy)
	if !ok {
		return nil
	}
	claims := []harden.Claim{dnsClaim(inv), addingClaim(p, others, harden.Egress)}
	return []harden.Fix{{Title: title, Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims, Changes: []harden.Change{change}}}
}
