package identity

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// AuthenticatedBroad finds grants for everybody who has any credential, and for all ServiceAccounts.
var AuthenticatedBroad = powerRule("", harden.Fixer{
	ID:       "rbac-authenticated-broad",
	Title:    "gives rights to all users or all ServiceAccounts",
	Severity: harden.Critical,
	Doc: `
A binding names system:authenticated, system:serviceaccounts or
system:serviceaccounts:NAMESPACE.

Fields:

    subjects of ClusterRoleBindings and RoleBindings

Allowed: what Kubernetes ships for these groups: discovery, questions about oneself, the
keys of the issuer of tokens and trust bundles.

**Why it matters.** Every pod that mounts a token has these rights, and every pod that is
made tomorrow. system:authenticated has all users of the identity provider too, which on
some clouds is everybody with any account there. What gives a power that is high or worse to one of
the first two is critical; everything else is high.

**The fix.** The group is taken out of the binding, as a review: find out who uses it, and
bind the accounts of those.

**Traps.** OpenShift binds system:serviceaccounts:NAMESPACE to system:image-puller in each
namespace, by which its pods pull images from there; that is expected. Extra rules in a
role that is shipped for these groups count, those that it is shipped with do not.
`,
	Refs: []harden.Reference{
		{Standard: "Trivy", ID: "KSV-01011"},
		{Standard: "Kubescape", ID: "C-0265"},
		{Standard: "Kubernetes", ID: "RBAC good practices", URL: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"},
	},
	Check: checkAuthenticatedBroad,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{dropSubjectOf(p, f, "Bind the accounts that use it first.")}
	},
})

// forEverybody are the roles that Kubernetes ships for these groups.
var forEverybody = []string{
	"system:discovery", "system:basic-user", "system:public-info-viewer", "system:service-account-issuer-discovery", "system:cluster-trust-bundle-discovery",
}

func checkAuthenticatedBroad(p *harden.Pass) {
	if !anySubject(p, rbac.Subject.IsBroad) || !knowsRole(p) {
		return
	}
	for _, grant := range rbac.Of(p.Inventory).ByBinding(p.Object) {
		if !grant.Subject.IsBroad() {
			continue
		}
		beyond := grant.Rules
		for _, name := range forEverybody {
			rules, _ := rbac.ShippedRules("", name)
			beyond = rbac.Uncovered(beyond, rules)
		}
		if len(beyond) == 0 {
			continue
		}
		f := everybodyFinding(grant, beyond)
		ofNamespace := strings.HasPrefix(grant.Subject.Name, "system:serviceaccounts:")
		if ofNamespace || len(grant.Held) == 0 || grant.Held[0].Severity < harden.High {
			f.Severity, f.SeverityWhy = harden.High, "what it gives takes nothing over by itself"
			if ofNamespace {
				f.SeverityWhy = "for the ServiceAccounts of one namespace"
			}
		}
		if ofNamespace && grant.Role.Ref.Name == "system:image-puller" {
			f.Status = harden.StatusExpected
			f.Excuse = &harden.Excuse{Reason: "pods pull images of their namespace", Source: "OpenShift"}
		}
		p.Report(f)
	}
}
