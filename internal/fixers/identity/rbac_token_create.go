package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// TokenCreate finds grants that make tokens.
var TokenCreate = powerRule("Name the ServiceAccounts whose tokens it may make by resourceNames.", harden.Fixer{
	ID:       "rbac-token-create",
	Title:    "may make tokens of ServiceAccounts",
	Severity: harden.Critical,
	Doc: `
A subject may create serviceaccounts/token.

Fields:

    rules[] of the role: serviceaccounts/token with create

Allowed: with resourceNames of the accounts that are meant, one step less severe, and
within one namespace another.

**Why it matters.** It makes tokens of any ServiceAccount, of those that are more powerful
too: in all namespaces that is the cluster.

**The fix.** The verb is taken out of the role where the rule names it. Secret stores and CI that need
it get resourceNames of the accounts whose tokens they make.

**Traps.** resourceNames do limit this create, unlike others: the name is in the path of
the request. The kubelets make tokens by the Node authorizer and need no grant. The
shipped role "edit" has it for its namespace.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.13"},
		{Standard: "CIS EKS", ID: "4.1.12"},
		{Standard: "ATT&CK", ID: "T1528"},
		{Standard: "Kubescape", ID: "C-0282"},
	},
})
