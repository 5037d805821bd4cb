package pod

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// MountPropagation reports containers whose mounts appear on the node.
var MountPropagation = &harden.Fixer{
	ID:       "mount-propagation",
	Title:    "mounts of the container appear on the node",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
A volume is mounted so that what the container mounts below it appears on the node.

Fields:

    spec.containers[].volumeMounts[].mountPropagation   (init and ephemeral containers too)

Allowed: unset, None and HostToContainer.

**Why it matters.** With Bidirectional a mount that is made in the container is made on
the node, and in all containers that have the same volume: who takes the container over
can put files of its choice over those of the node. The API accepts it in privileged
containers only, so it also keeps such a container privileged.

**The fix.** mountPropagation becomes HostToContainer: the container still sees what the
node mounts, and the node no longer what the container mounts. A person has to decide.

**Traps.** Drivers of storage (CSI, FUSE) mount for other pods: that is their purpose, and
they need it for the folder of the kubelet's pods, mostly not for anything else. A mount
that is left behind when the container ends stays on the node until somebody unmounts it.
`,
	Refs:  refs("NSA pod security enforcement", "ATT&CK T1611"),
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		for _, c := range linuxContainers(p, anyContainer) {
			for _, m := range c.VolumeMounts {
				if m.MountPropagation == nil || *m.MountPropagation != corev1.MountPropagationBidirectional {
					continue
				}
				p.Report(harden.Finding{
					Container: c.Ref, Discriminator: m.MountPath,
					Field:  fmt.Sprintf("%s.volumeMounts[%s].mountPropagation", c.Field, m.MountPath),
					Reason: "what it mounts below " + m.MountPath + " appears on the node",
					Detail: fmt.Sprintf("mountPropagation of volume %q at %s is Bidirectional: mounts that are made there are made on the node and in every container with that volume.", m.Name, m.MountPath),
				})
			}
		}
	},
	Fix: proposing("set mountPropagation: HostToContainer", func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		c, _ := p.Pod.Container(f.Container)
		for _, m := range c.VolumeMounts {
			if m.MountPath != f.Discriminator {
				continue
			}
			return []harden.Fix{{
				Title: "keep the mounts of " + c.Name + " below " + m.MountPath + " to itself", Class: harden.Review,
				Evidence: []harden.Claim{missing("E-PROC", "Nobody looked into the running container: does it mount anything for the node or for other pods?")},
				Warning:  "A storage driver that mounts volumes for other pods stops serving them.",
				Changes: []harden.Change{harden.SetContainer(f.Object, c.Ref, map[string]any{"volumeMounts": []any{
					map[string]any{"mountPath": m.MountPath, "name": m.Name, "mountPropagation": string(corev1.MountPropagationHostToContainer)},
				}})},
			}}
		}
		return nil
	}),
}
