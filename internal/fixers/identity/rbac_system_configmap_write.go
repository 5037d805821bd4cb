package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// SystemConfigMapWrite finds grants that change ConfigMaps of kube-system.
var SystemConfigMapWrite = powerRule("Bind the role in the namespaces that are needed, or name the ConfigMaps by resourceNames.", harden.Fixer{
	ID:       "rbac-system-configmap-write",
	Title:    "may change ConfigMaps of kube-system",
	Severity: harden.Critical,
	Doc: `
A subject may update or patch ConfigMaps of kube-system.

Fields:

    rules[] of the role: configmaps with update or patch, for the cluster or in
    kube-system, without resourceNames or with those of the system's own

Allowed: named ones that are none of aws-auth, coredns, coredns-custom, kube-dns,
kube-proxy, kubeadm-config, kubelet-config and extension-apiserver-authentication,
such as a lock of one's own.

**Why it matters.** aws-auth says which AWS role is which group: one line makes it
system:masters. coredns says where names lead, so that traffic goes where the writer
wants.

**The fix.** The verbs are taken out of the role where the rule names them. What needs a
ConfigMap there gets it by a Role of kube-system with resourceNames.

**Traps.** A ClusterRoleBinding that is meant for one's own namespaces has kube-system in it.
Older controllers elect a leader by a ConfigMap: newer versions use leases. create alone is
not found: what is there cannot be changed by it.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1557"},
		{Standard: "ATT&CK", ID: "MS-TA9035"},
		{Standard: "Trivy", ID: "KSV-0115"},
		{Standard: "Trivy", ID: "KSV-0049"},
		{Standard: "Kubescape", ID: "C-0037"},
	},
})
