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
	digest string // empty when nothing may be concluded
	why    string // why nothing may be concluded
	claims []harden.Claim
}

// runningDigest is the digest that all live pods of the workload run for the
// container. One pod that disagrees, or does not say, is enough for none.
func runningDigest(p *harden.Pass, c harden.Container, r Reference) running {
	if !p.Inventory.Live() {
		return running{why: "a file does not tell what runs"}
	}
	if len(p.Workload.Pods) == 0 {
		return running{why: "no live pod tells what runs"}
	}
	digest := ""
	for _, pod := range p.Workload.Pods {
		got, why := digestOf(pod, c, r)
		switch {
		case why != "":
			return running{why: why}
		case digest != "" && digest != got:
			return running{why: "the live pods run different digests", claims: []harden.Claim{{
				Code: "E-LIVE", State: harden.Refutes, Time: p.Inventory.Now,
				Text: fmt.Sprintf("Pod %s runs %s, another runs %s.", pod.Name, got, digest),
			}}}
		}
		digest = got
	}
	claims := []harden.Claim{{
		Code: "E-LIVE", State: harden.Holds, Time: p.Inventory.Now,
		Text:   fmt.Sprintf("Every live pod runs %s (%d looked at).", digest, len(p.Workload.Pods)),
		Limits: "a runtime may report the digest of one platform instead of the index",
	}}
	platforms := architectures(p)
	switch {
	case len(platforms) > 1:
		return running{why: fmt.Sprintf("the nodes are %s, and what a pod reports may be the image of one of them", strings.Join(platforms, " and ")), claims: claims}
	case len(platforms) == 1:
		claims = append(claims, harden.Claim{
			Code: "E-NODE", State: harden.Holds, Time: p.Inventory.Now,
			Text: "All nodes that may run the pod are " + platforms[0] + ".", Limits: "nodes that join later",
		})
	default:
		claims = append(claims, harden.Claim{
			Code: "E-NODE", State: harden.Missing,
			Text: "The nodes were not read: on another architecture the digest of one platform does not run.",
		})
	}
	claims = append(claims, keelClaims(p)...)
	return running{digest: digest, claims: append(claims, harden.Claim{
		Code: "E-IMG-CONFIG", State: harden.Missing,
		Text: "The registry was not asked whether this digest is the index digest that the tag names.",
	})}
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

// architectures are those of the nodes that the pod's operating system and nodeSelector allow.
func architectures(p *harden.Pass) []string {
	selector := labels.SelectorFromSet(p.Pod.Spec.NodeSelector)
	found := map[string]bool{}
	for _, n := range p.Inventory.Nodes {
		windows := n.Labels[corev1.LabelOSStable] == string(corev1.Windows)
		if windows != p.Pod.Windows() || !selector.Matches(labels.Set(n.Labels)) {
			continue
		}
		arch := n.Status.NodeInfo.Architecture
		if arch == "" {
			arch = n.Labels[corev1.LabelArchStable]
		}
		if arch != "" {
			found[arch] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// keelClaims speak against pinning where Keel moves the image by itself. Other
// image automation leaves no mark on the workload.
func keelClaims(p *harden.Pass) []harden.Claim {
	for _, marks := range []map[string]string{p.Workload.Meta.Annotations, p.Workload.Meta.Labels} {
		for key := range marks {
			if strings.HasPrefix(key, "keel.sh/") {
				return []harden.Claim{{Code: "E-OWNER", State: harden.Refutes, Time: p.Inventory.Now, Text: "Keel updates the image of this workload and will replace it again."}}
			}
		}
	}
	return nil
}
