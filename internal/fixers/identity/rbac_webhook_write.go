package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// WebhookWrite finds grants that change admission.
var WebhookWrite = powerRule("Name the configurations that it keeps by resourceNames, with update and patch.", harden.Fixer{
	ID:       "rbac-webhook-write",
	Title:    "may change admission",
	Severity: harden.Critical,
	Doc: `
A subject may write webhook configurations or admission policies.

Fields:

    rules[] of the role: validatingwebhookconfigurations, mutatingwebhookconfigurations,
    validatingadmissionpolicies, mutatingadmissionpolicies and their bindings with
    create, update, patch, delete or deletecollection

Allowed: reading them.

**Why it matters.** A mutating webhook sees every object that is written, Secrets
included, and changes it: an image, a volume, a subject. Deleting the configuration of
a validating one switches off what it enforces. Neither leaves a trace in the objects.

**The fix.** The verbs are taken out of the role where the rule names them. Operators that bring
webhooks need update and patch on their own: name those by resourceNames (one step less severe).

**Traps.** Injectors of CA bundles (cert-manager's cainjector, many operators) ask for all
configurations and need a few. Names do not limit create, and a rule that has them does
not give it: let whoever installs the operator make the object.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.12"},
		{Standard: "CIS EKS", ID: "4.1.11"},
		{Standard: "ATT&CK", ID: "T1546"},
		{Standard: "ATT&CK", ID: "MS-TA9015"},
		{Standard: "Trivy", ID: "KSV-0114"},
		{Standard: "Kubescape", ID: "C-0281"},
	},
})
