package controlplane

import (
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Authorization finds API servers that do not ask RBAC and the Node authorizer.
var Authorization = &harden.Fixer{
	ID:       "cp-authorization",
	Title:    "API server does not authorize by Node and RBAC",
	Area:     harden.AreaControlPlane,
	Severity: harden.Critical,
	Subject:  harden.SubjectWorkload,
	Doc: `
Requests are allowed without RBAC, or kubelets are not held to their own node.

Fields:

    --authorization-mode      of kube-apiserver (the mirror pod in kube-system)
    --authorization-config    a file in its place

Allowed: a list with Node and RBAC and without AlwaysAllow, such as Node,RBAC; Webhook may be
added. Without the flag the API server takes AlwaysAllow.

**Why it matters.** With AlwaysAllow everybody who is authenticated, which includes every pod
with a token, is administrator of the cluster. Without Node a stolen kubelet credential is
not limited to the Secrets of its own node (high). Without RBAC no binding counts (high).

**The fix.** A person edits the static pod's file. The API cannot change it, so there is text only.

**Traps.** The order matters: the first mode that has an opinion decides. AlwaysAllow anywhere in
the list allows what the others had no opinion about. With --authorization-config the file is not
visible from here: the verdict is unknown. Managed control planes have no such pod.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.2.6"},
		{Standard: "CIS", ID: "1.2.7"},
		{Standard: "CIS", ID: "1.2.8"},
		{Standard: "NSA", ID: "RBAC"},
		{Standard: "Trivy", ID: "KCV-0007"},
		{Standard: "Trivy", ID: "KCV-0008"},
		{Standard: "Trivy", ID: "KCV-0009"},
		{Standard: "Kubescape", ID: "C-0118"},
		{Standard: "Kubescape", ID: "C-0119"},
		{Standard: "Kubescape", ID: "C-0120"},
	},
	Reads: harden.ReadsNothing,
	Check: checkAuthorization,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand(p, "authorize by Node and RBAC",
			"set --authorization-mode=Node,RBAC. First make sure that administrators and controllers have their bindings (kubectl get clusterrolebindings): from then on nobody may do what no role allows.")
	},
}

func checkAuthorization(p *harden.Pass) {
	c, ok := find(p, apiServer)
	if !ok {
		return
	}
	if c.has("authorization-config") {
		p.Unknown("--authorization-config names a file with the authorizers, and it is not visible from here")
		return
	}
	modes := c.list("authorization-mode")
	if len(modes) == 0 || slices.Contains(modes, "AlwaysAllow") {
		c.report(p, harden.Finding{
			Reason: "everything is allowed", Verdict: "always-allow",
			Detail: c.say("authorization-mode") + ": whoever is authenticated may do everything, the token of any pod included.",
		})
		return
	}
	var lacking []string
	for _, mode := range []string{"Node", "RBAC"} {
		if !slices.Contains(modes, mode) {
			lacking = append(lacking, mode)
		}
	}
	if len(lacking) > 0 {
		c.report(p, harden.Finding{
			Severity: harden.High, SeverityWhy: "requests are still authorized, by other modes", Verdict: "lacking",
			Reason: "authorization without " + strings.Join(lacking, " and "),
			Detail: c.say("authorization-mode") + " has no " + strings.Join(lacking, " and no ") + ".",
		})
	}
}
