package session

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/cluster"
)

// Namespaces are those that may be listed, sorted. Where listing is forbidden
// they are those of the current snapshot; the error says so only when there are
// none.
func (s *Session) Namespaces(ctx context.Context) ([]string, error) {
	var listed []string
	var err error
	if c, ok := s.source.(*clusterSource); ok {
		listed, err = c.reader.Namespaces(ctx)
		if err != nil && !errors.Is(err, cluster.ErrForbidden) {
			return nil, err
		}
	} else {
		var inv *harden.Inventory
		if inv, err = s.source.read(ctx, harden.Scope{All: true}); err == nil {
			listed = slices.Concat(slices.Collect(maps.Keys(inv.Namespaces)), inv.Scope)
		}
	}
	if len(listed) == 0 {
		listed = s.namespacesSeen()
	}
	slices.Sort(listed)
	if listed = slices.Compact(listed); len(listed) > 0 {
		return listed, nil
	}
	return nil, err
}

// namespacesSeen are those of the current snapshot, and those it was asked for.
func (s *Session) namespacesSeen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil
	}
	return slices.Concat(slices.Collect(maps.Keys(s.current.Inventory.Namespaces)), s.current.Inventory.Scope, s.current.Scope.Namespaces)
}
