package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Pick is a finding that somebody wants repaired, with the fixes that were
// proposed for it, best first. The first one of an allowed class that fits is
// taken, and with PlanOptions.Try the first that may be tried where none is.
type Pick struct {
	Finding *harden.Finding
	Fixes   []harden.Fix
}

// Objects gives an object as it is now: from a cluster with its managedFields
// (without them owners are known by their labels only), from a file as it
// stands there. An object that does not exist is nil without an error, or an
// error that apierrors.IsNotFound knows.
type Objects func(harden.Ref) (*unstructured.Unstructured, error)

// Build makes the plan for the picks: one entry per object that will change,
// objects that are made before those that use them, then the least critical
// first. The result does not depend on the order of the picks.
//
// A pick that cannot be planned is in LeftOut with the reason: its class is not
// allowed, another finding must be repaired first, it contradicts a more severe
// fix of the plan, the API server would refuse the result, the object is gone,
// or has everything already. For files Delivery is always DeliverLive, which
// then means that the change is written to the output. An error means that a fix is wrong in itself: it
// sets spec.replicas, or it cannot be read.
func Build(inv *harden.Inventory, picks []Pick, objects Objects, conv managedfields.TypeConverter, opts harden.PlanOptions) (*harden.Plan, error) {
	b := &builder{inv: inv, read: objects, conv: conv, opts: opts, objects: map[harden.Key]object{}, reasons: map[*candidate]string{}}
	candidates, err := b.choose(picks)
	if err != nil {
		return nil, err
	}
	var kept []*candidate
	for _, c := range candidates {
		if why := b.check(c); why == "" {
			kept = append(kept, c)
		} else if next := b.next(c, why); next != nil {
			kept = append(kept, next)
		} else {
			b.leaveOut(c, why)
		}
	}
	m := b.assemble(kept)
	plan := &harden.Plan{Live: inv.Live()}
	if plan.Objects, err = b.objectPlans(m); err != nil {
		return nil, err
	}
	plan.LeftOut = b.left
	slices.SortStableFunc(plan.LeftOut, func(x, y harden.LeftOut) int { return compareFindings(x.Finding, y.Finding) })
	return plan, nil
}

type builder struct {
	inv     *harden.Inventory
	read    Objects
	conv    managedfields.TypeConverter
	opts    harden.PlanOptions
	objects map[harden.Key]object
	reasons map[*candidate]string // why a candidate is not taken after all
	left    []harden.LeftOut
}

type object struct {
	before *unstructured.Unstructured // nil when there is none
	err    error
}

func (b *builder) object(ref harden.Ref) object {
	if o, ok := b.objects[ref.Key()]; ok {
		return o
	}
	o := object{}
	o.before, o.err = b.read(ref)
	if apierrors.IsNotFound(o.err) {
		o = object{}
	}
	b.objects[ref.Key()] = o
	return o
}

// leaveOut names the best fix of the finding, and why that one is not taken.
func (b *builder) leaveOut(c *candidate, why string) {
	if c.refused != "" {
		b.left = append(b.left, harden.LeftOut{Finding: c.finding, Fix: c.best, Why: c.refused})
		return
	}
	b.left = append(b.left, harden.LeftOut{Finding: c.finding, Fix: &c.fix, Why: why})
}

// next is the next best fix of the finding that can be planned by itself, or nil.
// What is so already needs no other fix.
func (b *builder) next(c *candidate, why string) *candidate {
	if why == alreadySo {
		return nil
	}
	best, refused := &c.fix, why
	if c.refused != "" {
		best, refused = c.best, c.refused
	}
	for i, other := range c.others {
		if b.check(other) == "" {
			other.others, other.best, other.refused = c.others[i+1:], best, refused
			return other
		}
	}
	return nil
}

// alreadySo is why a fix that changes nothing is left out.
const alreadySo = "already so"

