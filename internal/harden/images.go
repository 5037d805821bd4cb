package harden

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// DefaultPlatform is assumed where no node says anything.
const DefaultPlatform = "linux/amd64"

// ImageKeys are the images that a container of the workload's template runs: by
// the digests that its live pods report, once for each of them, else by the
// reference of the template, once for each platform of the nodes on which the
// pod may run. Never empty.
func (i *Inventory) ImageKeys(w *Workload, c ContainerRef) []ImageKey {
	spec := containerOf(&w.Template.Spec, c)
	if spec == nil {
		return nil
	}
	found := map[ImageKey]bool{}
	platforms := i.Platforms(&w.Template.Spec)
	for _, pod := range w.Pods {
		digest := RunningImage(pod, c, spec.Image)
		if digest == "" {
			continue
		}
		platform := platforms
		if p := i.platformOf(pod.Spec.NodeName); p != "" {
			platform = []string{p}
		}
		for _, p := range platform {
			found[ImageKey{Reference: digest, Platform: p}] = true
		}
	}
	if len(found) == 0 {
		for _, p := range platforms {
			found[ImageKey{Reference: spec.Image, Platform: p}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b ImageKey) int {
		return strings.Compare(a.Reference+" "+a.Platform, b.Reference+" "+b.Platform)
	})
}

// ImageKeysOf are the images that a container of a view of the workload runs: as
// ImageKeys for what the template declares, and what the Pod itself reports for
// what only a live Pod has. Empty where the Pod does not tell.
func (i *Inventory) ImageKeysOf(w *Workload, view *PodView, c Container) []ImageKey {
	if view.Lens != Injected {
		return i.ImageKeys(w, c.Ref)
	}
	for _, pod := range w.Pods {
		if pod.Name != view.Object.Name {
			continue
		}
		platform := i.platformOf(pod.Spec.NodeName)
		if platform == "" {
			platform = DefaultPlatform
		}
		if running := RunningImage(pod, c.Ref, c.Image); running != "" {
			return []ImageKey{{Reference: running, Platform: platform}}
		}
	}
	return nil
}

// ImagesOf is what is known about each of ImageKeys; nil entries were never
// looked into.
func (i *Inventory) ImagesOf(w *Workload, c ContainerRef) []*ImageFacts {
	var facts []*ImageFacts
	for _, key := range i.ImageKeys(w, c) {
		facts = append(facts, i.Images[key])
	}
	return facts
}

func containerOf(spec *corev1.PodSpec, ref ContainerRef) *corev1.Container {
	list := spec.Containers
	if ref.List() == "initContainers" {
		list = spec.InitContainers
	}
	for j := range list {
		if list[j].Name == ref.Name {
			return &list[j]
		}
	}
	return nil
}

// imageOf is the reference in the spec of a container of any kind, empty where
// there is no such container.
func imageOf(spec *corev1.PodSpec, ref ContainerRef) string {
	if ref.Kind == EphemeralContainer {
		for j := range spec.EphemeralContainers {
			if e := &spec.EphemeralContainers[j]; e.Name == ref.Name {
				return e.Image
			}
		}
		return ""
	}
	if c := containerOf(spec, ref); c != nil {
		return c.Image
	}
	return ""
}

// RunningImage is REPOSITORY@DIGEST of the container in a live pod, empty when
// the pod has another image in its spec or its runtime tells no digest that a
// registry would serve.
func RunningImage(pod *corev1.Pod, c ContainerRef, image string) string {
	if imageOf(&pod.Spec, c) != image {
		return ""
	}
	statuses := pod.Status.ContainerStatuses
	switch c.List() {
	case "initContainers":
		statuses = pod.Status.InitContainerStatuses
	case "ephemeralContainers":
		statuses = pod.Status.EphemeralContainerStatuses
	}
	for _, s := range statuses {
		if s.Name == c.Name {
			id := strings.TrimPrefix(s.ImageID, "docker-pullable://")
			if name, digest, ok := strings.Cut(id, "@"); ok && name != "" && strings.Contains(digest, ":") && !strings.Contains(name, "://") {
				return id
			}
		}
	}
	return ""
}

// Platforms are those of the nodes that the nodeSelector of a pod allows, as
// OS/ARCHITECTURE, sorted; DefaultPlatform where no node is known.
func (i *Inventory) Platforms(spec *corev1.PodSpec) []string {
	selector := labels.SelectorFromSet(spec.NodeSelector)
	found := map[string]bool{}
	for _, n := range i.Nodes {
		if p := platform(n); p != "" && selector.Matches(labels.Set(n.Labels)) {
			found[p] = true
		}
	}
	if len(found) == 0 {
		return []string{DefaultPlatform}
	}
	return slices.Sorted(maps.Keys(found))
}

func (i *Inventory) platformOf(node string) string {
	for _, n := range i.Nodes {
		if n.Name == node {
			return platform(n)
		}
	}
	return ""
}

func platform(n *corev1.Node) string {
	arch, system := n.Status.NodeInfo.Architecture, n.Status.NodeInfo.OperatingSystem
	if arch == "" {
		arch = n.Labels[corev1.LabelArchStable]
	}
	if system == "" {
		system = n.Labels[corev1.LabelOSStable]
	}
	if arch == "" {
		return ""
	}
	if system == "" {
		system = string(corev1.Linux)
	}
	return system + "/" + arch
}
