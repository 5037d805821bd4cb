package plan

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// identity are fields that say which object is meant, not what it should be.
var identity = fieldpath.NewSet(
	fieldpath.MakePathOrDie("apiVersion"),
	fieldpath.MakePathOrDie("kind"),
	fieldpath.MakePathOrDie("metadata"),
	fieldpath.MakePathOrDie("metadata", "name"),
	fieldpath.MakePathOrDie("metadata", "namespace"),
	fieldpath.MakePathOrDie("metadata", "uid"),
	fieldpath.MakePathOrDie("metadata", "resourceVersion"),
)

// FieldSet is the set of leaves that the object holds: scalars, atomic lists
// and maps, and empty structs, with the key fields of list items, without the
// identity of the object. Nil gives an empty set.
func FieldSet(u *unstructured.Unstructured, conv managedfields.TypeConverter) (*fieldpath.Set, error) {
	if u == nil {
		return fieldpath.NewSet(), nil
	}
	tv, err := toTyped(u, conv)
	if err != nil {
		return nil, err
	}
	set, err := tv.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("listing the fields of %s %q: %w", u.GetKind(), u.GetName(), err)
	}
	return set.Leaves().Difference(identity), nil
}

// Paths are the members of the set in a stable order, each with memory of its
// own. (Set.All of structured-merge-diff v6.4.2 panics when its loop is left early.)
func Paths(set *fieldpath.Set) []harden.Path {
	var paths []harden.Path
	set.Iterate(func(p fieldpath.Path) { paths = append(paths, p.Copy()) })
	return paths
}

// Intended is what an object plan may change: the leaves of Set and the places
// of Remove.
func Intended(op *harden.ObjectPlan, conv managedfields.TypeConverter) (*fieldpath.Set, error) {
	set, err := FieldSet(op.Set, conv)
	if err != nil {
		return nil, err
	}
	return set.Union(fieldpath.NewSet(op.Remove...)), nil
}

// toTyped tolerates duplicate list keys: the API server stores them too.
func toTyped(u *unstructured.Unstructured, conv managedfields.TypeConverter) (*typed.TypedValue, error) {
	tv, err := conv.ObjectToTyped(u, typed.AllowDuplicates)
	if err != nil {
		return nil, fmt.Errorf("matching %s %q with its schema: %w", u.GetKind(), u.GetName(), err)
	}
	return tv, nil
}

// fromTyped makes an object of its own, which shares nothing with what tv was made from.
func fromTyped(tv *typed.TypedValue) (*unstructured.Unstructured, error) {
	m, ok := tv.AsValue().Unstructured().(map[string]any)
	if !ok {
		return nil, fmt.Errorf("merging: the result is no object")
	}
	return (&unstructured.Unstructured{Object: m}).DeepCopy(), nil
}

// merge is what a server-side apply of set makes of the object.
func merge(object, set *unstructured.Unstructured, conv managedfields.TypeConverter) (*unstructured.Unstructured, error) {
	base, err := toTyped(object, conv)
	if err != nil {
		return nil, err
	}
	body, err := toTyped(set, conv)
	if err != nil {
		return nil, err
	}
	merged, err := base.Merge(body)
	if err != nil {
		return nil, fmt.Errorf("merging into %s %q: %w", object.GetKind(), object.GetName(), err)
	}
	return fromTyped(merged)
}
