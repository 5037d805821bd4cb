package resilience

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// EphemeralStorageLimit finds pods that may fill the disk of the node.
var EphemeralStorageLimit = &harden.Fixer{
	ID:       "ephemeral-storage-limit",
	Title:    "may fill the disk of the node",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
A volume on the node's disk grows as far as the disk goes.

Fields:

    spec.volumes[].emptyDir.sizeLimit   (of those on disk)
    spec.containers[].resources.limits.ephemeral-storage

Allowed: a sizeLimit at the volume, or a limit for ephemeral-storage at any container
of the pod: the kubelet evicts the pod when all that it wrote, its emptyDirs included,
is more than its containers' limits together. Volumes in memory count as memory.

**Why it matters.** Whoever can make the process write (uploads, logs, a cache) fills
the disk of the node. The kubelet then evicts pods, others than this one among them,
and pulls no more images.

**The fix.** No change is proposed: how much the volume may hold is in no manifest.
The text says where to put the limit.

**Traps.** A pod that goes over its limit is evicted, and what was in the volume is
gone. Kubelets measure every ten seconds or so, so a fast writer can still do harm.
Volumes that the fix of read-only-root-filesystem made are passed over: they stand for
a part of the root file system, which nothing bounds either.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1499"},
		{Standard: "Kubernetes", ID: "local ephemeral storage", URL: "https://kubernetes.io/docs/concepts/storage/ephemeral-storage/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkEphemeralStorageLimit,
	Fix:   fixEphemeralStorageLimit,
}

func checkEphemeralStorageLimit(p *harden.Pass) {
	if limitsDisk(p.Pod.Spec) {
		return
	}
	supplied := len(p.Workload.Pods) > 0 && p.Object.Kind != "Pod"
	for _, pod := range p.Workload.Pods {
		supplied = supplied && limitsDisk(&pod.Spec)
	}
	for _, v := range p.Pod.Spec.Volumes {
		if v.EmptyDir == nil || v.EmptyDir.Medium == corev1.StorageMediumMemory || v.EmptyDir.SizeLimit != nil && !v.EmptyDir.SizeLimit.IsZero() {
			continue
		}
		if strings.HasPrefix(v.Name, harden.OwnPrefix) {
			continue // it stands for a part of the root file system, which nothing bounds either
		}
		f := harden.Finding{
			Discriminator: v.Name, Field: p.Pod.Field("volumes[" + v.Name + "].emptyDir.sizeLimit"),
			Reason: "nothing bounds volume " + v.Name,
			Detail: fmt.Sprintf("The emptyDir %q has no sizeLimit, and no container of the pod a limit for ephemeral-storage.", v.Name),
		}
		if supplied {
			f.Severity, f.SeverityWhy = harden.Info, "supplied at admission"
			f.Detail += " Every live pod has one: a LimitRange or a webhook supplies it."
		}
		p.Report(f)
	}
}

func limitsDisk(spec *corev1.PodSpec) bool {
	for _, list := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for _, c := range list {
			if q, ok := c.Resources.Limits[corev1.ResourceEphemeralStorage]; ok && !q.IsZero() {
				return true
			}
		}
	}
	return false
}

func fixEphemeralStorageLimit(_ *harden.Pass, f *harden.Finding) []harden.Fix {
	const title = "bound what the pod may write to the node"
	if instead, ok := f.OutOfReach(title); ok {
		return []harden.Fix{instead}
	}
	return []harden.Fix{{
		Title: title, Class: harden.Review,
		Manual:  fmt.Sprintf("See how much the volume holds at its fullest (du in the container), and set sizeLimit of emptyDir %q with headroom, or limits.ephemeral-storage of its containers.", f.Discriminator),
		Warning: "A pod that writes more than it may is evicted.",
	}}
}
