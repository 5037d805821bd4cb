package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// NamespaceWrite finds grants that change namespaces.
var NamespaceWrite = powerRule("Leave labels of namespaces to those who decide on policies.", harden.Fixer{
	ID:       "rbac-namespace-write",
	Title:    "may change labels of namespaces",
	Severity: harden.High,
	Doc: `
A subject may update or patch namespaces.

Fields:

    rules[] of the role: namespaces with update or patch

Allowed: reading them, and create.

**Why it matters.** The labels of a namespace are what is enforced there: its level of Pod
Security, and what policies and webhooks select. Who may write them switches that off for
their own pods.

**The fix.** The verbs are taken out of the role where the rule names them. Whoever
makes namespaces sets the labels when they are made.

**Traps.** A RoleBinding gives it too, for the namespace that it is in: the API server asks
about a namespace in the namespace of that name. Finalizers are a subresource of their own
(namespaces/finalize) and not meant here.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "Pod Security Admission", URL: "https://kubernetes.io/docs/concepts/security/pod-security-admission/"},
		{Standard: "Kubernetes", ID: "RBAC good practices", URL: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"},
	},
})
