package cluster

import (
	"context"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ReadWhole reads the whole cluster as far as it may be read, with all of its
// Net; where namespaces may not be listed, those that are named. It does not
// disturb what Watch goes on from. Progress may be nil.
func (r *Reader) ReadWhole(ctx context.Context, namespaces []string, progress func(done, total int)) (*harden.Inventory, error) {
	if progress != nil {
		progress(0, 0)
	}
	inv, err := r.readFresh(ctx, harden.Scope{All: true})
	if err != nil {
		return r.readFresh(ctx, harden.Scope{Namespaces: namespaces})
	}
	return inv, nil
}
