package image

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// automations are marks on a workload by which something else moves its image.
// Flux marks the manifests in Git, and Argo CD Image Updater the Application,
// unless somebody put the mark on the workload too.
var automations = []struct{ prefix, name string }{
	{"keel.sh/", "Keel"},
	{"argocd-image-updater.argoproj.io/", "Argo CD Image Updater"},
	{"image.openshift.io/triggers", "An image trigger of OpenShift"},
}

// automationClaims speak against writing an image that something else writes too.
func automationClaims(p *harden.Pass) []harden.Claim {
	for _, marks := range []map[string]string{p.Workload.Meta.Annotations, p.Workload.Meta.Labels} {
		for _, key := range slices.Sorted(maps.Keys(marks)) {
			for _, a := range automations {
				if strings.HasPrefix(key, a.prefix) {
					return []harden.Claim{{
						Code: "E-OWNER", State: harden.Refutes, Time: p.Inventory.Now,
						Text: a.name + " updates the image of this workload (" + key + ") and will replace it again: set the digest where that takes it from.",
					}}
				}
			}
		}
	}
	return nil
}
