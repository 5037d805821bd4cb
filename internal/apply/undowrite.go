package apply

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// write carries the decisions out. When nothing has to be given back to others,
// one apply of what remains of our intent does it: the server removes what
// nobody holds any more. Otherwise there are two writes.
func (u *undo) write(ctx context.Context, o *journal.Object, live, intent *unstructured.Unstructured, decisions []decision) (*unstructured.Unstructured, error) {
	if !slices.ContainsFunc(decisions, func(d decision) bool { return d.what == restore }) {
		guard(intent, live)
		return u.sendApply(ctx, o.Ref(), intent, false, store)
	}
	return u.writeTwice(ctx, o, live, intent, decisions)
}

// remaining is our intent on the object without the places that are undone, and
// whether that is less than now.
func (u *undo) remaining(live *unstructured.Unstructured, decisions []decision) (intent *unstructured.Unstructured, less bool, err error) {
	if intent, err = plan.Intent(live, harden.Manager, u.converter); err != nil {
		return nil, false, err
	}
	if intent == nil {
		intent = harden.Partial(refOf(live))
	}
	var gone []harden.Path
	for _, d := range decisions {
		if d.what == release || d.what == restore {
			gone = append(gone, d.path())
		}
	}
	if intent, err = plan.Without(intent, gone, u.converter); err != nil {
		return nil, false, err
	}
	// Somebody took our field over, or an undo was interrupted: what is left of
	// us is the key of the item that it lay in. Holding on to an item of which we
	// say nothing would keep its owner from renaming or removing it.
	for _, d := range decisions {
		if item := bareItem(intent, d.path()); item != nil {
			if intent, err = plan.Without(intent, []harden.Path{item}, u.converter); err != nil {
				return nil, false, err
			}
			less = true
		}
		if d.what == revert {
			plan.Put(intent, d.path(), d.leaf.Previous)
		}
	}
	return intent, less, nil
}

// bareItem is the innermost list item on the way to the path if the intent says
// nothing of it but its key, else nil.
func bareItem(intent *unstructured.Unstructured, path harden.Path) harden.Path {
	for n := len(path); n > 0; n-- {
		if path[n-1].Key == nil {
			continue
		}
		v, there := plan.Lookup(intent, path[:n])
		if !there {
			continue
		}
		if item, ok := v.(map[string]any); ok && len(item) <= len(*path[n-1].Key) {
			return path[:n]
		}
		return nil
	}
	return nil
}

// writeTwice restores the values, then the owners. In one write it cannot be
// done: the server makes whoever writes a value its owner. Only the first write
// replaces pods.
func (u *undo) writeTwice(ctx context.Context, o *journal.Object, live, intent *unstructured.Unstructured, decisions []decision) (*unstructured.Unstructured, error) {
	ref := o.Ref()
	target := live.DeepCopy()
	for _, d := range decisions {
		if !d.writes() {
			continue
		}
		if err := putBack(target, d); err != nil {
			return nil, fmt.Errorf("restoring %s of %s: %w", plan.PathString(d.path()), say(ref), err)
		}
	}
	after, err := u.sendDifference(ctx, ref, live, target, store)
	if err != nil {
		return nil, err
	}
	var restored []harden.Path
	for _, d := range decisions {
		if d.what == restore {
			restored = append(restored, d.path())
		}
	}
	for try := 1; ; try++ {
		owned, err := u.sendOwners(ctx, o, after, intent, restored)
		if err == nil {
			return owned, nil
		}
		if !isVersionConflict(err) || try >= undoTries || !wait(ctx, undoPause, nil) {
			return nil, fmt.Errorf("the values are as before, but the fields are not yet held by whom they were: undo it once more: %w", err)
		}
		if after, err = u.Get(ctx, ref); err != nil {
			return nil, err
		}
	}
}

func (u *undo) sendOwners(ctx context.Context, o *journal.Object, after, intent *unstructured.Unstructured, restored []harden.Path) (*unstructured.Unstructured, error) {
	owners, err := setOurs(after.GetManagedFields(), o.ManagedFields, intent, u.converter)
	if err != nil {
		return nil, err
	}
	if owners, err = giveBack(owners, o.ManagedFields, restored); err != nil {
		return nil, err
	}
	handed := after.DeepCopy()
	handed.SetManagedFields(owners)
	return u.sendDifference(ctx, o.Ref(), after, handed, store)
}

// putBack makes one place of the object what it was before.
func putBack(target *unstructured.Unstructured, d decision) error {
	path, l := d.path(), d.leaf
	if d.what == release && !l.Absent {
		return nil
	}
	if !l.Absent {
		_, there := plan.Lookup(target, path)
		plan.Put(target, path, l.Previous)
		if !there && path[len(path)-1].Key != nil {
			return moveLast(target, path[:len(path)-1], l.Position)
		}
		return nil
	}
	if len(d.note) > 0 { // somebody else holds it
		return nil
	}
	for n := len(path); n >= len(path)-l.Made; n-- {
		v, there := plan.Lookup(target, path[:n])
		if n < len(path) && (!there || !isEmpty(v)) {
			continue
		}
		if err := plan.Drop(target, path[:n]); err != nil {
			return err
		}
	}
	return nil
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// moveLast puts the last item of a list to a position.
func moveLast(u *unstructured.Unstructured, list harden.Path, position int) error {
	v, _ := plan.Lookup(u, list)
	items, ok := v.([]any)
	if !ok || position >= len(items) {
		return nil
	}
	last := len(items) - 1
	plan.Put(u, list, slices.Insert(slices.Clone(items[:last]), position, items[last]))
	return nil
}

// A claim is a later plan's leaf at the same place.
type claim struct {
	id     string
	entry  *journal.Entry
	object *journal.Object
	leaf   int
}

// laterClaim finds the first plan after this one that set the same place of the
// same object and still stands: it keeps the place, and takes over what this
// plan knows of the time before.
func (u *undo) laterClaim(o *journal.Object, l journal.Leaf) *claim {
	for _, e := range u.later {
		for _, other := range e.Objects {
			if other.UID != o.UID || other.Created || !other.State.Stands() {
				continue
			}
			for i, theirs := range other.Leaves {
				if plan.Within(harden.Path(theirs.Path), harden.Path(l.Path)) || plan.Within(harden.Path(l.Path), harden.Path(theirs.Path)) {
					return &claim{id: e.ID, entry: e, object: other, leaf: i}
				}
			}
		}
	}
	return nil
}

// handOver writes what this plan knew of places that a later one keeps into the
// journal of that one, so that undoing that one leads back to the time before both.
func (u *undo) handOver(o *journal.Object) error {
	for _, l := range o.Leaves {
		c := u.laterClaim(o, l)
		if c == nil {
			continue
		}
		path := harden.Path(l.Path)
		inherited := l
		if theirs := c.object.Leaves[c.leaf]; path.Equals(harden.Path(theirs.Path)) {
			inherited.Value, inherited.Removed = theirs.Value, theirs.Removed
		}
		c.object.Leaves[c.leaf] = inherited
		var err error
		if c.object.ManagedFields, err = giveBack(c.object.ManagedFields, o.ManagedFields, []harden.Path{path}); err != nil {
			return err
		}
		if err := u.journal.Save(c.entry); err != nil {
			return err
		}
	}
	return nil
}
