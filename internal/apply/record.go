package apply

import (
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
	"github.com/kubectl-harden/kubectl-harden/internal/secrets"
)

// record is the journal's view of an attempt that is about to be sent.
func (a *Applier) record(t *attempt, diff string) (*journal.Object, error) {
	ref := t.op.Target
	o := &journal.Object{
		APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name,
		Created: t.live == nil, State: harden.RecordStarted, Fixes: fixesOf(t.op), Force: t.force, Diff: diff, Sent: a.now(),
	}
	if t.body != nil {
		body, err := json.Marshal(t.body.Object)
		if err != nil {
			return nil, fmt.Errorf("encoding the change of %s: %w", say(ref), err)
		}
		o.Request = body
	}
	if t.live == nil {
		return o, a.leavesOfCreated(o, t)
	}
	o.UID = string(t.live.GetUID())
	o.ManagedFields = t.live.GetManagedFields()
	o.Before = revision(t.live)
	return o, a.leavesOf(o, t)
}

func revision(u *unstructured.Unstructured) journal.Revision {
	return journal.Revision{ResourceVersion: u.GetResourceVersion(), Generation: u.GetGeneration(), Revision: revisionOf(u)}
}

func fixesOf(op *harden.ObjectPlan) []journal.Fix {
	var fixes []journal.Fix
	for _, p := range op.Fixes {
		f := journal.Fix{Title: p.Fix.Title, Class: p.Fix.Class.String(), Effect: p.Fix.Effect}
		if p.Finding != nil {
			f.ID, f.Container, f.Discriminator = p.Finding.Fixer.ID, p.Finding.Container.String(), p.Finding.Discriminator
			if on := p.Finding.Object; on.Key() != op.Target.Key() {
				f.On = &journal.On{APIVersion: on.APIVersion, Kind: on.Kind, Namespace: on.Namespace, Name: on.Name}
			}
		}
		for _, c := range p.Fix.Evidence {
			f.Evidence = append(f.Evidence, journal.Claim{Code: c.Code, State: c.State.String(), Text: c.Text, Time: c.Time})
		}
		fixes = append(fixes, f)
	}
	return fixes
}

func (a *Applier) leavesOfCreated(o *journal.Object, t *attempt) error {
	set, err := plan.FieldSet(t.set, a.converter)
	if err != nil {
		return err
	}
	for _, path := range plan.Paths(set) {
		v, _ := plan.Lookup(t.set, path)
		o.Leaves = append(o.Leaves, journal.Leaf{Path: journal.Path(path), Value: v, Absent: true})
	}
	return nil
}

// leavesOf lists what the attempt changes, with what was there and who held it.
func (a *Applier) leavesOf(o *journal.Object, t *attempt) error {
	held, err := holdings(t.live.GetManagedFields())
	if err != nil {
		return err
	}
	places, err := a.places(t)
	if err != nil {
		return err
	}
	for _, path := range places {
		l := journal.Leaf{Path: journal.Path(path), Owners: ownersOf(held, path)}
		l.Value, _ = plan.Lookup(t.set, path)
		var had bool
		l.Previous, had = plan.Lookup(t.live, path)
		l.Absent = !had
		if had {
			_, l.Withheld = plan.MaskAt(path, l.Previous)
		}
		for n := len(path) - 1; !had && n > 0; n-- {
			if _, there := plan.Lookup(t.live, path[:n]); there {
				break
			}
			l.Made++
		}
		o.Leaves = append(o.Leaves, l)
	}
	for _, path := range t.rest {
		previous, had := plan.Lookup(t.live, path)
		if !had {
			continue
		}
		_, withheld := plan.MaskAt(path, previous)
		o.Leaves = append(o.Leaves, journal.Leaf{
			Path: journal.Path(path), Removed: true, Previous: previous, Withheld: withheld, Position: position(t.live, path), Owners: ownersOf(held, path),
		})
	}
	return nil
}

// recorded is the patch as the journal keeps it: where a credential is removed,
// without the values that it tests.
func recorded(patch []byte, o *journal.Object) ([]byte, error) {
	if !slices.ContainsFunc(o.Leaves, func(l journal.Leaf) bool { return l.Removed && l.Withheld }) {
		return patch, nil
	}
	var ops []map[string]any
	if err := json.Unmarshal(patch, &ops); err != nil {
		return nil, fmt.Errorf("reading the patch of %s: %w", say(o.Ref()), err)
	}
	for _, op := range ops {
		if op["op"] == "test" {
			op["value"] = secrets.Masked
		}
	}
	return json.Marshal(ops)
}

// places are the leaves of what is set, without the keys that only address list
// items; an item that is new is one place.
func (a *Applier) places(t *attempt) ([]harden.Path, error) {
	set, err := plan.FieldSet(t.set, a.converter)
	if err != nil {
		return nil, err
	}
	var places []harden.Path
	for _, path := range plan.Paths(set) {
		if isKeyField(path) && !isNewItem(t.live, path[:len(path)-1]) {
			continue
		}
		place := outermostNew(t.live, path)
		if !slices.ContainsFunc(places, place.Equals) {
			places = append(places, place)
		}
	}
	return places, nil
}

// isKeyField reports whether the path leads to a field that is part of the key
// of the list item that it lies in.
func isKeyField(path harden.Path) bool {
	if len(path) < 2 {
		return false
	}
	field, item := path[len(path)-1], path[len(path)-2]
	if field.FieldName == nil || item.Key == nil {
		return false
	}
	for _, k := range *item.Key {
		if k.Name == *field.FieldName {
			return true
		}
	}
	return false
}

func isNewItem(live *unstructured.Unstructured, item harden.Path) bool {
	_, there := plan.Lookup(live, item)
	return !there
}

// outermostNew is the list item on the way of the path that live does not have,
// or the path itself.
func outermostNew(live *unstructured.Unstructured, path harden.Path) harden.Path {
	for n := 1; n <= len(path); n++ {
		if path[n-1].Key != nil && isNewItem(live, path[:n]) {
			return path[:n]
		}
	}
	return path
}

// position is where a list item stands in its list, 0 for anything else.
func position(u *unstructured.Unstructured, path harden.Path) int {
	if path[len(path)-1].Key == nil {
		return 0
	}
	list, _ := plan.Lookup(u, path[:len(path)-1])
	item, _ := plan.Lookup(u, path)
	items, _ := list.([]any)
	return max(0, slices.IndexFunc(items, func(other any) bool { return same(item, other) }))
}
