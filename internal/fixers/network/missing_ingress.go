package network

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// MissingIngress finds workloads that accept connections from everywhere.
var MissingIngress = &harden.Fixer{
	ID:       "netpol-missing-ingress",
	Title:    "accepts connections from everywhere",
	Area:     harden.AreaNetwork,
	Severity: harden.Medium,
	Subject:  harden.SubjectWorkload,
	Doc: `
No policy says who may connect to the pods.

Fields, of all policies that may select the pods:

    spec.podSelector
    spec.policyTypes
    spec.ingress

Allowed: at least one policy selects the pods and isolates them for ingress, whatever
it admits. NetworkPolicies count, and so do those of Cilium, Calico and Antrea, with
the cluster-wide ones, AdminNetworkPolicies and ClusterNetworkPolicies.

**Why it matters.** Whoever gets into any pod of the cluster, the one with the old
library or the debug shell, can talk to every port of these pods: databases without a
password, metrics, admin pages. It is how one break-in becomes many.

**The fix.** A policy of its own for the workload is drafted from the flows that it
needs: Services and who refers to them, Ingresses, monitors, webhooks, probes, and
what was seen. It is evidence where nothing that is needed would be cut, and it is
drafted only when somebody looked at the network. In namespaces of the cluster itself
and of vendors nothing is proposed.

**Traps.** Policies do not apply to pods on the host's network, and the rule has
nothing to say of them. A policy without policyTypes isolates ingress. A selector of
expressions counts like one of labels. A cluster-wide policy of Cilium that
selects by the label io.kubernetes.pod.namespace counts. Who enforces the
policies is told with the finding; where nobody does, this is about what is declared
only. Where policies of some kind may not be read the verdict is unknown.
The finding is high for what the internet leads to (a Service of type LoadBalancer or
NodePort, an Ingress) and for data stores, by image and port; it is one lower for
what has no replicas.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.3.2"},
		{Standard: "CIS EKS", ID: "4.3.2"},
		{Standard: "NSA", ID: "network policies"},
		{Standard: "ATT&CK", ID: "T1210"},
		{Standard: "ATT&CK", ID: "T1046"},
		{Standard: "Kubescape", ID: "C-0260"},
		{Standard: "Kubescape", ID: "C-0030"},
		{Standard: "Kubescape", ID: "C-0206"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods, harden.KindNamespace, harden.KindNetworkPolicy, harden.OtherPolicies, harden.KindService),
	Check: checkMissingIngress,
	Fix:   func(p *harden.Pass, _ *harden.Finding) []harden.Fix { return fixMissing(p, harden.Ingress) },
}

func checkMissingIngress(p *harden.Pass) {
	up := dataStore(p.Pod)
	if by := p.Inventory.ExposedBy(p.Workload); by != "" {
		up = by + " leads to it"
	}
	checkMissing(p, harden.Ingress, up, "every pod of the cluster, and whatever else reaches its addresses, may connect to all of its ports")
}
