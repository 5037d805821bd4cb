package helm

import (
	"maps"
	"reflect"
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An edit is one field or keyed list item that must become another.
type edit struct {
	path     harden.Path
	from, to any // nil: absent
}

// listKeys are the fields that tell the items of a list apart, by the name of
// the list; other lists are values as a whole.
var listKeys = map[string][]string{
	"containers": {"name"}, "initContainers": {"name"}, "ephemeralContainers": {"name"}, "volumes": {"name"},
	"env": {"name"}, "imagePullSecrets": {"name"}, "volumeMounts": {"mountPath"}, "volumeDevices": {"devicePath"},
}

// unordered are keyed lists in which the order means nothing.
var unordered = map[string]bool{"volumes": true, "volumeMounts": true, "imagePullSecrets": true}

// diff are the edits that make b of a, each as deep as it goes: a map that is new
// is one edit for each field in it. Null is the same as absent.
func diff(a, b map[string]any) []edit {
	var out []edit
	diffMaps(&out, nil, a, b)
	return out
}

func diffMaps(out *[]edit, at harden.Path, a, b map[string]any) {
	names := slices.Sorted(maps.Keys(a))
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names[len(a):])
	for _, name := range names {
		diffValues(out, down(at, fieldpath.FieldNameElement(name)), name, a[name], b[name])
	}
}

func diffValues(out *[]edit, at harden.Path, name string, a, b any) {
	if equal(a, b) {
		return
	}
	aMap, aIs := a.(map[string]any)
	bMap, bIs := b.(map[string]any)
	if bIs && (aIs || a == nil && len(bMap) > 0) {
		diffMaps(out, at, aMap, bMap)
		return
	}
	if key := listKeys[name]; key != nil {
		aItems, aOK := keyed(a, key)
		bItems, bOK := keyed(b, key)
		if aOK && bOK {
			if unordered[name] || sameOrder(aItems, bItems) {
				diffItems(out, at, aItems, bItems)
				return
			}
		}
	}
	*out = append(*out, edit{path: at, from: a, to: b})
}

// An item is a list item with the element of a path that means it.
type item struct {
	pe    fieldpath.PathElement
	value map[string]any
}

// keyed are the items of a list by key, and whether all have one of their own.
func keyed(list any, key []string) ([]item, bool) {
	items, ok := list.([]any)
	if !ok {
		return nil, list == nil
	}
	out := make([]item, 0, len(items))
	for _, v := range items {
		m, _ := v.(map[string]any)
		var fields []any
		for _, name := range key {
			if m[name] == nil {
				return nil, false
			}
			fields = append(fields, name, m[name])
		}
		pe := fieldpath.KeyElementByFields(fields...)
		if find(out, pe) >= 0 {
			return nil, false
		}
		out = append(out, item{pe, m})
	}
	return out, true
}

func find(items []item, pe fieldpath.PathElement) int {
	return slices.IndexFunc(items, func(i item) bool { return i.pe.Equals(pe) })
}

// sameOrder reports whether the items that both lists have come in the same
// order, and new ones last.
func sameOrder(a, b []item) bool {
	last, isNew := -1, false
	for _, i := range b {
		at := find(a, i.pe)
		switch {
		case at < 0:
			isNew = true
		case isNew || at < last:
			return false
		default:
			last = at
		}
	}
	return true
}

func diffItems(out *[]edit, at harden.Path, a, b []item) {
	for _, i := range a {
		if j := find(b, i.pe); j >= 0 {
			diffMaps(out, down(at, i.pe), i.value, b[j].value)
		} else {
			*out = append(*out, edit{path: down(at, i.pe), from: i.value})
		}
	}
	for _, i := range b {
		if find(a, i.pe) < 0 {
			*out = append(*out, edit{path: down(at, i.pe), to: i.value})
		}
	}
}

func down(at harden.Path, pe fieldpath.PathElement) harden.Path {
	return append(slices.Clone(at), pe)
}

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }
