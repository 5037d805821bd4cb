package resilience

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// CPULimit finds containers that may use all processors of the node.
var CPULimit = &harden.Fixer{
	ID:       "cpu-limit",
	Title:    "may use every processor of the node",
	Area:     harden.AreaResilience,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Off:      true,
	Doc: `
A container has no limit for cpu.

Fields:

    spec.containers[].resources.limits.cpu   (restartable init containers too)
    spec.resources.limits.cpu   (for the whole pod; Kubernetes 1.34)

Allowed: a limit at the container, or one at the pod. The rule is off unless the
settings turn it on: many run without these limits on purpose.

**Why it matters.** Several guides ask for it: a container that was taken over mines
with every processor that is free. Requests already keep the neighbours' share.

**The fix.** No change is proposed. A limit slows the container down in every tenth
of a second in which it has used up its share, even on a node that has nothing else
to do; who wants one measures first.

**Traps.** Programs that start as many threads as the node has processors spend
their share at once and then stand still. Go before 1.25, and others, do not look
at the limit.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "resource policies"},
		{Standard: "Trivy", ID: "KSV-0011"},
		{Standard: "Kubescape", ID: "C-0270"},
	},
	Reads: harden.ReadsNothing,
	Check: cpuLimit.check,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return cpuLimit.measure(p, f, "limit processor time",
			"If your policy asks for it, measure the peaks and set resources.limits.cpu above them; set the number of threads (GOMAXPROCS and the like) to fit.",
			"Below its peaks the container is throttled, and slow when it matters.")
	},
}

var cpuLimit = resourceRule{name: "cpu", limit: true}
