package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Escalate finds grants that go around the limits of RBAC.
var Escalate = powerRule("Limit bind to the roles that are handed out, and impersonate to the users meant, by resourceNames.", harden.Fixer{
	ID:       "rbac-escalate",
	Title:    "may give itself any right",
	Severity: harden.Critical,
	Doc: `
A subject may escalate or bind roles, or impersonate others.

Fields:

    rules[] of the role: verbs escalate and bind on roles and clusterroles,
    impersonate on users, groups, serviceaccounts, uids and userextras

Allowed: none of these verbs.

**Why it matters.** The API server lets nobody write a role with more than they have
themselves, or bind one. "escalate" and "bind" switch that off. Who may impersonate asks
in the name of anybody, of system:masters if it is for groups. One request is enough.
Within one namespace, by a RoleBinding, it is one step less.

**The fix.** The verbs are taken out of the role where the rule names them. What hands out
rights can be limited: bind with resourceNames of the roles that it hands out (one step less
severe), impersonate with those of the users.

**Traps.** A wildcard for verbs has all three. The shipped role "edit" lets its
subjects impersonate the ServiceAccounts of the namespace, so that it is found for a
binding to "edit"; for people it is a step less severe, since that is whom it is made for.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.8"},
		{Standard: "CIS EKS", ID: "4.1.8"},
		{Standard: "ATT&CK", ID: "T1078"},
		{Standard: "ATT&CK", ID: "T1098.006"},
		{Standard: "Trivy", ID: "KSV-0043"},
		{Standard: "Trivy", ID: "KSV-0050"},
		{Standard: "Kubescape", ID: "C-0191"},
		{Standard: "Kubescape", ID: "C-0065"},
		{Standard: "Kubernetes", ID: "RBAC good practices", URL: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"},
	},
})
