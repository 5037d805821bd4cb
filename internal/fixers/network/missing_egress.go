package network

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// MissingEgress finds workloads that may connect to everywhere.
var MissingEgress = &harden.Fixer{
	ID:       "netpol-missing-egress",
	Title:    "may connect to everywhere",
	Area:     harden.AreaNetwork,
	Severity: harden.Medium,
	Subject:  harden.SubjectWorkload,
	Doc: `
No policy says where the pods may connect to.

Fields, of all policies that may select the pods:

    spec.podSelector
    spec.policyTypes
    spec.egress

Allowed: at least one policy selects the pods and isolates them for egress, whatever it
admits. Policies of all kinds count, as for ingress.

**Why it matters.** An attacker in a container needs a way out: to fetch tools, to send
data away, to ask the metadata service of the cloud for the node's credentials, to
look for the next pod. Most workloads need two or three destinations and DNS.

**The fix.** A policy of its own for the workload is drafted from the flows that it
needs; it carries the access to DNS itself. Destinations outside of the cluster are the
ones that are easiest to miss, so the proposal says which are known and from where,
and how long connections were observed. It is drafted only when somebody looked at the
network. In namespaces of the cluster itself and of vendors nothing is proposed.

**Traps.** A policy with egress rules and without policyTypes isolates both directions.
A policy that only lists ingress does not isolate egress. Pods on the host's
network are not subject to policies. Where policies of some kind may not be read the
verdict is unknown; where nobody enforces policies this is about what is declared only.
It is low for what has no replicas.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.3.2"},
		{Standard: "CIS EKS", ID: "4.3.2"},
		{Standard: "NSA", ID: "network policies"},
		{Standard: "ATT&CK", ID: "T1041"},
		{Standard: "ATT&CK", ID: "T1552.005"},
		{Standard: "Kubescape", ID: "C-0260"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods, harden.KindNamespace, harden.KindNetworkPolicy, harden.OtherPolicies, harden.KindService),
	Check: func(p *harden.Pass) {
		checkMissing(p, harden.Egress, "", "they may connect to every pod, to the API server and to the internet")
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix { return fixMissing(p, harden.Egress) },
}
