package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// DeleteBroad finds grants of accounts that delete workloads and data.
var DeleteBroad = powerRule("Keep it to the namespaces that the account deploys to, and drop deletecollection.", harden.Fixer{
	ID:       "rbac-delete-broad",
	Title:    "may delete workloads and data",
	Severity: harden.Medium,
	Doc: `
A ServiceAccount may delete workloads, volume claims or namespaces.

Fields:

    rules[] of the role: deployments, daemonsets, statefulsets, persistentvolumeclaims,
    persistentvolumes, namespaces with delete or deletecollection

Allowed: for people, who are not looked at here; single pods and jobs.

**Why it matters.** One pod whose token got into other hands deletes everything that the
grant reaches, with its data. deletecollection takes one request.

**The fix.** The verbs are taken out of the role where the rule names them. Operators and
continuous delivery need them where they work: by RoleBindings, and by resourceNames
where the names are known.

**Traps.** Names limit delete and never deletecollection. Deleting a namespace deletes all in
it, the snapshots among it too. Retain as reclaim policy keeps the disks of deleted claims.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1485"},
		{Standard: "ATT&CK", ID: "MS-TA9038"},
		{Standard: "Kubescape", ID: "C-0007"},
	},
})
