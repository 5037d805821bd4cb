package pod

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RestrictedVolumeTypes finds volumes of a type that Pod Security "restricted" refuses.
var RestrictedVolumeTypes = &harden.Fixer{
	ID:       "restricted-volume-types",
	Title:    "uses a volume type that \"restricted\" forbids",
	Area:     harden.AreaPod,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
A pod names storage itself instead of claiming it.

Fields:

    spec.volumes[]

Allowed: configMap, csi, downwardAPI, emptyDir, ephemeral, image,
persistentVolumeClaim, projected, secret.

**Why it matters.** With nfs, iscsi, rbd, hostPath and their like, whoever may create
a pod decides which server, disk or directory the node mounts, and with which
options. A PersistentVolume is made by somebody who is allowed to decide that,
and the pod only claims it. Several of these types also run old code in the
kubelet.

**The fix.** A volume that no container mounts is removed. Otherwise a person moves
the source into a PersistentVolume and lets the pod claim it: the data stays
where it is, but the move needs its own planning.

**Traps.** The disks of cloud providers (awsElasticBlockStore, gcePersistentDisk,
azureDisk and others) are served by CSI drivers today; the PersistentVolume
should name the driver, not the old type. A volume without any source becomes an
emptyDir. "Restricted" refuses hostPath and gitRepo as well; both have rules of
their own, which say more: host-path-volume and git-repo-volume.
`,
	Refs:  refs("PSS restricted: volume types", "CIS 5.2.12", "Trivy KSV-0028"),
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		visitVolumes(p.Pod, func(v *corev1.Volume, uses []use) {
			source := volumeSource(v)
			// An API server fills in emptyDir where a manifest gives no source, so
			// without one a live volume is of a type that is newer than this API.
			if restrictedVolumeSources[source] || v.HostPath != nil || v.GitRepo != nil || source == "unknown" && !p.Inventory.Live() {
				return
			}
			f := harden.Finding{
				Discriminator: v.Name + " " + source,
				Reason:        "volume " + v.Name + " is of type " + source,
				Detail:        fmt.Sprintf("Volume %q is of type %s, which Pod Security \"restricted\" refuses. %s", v.Name, source, describeUses(uses)),
			}
			if source == "unknown" {
				f.Detail = fmt.Sprintf("Volume %q is of a type that is not known here, and Pod Security refuses what it does not know. %s", v.Name, describeUses(uses))
			}
			reportVolume(p, v, uses, f)
		})
	},
	Fix: proposing("claim the storage with a PersistentVolumeClaim", func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		v := volumeOf(p, f)
		if len(usesOf(p.Pod, v.Name)) == 0 {
			return []harden.Fix{dropUnmounted(p, v.Name)}
		}
		return []harden.Fix{{Title: "claim the storage", Class: harden.Review, Manual: insteadOfVolume(v)}}
	}),
}

// restrictedVolumeSources are the sources that Pod Security "restricted" allows
// (pod-security-admission/policy/check_restrictedVolumes.go).
var restrictedVolumeSources = map[string]bool{
	"configMap": true, "csi": true, "downwardAPI": true, "emptyDir": true, "ephemeral": true,
	"image": true, "persistentVolumeClaim": true, "projected": true, "secret": true,
}

func insteadOfVolume(v *corev1.Volume) string {
	return fmt.Sprintf("Make a PersistentVolume that names the same storage as volume %q (by its CSI driver where there is one), claim it with a PersistentVolumeClaim, and let the volume use the claim.", v.Name)
}
