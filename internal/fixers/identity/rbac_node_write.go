package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// NodeWrite finds grants that change nodes.
var NodeWrite = powerRule("Keep it to an account of a component that manages nodes, and to the subresource that it writes.", harden.Fixer{
	ID:       "rbac-node-write",
	Title:    "may change nodes",
	Severity: harden.High,
	Doc: `
A subject may update or patch nodes or their status, or delete nodes.

Fields:

    rules[] of the role: nodes, nodes/status with update or patch; nodes with delete

Allowed: reading them.

**Why it matters.** Labels, taints and the capacity that a node claims decide where pods
go. Who owns one node and may write this draws the pods that it wants to it, with their
Secrets and tokens. Deleting nodes stops what runs on them.

**The fix.** The verbs are taken out of the role where the rule names them. Autoscalers
and agents of nodes that need them should run under an account that nothing else has.

**Traps.** The kubelets themselves write their nodes by the Node authorizer, which is not
RBAC, and NodeRestriction limits each to its own. Agents on every node (device plugins,
node-feature-discovery, the node problem detector) often need patch on nodes/status: each of
their tokens then writes all nodes.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "MS-TA9030"},
		{Standard: "Kubernetes", ID: "RBAC good practices", URL: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"},
	},
})
