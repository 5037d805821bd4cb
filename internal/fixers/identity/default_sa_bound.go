package identity

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// DefaultBound finds grants to the account that pods get when they name none.
var DefaultBound = powerRule("", harden.Fixer{
	ID:       "default-sa-bound",
	Title:    "gives rights to a default ServiceAccount",
	Severity: harden.High,
	Doc: `
A binding names a ServiceAccount called default.

Fields:

    subjects of ClusterRoleBindings and RoleBindings

Allowed: accounts with names of their own.

**Why it matters.** Every pod of the namespace that names no account runs under this one:
the one that needs the rights, and all others, with those of tomorrow. Nobody who deploys
there sees that.

**The fix.** A review, in this order: make an account for the workload that needs the rights, bind
that, let the workload use it, and take the default account out of the binding. Only the last
step is proposed as a change, where others stay in the binding.

**Traps.** Charts without an account of their own bind the default one of the namespace that they are
installed in. Taking it out before the workload has moved stops the workload.
Grants by the group system:serviceaccounts:NAMESPACE reach the default account too, and are found by
rbac-authenticated-broad.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.5"},
		{Standard: "Kubescape", ID: "C-0225"},
		{Standard: "ATT&CK", ID: "T1078.001"},
	},
	Check: checkDefaultBound,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{dropSubjectOf(p, f, "Give the workload that needs the rights an account of its own, and bind that first.")}
	},
})

func checkDefaultBound(p *harden.Pass) {
	for _, grant := range rbac.Of(p.Inventory).ByBinding(p.Object) {
		if !grant.Subject.IsAccount() || grant.Subject.Name != "default" || grant.Shipped {
			continue
		}
		p.Report(harden.Finding{
			Discriminator: grant.Subject.String(), Field: "subjects", Reason: fmt.Sprintf("%s gets %q", grant.Subject, harden.OneLine(grant.Role.Ref.Name)),
			Detail: fmt.Sprintf("Every pod of namespace %s that names no account gets in %s what %s %q allows.", harden.OneLine(grant.Subject.Namespace), grant.Where(), grant.Role.Ref.Kind, harden.OneLine(grant.Role.Ref.Name)),
		})
	}
}
