package cluster

import (
	"context"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Cluster asks who the server is. What may not be asked stays empty.
func (r *Reader) Cluster(ctx context.Context) (harden.Cluster, error) { return r.cluster(ctx) }
