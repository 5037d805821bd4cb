package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// EphemeralContainers finds grants that add ephemeral containers.
var EphemeralContainers = powerRule("Give it to those who debug, by a RoleBinding in the namespace that they debug.", harden.Fixer{
	ID:       "rbac-ephemeral-containers",
	Title:    "may put containers into running pods",
	Severity: harden.High,
	Doc: `
A subject may update or patch pods/ephemeralcontainers.

Fields:

    rules[] of the role: pods/ephemeralcontainers with update or patch

Allowed: neither verb.

**Why it matters.** An ephemeral container is put into a pod that runs, with an image of
one's own choice, and can share its processes. Whoever may add one reads the memory, the
files and the token of what runs there, as by pods/exec.

**The fix.** The verbs are taken out of the role where the rule names them. Those who
debug get them for one namespace, by a RoleBinding.

**Traps.** kubectl debug needs it, and attaches by pods/attach besides. Pod Security judges
ephemeral containers too: where it enforces "restricted" they are no way out of the
container. A rule with resources "*" has it.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1609"},
		{Standard: "Kubernetes", ID: "Ephemeral Containers", URL: "https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/"},
	},
})
