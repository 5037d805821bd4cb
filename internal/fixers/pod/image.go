package pod

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// imageOf is what is known about the container's image; nil unless all images
// that its pods run were looked into.
func imageOf(p *harden.Pass, c harden.Container) *harden.ImageFacts {
	images := p.Inventory.ImagesOf(p.Workload, c.Ref)
	if len(images) != 1 {
		return nil
	}
	return images[0]
}
