package namespace

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/pod-security-admission/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/podsecurity"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// MutableNamespaceLabels finds namespaces whose level somebody may take off.
var MutableNamespaceLabels = &harden.Fixer{
	ID:       "mutable-namespace-labels",
	Title:    "its Pod Security level may be taken off",
	Area:     harden.AreaNamespace,
	Severity: harden.Medium,
	Subject:  harden.SubjectNamespace,
	Doc: `
A namespace enforces a Pod Security level, and somebody besides its administrators may change
the label.

Fields:

    metadata.labels['pod-security.kubernetes.io/enforce']
    roles with update or patch on namespaces, and their bindings, for the cluster or in it

Allowed: none but who may do everything, and the bindings that Kubernetes makes itself.

**Why it matters.** The level is a label. Who may write it sets it to privileged, creates a pod that
owns the node, and sets it back.

**The fix.** Detection only: the rights are the matter of rbac-namespace-write, which says what to
take out of which role.

**Traps.** GitOps controllers and tools for tenants need the right to make namespaces: a policy on the
label (a ValidatingAdmissionPolicy) holds them to that.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "RBAC good practices", URL: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/#namespace-modification"},
	},
	Reads: harden.InCluster(rbac.Kinds...),
	Check: checkMutableNamespaceLabels,
	Fix:   byHand("let nobody else write the label", "See the findings of rbac-namespace-write for the roles that give it, and take update and patch on namespaces out of them; or let a ValidatingAdmissionPolicy refuse changes of the pod-security labels."),
}

// labellers may change labels of namespaces: of all ("") or of one.
type labellers map[string][]string

func labellersOf(inv *harden.Inventory) labellers {
	return harden.Derive(inv, func(inv *harden.Inventory) labellers {
		out, graph := labellers{}, rbac.Of(inv)
		add := func(o *harden.Object) {
			for _, g := range graph.ByBinding(o.Ref) {
				if !g.Shipped && slices.ContainsFunc(g.Held, func(h *rbac.Held) bool { return h.Power.ID == "rbac-namespace-write" }) {
					out[g.Namespace] = append(out[g.Namespace], harden.OneLine(g.Subject.String()))
				}
			}
		}
		for o := range harden.All[*rbacv1.ClusterRoleBinding](inv, harden.KindClusterRoleBinding) {
			add(o)
		}
		for o := range harden.All[*rbacv1.RoleBinding](inv, harden.KindRoleBinding) {
			add(o)
		}
		return out
	}, rbac.Kinds...)
}

func checkMutableNamespaceLabels(p *harden.Pass) {
	if p.Namespace == nil || harden.IsSystemNamespace(p.NamespaceName) {
		p.NotApplicable()
		return
	}
	if level := declares(p, api.EnforceLevelLabel); level == "" || level == podsecurity.Privileged {
		p.NotApplicable()
		return
	}
	by := labellersOf(p.Inventory)
	names := slices.Concat(by[""], by[p.NamespaceName])
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		p.Needs(p.NamespaceName, harden.KindClusterRoleBinding, harden.KindRoleBinding, harden.KindClusterRole, harden.KindRole)
		return
	}
	p.Report(harden.Finding{
		Field: "metadata.labels[" + api.EnforceLevelLabel + "]", Reason: plural(len(names), "subject") + " may change it",
		Detail: "These may change labels of the namespace: " + few(names) + ".",
	})
}
