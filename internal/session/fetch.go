package session

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// parallelGets bounds how many objects are read at once for a plan.
const parallelGets = 8

// targets are the objects that the picks may change, each once.
func targets(picks []plan.Pick) []harden.Ref {
	seen := map[harden.Key]bool{}
	var out []harden.Ref
	for _, p := range picks {
		for _, fix := range p.Fixes {
			for _, c := range fix.Changes {
				if c.Verb == harden.Apply && !seen[c.Target.Key()] {
					seen[c.Target.Key()] = true
					out = append(out, c.Target)
				}
			}
		}
	}
	return out
}

// fetch reads the objects in parallel. One that is gone is left out: the plan
// names it.
func fetch(ctx context.Context, refs []harden.Ref, object objectFunc) (map[harden.Key]*unstructured.Unstructured, error) {
	var mu sync.Mutex
	out := make(map[harden.Key]*unstructured.Unstructured, len(refs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelGets)
	for _, r := range refs {
		g.Go(func() error {
			o, err := object(ctx, r)
			if apierrors.IsNotFound(err) {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			out[r.Key()] = o
			return nil
		})
	}
	return out, g.Wait()
}
