package namespace

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// repositoryOf is an image without tag and digest: REGISTRY/PATH, or PATH alone.
func repositoryOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		image = image[:i]
	}
	return image
}

// isOf reports whether a repository is one of those known, whatever registry or
// mirror it is pulled from: by whole parts of its path from the end.
func isOf(repository string, known []string) bool {
	return slices.ContainsFunc(known, func(k string) bool { return strings.HasSuffix("/"+repository, "/"+k) })
}

// runners are the workloads by the repositories of their images.
type runners map[string][]*harden.Workload

func runnersOf(inv *harden.Inventory) runners {
	return harden.Derive(inv, func(inv *harden.Inventory) runners {
		out := runners{}
		for _, w := range inv.Workloads {
			for _, repository := range repositories(w) {
				out[repository] = append(out[repository], w)
			}
		}
		return out
	}, harden.WorkloadParts...)
}

// repositories are those of the images of a template, each once.
func repositories(w *harden.Workload) []string {
	seen := map[string]bool{}
	for _, c := range w.Template.Spec.InitContainers {
		seen[repositoryOf(c.Image)] = true
	}
	for _, c := range w.Template.Spec.Containers {
		seen[repositoryOf(c.Image)] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// running are the workloads that run one of the images, in the order of the inventory.
func running(inv *harden.Inventory, known []string) []*harden.Workload {
	var out []*harden.Workload
	for repository, workloads := range runnersOf(inv) {
		if isOf(repository, known) {
			out = append(out, workloads...)
		}
	}
	slices.SortFunc(out, harden.CompareWorkloads)
	return slices.CompactFunc(out, func(a, b *harden.Workload) bool { return a == b })
}
