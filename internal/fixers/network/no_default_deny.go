// Package network holds the fixers for who may talk to whom.
package network

import (
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NoDefaultDeny finds namespaces in which a new pod is open to the network.
var NoDefaultDeny = &harden.Fixer{
	ID:       "netpol-no-default-deny",
	Title:    "new pods start open to the network",
	Area:     harden.AreaNetwork,
	Severity: harden.Medium,
	Subject:  harden.SubjectNamespace,
	Doc: `
No NetworkPolicy of the namespace isolates all of its pods.

Fields, of all NetworkPolicies of the namespace:

    spec.podSelector
    spec.policyTypes
    spec.ingress, spec.egress

Allowed: for each direction, ingress and egress, a policy with an empty podSelector
that isolates it, and none with an empty podSelector that lets everything through
(verdict allow-all). There is one finding per direction.

**Why it matters.** Without isolation a pod accepts connections from every pod of the
cluster and may connect anywhere: to the API server, to a metadata service of the
cloud, to the internet. Policies that select single workloads do not help the
pod that is made tomorrow.

**The fix.** Detection only. A default deny cuts off whatever no other policy allows,
so the flows that are needed have to be allowed first; the network view shows
them.

**Traps.** A policy without policyTypes isolates ingress, and egress only if it has
egress rules. Policies do nothing unless the cluster's network enforces them.
Policies of Cilium, Calico and Antrea and cluster-wide policies are not read here
and may isolate the namespace too. Where NetworkPolicies may not be read, or the
namespace is not among the files, the verdict is unknown. A namespace without
workloads is low, kube-public and kube-node-lease without any are passed over.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.3.2"},
		{Standard: "NSA", ID: "network policies"},
		{Standard: "Kubescape", ID: "C-0206"},
		{Standard: "Kubescape", ID: "C-0054"},
	},
	Check: checkNoDefaultDeny,
}

var directions = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}

func checkNoDefaultDeny(p *harden.Pass) {
	empty := p.Inventory.NoWorkloads(p.NamespaceName)
	if empty && (p.NamespaceName == "kube-public" || p.NamespaceName == "kube-node-lease") {
		p.NotApplicable()
		return
	}
	if why := unknownWhy(p); why != "" {
		p.Report(harden.Finding{
			Status: harden.StatusUnknown, Verdict: "unknown", Field: "NetworkPolicies",
			Reason: "NetworkPolicies were not read",
			Detail: "Whether new pods start open is not known: " + why + ".",
		})
		return
	}
	for _, direction := range directions {
		open, isolated := defaultPolicies(p.Inventory.NetworkPolicies[p.NamespaceName], direction)
		f := harden.Finding{Discriminator: string(direction), Field: "NetworkPolicies"}
		switch {
		case open != "":
			f.Verdict = "allow-all"
			f.Reason = fmt.Sprintf("%s: policy %s allows everything to all", direction, open)
			f.Detail = fmt.Sprintf("NetworkPolicy %q selects every pod and has a rule without peers and ports, so nothing is denied by default.", open)
		case !isolated:
			f.Verdict = "missing"
			f.Reason = fmt.Sprintf("%s: no default deny", direction)
			f.Detail = "No NetworkPolicy selects every pod of the namespace for " + string(direction) + ". Policies of other kinds, such as Cilium's and Calico's, are not read."
		default:
			continue
		}
		if empty {
			f.Severity, f.SeverityWhy = harden.Low, "no workload is in the namespace now"
		}
		p.Report(f)
	}
}

// unknownWhy says why an empty list of policies would prove nothing.
func unknownWhy(p *harden.Pass) string {
	if why := p.Inventory.Unreadable("networkpolicies.networking.k8s.io", p.NamespaceName); why != "" {
		return why
	}
	if !p.Inventory.Live() && p.Namespace == nil && len(p.Inventory.NetworkPolicies[p.NamespaceName]) == 0 {
		return "the files declare neither the namespace nor policies for it"
	}
	return ""
}

// defaultPolicies looks at the policies that select every pod: open is the name
// of one that lets everything through in the direction, isolated reports
// whether there is any for the direction.
func defaultPolicies(policies []*networkingv1.NetworkPolicy, direction networkingv1.PolicyType) (open string, isolated bool) {
	for _, policy := range policies {
		s := policy.Spec.PodSelector
		if len(s.MatchLabels) > 0 || len(s.MatchExpressions) > 0 || !isolates(policy, direction) {
			continue
		}
		isolated = true
		if allowsAll(policy, direction) && (open == "" || policy.Name < open) {
			open = policy.Name
		}
	}
	return open, isolated
}

// isolates follows the defaults of spec.policyTypes: Ingress always, Egress
// where the policy has egress rules.
func isolates(policy *networkingv1.NetworkPolicy, direction networkingv1.PolicyType) bool {
	if types := policy.Spec.PolicyTypes; len(types) > 0 {
		return slices.Contains(types, direction)
	}
	return direction == networkingv1.PolicyTypeIngress || len(policy.Spec.Egress) > 0
}

func allowsAll(policy *networkingv1.NetworkPolicy, direction networkingv1.PolicyType) bool {
	if direction == networkingv1.PolicyTypeIngress {
		return slices.ContainsFunc(policy.Spec.Ingress, func(r networkingv1.NetworkPolicyIngressRule) bool { return len(r.From) == 0 && len(r.Ports) == 0 })
	}
	return slices.ContainsFunc(policy.Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool { return len(r.To) == 0 && len(r.Ports) == 0 })
}
