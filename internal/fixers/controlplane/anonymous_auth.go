package controlplane

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// AnonymousAuth finds API servers that answer who does not say who they are.
var AnonymousAuth = &harden.Fixer{
	ID:       "cp-anonymous-auth",
	Title:    "API server takes requests without credentials",
	Area:     harden.AreaControlPlane,
	Severity: harden.Medium,
	Subject:  harden.SubjectWorkload,
	Doc: `
Requests without credentials become system:anonymous instead of being refused.

Fields:

    --anonymous-auth           of kube-apiserver (the mirror pod in kube-system)
    --authentication-config    whose file may limit anonymous requests to some paths

Allowed: --anonymous-auth=false, or an AuthenticationConfiguration with anonymous.conditions
(Kubernetes 1.32) that name the health endpoints alone.

**Why it matters.** What an anonymous request may do is decided by RBAC alone: one binding of
system:unauthenticated or system:anonymous, made in a hurry, opens the cluster to everybody who
reaches the port. Bugs in the paths before authorization are open to all too.

**The fix.** A person edits the static pod's file. The API cannot change it, so there is text only.

**Traps.** kubeadm's own probes of /livez and /readyz carry no credentials: with
--anonymous-auth=false and nothing else the kubelet restarts the API server for ever, and
"kubeadm join" cannot read the ConfigMap cluster-info. Limiting anonymous requests to paths keeps the
probes. With --authentication-config the file is not visible from here: the verdict is unknown.
Managed control planes have no such pod and are not judged.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.2.1"},
		{Standard: "NSA", ID: "authentication"},
		{Standard: "Trivy", ID: "KCV-0001"},
		{Standard: "Kubescape", ID: "C-0113"},
		{Standard: "Kubernetes", ID: "Anonymous requests", URL: "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests"},
	},
	Reads: harden.ReadsNothing,
	Check: checkAnonymousAuth,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand(p, "refuse anonymous requests, or limit them to health endpoints",
			"set --authentication-config to a file with an AuthenticationConfiguration (apiserver.config.k8s.io) whose anonymous section has enabled: true and conditions for the paths /livez, /readyz and /healthz, "+
				"mounted into the pod. Before 1.32, or where nothing probes without credentials: --anonymous-auth=false.")
	},
}

func checkAnonymousAuth(p *harden.Pass) {
	c, ok := find(p, apiServer)
	if !ok || c.is("anonymous-auth", false) {
		return
	}
	if c.has("authentication-config") {
		p.Unknown("--authentication-config names a file that says whether anonymous requests are limited to some paths, and it is not visible from here")
		return
	}
	c.report(p, harden.Finding{
		Reason: "anonymous requests are taken",
		Detail: c.say("anonymous-auth") + ", and it is on by default: requests without credentials become system:anonymous, and only RBAC stops them.",
	})
}
