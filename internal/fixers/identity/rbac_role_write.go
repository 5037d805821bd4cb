package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// RoleWrite finds grants that write roles and bindings.
var RoleWrite = powerRule("Keep it to the namespaces in which the subject manages access, by a RoleBinding.", harden.Fixer{
	ID:       "rbac-role-write",
	Title:    "may write roles and bindings",
	Severity: harden.High,
	Doc: `
A subject may create, update or patch roles or bindings.

Fields:

    rules[] of the role: roles, rolebindings, clusterroles, clusterrolebindings of
    rbac.authorization.k8s.io with create, update or patch

Allowed: reading them.

**Why it matters.** The API server lets nobody hand out more than they have. But what they
have, they can hand to others, in silence and for good: that is how somebody who got in
stays in. Together with escalate or bind there is no limit at all.

**The fix.** The verbs are taken out of the role where the rule names them. Who manages
access (an operator, continuous delivery) keeps them where it manages it, by a RoleBinding.

**Traps.** A RoleBinding gives nothing for clusterroles and clusterrolebindings, which
have no namespace. The shipped role "admin" may write roles and bindings of its
namespace: that is what it adds to "edit". With resourceNames, update and patch are
limited to these, one step less severe, and create is not given.
`,
	Refs: []harden.Reference{
		{Standard: "Trivy", ID: "KSV-0050"},
		{Standard: "Trivy", ID: "KSV-0051"},
		{Standard: "Trivy", ID: "KSV-0052"},
		{Standard: "Trivy", ID: "KSV-0055"},
		{Standard: "ATT&CK", ID: "MS-TA9019"},
	},
})
