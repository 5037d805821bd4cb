package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// APIServiceWrite finds grants that extend the API.
var APIServiceWrite = powerRule("Name the definitions that it keeps by resourceNames, with update and patch.", harden.Fixer{
	ID:       "rbac-apiservice-crd-write",
	Title:    "may extend the API",
	Severity: harden.High,
	Doc: `
A subject may write APIServices or CustomResourceDefinitions.

Fields:

    rules[] of the role: apiservices of apiregistration.k8s.io and
    customresourcedefinitions of apiextensions.k8s.io with create, update or patch

Allowed: reading them.

**Why it matters.** An APIService sends requests for a group to a server of one's own
choice, with who asks and what they send. The conversion webhook of a
CustomResourceDefinition sees and changes every object of its kind.

**The fix.** The verbs are taken out of the role where the rule names them. Let whoever
installs an operator make its definitions, and leave the operator update and patch on its
own, by resourceNames.

**Traps.** Many operators ask for all definitions to upgrade their own at the start. Names do
not limit create, and a rule that has them does not give it. Both kinds have no namespace: a
RoleBinding gives neither.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "MS-TA9015"},
		{Standard: "Kubernetes", ID: "RBAC good practices", URL: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"},
	},
})
