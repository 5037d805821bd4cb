// Package network holds the fixers for who may talk to whom.
package network

import (
	"cmp"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/propose"
)

// NoDefaultDeny finds namespaces in which a new pod is open to the network.
var NoDefaultDeny = &harden.Fixer{
	ID:       "netpol-no-default-deny",
	Title:    "new pods start open to the network",
	Area:     harden.AreaNetwork,
	Severity: harden.Medium,
	Subject:  harden.SubjectNamespace,
	Doc: `
No policy isolates a pod that is made in the namespace tomorrow.

Fields, of all NetworkPolicies of the namespace and of policies of other kinds:

    spec.podSelector
    spec.policyTypes
    spec.ingress, spec.egress

Allowed: for each direction, ingress and egress, a policy that isolates every pod,
such as a NetworkPolicy with an empty podSelector, and none with an empty podSelector
that lets everything through (verdict allow-all). Policies of Cilium, Calico and
Antrea and cluster-wide ones count. There is one finding per direction.

**Why it matters.** Without isolation a pod accepts connections from every pod of the
cluster and may connect anywhere: to the API server, to a metadata service of the
cloud, to the internet. Policies that select single workloads do not help the
pod that is made tomorrow.

**The fix.** A policy that selects every pod and admits nothing, for egress with one
that admits DNS. It cuts off whatever no other policy allows, so it is proposed only
when every workload of the namespace has policies of its own, as the last phase of
the network's proposal, and only when somebody looked at the network. In namespaces of
the cluster itself and of vendors nothing is proposed.

**Traps.** A policy without policyTypes isolates ingress, and egress only if it has
egress rules. Policies do nothing unless the cluster's network enforces them:
who does is told with the finding. A CNI that denies by default for the whole cluster,
such as Cilium with enable-policy: always, is not seen. Where policies of some kind may
not be read, or the namespace is not among the files, the verdict is unknown. A
namespace without workloads is low, kube-public and kube-node-lease without any are
passed over.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.3.2"},
		{Standard: "CIS EKS", ID: "4.3.2"},
		{Standard: "NSA", ID: "network policies"},
		{Standard: "Kubescape", ID: "C-0206"},
		{Standard: "Kubescape", ID: "C-0054"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods, harden.KindNamespace, harden.KindNetworkPolicy, harden.OtherPolicies, harden.KindService),
	Check: checkNoDefaultDeny,
	Fix:   fixNoDefaultDeny,
}

func checkNoDefaultDeny(p *harden.Pass) {
	empty := p.Inventory.NoWorkloads(p.NamespaceName)
	if empty && (p.NamespaceName == "kube-public" || p.NamespaceName == "kube-node-lease") {
		p.NotApplicable()
		return
	}
	// Without NetworkPolicies the answer is the same in both directions, so it is said once.
	if why := cmp.Or(p.Inventory.Unreadable(harden.NetworkPolicies, p.NamespaceName), undeclared(p.Inventory, p.NamespaceName)); why != "" {
		reportUnknownDefault(p, "", "NetworkPolicies were not read", why)
		return
	}
	for _, d := range directions {
		f := harden.Finding{Discriminator: string(d), Field: "NetworkPolicies"}
		open := opened(p.Inventory.NetworkPolicies[p.NamespaceName], d)
		iso := newPod(p.Inventory, p.NamespaceName, d)
		switch {
		case open != "":
			f.Verdict = "allow-all"
			f.Reason = fmt.Sprintf("%s: policy %s allows everything to all", d, open)
			f.Detail = fmt.Sprintf("NetworkPolicy %q selects every pod and has a rule without peers and ports, so nothing is denied by default.", open)
		case iso.State == harden.ReachDenied:
			continue
		case iso.State == harden.ReachUnknown:
			reportUnknownDefault(p, string(d), fmt.Sprintf("%s: whether a policy isolates new pods is not known", d), iso.Why)
			continue
		default:
			f.Verdict = "missing"
			f.Reason = fmt.Sprintf("%s: no default deny", d)
			f.Detail = "No policy isolates every pod of the namespace for " + string(d) + "."
		}
		f.Detail += enforcement(p.Inventory)
		if empty {
			f.Severity, f.SeverityWhy = harden.Low, "no workload is in the namespace now"
		}
		p.Report(f)
	}
}

func reportUnknownDefault(p *harden.Pass, discriminator, reason, why string) {
	p.Report(harden.Finding{
		Status: harden.StatusUnknown, Verdict: "unknown", Field: "NetworkPolicies", Discriminator: discriminator,
		Reason: reason, Detail: "Whether new pods start open is not known: " + sentence(why) + ".",
	})
}

// opened is the name of a policy that selects every pod and lets everything
// through in the direction, or "".
func opened(policies []*networkingv1.NetworkPolicy, d harden.Direction) string {
	name := ""
	for _, policy := range policies {
		if selectsAll(&policy.Spec.PodSelector) && allowsAll(policy, d) && (name == "" || policy.Name < name) {
			name = policy.Name
		}
	}
	return name
}

// newPods is the world of tomorrow: in every namespace a pod that nobody has labelled.
type newPods struct{ *netpol.World }

// newPod tells whether a pod without labels would be isolated in the namespace.
func newPod(inv *harden.Inventory, namespace string, d harden.Direction) netpol.Isolation {
	world := harden.Derive(inv, func(inv *harden.Inventory) newPods {
		tomorrow := inv.Fresh()
		tomorrow.Workloads = nil
		for _, ns := range inv.Scope {
			w := &harden.Workload{Ref: newPodRef(ns)}
			w.Meta.Name, w.Meta.Namespace = w.Ref.Name, ns
			tomorrow.Workloads = append(tomorrow.Workloads, w)
		}
		return newPods{netpol.New(tomorrow)}
	})
	return world.Isolated(newPodRef(namespace), d)
}

// newPodRef has a name that no pod can have.
func newPodRef(namespace string) harden.Ref {
	return harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: "(new)"}
}

func fixNoDefaultDeny(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.NamespaceName); ok {
		return []harden.Fix{fix}
	}
	if f.Verdict == "allow-all" {
		return []harden.Fix{{
			Title: "narrow the policy that allows everything", Class: harden.Review,
			Manual: fmt.Sprintf("%s. Replace its rule without peers and ports by the flows that are needed; what else is denied shows in the network view.", f.Detail[:len(f.Detail)-1]),
		}}
	}
	return propose.Fixes(p.Inventory, p.NamespaceName, harden.Ref{}, harden.Direction(f.Discriminator))
}