// choose takes the fixes that are allowed for each finding, most severe finding first.
func (b *builder) choose(picks []Pick) ([]*candidate, error) {
	picks = slices.Clone(picks)
	slices.SortStableFunc(picks, func(x, y Pick) int {
		return cmp.Or(-cmp.Compare(x.Finding.Severity, y.Finding.Severity), compareFindings(x.Finding, y.Finding))
	})
	picks = slices.CompactFunc(picks, func(x, y Pick) bool {
		return x.Finding.Object.Key() == y.Finding.Object.Key() && x.Finding.ID() == y.Finding.ID()
	})
	var chosen []*candidate
	for _, pick := range picks {
		fixes, out := b.take(pick)
		if len(fixes) == 0 {
			b.left = append(b.left, out)
			continue
		}
		var all []*candidate
		for _, fix := range fixes {
			c := &candidate{finding: pick.Finding, fix: *fix}
			if err := b.fill(c); err != nil {
				return nil, fmt.Errorf("planning %q for %s: %w", pick.Finding.Fixer.ID, pick.Finding.Object.Long(), err)
			}
			all = append(all, c)
		}
		all[0].others = all[1:]
		chosen = append(chosen, all[0])
	}
	return chosen, nil
}

func compareFindings(x, y *harden.Finding) int {
	return cmp.Or(harden.CompareFindings(x, y), cmp.Compare(x.ID(), y.ID()))
}

// take is the fixes that may be planned, best first: those of an allowed class,
// then those that may be tried. Where there are none it says why.
func (b *builder) take(pick Pick) ([]*harden.Fix, harden.LeftOut) {
	out := func(fix *harden.Fix, why string) ([]*harden.Fix, harden.LeftOut) {
		return nil, harden.LeftOut{Finding: pick.Finding, Fix: fix, Why: why}
	}
	switch f := pick.Finding; f.Status {
	case harden.StatusFail:
	case harden.StatusUnknown:
		return out(nil, "it is not known whether this is wrong: "+f.Reason)
	default:
		return out(nil, "not to be repaired: "+f.Status.String())
	}
	var allowed, tried []*harden.Fix
	var other []string
	var manual, first *harden.Fix
	for i := range pick.Fixes {
		fix := &pick.Fixes[i]
		switch {
		case len(fix.Changes) == 0:
			if manual == nil {
				manual = fix
			}
		case len(b.opts.Classes) == 0 || slices.Contains(b.opts.Classes, fix.Class):
			allowed = append(allowed, fix)
		case b.opts.Try && b.inv.Live() && mayBeTried(fix):
			tried = append(tried, fix)
		default:
			if first == nil {
				first = fix
			}
			if !slices.Contains(other, fix.Class.String()) {
				other = append(other, fix.Class.String())
			}
		}
	}
	switch {
	case len(allowed)+len(tried) > 0:
		return append(allowed, tried...), harden.LeftOut{}
	case first != nil:
		var classes []string
		for _, c := range b.opts.Classes {
			classes = append(classes, c.String())
		}
		return out(first, fmt.Sprintf("class %s: not in --class %s", strings.Join(other, ", "), strings.Join(classes, ",")))
	case manual != nil:
		return out(manual, cmp.Or(manual.Manual, "has to be done by hand: "+manual.Title))
	default:
		return out(nil, "detection only")
	}
}

// mayBeTried reports whether a rollout will tell if the fix, which is for
// review, is right: it changes nothing but pod templates of kinds that replace
// their pods, and nothing speaks against it.
func mayBeTried(fix *harden.Fix) bool {
	return fix.Class == harden.Review &&
		!slices.ContainsFunc(fix.Evidence, func(c harden.Claim) bool { return c.State == harden.Refutes }) &&
		!slices.ContainsFunc(fix.Changes, func(c harden.Change) bool { return c.Verb != harden.Apply || !changesTemplateAlone(c) })
}

func changesTemplateAlone(c harden.Change) bool {
	switch c.Target.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
	default:
		return false
	}
	template := harden.TemplateFieldPath(c.Target)
	if slices.ContainsFunc(c.Remove, func(p harden.Path) bool { return !within(p, template) }) {
		return false
	}
	if c.Set == nil {
		return true
	}
	holdsOnly := func(v any, fields ...string) bool {
		m, _ := v.(map[string]any)
		for field := range m {
			if !slices.Contains(fields, field) {
				return false
			}
		}
		return true
	}
	o := c.Set.Object
	return holdsOnly(o, "apiVersion", "kind", "metadata", "spec") && holdsOnly(o["metadata"], "name", "namespace") && holdsOnly(o["spec"], "template")
}

