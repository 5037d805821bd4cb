package pod

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PrivilegedContainer reports privileged containers.
var PrivilegedContainer = &harden.Fixer{
	ID:       "privileged-container",
	Title:    "container is privileged",
	Area:     harden.AreaPod,
	Severity: harden.Critical,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS baseline: privileged containers", "CIS 5.2.2", "CIS EKS 4.2.1", "NSA pod security enforcement", "ATT&CK T1610", "ATT&CK T1611", "ATT&CK MS-TA9018", "Trivy KSV-0017", "Kubescape C-0057"),
	Reads:    harden.ReadsNothing,
	Check:    checkPrivileged,
	Fix:      proposing("set privileged: false", fixPrivileged),
	Doc: `**Fields** ` + "`securityContext.privileged`" + ` of each container.

**Allowed** unset or ` + "`false`" + `.

A privileged container is the node: it has all capabilities, sees all devices, and runs without seccomp and AppArmor; /proc and /sys are writable. Whoever controls it loads kernel modules and mounts the
node's disk.

**Fix** privileged: false, as a draft. A person has to decide what the container really needs in its place: single capabilities, a device plugin's resource, one hostPath, or nothing, where somebody only
wanted an error to go away. Nothing is added by guess.

Taking it away has more effects than the missing capabilities: the runtime's seccomp and AppArmor profiles come into force, devices vanish, /proc and /sys become read-only in part.
mountPropagation: Bidirectional is allowed to privileged containers only, so the fix sets HostToContainer in its place: mounts that the container makes do not reach the node any more.

**Traps** While a container is privileged, other rules say nothing about it, because their fields have no effect: drop-all-capabilities, net-raw-capability, seccomp-profile-missing.
allow-privilege-escalation waits for this one, because the API refuses the pair. They appear once this is fixed.

CSI node plugins, network plugins and some security agents are privileged for a reason. It does not apply to Windows, where windows-host-process is the same thing.
`,
}

func checkPrivileged(p *harden.Pass) {
	for _, c := range linuxContainers(p, anyContainer) {
		if isPrivileged(c) {
			p.Report(harden.Finding{
				Container: c.Ref, Field: c.Field + ".securityContext.privileged",
				Reason: "is privileged: root on the node",
				Detail: "privileged: true gives all capabilities and devices, and turns seccomp and AppArmor off.",
			})
		}
	}
}

func fixPrivileged(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	fields := map[string]any{"securityContext": map[string]any{"privileged": false}}
	fix := harden.Fix{
		Title: "take the privileges of " + c.Name + " away", Class: harden.Review,
		Evidence: []harden.Claim{
			missing("E-PROC", "Nobody looked into the running container: which capabilities, devices and host paths do its processes use?"),
			missing("E-CATALOGUE", "Nobody looked it up: is it an agent that is known to need this?"),
		},
		Warning: "The default seccomp and AppArmor profiles come into force, devices of the node vanish, and /proc and /sys become read-only in part.",
	}
	if mounts := bidirectionalMounts(c); len(mounts) > 0 {
		fields["volumeMounts"] = mounts
		fix.Title += ", and keep its mounts to itself"
		fix.Warning += " Mounts made in the container no longer reach the node, which the API allows to privileged containers only."
	}
	fix.Changes = []harden.Change{harden.SetContainer(f.Object, c.Ref, fields)}
	return []harden.Fix{fix}
}

// bidirectionalMounts are the mounts that the API would refuse in a container
// that is not privileged, with the next best propagation.
func bidirectionalMounts(c harden.Container) []any {
	var mounts []any
	for _, m := range c.VolumeMounts {
		if m.MountPropagation != nil && *m.MountPropagation == corev1.MountPropagationBidirectional {
			mounts = append(mounts, map[string]any{
				"mountPath": m.MountPath, "name": m.Name,
				"mountPropagation": string(corev1.MountPropagationHostToContainer),
			})
		}
	}
	return mounts
}
