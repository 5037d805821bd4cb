package plan

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// objectPlans finishes the merged objects and puts them in order.
func (b *builder) objectPlans(u *union) ([]*harden.ObjectPlan, error) {
	var plans []*harden.ObjectPlan
	rank := map[*harden.ObjectPlan]int{}
	planned := map[*candidate][]*harden.ObjectPlan{}
	for _, m := range u.sorted() {
		op, err := b.objectPlan(m)
		if err != nil {
			return nil, err
		}
		if op == nil {
			continue
		}
		plans = append(plans, op)
		rank[op] = b.rank(op)
		for _, c := range m.fixes {
			planned[c] = append(planned[c], op)
		}
	}
	for _, c := range u.accepted {
		if len(planned[c]) == 0 {
			b.leaveOut(c, alreadySo)
		}
	}
	slices.SortStableFunc(plans, func(x, y *harden.ObjectPlan) int { return cmp.Compare(rank[x], rank[y]) })
	return inSequence(plans, u.accepted), nil
}

// objectPlan is nil when the object has everything already.
func (b *builder) objectPlan(m *merged) (*harden.ObjectPlan, error) {
	before := b.object(m.ref).before
	op := &harden.ObjectPlan{Target: m.ref, Verb: m.verb, Set: m.set, Remove: m.remove, Force: b.opts.ForceConflicts}
	if m.verb == harden.Apply {
		set, remove, err := effective(before, m.set, m.remove, b.conv)
		if err != nil {
			return nil, err
		}
		if set == nil && len(remove) == 0 {
			return nil, nil
		}
		if set != nil {
			if set, err = inOrderOf(before, set, b.conv); err != nil {
				return nil, err
			}
		}
		op.Set, op.Remove = set, remove
	}
	for _, c := range m.fixes {
		op.Fixes = append(op.Fixes, harden.PlannedFix{Finding: c.finding, Fix: c.fix})
	}
	if err := b.show(op, before); err != nil {
		return nil, err
	}
	return op, b.route(op, before)
}

func (b *builder) show(op *harden.ObjectPlan, before *unstructured.Unstructured) error {
	after := op.Set
	if before != nil {
		var err error
		if after, err = Project(before, op.Set, op.Remove, b.conv); err != nil {
			return err
		}
	}
	view, err := Compare(op.Target, before, after)
	if err != nil {
		return err
	}
	op.Before, op.After, op.Diff = view.Before, view.After, view.Diff
	return nil
}

func (b *builder) route(op *harden.ObjectPlan, before *unstructured.Unstructured) error {
	r := route{op: op, before: before, force: b.opts.Live}
	intended, err := Intended(op, b.conv)
	if err != nil {
		return err
	}
	for _, path := range Paths(intended) {
		if !isKeyLeaf(path) {
			r.paths = append(r.paths, path)
		}
	}
	if before != nil && b.inv.Live() {
		op.Fields = fieldOwners(before, r.paths)
		r.owner = findOwner(before, b.workload(op.Target), b.inv.Owners)
		if r.owner != nil {
			op.Owner = &r.owner.Owner
		} else {
			r.mayBeArgo = mayBeArgo(before, b.inv.Owners)
		}
	}
	r.decide(b.inv.Live())
	op.Restarts, err = r.restarts(b.conv)
	return err
}

// workload is the workload of the inventory that the object is, or nil.
func (b *builder) workload(ref harden.Ref) *harden.Workload {
	for _, w := range b.inv.Workloads {
		if w.Ref.Key() == ref.Key() {
			return w
		}
	}
	return nil
}

// Ranks of objects, least critical first, as far as that is knowable.
const (
	rankCreate    = iota // others may need it
	rankNoRestart        // no pod is replaced
	rankIdle             // no pod runs
	rankWorkload
	rankNode   // a DaemonSet is on every node
	rankSystem // the cluster itself depends on it
)

func (b *builder) rank(op *harden.ObjectPlan) int {
	w := b.workload(op.Target)
	switch {
	case op.Verb == harden.Create:
		return rankCreate
	case strings.HasPrefix(op.Target.Namespace, "kube-"):
		return rankSystem
	case op.Restarts == 0:
		return rankNoRestart
	case w != nil && (w.Suspended || w.Replicas != nil && *w.Replicas == 0):
		return rankIdle
	case op.Target.Kind == "DaemonSet":
		return rankNode
	default:
		return rankWorkload
	}
}

// inSequence keeps the order of the changes within each fix, and that of the
// plans where no fix says otherwise. Fixes that contradict each other in this
// are not repaired: the order of the plans wins.
func inSequence(plans []*harden.ObjectPlan, fixes []*candidate) []*harden.ObjectPlan {
	after := map[harden.Key][]harden.Key{} // what must come before the object
	for _, c := range fixes {
		for i := 1; i < len(c.changes); i++ {
			key, first := c.changes[i].Target.Key(), c.changes[i-1].Target.Key()
			if key != first {
				after[key] = append(after[key], first)
			}
		}
	}
	var out []*harden.ObjectPlan
	waiting := slices.Clone(plans)
	for len(waiting) > 0 {
		ready := slices.IndexFunc(waiting, func(op *harden.ObjectPlan) bool {
			return !slices.ContainsFunc(waiting, func(other *harden.ObjectPlan) bool {
				return slices.Contains(after[op.Target.Key()], other.Target.Key())
			})
		})
		ready = max(ready, 0)
		out = append(out, waiting[ready])
		waiting = slices.Delete(waiting, ready, ready+1)
	}
	return out
}

func compareRefs(x, y harden.Ref) int {
	return cmp.Or(
		cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name),
		cmp.Compare(x.Source.File, y.Source.File), cmp.Compare(x.Source.Document, y.Source.Document), cmp.Compare(x.Source.Item, y.Source.Item),
		cmp.Compare(x.APIVersion, y.APIVersion),
	)
}
