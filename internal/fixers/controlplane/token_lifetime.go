package controlplane

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// TokenLifetime finds API servers that make the tokens of pods last a year.
var TokenLifetime = &harden.Fixer{
	ID:       "cp-token-lifetime",
	Title:    "API server makes pods' tokens last a year",
	Area:     harden.AreaControlPlane,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
The tokens that are mounted into pods by default are valid for a year instead of an hour.

Fields:

    --service-account-extend-token-expiration   of kube-apiserver (the mirror pod in kube-system)

Allowed: false. Without the flag it is true.

**Why it matters.** It was made for programs that read the token once and never again. A token
that was stolen from a pod that still exists is good for as long as a year.

**The fix.** A person edits the static pod's file. The API cannot change it, so there is text only.

**Traps.** Programs with clients older than 2021 read the token only when they start, and are refused
after an hour. The metric serviceaccount_stale_tokens_total and the audit annotation
authentication.k8s.io/stale-token show whether there are any: look at them first. A token dies with its pod in
any case. Tokens with an audience or an expiry of their own are not extended.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.2.30"},
		{Standard: "NSA", ID: "service account tokens"},
		{Standard: "Kubescape", ID: "C-0290"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if c, ok := find(p, apiServer); ok && !c.is("service-account-extend-token-expiration", false) {
			c.report(p, harden.Finding{
				Reason: "pods' tokens last a year",
				Detail: c.say("service-account-extend-token-expiration") + ", and it is on by default: the token of a pod is good for a year, although it is renewed every hour.",
			})
		}
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand(p, "let tokens expire after an hour", "set --service-account-extend-token-expiration=false, once serviceaccount_stale_tokens_total stays at 0 for some days.")
	},
}
