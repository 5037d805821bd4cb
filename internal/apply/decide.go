package apply

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// A reversal is what undo does with one leaf of the journal.
type reversal int

const (
	// leave: the place is as it was before, or never was ours.
	leave reversal = iota
	// alien: somebody has changed it since. It is left alone and reported.
	alien
	// release: we give it up. The server removes it when nobody else holds it.
	release
	// revert: we held it before too, with another value: that one is applied again.
	revert
	// restore: the recorded value and its owners come back. An apply cannot say
	// that, so it takes two writes.
	restore
)

// A decision is what undo does with a leaf, and why.
type decision struct {
	leaf journal.Leaf
	what reversal
	note string // for people, where something is left as it is
}

func (d decision) path() harden.Path { return harden.Path(d.leaf.Path) }

// writes reports whether the decision changes anything on the cluster.
func (d decision) writes() bool { return d.what != leave && d.what != alien }

// A judge decides about the leaves of one object in its present state.
type judge struct {
	live      *unstructured.Unstructured
	held      []holding
	converter managedfields.TypeConverter
}

// decide applies the cases of undo to one leaf:
//
//	absent before and only ours: give it up (release)
//	another value before: bring it and its owner back (restore), or, when the
//	  owner was this program with an earlier plan, apply that value again (revert)
//	somebody else wants the same value: give up our share (release)
//	somebody set another value since: leave it alone (alien)
//	removed: put it back (restore)
func (j *judge) decide(l journal.Leaf) (decision, error) {
	d := decision{leaf: l}
	ours, back, err := j.compare(l)
	if err != nil {
		return d, err
	}
	owned, shared := j.holders(d.path())
	switch {
	case back:
		d.what = j.whenBack(l, owned, shared)
	case !ours:
		d.what, d.note = alien, j.explainAlien(l)
	case l.Removed:
		d.what = restore
		if gone := j.missingItem(d.path()); gone != "" {
			d.what, d.note = alien, fmt.Sprintf("%s cannot be put back: %s is gone", plan.PathString(d.path()), gone)
		}
	case len(shared) > 0:
		d.what, d.note = release, fmt.Sprintf("%s stays as it is: %q wants it so too", plan.PathString(d.path()), shared[0].entry.Manager)
	case l.Absent && owned == metav1.ManagedFieldsOperationApply:
		d.what = release
	case !l.Absent && wasOurs(l) && owned == metav1.ManagedFieldsOperationApply:
		d.what = revert
	default:
		d.what = restore
	}
	return d, nil
}

// whenBack decides about a place that has the value of before already: it never
// had another one, or an earlier undo was interrupted.
func (j *judge) whenBack(l journal.Leaf, owned metav1.ManagedFieldsOperationType, shared []holding) reversal {
	switch {
	case owned == "", wasOurs(l):
		return leave
	case j.lostOwners(l):
		return restore
	case l.Absent || len(shared) > 0:
		return release
	}
	// Nobody held the value before; giving it up would remove it.
	return restore
}

// lostOwners reports whether a recorded owner of the place does not hold it any more.
func (j *judge) lostOwners(l journal.Leaf) bool {
	return slices.ContainsFunc(l.Owners, func(o journal.Owner) bool {
		return o.Manager != harden.Manager && !slices.ContainsFunc(j.held, func(h holding) bool {
			return h.owner() == o && h.holds(harden.Path(l.Path))
		})
	})
}

func wasOurs(l journal.Leaf) bool {
	return slices.ContainsFunc(l.Owners, func(o journal.Owner) bool { return o.Manager == harden.Manager })
}

// holders are the operation by which we hold the place ("" when we do not; an
// Apply goes before an Update) and the others who hold it.
func (j *judge) holders(path harden.Path) (owned metav1.ManagedFieldsOperationType, shared []holding) {
	for _, h := range j.held {
		switch {
		case !h.holds(path):
		case !h.ours():
			shared = append(shared, h)
		case owned == "" || h.entry.Operation == metav1.ManagedFieldsOperationApply:
			owned = h.entry.Operation
		}
	}
	return owned, shared
}

// compare tells whether the place is as we left it, and whether it is as it was before.
func (j *judge) compare(l journal.Leaf) (ours, back bool, err error) {
	path := harden.Path(l.Path)
	_, there := plan.Lookup(j.live, path)
	ours, back = !there, !there
	if !l.Removed {
		if ours, err = j.has(path, l.Value); err != nil {
			return false, false, err
		}
	}
	if !l.Absent && !l.Lost() {
		back, err = j.has(path, l.Previous)
	}
	return ours, back, err
}

// has reports whether the object has the value at the path, where an explicit
// zero may be stored as absent.
func (j *judge) has(path harden.Path, value any) (bool, error) {
	want := harden.Partial(refOf(j.live))
	plan.Put(want, path, value)
	unmet, err := plan.Unmet(j.live, want, j.converter)
	return len(unmet) == 0, err
}

func (j *judge) explainAlien(l journal.Leaf) string {
	path := harden.Path(l.Path)
	if gone := j.missingItem(path); gone != "" {
		return fmt.Sprintf("%s: %s is gone", plan.PathString(path), gone)
	}
	now, there := plan.Lookup(j.live, path)
	left := "removed"
	if !l.Removed {
		left = "set to " + text(l.Value)
	}
	is := "absent"
	if there {
		shown, _ := plan.MaskAt(path, now)
		is = text(shown)
	}
	return fmt.Sprintf("%s was %s by the plan and is %s now: somebody else changed it, so it is left alone", plan.PathString(path), left, is)
}

// withheld tells why the place is left alone, or "": it held a credential, which
// the journal does not keep, or it refers to where the credential of the same
// environment variable is now.
func withheld(leaves []journal.Leaf, l journal.Leaf) string {
	path := harden.Path(l.Path)
	if l.Lost() {
		return fmt.Sprintf("%s is left as it is: it held a credential, which the journal does not keep; set it from where you keep it, or go back with kubectl rollout undo while the cluster has the former revision", plan.PathString(path))
	}
	for _, other := range leaves {
		value := harden.Path(other.Path)
		n := len(value) - 1
		if other.Lost() && n > 0 && value[n].FieldName != nil && *value[n].FieldName == "value" && plan.Within(path, value[:n]) {
			return plan.PathString(path) + " is left as it is: it took the place of a credential, which the journal does not keep"
		}
	}
	return ""
}

// missingItem names the first list item on the way to the path that is gone.
func (j *judge) missingItem(path harden.Path) string {
	for n := 1; n < len(path); n++ {
		if path[n-1].Key == nil {
			continue
		}
		if _, there := plan.Lookup(j.live, path[:n]); !there {
			return plan.PathString(path[:n])
		}
	}
	return ""
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	const most = 120
	if len(out) > most {
		return string(out[:most]) + "…"
	}
	return string(out)
}
