package plan

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Revise is the plan of an object with another patch, which a person wrote: set
// (nil: nothing is set) and remove. Before is the object as it is now, with
// managedFields; nil for one that will be made. All fixes become those of class
// review. An error says why the patch cannot be planned.
func Revise(inv *harden.Inventory, op *harden.ObjectPlan, set *unstructured.Unstructured, remove []harden.Path, before *unstructured.Unstructured, conv managedfields.TypeConverter, opts harden.PlanOptions) (*harden.ObjectPlan, error) {
	b := &builder{
		inv: inv, conv: conv, opts: opts, objects: map[harden.Key]object{}, reasons: map[*candidate]string{},
		read: func(harden.Ref) (*unstructured.Unstructured, error) { return before, nil },
	}
	change := harden.Change{Target: op.Target, Verb: op.Verb, Set: set, Remove: remove}
	c := &candidate{fix: harden.Fix{Changes: []harden.Change{change}}, finding: &harden.Finding{}}
	if w := b.workload(op.Target); w != nil {
		c.finding.Workload = w
	}
	if err := b.fill(c); err != nil {
		return nil, err
	}
	switch why := b.check(c); why {
	case "":
	case alreadySo:
		return nil, fmt.Errorf("%s is as the patch wants it already: leave it out of the plan instead", op.Target.Long())
	default:
		return nil, errors.New(why)
	}
	m, err := (&merged{ref: op.Target, verb: op.Verb}).with(c, c.changes[0], conv)
	if err != nil {
		return nil, err
	}
	if err := b.refuses(m, before); err != nil {
		return nil, err
	}
	next, err := b.objectPlan(&merged{ref: m.ref, verb: m.verb, set: m.set, remove: m.remove})
	if err != nil {
		return nil, err
	}
	next.Force = op.Force
	for _, pf := range op.Fixes {
		fix := pf.Fix
		fix.Class, fix.Changes = harden.Review, []harden.Change{change}
		for _, other := range pf.Fix.Changes {
			if other.Target.Key() != op.Target.Key() {
				fix.Changes = append(fix.Changes, other)
			}
		}
		next.Fixes = append(next.Fixes, harden.PlannedFix{Finding: pf.Finding, Fix: fix})
	}
	return next, nil
}

// refuses is an error where the object would hold a combination that a server
// refuses and did not hold before.
func (b *builder) refuses(m *merged, before *unstructured.Unstructured) error {
	if before == nil {
		return nil
	}
	after, err := Project(before, m.set, m.remove, b.conv)
	if err != nil {
		return err
	}
	old := refusals(before)
	for _, r := range refusals(after) {
		if !isAmong(r, old) {
			return errors.New(r.why)
		}
	}
	return nil
}
