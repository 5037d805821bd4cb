package network

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// EnforceRace finds namespaces whose pods start open until their policies are programmed.
var EnforceRace = &harden.Fixer{
	ID:       "netpol-enforce-race",
	Title:    "pods start open until policies reach their node",
	Area:     harden.AreaNetwork,
	Severity: harden.Info,
	Subject:  harden.SubjectNamespace,
	Doc: `
The VPC CNI lets a new pod talk to everybody until the agent of its node has its policies.

Read:

    NETWORK_POLICY_ENFORCING_MODE of container aws-node

Allowed: strict. Other engines are not looked at.

**Why it matters.** For the first seconds of a pod, policies do nothing. A program that
sends data away when it starts does not need longer.

**The fix.** None here: the mode is one of the whole cluster, and with strict every pod
without a policy is cut off from everything.

**Traps.** Strict needs policies for all pods of all namespaces, those of the system
included, before it is set. It applies to namespaces that have policies.
`,
	Refs: []harden.Reference{
		{Standard: "CIS EKS", ID: "4.3.1"},
	},
	Reads: harden.InNamespace(harden.KindNetworkPolicy),
	Check: func(p *harden.Pass) {
		e := p.Inventory.Net.Engine
		if e.Name != harden.EngineVPCCNI || e.Enforces != harden.Enforced || len(p.Inventory.NetworkPolicies[p.NamespaceName]) == 0 {
			p.NotApplicable()
			return
		}
		if !e.Strict {
			p.Report(harden.Finding{
				Field: "NetworkPolicies", Verdict: "standard", Reason: "new pods are open until their node knows their policies",
				Detail: "The VPC CNI runs with NETWORK_POLICY_ENFORCING_MODE=standard: a pod is open until the agent of its node has programmed its policies.",
			})
		}
	},
	Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "enforce from the first moment", Class: harden.Review,
			Manual:  "When every pod of the cluster has a policy, set NETWORK_POLICY_ENFORCING_MODE=strict on DaemonSet kube-system/aws-node.",
			Warning: "Pods without a policy, those of the system included, are cut off from everything then.",
		}}
	},
}
