package controlplane

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Profiling finds components that serve profiles of themselves.
var Profiling = &harden.Fixer{
	ID:       "cp-profiling",
	Title:    "serves profiles of itself",
	Area:     harden.AreaControlPlane,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
A component of the control plane serves /debug/pprof.

Fields:

    --profiling   of kube-apiserver, kube-controller-manager, kube-scheduler (the mirror pods in kube-system)

Allowed: --profiling=false. Without the flag it is on.

**Why it matters.** Profiles tell what the program does and holds, and taking one costs its CPU:
whoever may read /debug/pprof slows the control plane down. It takes credentials that RBAC allows, so this is
hygiene.

**The fix.** A person edits the static pod's file. The API cannot change it, so there is text only.

**Traps.** Profiles are what its developers ask for when the control plane is slow: switch it on for that
hour. A scheduler with --config takes the answer from that file (enableProfiling), which is
not visible from here: the verdict is unknown.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.2.15"},
		{Standard: "CIS", ID: "1.3.2"},
		{Standard: "CIS", ID: "1.4.1"},
		{Standard: "NSA", ID: "control plane"},
		{Standard: "Trivy", ID: "KCV-0018"},
		{Standard: "Trivy", ID: "KCV-0034"},
		{Standard: "Trivy", ID: "KCV-0040"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		c, ok := find(p, apiServer, controllerManager, scheduler)
		switch {
		case !ok:
		case c.name == scheduler && c.has("config"):
			p.Unknown("--config names a file that says whether the scheduler serves profiles, and it is not visible from here")
		case !c.is("profiling", false):
			c.report(p, harden.Finding{Reason: "profiling is on", Detail: c.say("profiling") + ", and it is on by default: /debug/pprof answers whoever RBAC lets."})
		}
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand(p, "switch profiling off", "set --profiling=false.")
	},
}
