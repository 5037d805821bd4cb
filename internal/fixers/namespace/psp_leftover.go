package namespace

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PSPLeftover finds roles for PodSecurityPolicies, which are no more.
var PSPLeftover = &harden.Fixer{
	ID:       "psp-leftover",
	Title:    "gives rights on PodSecurityPolicies",
	Area:     harden.AreaNamespace,
	Severity: harden.Info,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindRole, harden.KindClusterRole},
	Doc: `
A role speaks of PodSecurityPolicies, which Kubernetes 1.25 removed.

Fields:

    Role, ClusterRole rules[].resources: podsecuritypolicies, in policy or extensions

Allowed: none on 1.25 and later. Rules for all resources (*) are not looked at.

**Why it matters.** The rule does nothing, and makes believe that the policy still guards. What
took its place are the Pod Security labels of namespaces, or a policy engine.

**The fix.** A person takes the rule out of its source, and looks whether the namespaces whose
accounts had it enforce a Pod Security level now.

**Traps.** Charts that serve old clusters too keep such rules: then it is for them to change.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "migrate from PodSecurityPolicy", URL: "https://kubernetes.io/docs/tasks/configure-pod-container/migrate-from-psp/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkPSPLeftover,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "take the rule out", Class: harden.Review,
			Manual: "Take podsecuritypolicies out of the rules of " + p.Object.String() + " in its source; delete the role and its bindings if nothing else is in it. See that the namespaces of its subjects enforce a Pod Security level.",
		}}
	},
}

func checkPSPLeftover(p *harden.Pass) {
	if minor := p.Inventory.Cluster.Minor; minor > 0 && minor < 25 {
		p.NotApplicable()
		return
	}
	var rules []rbacv1.PolicyRule
	switch o := p.Item.Content.(type) {
	case *rbacv1.Role:
		rules = o.Rules
	case *rbacv1.ClusterRole:
		rules = o.Rules
	}
	for _, r := range rules {
		if slices.Contains(r.Resources, "podsecuritypolicies") {
			p.Report(harden.Finding{Field: "rules", Reason: "rule for podsecuritypolicies", Detail: "The resource was removed in Kubernetes 1.25: the rule does nothing."})
			return
		}
	}
}