// fill reads the changes of the fix.
func (b *builder) fill(c *candidate) error {
	for _, change := range c.fix.Changes {
		if change.Set == nil && (change.Verb == harden.Create || len(change.Remove) == 0) {
			return fmt.Errorf("the change of %s says nothing", change.Target)
		}
		if change.Set != nil {
			set, err := canonical(change.Set)
			if err != nil {
				return err
			}
			if _, ok, _ := unstructured.NestedFieldNoCopy(set.Object, "spec", "replicas"); ok {
				return errors.New("the change sets spec.replicas, which belongs to whoever scales the workload")
			}
			change.Set = set
		}
		c.changes = append(c.changes, change)
		c.paths = append(c.paths, change.Remove...)
	}
	return nil
}

// check tells why the fix cannot be planned whatever the others do, or "".
func (b *builder) check(c *candidate) string {
	anything := false
	for _, change := range c.changes {
		o := b.object(change.Target)
		switch {
		case o.err != nil:
			return fmt.Sprintf("%s cannot be read: %v", change.Target, o.err)
		case change.Verb == harden.Create && o.before != nil:
			return fmt.Sprintf("%s exists already", change.Target)
		case change.Verb == harden.Apply && o.before == nil:
			return fmt.Sprintf("%s does not exist (any more)", change.Target)
		}
		leaves, err := FieldSet(change.Set, b.conv)
		if err != nil {
			return err.Error()
		}
		c.paths = append(c.paths, Paths(leaves)...)
		if change.Verb == harden.Create {
			anything = true
			continue
		}
		set, remove, err := effective(o.before, change.Set, change.Remove, b.conv)
		if err != nil {
			return err.Error()
		}
		anything = anything || set != nil || len(remove) > 0
		if why := b.checkLists(change, o.before); why != "" {
			return why
		}
	}
	if !anything {
		return alreadySo
	}
	return b.checkAutoscaler(c)
}

// checkLists looks at the lists that the change leads into.
func (b *builder) checkLists(change harden.Change, before *unstructured.Unstructured) string {
	items, err := itemsOf(change.Set, b.conv)
	if err != nil {
		return err.Error()
	}
	for _, item := range items {
		n := len(item)
		list := item[n-2].FieldName
		if list == nil || !slices.Contains([]string{"containers", "initContainers", "ephemeralContainers"}, *list) {
			continue
		}
		if _, ok := lookup(before.Object, item); !ok {
			return fmt.Sprintf("%s has no %s", change.Target, PathString(item[n-2:])[1:])
		}
	}
	if list := duplicates(before, append(items, change.Remove...)); list != "" {
		return fmt.Sprintf("%s of %s has two items with one key: server-side apply cannot tell them apart", list, change.Target)
	}
	if minor := b.inv.Cluster.Minor; b.inv.Live() && minor > 0 && minor < 29 {
		if _, err := b.conv.ObjectToTyped(before); err != nil {
			return fmt.Sprintf("Kubernetes 1.%d refuses every server-side apply to %s: %v", minor, change.Target, err)
		}
	}
	return ""
}

// vpaMarks are annotations that the VerticalPodAutoscaler's admission puts on
// the pods whose resources it sets (vertical-pod-autoscaler, pkg/admission-controller).
var vpaMarks = []string{"vpaUpdates", "vpaObservedContainers"}

func (b *builder) checkAutoscaler(c *candidate) string {
	resources := slices.ContainsFunc(c.paths, func(p harden.Path) bool {
		return slices.ContainsFunc(p, func(pe fieldpath.PathElement) bool { return pe.FieldName != nil && *pe.FieldName == "resources" })
	})
	if !resources || c.finding.Workload == nil {
		return ""
	}
	if s := b.inv.ScalerOf(harden.VerticalPodAutoscaler, c.finding.Workload.Ref); s != nil {
		return s.Ref.String() + " sets the resources of these pods: change its spec.resourcePolicy"
	}
	for _, pod := range c.finding.Workload.Pods {
		for _, mark := range vpaMarks {
			if _, ok := pod.Annotations[mark]; ok {
				return "a VerticalPodAutoscaler sets the resources of these pods: change its policy"
			}
		}
	}
	return ""
}
