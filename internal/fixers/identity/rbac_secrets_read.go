package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// SecretsRead finds grants that read Secrets.
var SecretsRead = powerRule("Name the Secrets that are needed by resourceNames, with the verb get alone, in a Role of their namespace.", harden.Fixer{
	ID:       "rbac-secrets-read",
	Title:    "may read Secrets",
	Severity: harden.High,
	Doc: `
A subject may get, list or watch Secrets.

Fields:

    rules[].apiGroups, rules[].resources, rules[].verbs, rules[].resourceNames of the role

Allowed: get on named Secrets of one namespace (resourceNames in a Role or by a
RoleBinding). Named ones of all namespaces are one step less severe.

**Why it matters.** Passwords, keys and tokens of everything that runs there, the tokens
of more powerful ServiceAccounts among them. It is high for the whole cluster and
medium for one namespace.

**The fix.** The verbs are taken out of the role where the rule names them; the rest is
a review: name the Secrets by resourceNames, with get alone.

**Traps.** "list" and "watch" return the payload too: a rule without "get" is no less.
A rule with resources "*" reads Secrets as well, though the word is not in it. A kind
"secrets" of another API group is no Secret. With resourceNames, list and watch only work
for a client that asks for that name by a field selector.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.2"},
		{Standard: "CIS EKS", ID: "4.1.2"},
		{Standard: "NSA", ID: "secrets"},
		{Standard: "ATT&CK", ID: "T1552.007"},
		{Standard: "ATT&CK", ID: "MS-TA9025"},
		{Standard: "Trivy", ID: "KSV-0041"},
		{Standard: "Trivy", ID: "KSV-0113"},
		{Standard: "Kubescape", ID: "C-0015"},
		{Standard: "Kubescape", ID: "C-0186"},
		{Standard: "Kubescape", ID: "C-0255"},
	},
})
