package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// EventsDelete finds grants that delete events.
var EventsDelete = powerRule("Leave create and patch, and drop delete and deletecollection.", harden.Fixer{
	ID:       "rbac-events-delete",
	Title:    "may delete the traces",
	Severity: harden.Medium,
	Doc: `
A subject may delete events or logs of pods.

Fields:

    rules[] of the role: events (core and events.k8s.io) and pods/log with delete or
    deletecollection

Allowed: create, update and patch, which controllers need.

**Why it matters.** Events say which image was pulled, which command failed and which
webhook denied. Somebody who got in deletes them first.

**The fix.** The verbs are taken out of the role where the rule names them: nothing needs
them, events go by themselves after an hour.

**Traps.** The shipped role "edit" may delete events. Events are no audit log: one that leaves
the cluster is what counts. Kubernetes has no verb that deletes the logs of pods, so that
pods/log with delete is a role that was written without care more than a danger.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1070"},
		{Standard: "ATT&CK", ID: "MS-TA9022"},
		{Standard: "ATT&CK", ID: "MS-TA9021"},
		{Standard: "Trivy", ID: "KSV-0042"},
		{Standard: "Kubescape", ID: "C-0031"},
	},
})
