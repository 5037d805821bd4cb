package waivers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An index holds what is looked up for each finding.
type index struct {
	cluster    harden.Cluster
	objects    []object // in a stable order
	labels     map[harden.Key]map[string]string
	foreign    map[harden.Key][]marker
	annotated  map[harden.Key][]*Waiver // waivers of objects
	namespaces map[string][]*Waiver     // waivers of namespaces
	invalid    []invalid
}

type object struct {
	ref      harden.Ref
	meta     metav1.Object
	workload *harden.Workload
}

type invalid struct {
	at     place
	why    string
	waiver Waiver // as far as it could be read
}

// newIndex holds all objects, or those alone that may carry a waiver or a marker.
func newIndex(inv *harden.Inventory, p *Policy, all bool) *index {
	keep := annotated
	if all {
		keep = func(metav1.Object, *harden.Workload) bool { return true }
	}
	x := &index{
		cluster: inv.Cluster, objects: objectsOf(inv, keep), labels: map[harden.Key]map[string]string{}, foreign: map[harden.Key][]marker{},
		annotated: map[harden.Key][]*Waiver{}, namespaces: map[string][]*Waiver{},
	}
	for _, o := range x.objects {
		key := o.ref.Key()
		if labels := o.meta.GetLabels(); len(labels) > 0 {
			x.labels[key] = labels
		}
		if o.workload != nil {
			if found := markers(o.workload); len(found) > 0 {
				x.foreign[key] = found
			}
		}
		if p.ConfigOnly {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(o.meta.GetAnnotations())) {
			if strings.HasPrefix(name, Prefix) {
				x.annotation(o, name, p, inv)
			}
		}
	}
	return x
}

func (x *index) annotation(o object, name string, p *Policy, inv *harden.Inventory) {
	at := place{object: o.ref, workload: o.workload, field: "metadata.annotations[" + name + "]", id: strings.TrimPrefix(name, Prefix)}
	w, err := ParseAnnotation(name, o.meta.GetAnnotations()[name])
	w.Reason, w.By, w.Ticket = p.clean(w.Reason), p.clean(w.By), p.clean(w.Ticket)
	w.at, w.Source = at, "annotation of "+o.ref.String()
	if err == nil {
		err = CheckUntil(w.Until, inv.Now, p.MaxDays)
	}
	if err == nil && !slices.ContainsFunc(p.Rules, func(f *harden.Fixer) bool { return f.ID == w.Rule }) {
		err = fmt.Errorf("there is no rule %q: 'kubectl harden explain' lists them", harden.OneLine(w.Rule))
	}
	if err != nil {
		x.invalid = append(x.invalid, invalid{at, err.Error(), w})
		return
	}
	if o.ref.Kind == "Namespace" {
		x.namespaces[o.ref.Name] = append(x.namespaces[o.ref.Name], &w)
		return
	}
	x.annotated[o.ref.Key()] = append(x.annotated[o.ref.Key()], &w)
}

// annotated reports whether an object may carry a waiver of its own, or a marker
// of another tool.
func annotated(o metav1.Object, w *harden.Workload) bool {
	annotations := o.GetAnnotations()
	if w != nil {
		return len(annotations) > 0
	}
	for name := range annotations {
		if strings.HasPrefix(name, Prefix) {
			return true
		}
	}
	return false
}

// objectsOf are the objects that can carry a waiver, as far as they are to be kept.
func objectsOf(inv *harden.Inventory, keep func(metav1.Object, *harden.Workload) bool) []object {
	var all []object
	add := func(ref func() harden.Ref, meta metav1.Object, w *harden.Workload) {
		if keep(meta, w) {
			all = append(all, object{ref(), meta, w})
		}
	}
	for _, w := range inv.Workloads {
		add(func() harden.Ref { return w.Ref }, &w.Meta, w)
	}
	for name, ns := range inv.Namespaces {
		add(func() harden.Ref {
			return harden.Ref{APIVersion: "v1", Kind: "Namespace", Name: name, UID: ns.UID, Source: inv.NamespaceSources[name]}
		}, ns, nil)
	}
	for namespace, accounts := range inv.ServiceAccounts {
		for name, sa := range accounts {
			add(func() harden.Ref {
				return harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: namespace, Name: name, UID: sa.UID, Source: inv.ServiceAccountSources[namespace][name]}
			}, sa, nil)
		}
	}
	for _, policies := range inv.NetworkPolicies {
		for _, policy := range policies {
			add(func() harden.Ref { return inv.NetworkPolicyRef(policy) }, policy, nil)
		}
	}
	for _, list := range inv.Others {
		for _, o := range list {
			add(func() harden.Ref { return o.Ref }, o.Content, nil)
		}
	}
	slices.SortFunc(all, func(a, b object) int { return compareRefs(a.ref, b.ref) })
	return all
}

func compareRefs(a, b harden.Ref) int {
	return cmp.Or(
		cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Source.File, b.Source.File), cmp.Compare(a.Source.Document, b.Source.Document), cmp.Compare(a.Source.Item, b.Source.Item),
	)
}

// Carrier is the object whose annotations waive a finding: the workload for what
// was found in its pods.
func Carrier(f *harden.Finding) harden.Ref {
	if f.Workload != nil {
		return f.Workload.Ref
	}
	return f.Object
}

func keyOf(f *harden.Finding) harden.Key { return Carrier(f).Key() }

// onObject are the waivers that annotations say about a finding: those of the
// object, then those of its namespace.
func (x *index) onObject(f *harden.Finding) []*Waiver {
	namespace := f.Object.Namespace
	if f.Object.Kind == "Namespace" {
		namespace = f.Object.Name
	}
	return slices.Concat(x.annotated[keyOf(f)], x.namespaces[namespace])
}

// inOrder are all waivers of annotations, in the order of their objects.
func (x *index) inOrder() []*Waiver {
	var all []*Waiver
	for _, o := range x.objects {
		if o.ref.Kind == "Namespace" {
			all = append(all, x.namespaces[o.ref.Name]...)
			continue
		}
		all = append(all, x.annotated[o.ref.Key()]...)
	}
	return all
}
