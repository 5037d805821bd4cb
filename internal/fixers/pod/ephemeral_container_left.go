package pod

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// EphemeralContainerLeft reports running pods that somebody debugged.
var EphemeralContainerLeft = &harden.Fixer{
	ID:       "ephemeral-container-left",
	Title:    "a container for debugging was left in the pod",
	Area:     harden.AreaPod,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
A running Pod holds an ephemeral container: somebody debugged it and left it there.

Fields:

    spec.ephemeralContainers[]          (of live Pods)
    status.ephemeralContainerStatuses[]

Allowed: none. The rule does not apply to manifests, which cannot hold one.

**Why it matters.** Such a container brings the tools that the image was kept free of,
shares the network and mostly the processes of the pod, and runs on until somebody
ends it. What runs is then not what was reviewed, and nobody can tell what was
changed in the containers next to it. A privileged one is high: it is a way to the node.

**The fix.** By hand: replace the Pod. An ephemeral container can be neither removed nor
changed, and stays in the spec after it has ended.

**Traps.** One that has ended does no harm by itself, but its Pod was touched by hand. Looks
into containers without a shell, which this program makes only when it is told to, leave
one behind as well. Someone may be debugging right now: ask before the Pod goes.
`,
	Refs:  refs("NSA threat detection", "ATT&CK T1609"),
	Reads: harden.ReadsPodStatus,
	Check: checkEphemeralLeft,
	Fix: proposing("replace the Pod", func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{Title: "replace the Pod", Class: harden.Review, Manual: "Delete the Pod, and let what owns it make a new one."}}
	}),
}

func checkEphemeralLeft(p *harden.Pass) {
	pod := judgedPod(p)
	if pod == nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		p.NotApplicable()
		return
	}
	for _, c := range p.Pod.Containers() {
		if c.Ref.Kind != harden.EphemeralContainer {
			continue
		}
		state := "runs"
		for _, s := range pod.Status.EphemeralContainerStatuses {
			if s.Name == c.Name && s.State.Terminated != nil {
				state = "has ended"
			}
		}
		f := harden.Finding{
			Container: c.Ref, Field: c.Field,
			Reason: "the container for debugging " + c.Name + " " + state,
			Detail: fmt.Sprintf("Somebody added ephemeral container %s with image %q to the running Pod; it %s.", c.Name, c.Image, state),
		}
		if isPrivileged(c) {
			f.Severity, f.SeverityWhy = harden.High, "it is privileged: it reaches the node"
		}
		p.Report(f)
	}
}

// judgedPod is the Pod that is judged; nil for a template and for a manifest.
func judgedPod(p *harden.Pass) *corev1.Pod {
	if !p.Inventory.Live() || p.Workload == nil {
		return nil
	}
	for _, pod := range p.Workload.Pods {
		if p.Object.Kind == "Pod" && pod.Name == p.Object.Name {
			return pod
		}
	}
	return nil
}
