package pod

import (
	"fmt"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// BlockDeviceAccess reports pods that are handed devices.
var BlockDeviceAccess = &harden.Fixer{
	ID:       "block-device-access",
	Title:    "has a device of the node",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
The pod has a raw device: a block device of a claim, or a device file of the node.

Fields:

    spec.containers[].volumeDevices[]   (init containers too)
    spec.volumes[].hostPath.{path,type}

Allowed: no volumeDevices, no hostPath of type CharDevice or BlockDevice, and none below
/dev but for what every container has anyway (null, zero, full, random, urandom, tty, ptmx,
pts) and what is no device (shm, mqueue, hugepages, log). The whole of /dev is the matter
of host-path-sensitive.

**Why it matters.** A disk of the node, read or written raw, is all of its files past
every permission; other devices are a way into the kernel through their drivers.

**Severity** is high for a container that is privileged. It is medium for one that is not,
since its runtime denies to open the devices of a hostPath, and low for the block device
of a claim, which is the pod's own storage.

**The fix.** By hand: a device plugin or a claim of dynamic resource allocation hands
out a device with the rights that it needs and no more; storage is better claimed as a
file system.

**Traps.** Databases and storage systems (Ceph OSDs) use raw claims on purpose. readOnly
does not protect a device: it guards the file, not what is behind it.
`,
	Refs:  refs("NSA pod security enforcement", "ATT&CK T1611"),
	Reads: harden.ReadsNothing,
	Check: checkBlockDevices,
	Fix: proposing("hand out the device in another way", func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		manual := "Let a device plugin (resources.limits) or a ResourceClaim hand out the device, and remove the volume and privileged."
		if f.Verdict == verdictClaim {
			manual = "If the program can work on files, claim a volume with volumeMode: Filesystem and mount that. If it needs the raw device, this is what it costs."
		}
		return []harden.Fix{{Title: "hand out the device in another way", Class: harden.Review, Manual: manual}}
	}),
}

// Verdicts of block-device-access.
const (
	verdictClaim  = "claim"
	verdictDevice = "host-device"
)

func checkBlockDevices(p *harden.Pass) {
	if p.Pod.Windows() {
		p.NotApplicable()
		return
	}
	visitVolumes(p.Pod, func(v *corev1.Volume, uses []use) {
		if len(uses) == 0 || !isHostDevice(v) {
			return
		}
		at := cleanHostPath(v.HostPath.Path)
		f := harden.Finding{
			Verdict: verdictDevice, Discriminator: v.Name + " " + at,
			Reason: "has the device " + at + " of the node",
			Detail: fmt.Sprintf("Volume %q is %s of the node. %s", v.Name, at, describeUses(uses)),
		}
		if !slices.ContainsFunc(uses, func(u use) bool { return isPrivileged(u.container) }) {
			f.Severity, f.SeverityWhy = harden.Medium, "no container with it is privileged: runtimes deny to open such a device"
		}
		reportVolume(p, v, uses, f)
	})
	for _, c := range p.Pod.Containers() {
		for _, d := range c.VolumeDevices {
			p.Report(harden.Finding{
				Container: c.Ref, Verdict: verdictClaim, Discriminator: d.DevicePath, Field: fmt.Sprintf("%s.volumeDevices[%s]", c.Field, d.DevicePath),
				Severity: harden.Low, SeverityWhy: "it is the storage of a claim, and none of the node's own",
				Reason: "has volume " + d.Name + " as a raw device",
				Detail: fmt.Sprintf("volumeDevices hands volume %q to the container as the block device %s.", d.Name, d.DevicePath),
			})
		}
	}
}

// notDevices are in every container anyway, or are no devices.
var notDevices = []string{"full", "fd", "hugepages", "log", "mqueue", "null", "ptmx", "pts", "random", "shm", "stdin", "stdout", "stderr", "tty", "urandom", "zero"}

// isHostDevice reports whether the volume is a device of the node, but not all
// of /dev, which host-path-sensitive reports.
func isHostDevice(v *corev1.Volume) bool {
	if v.HostPath == nil {
		return false
	}
	at := cleanHostPath(v.HostPath.Path)
	if t := v.HostPath.Type; t != nil && (*t == corev1.HostPathCharDev || *t == corev1.HostPathBlockDev) {
		return path.Dir(at) != "/dev" || !slices.Contains(notDevices, path.Base(at))
	}
	if at == "/dev" || !within(at, "/dev") {
		return false
	}
	return !slices.ContainsFunc(notDevices, func(name string) bool { return within(at, path.Join("/dev", name)) })
}
