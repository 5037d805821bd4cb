package namespace

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// DefaultNamespace finds what runs in the namespace that nobody chose.
var DefaultNamespace = &harden.Fixer{
	ID:       "default-namespace",
	Title:    "the default namespace is in use",
	Area:     harden.AreaNamespace,
	Severity: harden.Low,
	Subject:  harden.SubjectNamespace,
	Doc: `
Workloads, Services or accounts live in the namespace "default".

Fields:

    metadata.namespace of workloads, Services, ServiceAccounts, Roles and RoleBindings

Allowed: what Kubernetes puts there itself, the Service kubernetes, the ServiceAccount default
and the ConfigMap kube-root-ca.crt.

**Why it matters.** It is where everything lands that names no namespace, by mistake as well.
Rights, quotas, network policies and Pod Security levels are given by namespace: in this one
they are for whatever comes, so that in practice there are none.

**The fix.** No change is proposed: the namespace of an object cannot be changed. A person applies
the manifests in another one; the text says in which order.

**Traps.** Names in DNS change with the namespace, claims for volumes do not move, and whoever has
rights in "default" has none in the new one.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.7.4"},
		{Standard: "CIS EKS", ID: "4.5.2"},
		{Standard: "NSA", ID: "namespaces"},
		{Standard: "Trivy", ID: "KSV-0110"},
		{Standard: "Kubescape", ID: "C-0061"},
		{Standard: "Kubescape", ID: "C-0212"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.KindServiceAccount, harden.KindRole, harden.KindRoleBinding, harden.KindService),
	Check: checkDefaultNamespace,
	Fix:   byHand("move it to a namespace of its own", "Make a namespace with its labels, quota and policies, apply the manifests there (metadata.namespace), let clients use the new names, copy the data of volumes, then delete the old objects."),
}

func checkDefaultNamespace(p *harden.Pass) {
	if p.NamespaceName != corev1.NamespaceDefault {
		p.NotApplicable()
		return
	}
	var names []string
	for _, w := range p.Inventory.WorkloadsIn(p.NamespaceName) {
		names = append(names, w.Ref.String())
	}
	for _, kind := range []schema.GroupKind{harden.KindService, harden.KindRole, harden.KindRoleBinding} {
		for _, o := range p.Inventory.InNamespace(kind, p.NamespaceName) {
			if o.Ref.String() != "Service/kubernetes" {
				names = append(names, o.Ref.String())
			}
		}
	}
	if accounts := len(p.Inventory.ServiceAccounts[p.NamespaceName]); accounts > 1 {
		names = append(names, fmt.Sprintf("%d ServiceAccounts", accounts-1))
	}
	if len(names) > 0 {
		p.Report(harden.Finding{Field: "metadata.namespace", Reason: "holds " + plural(len(names), "object"), Detail: "In it are " + few(names) + "."})
		return
	}
	if why := p.Inventory.UnreadWorkloads(p.NamespaceName); why != "" {
		p.Unknown(why + ".")
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, strings.TrimSuffix(what, "s"))
}
