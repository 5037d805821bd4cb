package network

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Unenforced finds namespaces whose policies nobody enforces.
var Unenforced = &harden.Fixer{
	ID:       "netpol-unenforced",
	Title:    "policies are not enforced",
	Area:     harden.AreaNetwork,
	Severity: harden.High,
	Subject:  harden.SubjectNamespace,
	Doc: `
The namespace has NetworkPolicies, and nothing in the cluster enforces them.

Read:

    DaemonSets, ConfigMaps and nodes that tell which network engine there is, and its switches

Allowed: an engine that enforces: Cilium, Calico, Antrea, OVN-Kubernetes, kube-router,
Azure NPM, the VPC CNI with its network policy agent switched on, k3s without
--disable-network-policy, kindnet of a newer kind.

**Why it matters.** The API server stores a policy whoever enforces it. With flannel,
kubenet, a plain bridge or the VPC CNI as it comes, a policy is a text: everybody
believes that the database is shut, and it is not.

**The fix.** None is made here: an engine is installed or switched on for the cluster,
by whoever runs it. The text says how for the engine that was recognised. Try it
where an outage is affordable: from then on every policy that was ever written holds.

**Traps.** There is one finding for each namespace with policies. An engine that was
not recognised is no finding, it is said with those of the other rules and on the
network view: there may be one that is not known here. Calico may run beside another
CNI for policies alone. Pods on Fargate and Windows nodes are not covered by the VPC
CNI's agent, which is what netpol-cni-limits tells. Files say nothing about engines.
The rules that look for missing policies judge what is declared, and say so.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.3.1"},
		{Standard: "CIS EKS", ID: "4.3.1"},
		{Standard: "CIS EKS", ID: "5.4.4"},
		{Standard: "Kubescape", ID: "C-0205"},
		{Standard: "Kubescape", ID: "C-0230"},
	},
	Reads: harden.InNamespace(harden.KindNetworkPolicy),
	Check: checkUnenforced,
	Fix:   fixUnenforced,
}

func checkUnenforced(p *harden.Pass) {
	policies := p.Inventory.NetworkPolicies[p.NamespaceName]
	if !p.Inventory.Live() || len(policies) == 0 {
		p.NotApplicable()
		return
	}
	e := p.Inventory.Net.Engine
	if e.Enforces != harden.NotEnforced {
		return
	}
	what := fmt.Sprintf("%d policies", len(policies))
	if len(policies) == 1 {
		what = "policy " + policies[0].Name
	}
	f := harden.Finding{
		Field: "NetworkPolicies", Verdict: "unenforced", Reason: "nothing enforces its " + what,
		Detail: fmt.Sprintf("The namespace has %s, and nothing in the cluster enforces NetworkPolicies: %s.", what, because(e)),
	}
	if e.Name != "" {
		f.Reason = fmt.Sprintf("%s does not enforce its %s", e.Name, what)
	}
	p.Report(f)
}

// howToEnforce says what to do for the engines that can be recognised without enforcing.
var howToEnforce = map[string]string{
	harden.EngineVPCCNI: "Switch on network policies of the add-on: set enableNetworkPolicy to \"true\" in the configuration of the EKS add-on vpc-cni (on EKS Auto Mode, " +
		"enable-network-policy-controller: \"true\" in ConfigMap kube-system/amazon-vpc-cni and networkPolicy in the NodeClass), and wait until PolicyEndpoints exist.",
	harden.EngineFlannel: "flannel never enforces policies: run Calico for policies beside it (the combination is known as Canal), or move to an engine that enforces.",
	harden.EngineKubenet: "kubenet enforces policies only with an engine beside it: switch on the network policy of the managed cluster, or move to a CNI that enforces.",
	harden.EngineK3s:     "Start the k3s servers and agents without --disable-network-policy, or install an engine that enforces.",
	harden.EngineCilium:  "Set enable-policy (policyEnforcementMode in the chart) to \"default\" in ConfigMap kube-system/cilium-config, and restart the agents.",
	harden.EngineKindnet: "Move to a newer kind, whose kindnet enforces policies, or install an engine that enforces.",
}

func fixUnenforced(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	text := howToEnforce[p.Inventory.Net.Engine.Name]
	if text == "" {
		text = "Install an engine that enforces NetworkPolicies: Calico and kube-router can do that beside another CNI, Cilium and Antrea in its place."
	}
	return []harden.Fix{{
		Title: "have policies enforced", Class: harden.Review, Manual: text,
		Warning: "From then on all policies of all namespaces hold: what they deny by mistake stops working.",
	}}
}
