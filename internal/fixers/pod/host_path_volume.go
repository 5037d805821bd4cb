package pod

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HostPathVolume finds volumes that show files of the node.
var HostPathVolume = &harden.Fixer{
	ID:       "host-path-volume",
	Title:    "uses files of the node",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
A hostPath volume shows a file or directory of the node to the pod.

Fields:

    spec.volumes[].hostPath

Allowed: unset.

**Why it matters.** What a pod reads or writes there belongs to the node and to
every other pod on it. The pod is tied to what happens to lie on that node, and
the way from a hostPath to the node is short: a writable directory that a
service of the node reads is often enough. Sensitive paths and writable mounts
are judged by host-path-sensitive, sockets of the container runtime by
runtime-socket-mount.

**The fix.** A volume that no container mounts is removed; then the finding is
only info. Nothing else can be decided from here: a person has to say where the
data should live instead. Good answers are emptyDir for scratch space, a
PersistentVolumeClaim for data, a local PersistentVolume for data that must stay
on the node, a projected or downwardAPI volume for facts about the pod, and a
CSI driver or device plugin for what belongs to the node.

**Traps.** Making the mount read-only does not make this finding go away: Pod
Security refuses every hostPath. A PersistentVolume may itself be a hostPath;
PersistentVolumes are not read here. A webhook may mount a volume that the
template only declares, so live pods are looked at before one is removed.
`,
	Refs:  refs("PSS baseline: HostPath volumes", "CIS 5.2.12", "NSA pod security enforcement", "ATT&CK T1611", "ATT&CK MS-TA9013", "Trivy KSV-0023", "Kubescape C-0048"),
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		visitVolumes(p.Pod, func(v *corev1.Volume, uses []use) {
			if v.HostPath == nil {
				return
			}
			path := cleanHostPath(v.HostPath.Path)
			f := harden.Finding{
				Discriminator: v.Name + " " + path,
				Reason:        "volume " + v.Name + " is " + path + " of the node",
				Detail:        fmt.Sprintf("Volume %q is the path %s of whatever node the pod runs on. %s", v.Name, path, describeUses(uses)),
			}
			markUnmounted(&f, uses)
			reportVolume(p, v, uses, f)
		})
	},
	Fix: proposing("use another volume than hostPath", func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		v := volumeOf(p, f)
		if len(usesOf(p.Pod, v.Name)) == 0 {
			return []harden.Fix{dropUnmounted(p, v.Name)}
		}
		return []harden.Fix{{
			Title: "keep the data elsewhere", Class: harden.Review,
			Evidence: []harden.Claim{missing("E-PROC", "Nobody looked at which files below "+cleanHostPath(v.HostPath.Path)+" the containers use.")},
			Manual: fmt.Sprintf("Replace volume %q by one that does not depend on the node: emptyDir for scratch space, a PersistentVolumeClaim for data, "+
				"a local PersistentVolume for data that must stay on its node, a CSI driver or device plugin for what belongs to the node.", v.Name),
		}}
	}),
}

// markUnmounted lowers a finding on a hostPath that no container mounts.
func markUnmounted(f *harden.Finding, uses []use) {
	if len(uses) > 0 {
		return
	}
	f.Verdict, f.Severity, f.SeverityWhy = "unmounted", harden.Info, "no container mounts it"
}
