package session

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// ownerRounds bounds how far references between owners are followed: a release,
// its chart, the repository of that.
const ownerRounds = 4

// ownersFresh is how long what owners said is taken for true.
const ownersFresh = time.Minute

// An ownerCache keeps what owners said, so that moving through findings does not
// ask the server again and again.
type ownerCache struct {
	mu    sync.Mutex
	since time.Time
	asked map[harden.Key]bool
	known harden.OwnerFacts
}

// withOwners is the inventory with what owners of the objects say of themselves.
// What cannot be read is in the facts; an error means that the context is over.
func (s *Session) withOwners(ctx context.Context, inv *harden.Inventory, objects map[harden.Key]*unstructured.Unstructured) (*harden.Inventory, error) {
	c, ok := s.source.(*clusterSource)
	if !ok {
		return inv, nil
	}
	facts, err := s.owners.about(ctx, objects, s.now(), c.reader.ReadOwners)
	if err != nil {
		return nil, err
	}
	with := *inv
	with.Owners = facts
	return &with, nil
}

func (o *ownerCache) about(
	ctx context.Context, objects map[harden.Key]*unstructured.Unstructured, now time.Time, read func(context.Context, []harden.Ref) harden.OwnerFacts,
) (harden.OwnerFacts, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.asked == nil || now.Sub(o.since) > ownersFresh {
		o.since, o.asked, o.known = now, map[harden.Key]bool{}, harden.OwnerFacts{}
	}
	var wanted []harden.Ref
	want := func(refs []harden.Ref) {
		for _, r := range refs {
			if !o.asked[r.Key()] {
				o.asked[r.Key()] = true
				wanted = append(wanted, r)
			}
		}
	}
	for _, object := range objects {
		want(plan.Tellers(object))
	}
	for round := 0; len(wanted) > 0 && round < ownerRounds; round++ {
		found := read(ctx, wanted)
		if err := ctx.Err(); err != nil {
			o.asked = nil
			return harden.OwnerFacts{}, err
		}
		o.known.Objects = append(o.known.Objects, found.Objects...)
		o.known.Missing = append(o.known.Missing, found.Missing...)
		wanted = nil
		for _, teller := range found.Objects {
			want(plan.Sources(teller))
		}
	}
	return o.known, nil
}
