package namespace

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AuditEvents says where the audit log of a managed control plane is turned on.
var AuditEvents = &harden.Fixer{
	ID:       "audit-events",
	Title:    "whether the API server's audit log is kept is not known",
	Area:     harden.AreaNamespace,
	Severity: harden.Info,
	Subject:  harden.SubjectCluster,
	Doc: `
Who did what to the cluster is written down by the API server alone, if somebody told it to.

Fields:

    none: the setting of a managed control plane is not in its API

Allowed: on EKS the log types "audit" and "authenticator", on AKS the diagnostic setting
"kube-audit" or "kube-audit-admin". GKE always writes what changes something. Where the
API server runs as a pod its own flags are looked at, by cp-audit-log.

**Why it matters.** Without it nobody can tell after an attack which token was used for what.

**The fix.** Detection only, and always "unknown" where a provider runs the control plane: only
its own console or API tells. The text names the command that does.

**Traps.** The log costs money by volume. Keep it in an account that the cluster's owners cannot
delete from.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "logging"},
		{Standard: "CIS EKS", ID: "2.1.1"},
		{Standard: "Kubescape", ID: "C-0067"},
		{Standard: "Kubescape", ID: "C-0254"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		switch provider := providerOf(p.Inventory); provider {
		case "EKS":
			p.Unknown("EKS does not show it in the cluster. Ask AWS: aws eks describe-cluster --name NAME --query cluster.logging; audit and authenticator should be enabled.")
		case "AKS":
			p.Unknown("AKS does not show it in the cluster. Ask Azure: az monitor diagnostic-settings list --resource ID; kube-audit or kube-audit-admin should be enabled.")
		default:
			p.NotApplicable()
		}
	},
}

// providerOf tells whose managed control plane it is: EKS, AKS, or "" for others.
func providerOf(inv *harden.Inventory) string {
	if strings.Contains(inv.Cluster.Version, "-eks-") {
		return "EKS"
	}
	for _, n := range inv.Nodes {
		if _, ok := n.Labels["kubernetes.azure.com/cluster"]; ok {
			return "AKS"
		}
	}
	return ""
}
