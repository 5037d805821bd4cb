package secret

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// MountedEverywhere finds Secrets that all containers of a pod mount.
var MountedEverywhere = &harden.Fixer{
	ID:       "secret-mounted-everywhere",
	Title:    "mounts a Secret in every container",
	Area:     harden.AreaSecret,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
A volume with a Secret is mounted in each container of a pod that runs several images.

Fields:

    spec.volumes[].secret, spec.volumes[].projected.sources[].secret
    spec.containers[].volumeMounts   (init containers that stay up too)

Allowed: the mount in the containers that need it. A pod with one container, or whose
containers all run the same image, is passed over, and so are init containers that
end: they are gone when the pod serves.

**Why it matters.** Containers of one pod have file systems of their own, so that a
helper which parses logs or speaks to the network cannot read the key of the
application. A mount in all of them gives that away.

**The fix.** By hand: which container reads the files, the manifest does not say. The
text names them.

**Traps.** A helper that speaks TLS for the application (a proxy) needs the key, and
perhaps it alone does. Volumes that injectors add, such as those with the token of the
API server, are no Secrets and do not count.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "secrets"},
		{Standard: "Kubernetes", ID: "good practices for Secrets", URL: "https://kubernetes.io/docs/concepts/security/secrets-good-practices/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkMountedEverywhere,
	Fix:   fixMountedEverywhere,
}

func checkMountedEverywhere(p *harden.Pass) {
	if !p.Pod.PodLevel {
		p.NotApplicable()
		return
	}
	images := map[string]bool{}
	var running []harden.Container
	for _, c := range p.Pod.Containers() {
		if c.Ref.Kind == harden.AppContainer || c.Ref.Kind == harden.SidecarContainer {
			running = append(running, c)
			images[c.Image] = true
		}
	}
	if len(images) < 2 {
		return
	}
	for i := range p.Pod.Spec.Volumes {
		v := &p.Pod.Spec.Volumes[i]
		names := volumeSecrets(v)
		if len(names) == 0 {
			continue
		}
		var in []string
		for _, c := range running {
			if mounts(c.Container, v.Name) {
				in = append(in, c.Name)
			}
		}
		if len(in) < len(running) {
			continue
		}
		p.Report(harden.Finding{
			Discriminator: v.Name, Field: p.Pod.Field("volumes[" + v.Name + "]"), Reason: fmt.Sprintf("Secret %s is in all %d containers", names[0], len(in)),
			Detail: fmt.Sprintf("Volume %s with Secret %s is mounted in %s.", v.Name, strings.Join(names, ", "), strings.Join(in, ", ")),
		})
	}
}

func fixMountedEverywhere(_ *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("mount the Secret only where it is read"); ok {
		return []harden.Fix{instead}
	}
	return []harden.Fix{{
		Title: "mount the Secret only where it is read", Class: harden.Review,
		Manual:  "Take the mount of " + f.Field + " out of each container that does not read its files. If containers need different keys, give each a volume with its items.",
		Warning: "A container that reads the files all the same does not find them any more.",
	}}
}
