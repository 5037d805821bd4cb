package apply

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Get reads an object as it is now, with its managedFields.
func (a *Applier) Get(ctx context.Context, ref harden.Ref) (*unstructured.Unstructured, error) {
	return a.get(ctx, ref)
}
