package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Exec finds grants that get into running pods.
var Exec = powerRule("Give it to those who debug, by a RoleBinding in the namespace that they debug.", harden.Fixer{
	ID:       "rbac-exec",
	Title:    "may run commands in pods",
	Severity: harden.High,
	Doc: `
A subject may use pods/exec, pods/attach or pods/portforward.

Fields:

    rules[] of the role: pods/exec, pods/attach, pods/portforward with create or get

Allowed: neither verb. get alone is enough before Kubernetes 1.35, and where the
version is not known it counts.

**Why it matters.** A command in a container runs with all that the container has: its
Secrets, its token, its network. A forwarded port reaches what no NetworkPolicy would let in.

**The fix.** The verbs are taken out of the role where the rule names them. Those who
debug get it for the namespace that they debug, by a RoleBinding, and best for a time.

**Traps.** Before 1.35 a websocket opens these with get, so that a role that "only reads"
runs commands (kubernetes/kubernetes#78741). A rule with resources "*" has them, and
"*/exec" has exec. "pods/*" has not: the authorizer does not know it.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1609"},
		{Standard: "ATT&CK", ID: "MS-TA9006"},
		{Standard: "Trivy", ID: "KSV-0053"},
		{Standard: "Trivy", ID: "KSV-0054"},
		{Standard: "Kubescape", ID: "C-0002"},
		{Standard: "Kubescape", ID: "C-0063"},
	},
})
