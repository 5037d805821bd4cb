package plan

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// OwnerOf shows tests what an object plan would say of the owner.
func OwnerOf(object *unstructured.Unstructured, w *harden.Workload) *harden.Owner {
	if o := findOwner(object, w, harden.OwnerFacts{}); o != nil {
		return &o.Owner
	}
	return nil
}
