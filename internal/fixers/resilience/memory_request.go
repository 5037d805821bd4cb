package resilience

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// MemoryRequest finds containers that are scheduled as if they used no memory.
var MemoryRequest = &harden.Fixer{
	ID:       "memory-request",
	Title:    "asks for no memory",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
A container has no request for memory, and no limit that would stand in for it.

Fields:

    spec.containers[].resources.requests.memory   (restartable init containers too)
    spec.containers[].resources.limits.memory   (becomes the request where there is none)
    spec.resources.requests.memory   (for the whole pod; Kubernetes 1.34)

Allowed: a request or a limit above 0, at the container or at the pod. Containers
that run to their end before the others start are not looked at: their memory is
free again when the pod serves.

**Why it matters.** The scheduler believes that the container takes nothing, and
fills the node. When memory runs out, what uses more than it asked for is killed
first, and this is all of it. Where a quota counts memory, the pod is refused.

**The fix.** No change is proposed: the number is measured, over a week and with the
95th percentile as a start. The text says how.

**Traps.** A request that is too high leaves the pod Pending. Where every live pod
has a request, a LimitRange, a webhook or an autoscaler supplies it, and the finding
is info.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "resource policies"},
		{Standard: "Trivy", ID: "KSV-0016"},
		{Standard: "Kubescape", ID: "C-0269"},
	},
	Reads: harden.ReadsNothing,
	Check: memoryRequest.check,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return memoryRequest.measure(p, f, "ask for memory",
			"Measure for a week what the container uses (kubectl top pod --containers, or your metrics), and set resources.requests.memory to what it stays below 95 % of the time.",
			"A request that no node has free leaves the pod Pending.")
	},
}

var memoryRequest = resourceRule{name: "memory"}
