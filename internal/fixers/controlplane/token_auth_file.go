package controlplane

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// TokenAuthFile finds API servers that take passwords from a file.
var TokenAuthFile = &harden.Fixer{
	ID:       "cp-token-auth-file",
	Title:    "API server takes static tokens from a file",
	Area:     harden.AreaControlPlane,
	Severity: harden.High,
	Subject:  harden.SubjectWorkload,
	Doc: `
Users are authenticated by tokens that stand in a file on the node.

Fields:

    --token-auth-file   of kube-apiserver (the mirror pod in kube-system)

Allowed: the flag is not set.

**Why it matters.** The tokens never expire, lie in clear on every control plane node and in its
backups, and cannot be taken back without a restart of the API server.

**The fix.** A person edits the static pod's file. The API cannot change it, so there is text only.

**Traps.** Somebody uses the tokens: find out who (the audit log names users) and give people OIDC or
client certificates, and programs ServiceAccounts, before the flag goes.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.2.2"},
		{Standard: "NSA", ID: "authentication"},
		{Standard: "Trivy", ID: "KCV-0002"},
		{Standard: "Kubescape", ID: "C-0114"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if c, ok := find(p, apiServer); ok && c.has("token-auth-file") {
			c.report(p, harden.Finding{Reason: "static tokens in a file", Detail: c.say("token-auth-file") + ": tokens that never expire, in clear on the node."})
		}
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand(p, "take static tokens away", "take --token-auth-file out, once everybody who uses these tokens has other credentials, and remove the file.")
	},
}
