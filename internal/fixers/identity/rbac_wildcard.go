package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Wildcard finds grants whose rules have a wildcard.
var Wildcard = powerRule("Replace the wildcards by the verbs, resources and groups that the subject uses (kubectl api-resources lists them).", harden.Fixer{
	ID:       "rbac-wildcard",
	Title:    "has rights by a wildcard",
	Severity: harden.High,
	Kinds:    wildcardKinds,
	Check:    checkWildcard,
	Doc: `
A rule of a bound role has "*" for verbs, resources or apiGroups.

Fields:

    rules[].verbs, rules[].resources, rules[].apiGroups of the role

Allowed: names. A role that nothing is bound to is advice (info), and within one
namespace, by a RoleBinding, it is medium.

**Why it matters.** A wildcard is more than what there is today: a verb such as
"escalate", a subresource such as pods/exec, a kind that is installed next year. What the
wildcard gives of what is dangerous now has findings of its own.

**The fix.** A review: replace the wildcard by the names of what the subject uses.
kubectl api-resources lists what there is.

**Traps.** "pods/*" looks like a wildcard and is none: the authorizer knows "*" and
"*/SUBRESOURCE" alone, so that such a rule gives nothing. Operators have a wildcard for the
verbs of their own kinds, which is far less than one for resources; it is still found,
because "deletecollection" is among them. Roles that Kubernetes ships are compared with
what it ships, and passed over when they are equal.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.3"},
		{Standard: "CIS EKS", ID: "4.1.3"},
		{Standard: "Trivy", ID: "KSV-0044"},
		{Standard: "Trivy", ID: "KSV-0045"},
		{Standard: "Trivy", ID: "KSV-0046"},
		{Standard: "Trivy", ID: "KSV-0112"},
		{Standard: "Kubescape", ID: "C-0187"},
		{Standard: "Kubernetes", ID: "RBAC good practices", URL: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"},
	},
})
