package resilience

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// CPURequest finds containers that are scheduled as if they used no processor.
var CPURequest = &harden.Fixer{
	ID:       "cpu-request",
	Title:    "asks for no processor time",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
A container has no request for cpu, and no limit that would stand in for it.

Fields:

    spec.containers[].resources.requests.cpu   (restartable init containers too)
    spec.containers[].resources.limits.cpu   (becomes the request where there is none)
    spec.resources.requests.cpu   (for the whole pod; Kubernetes 1.34)

Allowed: a request or a limit above 0, at the container or at the pod. Containers
that run to their end before the others start are not looked at.

**Why it matters.** The request is the container's share when the node is busy.
Without one it gets next to nothing as soon as a neighbour wants all, so that one
noisy or hijacked pod stops the others. An autoscaler that goes by the use of cpu
does nothing without a request.

**The fix.** No change is proposed: the number is measured. The text says how.

**Traps.** A request that is too high leaves the pod Pending. Where every live pod
has a request, something supplies it at admission, and the finding is info.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "resource policies"},
		{Standard: "Trivy", ID: "KSV-0015"},
		{Standard: "Kubescape", ID: "C-0268"},
	},
	Reads: harden.ReadsNothing,
	Check: cpuRequest.check,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return cpuRequest.measure(p, f, "ask for processor time",
			"Measure for a week what the container uses (kubectl top pod --containers, or your metrics), and set resources.requests.cpu to what it stays below 95 % of the time.",
			"A request that no node has free leaves the pod Pending.")
	},
}

var cpuRequest = resourceRule{name: "cpu"}
