package pod

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// GitRepoVolume finds volumes that the kubelet fills from a git repository.
var GitRepoVolume = &harden.Fixer{
	ID:       "git-repo-volume",
	Title:    "lets the kubelet clone a git repository",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
A volume of type gitRepo is filled by the kubelet, which runs git on the node.

Fields:

    spec.volumes[].gitRepo.{repository,revision,directory}

Allowed: none.

**Why it matters.** git runs as root of the node, in a folder that the pod's author
chooses, on a repository that somebody else writes: hooks of that repository have run
there (CVE-2024-10220). Whoever may create a pod, or push to the repository, takes the
node over. "Restricted" refuses the type.

**The fix.** A volume that no container mounts is removed. Otherwise a person lets an
init container clone the repository into an emptyDir, best a fixed revision, and mounts
that in its place; an image volume or a built image holds the files even better.

**Traps.** Kubernetes deprecated the type in 1.11, and from 1.33 on the kubelet does
not serve it unless the feature gate GitRepoVolumeDriver is on: such a pod does not
start there. The init container needs git, the address of the repository and maybe a
credential, which the kubelet took from the node until then.
`,
	Refs:  refs("PSS restricted: volume types", "ATT&CK T1611", "Trivy KSV-0028"),
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		visitVolumes(p.Pod, func(v *corev1.Volume, uses []use) {
			if v.GitRepo == nil {
				return
			}
			reportVolume(p, v, uses, harden.Finding{
				Discriminator: v.Name,
				Reason:        "the kubelet clones volume " + v.Name + " from git",
				Detail: fmt.Sprintf("Volume %q is of type gitRepo: the kubelet runs git as root of the node, and the repository can make it run more (CVE-2024-10220). %s",
					v.Name, describeUses(uses)),
			})
		})
	},
	Fix: proposing("clone the repository in an init container", func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		v := volumeOf(p, f)
		if len(usesOf(p.Pod, v.Name)) == 0 {
			return []harden.Fix{dropUnmounted(p, v.Name)}
		}
		return []harden.Fix{{
			Title: "clone the repository in an init container", Class: harden.Review,
			Manual: fmt.Sprintf("Make volume %q an emptyDir, and let an init container with git in its image clone the repository into it, at a fixed revision; or build the files into an image.", v.Name),
		}}
	}),
}
