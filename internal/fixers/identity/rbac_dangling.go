package identity

import (
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// Dangling finds bindings whose role or ServiceAccount is not there.
var Dangling = &harden.Fixer{
	ID:       "rbac-dangling",
	Title:    "binds what does not exist",
	Area:     harden.AreaIdentity,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    bindingKinds,
	Doc: `
A binding refers to a role or to a ServiceAccount that does not exist.

Fields:

    roleRef, subjects of RoleBindings and ClusterRoleBindings

Allowed: what exists; what Kubernetes ships itself is passed over. In manifests nothing
is judged, since the rest may be elsewhere.

**Why it matters.** Whoever may make a ServiceAccount or a role of that name gets the
rights, and nobody is asked again: the binding has waited for them. Mostly it stayed of
something that was uninstalled.

**The fix.** Deleting the binding, by hand: nobody can tell whether what is missing comes
back. The text has the command; the age and the owner of the binding are evidence.

**Traps.** A ServiceAccount is missing for a moment while something is installed.
Users and groups are never objects, so that nobody can say that they are missing.
Accounts of namespaces outside of the scope are not looked for.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0296"},
		{Standard: "Kubernetes", ID: "RBAC good practices", URL: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"},
	},
	Reads: harden.InCluster(rbac.Parts...),
	Check: checkDangling,
	Fix:   fixDangling,
}

func checkDangling(p *harden.Pass) {
	if !p.Inventory.Live() {
		p.NotApplicable()
		return
	}
	role := roleOf(p)
	if !knowsRole(p) {
		return
	}
	if role.Missing {
		p.Report(harden.Finding{
			Discriminator: "role", Field: "roleRef", Verdict: "role", Reason: fmt.Sprintf("%s %q does not exist", role.Ref.Kind, harden.OneLine(role.Ref.Name)),
			Detail: "Whoever makes a role of this name decides what the subjects may do.",
		})
	}
	for _, grant := range rbac.Of(p.Inventory).ByBinding(p.Object) {
		s := grant.Subject
		if grant.Shipped || !s.IsAccount() || !missingAccount(p, s) {
			continue
		}
		p.Report(harden.Finding{
			Discriminator: s.String(), Field: "subjects", Verdict: "account", Reason: s.String() + " does not exist",
			Detail: fmt.Sprintf("Whoever makes a ServiceAccount of this name gets what %s %q allows.", role.Ref.Kind, harden.OneLine(role.Ref.Name)),
		})
	}
}

// missingAccount reports whether a ServiceAccount is known not to exist. The
// default ones come with their namespaces.
func missingAccount(p *harden.Pass, s rbac.Subject) bool {
	inv := p.Inventory
	if s.Name == "default" || inv.ServiceAccounts[s.Namespace][s.Name] != nil || inv.Unreadable("serviceaccounts", s.Namespace) != "" {
		return false
	}
	return inv.Clusterwide || len(inv.ServiceAccounts[s.Namespace]) > 0
}

func fixDangling(p *harden.Pass, f *harden.Finding) []harden.Fix {
	_, subjects := bindingOf(p.Item)
	claims := []harden.Claim{ownerClaim(p), ageClaim(p)}
	fix := harden.Fix{Title: "delete the binding", Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims, Manual: "If nothing will bring it back: " + deleteCommand(p.Object)}
	if f.Verdict == "account" && len(subjects) > 1 {
		fix = dropSubjects(p, "take the subject out of the binding", "", func(s rbacv1.Subject) bool { return rbac.SubjectOf(s, p.Object.Namespace).String() == f.Discriminator })
		fix.Evidence = claims
	}
	return []harden.Fix{fix}
}

// ageClaim says whether the object is old enough to have been forgotten.
func ageClaim(p *harden.Pass) harden.Claim {
	const enough = 30
	made := p.Item.Content.GetCreationTimestamp().Time
	days := int(p.Inventory.Now.Sub(made).Hours() / 24)
	switch {
	case made.IsZero():
		return harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: "When it was made is not known."}
	case days < enough:
		return harden.Claim{Code: "E-LIVE", State: harden.Refutes, Time: p.Inventory.Now, Text: fmt.Sprintf("It was made %d days ago: what is missing may be on its way.", days)}
	}
	return harden.Claim{Code: "E-LIVE", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("It was made %d days ago.", days)}
}

// ownerClaim says whether another object owns the binding or a release does.
func ownerClaim(p *harden.Pass) harden.Claim {
	o := p.Item.Content
	who := ""
	for _, r := range o.GetOwnerReferences() {
		who = r.Kind + " " + r.Name
	}
	if release := o.GetAnnotations()["meta.helm.sh/release-name"]; release != "" {
		who = "the Helm release " + release
	}
	if who != "" {
		return harden.Claim{Code: "E-OWNER", State: harden.Refutes, Time: p.Inventory.Now, Text: harden.OneLine("It belongs to " + who + ", which may make it again.")}
	}
	return harden.Claim{Code: "E-OWNER", State: harden.Holds, Time: p.Inventory.Now, Text: "No owner and no Helm release is named in it.", Limits: "other tools may leave no mark"}
}
