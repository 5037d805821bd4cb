package pod

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// seedPath is where the init container sees the volume that it fills.
const seedPath = "/harden-seed"

// seeding is the fix for directories that the image fills and the container
// writes to: an init container of the same image copies each into its volume.
// Only for containers of the app: an item that is added to initContainers comes
// last. Not where something else is in the way, or where the image has no cp.
func seeding(p *harden.Pass, f *harden.Finding, c harden.Container, w *writes) (harden.Fix, bool) {
	images, gap := filesOf(p, c)
	if gap != "" || len(w.filled) == 0 || len(w.refused) > 0 || c.Ref.Kind != harden.AppContainer || isPrivileged(c) {
		return harden.Fix{}, false
	}
	if slices.ContainsFunc(images, func(i known) bool { _, _, ok := i.Files.LookPath("cp", "", i.Env); return !ok }) {
		return harden.Fix{}, false
	}
	spec := readOnlySpec(p, c, outermost(slices.Concat(w.mounts, w.filled)))
	var seeds []any
	for _, at := range w.filled {
		seeds = append(seeds, seedContainer(p, c, at))
	}
	spec["initContainers"] = seeds
	var claims []harden.Claim
	for _, claim := range w.claims {
		if claim.State != harden.Refutes {
			claims = append(claims, claim)
		}
	}
	return harden.Fix{
		Title: fmt.Sprintf("make the root file system of %s read-only, and copy %s of its image into a volume", c.Name, some(w.filled)), Class: harden.Review,
		Evidence: append(claims, imageClaim(p, "E-IMG-FS", harden.Holds, images, fmt.Sprintf("Image %s has files in %s, and cp, which copies them before the start.", names(images), some(w.filled)),
			"Owners and modes of the files: the copies belong to the user of the container.")),
		Warning: "The copy takes time and ephemeral storage at every start, and a program that replaces its own files still can. " + w.warning,
		Changes: []harden.Change{harden.SetPodSpec(f.Object, spec)},
	}, true
}

// seedContainer copies without owners and modes, which a user other than root
// could not give, and runs as the container for which it works.
func seedContainer(p *harden.Pass, c harden.Container, at string) map[string]any {
	context := map[string]any{
		"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": map[string]any{"drop": []any{capAll}},
	}
	own := security(c)
	if own.RunAsNonRoot != nil {
		context["runAsNonRoot"] = *own.RunAsNonRoot
	}
	if own.RunAsUser != nil && !usersAreGiven(p) {
		context["runAsUser"] = *own.RunAsUser
	}
	if own.RunAsGroup != nil && !usersAreGiven(p) {
		context["runAsGroup"] = *own.RunAsGroup
	}
	if own.SeccompProfile != nil && own.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault {
		context["seccompProfile"] = map[string]any{"type": string(corev1.SeccompProfileTypeRuntimeDefault)}
	}
	container := map[string]any{
		"name": seedName(p, c, at), "image": c.Image, "command": []any{"cp", "-R", at + "/.", seedPath + "/"},
		"securityContext": context,
		"volumeMounts":    []any{map[string]any{"mountPath": seedPath, "name": volumeName(p, c, at)}},
	}
	if c.ImagePullPolicy != "" {
		container["imagePullPolicy"] = string(c.ImagePullPolicy)
	}
	return container
}

func seedName(p *harden.Pass, c harden.Container, at string) string {
	return uniqueName(p, c, at, harden.OwnPrefix+"seed-", func(name string) bool {
		return !slices.ContainsFunc(p.Pod.Containers(), func(o harden.Container) bool { return o.Name == name })
	})
}
