// Package resilience holds the fixers for how a workload stands failure and load.
package resilience

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// MemoryLimit finds containers that may take all memory of the node.
var MemoryLimit = &harden.Fixer{
	ID:       "memory-limit",
	Title:    "may use all memory of the node",
	Area:     harden.AreaResilience,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
A container has no limit for memory.

Fields:

    spec.containers[].resources.limits.memory   (init containers too)
    spec.resources.limits.memory   (for the whole pod; Kubernetes 1.34)

Allowed: a limit at the container, or one at the pod. Ephemeral containers cannot
have any.

**Why it matters.** A leak, or a request that makes the process allocate, takes the
memory of the whole node. The kernel then kills processes of other pods, and an
attacker needs nothing more to stop them. An init container (low) only runs until
it is done. Where all live pods have a limit, a LimitRange or the like supplies it
and the finding is only info: in another namespace the pod would have none.

**The fix.** No change is proposed. How much is right, nobody can tell from a
manifest: it takes a week of measured use, with headroom for the peak and no killed
container in between. The text says so, and what a JVM needs besides.

**Traps.** A limit that is too low kills the process in the middle of its work. The
JVM, .NET and Go size heap and collector by the limit, so adding one changes how
they run; look at -Xmx, DOTNET_GCHeapHardLimit and GOMEMLIMIT in the same breath. A
VerticalPodAutoscaler owns the numbers where there is one. A limit without a
request sets the request too, and may leave the pod unschedulable.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "resource policies"},
		{Standard: "ATT&CK", ID: "T1499"},
		{Standard: "Trivy", ID: "KSV-0018"},
		{Standard: "Kubescape", ID: "C-0271"},
	},
	Reads: harden.ReadsNothing,
	Check: checkMemoryLimit,
	Fix:   fixMemoryLimit,
}

func checkMemoryLimit(p *harden.Pass) {
	if podLimit(p.Pod.Spec) {
		return
	}
	for _, c := range p.Pod.Containers() {
		if c.Ref.Kind == harden.EphemeralContainer || hasLimit(c.Resources.Limits) {
			continue
		}
		f := harden.Finding{
			Container: c.Ref, Field: c.Field + ".resources.limits.memory",
			Reason: "no memory limit",
			Detail: "Neither the container nor the pod has a limit for memory.",
		}
		if c.Ref.Kind == harden.InitContainer {
			f.Severity, f.SeverityWhy = harden.Low, "an init container runs only until it is done"
		}
		if n, all := suppliedAtAdmission(p, c.Ref); all {
			f.Severity, f.SeverityWhy = harden.Info, "supplied at admission"
			f.Detail = fmt.Sprintf("The template has no limit for memory, and every live pod has one (%d looked at): a LimitRange, a webhook or an autoscaler supplies it.", n)
		}
		p.Report(f)
	}
}

func fixMemoryLimit(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("limit memory"); ok {
		return []harden.Fix{instead}
	}
	fix := harden.Fix{
		Title: "limit memory", Class: harden.Review,
		Manual: "Measure for a week what the container uses (kubectl top pod --containers, or your metrics), and set resources.limits.memory to the peak with headroom, half as much again or more. " +
			"Set the request in the same change: without one it becomes as large as the limit.",
		Warning: "A limit that is too low kills the process in the middle of its work.",
	}
	if s := p.Inventory.ScalerOf(harden.VerticalPodAutoscaler, p.Workload.Ref); s != nil {
		fix.Manual = s.Ref.String() + " sets the resources of these pods: say in its spec.resourcePolicy that it controls limits too, and what it may set at most."
	}
	c, _ := p.Pod.Container(f.Container)
	if why := whyJava(p, c); why != "" {
		fix.Manual += " It is a JVM (" + why + "), which sizes its heap by the limit: a quarter of it unless -Xmx or -XX:MaxRAMPercentage says otherwise. " +
			"Set one of them together with the limit, and leave room beside the heap for metaspace, threads and buffers; a heap as large as the limit is killed."
	}
	return []harden.Fix{fix}
}

func podLimit(spec *corev1.PodSpec) bool {
	return spec.Resources != nil && hasLimit(spec.Resources.Limits)
}

// hasLimit does not count 0: runtimes take it for no limit.
func hasLimit(limits corev1.ResourceList) bool {
	memory, ok := limits[corev1.ResourceMemory]
	return ok && !memory.IsZero()
}

// suppliedAtAdmission reports whether all live pods, of which there are n, have
// the limit that their template lacks.
func suppliedAtAdmission(p *harden.Pass, ref harden.ContainerRef) (n int, all bool) {
	if p.Pod.Lens != harden.Declared || p.Object.Kind == "Pod" {
		return 0, false
	}
	for _, pod := range p.Workload.Pods {
		live := harden.NewPodView(harden.Effective, p.Object, &pod.ObjectMeta, &pod.Spec, nil, nil)
		c, ok := live.Container(ref)
		if !ok || !podLimit(&pod.Spec) && !hasLimit(c.Resources.Limits) {
			return 0, false
		}
	}
	return len(p.Workload.Pods), len(p.Workload.Pods) > 0
}
