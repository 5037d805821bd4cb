package image

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// running is what live pods say about the image of one container.
type running struct {
	digests []string // distinct, sorted; empty when nothing may be concluded
	why     string   // why nothing may be concluded
	pods    int
}

// runningDigests are the digests that the live pods of the workload run for the
// container. One pod that does not say is enough for none.
func runningDigests(p *harden.Pass, c harden.Container, r Reference) running {
	switch {
	case !p.Inventory.Live():
		return running{why: "a file does not tell what runs"}
	case len(p.Workload.Pods) == 0:
		return running{why: "no live pod tells what runs"}
	}
	found := map[string]bool{}
	for _, pod := range p.Workload.Pods {
		digest, why := digestOf(pod, c, r)
		if why != "" {
			return running{why: why}
		}
		found[digest] = true
	}
	return running{digests: slices.Sorted(maps.Keys(found)), pods: len(p.Workload.Pods)}
}

// digestOf is the digest of the container in a pod, or why it cannot be told.
func digestOf(pod *corev1.Pod, c harden.Container, r Reference) (digest, why string) {
	specs, statuses := pod.Spec.Containers, pod.Status.ContainerStatuses
	if c.Ref.List() == "initContainers" {
		specs, statuses = pod.Spec.InitContainers, pod.Status.InitContainerStatuses
	}
	i := slices.IndexFunc(specs, func(s corev1.Container) bool { return s.Name == c.Name })
	if i < 0 || specs[i].Image != c.Image {
		return "", fmt.Sprintf("Pod %s is of another template, or something rewrites its image", pod.Name)
	}
	for _, s := range statuses {
		if s.Name != c.Name {
			continue
		}
		got, ok := parseImageID(s.ImageID)
		switch {
		case !ok:
			return "", fmt.Sprintf("the runtime does not tell the digest in Pod %s", pod.Name)
		case got.Name() != r.Name():
			return "", fmt.Sprintf("the runtime knows the image of Pod %s as %s", pod.Name, got.Name())
		}
		return got.Digest, ""
	}
	return "", fmt.Sprintf("container %s of Pod %s has not started", c.Name, pod.Name)
}

// parseImageID reads status.containerStatuses[].imageID. It is not ok when the
// id is empty or the digest of an image config, which no registry serves.
func parseImageID(id string) (r Reference, ok bool) {
	id = strings.TrimPrefix(id, "docker-pullable://")
	if !strings.Contains(id, "@") || strings.Contains(id, "://") {
		return Reference{}, false
	}
	r, err := ParseReference(id)
	return r, err == nil && r.Digest != ""
}

// platforms are those of the nodes that the pod's operating system and
// nodeSelector allow, as OS/ARCHITECTURE; empty where no node is known.
func platforms(p *harden.Pass) []string {
	fits := func(n *corev1.Node) bool {
		windows := n.Labels[corev1.LabelOSStable] == string(corev1.Windows)
		return windows == p.Pod.Windows() && labels.SelectorFromSet(p.Pod.Spec.NodeSelector).Matches(labels.Set(n.Labels))
	}
	nodes := slices.DeleteFunc(slices.Clone(p.Inventory.Nodes), func(n *corev1.Node) bool { return !fits(n) })
	if len(nodes) == 0 {
		return nil
	}
	return (&harden.Inventory{Nodes: nodes}).Platforms(p.Pod.Spec)
}
