package plan

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Unintended names what differs between the live object and the object that
// the server returned, although nobody asked: a mutating webhook or policy
// interferes. Allowed are the intended places, what lies below an intended
// removal, and what the server adds below a list item or struct that the body
// itself adds (a securityContext has no defaults: nothing may appear there).
// Status, managedFields, resourceVersion, generation and the like never count;
// an explicit zero equals absent. Live may be nil for an object that is made;
// then every addition is allowed. The result is sorted, in the form of PathString.
func Unintended(live, returned *unstructured.Unstructured, intended *fieldpath.Set, conv managedfields.TypeConverter) ([]string, error) {
	if live == nil {
		return nil, nil
	}
	before, err := toTyped(stored(stripped(live)), conv)
	if err != nil {
		return nil, err
	}
	after, err := toTyped(stored(stripped(returned)), conv)
	if err != nil {
		return nil, err
	}
	changes, err := before.Compare(after)
	if err != nil {
		return nil, fmt.Errorf("comparing %s %q before and after: %w", live.GetKind(), live.GetName(), err)
	}
	wanted := Paths(intended)
	asked := func(path harden.Path) bool {
		return slices.ContainsFunc(wanted, func(w harden.Path) bool { return within(path, w) || within(w, path) })
	}
	var found []string
	for _, set := range []*fieldpath.Set{changes.Removed, changes.Modified} {
		for _, path := range Paths(set) {
			if !asked(path) {
				found = append(found, PathString(path))
			}
		}
	}
	for _, path := range Paths(changes.Added) {
		if !asked(path) && !isDefaultBelow(live, path, wanted) {
			found = append(found, PathString(path))
		}
	}
	slices.Sort(found)
	return found, nil
}

// isDefaultBelow reports whether the added path lies below a list item or
// struct that was not there and that the body brings. Bringing the first item
// of a list, or the first label, does not allow a webhook a second one.
func isDefaultBelow(live *unstructured.Unstructured, path harden.Path, wanted []harden.Path) bool {
	for n := 1; n < len(path); n++ {
		above := path[:n]
		if name := above[n-1].FieldName; name != nil && slices.Contains(withoutDefaults, *name) {
			return false
		}
		isList := path[n].FieldName == nil
		if _, was := lookup(live.Object, above); was || isList {
			continue
		}
		if slices.ContainsFunc(wanted, func(w harden.Path) bool { return within(w, above) }) {
			return true
		}
	}
	return false
}

// withoutDefaults are structs and maps below which the API server defaults nothing.
var withoutDefaults = []string{"securityContext", "labels", "annotations"}

// Unmet names the leaves of set that the returned object holds with another
// value, or not at all; an explicit zero equals absent. It is empty when the
// object is as set wants it. The result is sorted, in the form of PathString.
func Unmet(returned, set *unstructured.Unstructured, conv managedfields.TypeConverter) ([]string, error) {
	paths, err := unmet(returned, set, conv)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, path := range paths {
		names = append(names, PathString(path))
	}
	slices.Sort(names)
	return names, nil
}

// unmet are the leaves of set that an apply of it would change.
func unmet(object, set *unstructured.Unstructured, conv managedfields.TypeConverter) ([]harden.Path, error) {
	leaves, err := FieldSet(set, conv)
	if err != nil {
		return nil, err
	}
	applied, err := merge(object, set, conv)
	if err != nil {
		return nil, err
	}
	before, err := toTyped(stored(object), conv)
	if err != nil {
		return nil, err
	}
	after, err := toTyped(stored(applied), conv)
	if err != nil {
		return nil, err
	}
	changes, err := before.Compare(after)
	if err != nil {
		return nil, fmt.Errorf("comparing %s %q with what it should be: %w", object.GetKind(), object.GetName(), err)
	}
	changed := changes.Added.Union(changes.Modified).Union(changes.Removed)
	return slices.DeleteFunc(Paths(leaves), func(p harden.Path) bool { return !changed.Has(p) }), nil
}

// serverFields are written by the server alone.
var serverFields = []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "selfLink"}

// stripped is a copy without what the server alone writes, and without the
// copy of the whole object that kubectl apply leaves in an annotation.
func stripped(u *unstructured.Unstructured) *unstructured.Unstructured {
	out := u.DeepCopy()
	delete(out.Object, "status")
	for _, field := range serverFields {
		unstructured.RemoveNestedField(out.Object, "metadata", field)
	}
	annotations := out.GetAnnotations()
	if _, ok := annotations[lastApplied]; ok {
		delete(annotations, lastApplied)
		if len(annotations) == 0 {
			annotations = nil
		}
		out.SetAnnotations(annotations)
	}
	return out
}

// lastApplied is where client-side kubectl apply keeps the manifest.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
