package plan

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Intent is what the manager applied to the live object so far, as far as it
// still stands: a partial object with identity, or nil when the manager has no
// Apply entry. An apply that leaves a part of it out gives that part up.
func Intent(live *unstructured.Unstructured, manager string, conv managedfields.TypeConverter) (*unstructured.Unstructured, error) {
	for _, entry := range live.GetManagedFields() {
		if entry.Manager != manager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "" {
			continue
		}
		if entry.APIVersion != live.GetAPIVersion() {
			return nil, fmt.Errorf("reading what %q applied to %s %q: it was applied as %s, the object was read as %s",
				manager, live.GetKind(), live.GetName(), entry.APIVersion, live.GetAPIVersion())
		}
		owned, err := entrySet(entry)
		if err != nil {
			return nil, fmt.Errorf("reading what %q applied to %s %q: %w", manager, live.GetKind(), live.GetName(), err)
		}
		return extract(live, owned.Leaves(), conv)
	}
	return nil, nil
}

// entrySet reads the fields of a managedFields entry.
func entrySet(entry metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	set := fieldpath.NewSet()
	if entry.FieldsV1 == nil {
		return set, nil
	}
	if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
		return nil, fmt.Errorf("decoding managed fields: %w", err)
	}
	return set, nil
}

// extract is the part of the object at the leaves, with the keys that address
// it. A leaf that was applied as an explicit zero is stored as absent; it is
// put back, or the next apply would give it up.
func extract(object *unstructured.Unstructured, leaves *fieldpath.Set, conv managedfields.TypeConverter) (*unstructured.Unstructured, error) {
	tv, err := toTyped(object, conv)
	if err != nil {
		return nil, err
	}
	out := harden.Partial(refOf(object))
	if part, ok := tv.ExtractItems(leaves, typed.WithAppendKeyFields()).AsValue().Unstructured().(map[string]any); ok {
		part = (&unstructured.Unstructured{Object: part}).DeepCopy().Object
		for k, v := range out.Object {
			if k != "metadata" {
				part[k] = v
			}
		}
		meta, _ := part["metadata"].(map[string]any)
		if meta == nil {
			meta = map[string]any{}
		}
		for k, v := range out.Object["metadata"].(map[string]any) {
			meta[k] = v
		}
		part["metadata"] = meta
		out.Object = part
	}
	for _, path := range Paths(leaves) {
		zero, ok := zeroOf(object.GroupVersionKind(), path)
		if !ok {
			continue
		}
		if _, there := lookup(object.Object, path); there {
			continue
		}
		if _, there := lookup(object.Object, path[:len(path)-1]); there {
			put(out.Object, path, zero)
		}
	}
	return out, nil
}

func refOf(u *unstructured.Unstructured) harden.Ref {
	return harden.Ref{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName(), UID: u.GetUID()}
}

// MergeIntent is the body of the next apply: what was applied before (nil:
// nothing) and set (nil: nothing new), set winning, with list items in the
// order in which live has them. The order matters: a server-side apply moves
// items to the order of its body, and that of initContainers is when they run.
func MergeIntent(live, prev, set *unstructured.Unstructured, conv managedfields.TypeConverter) (*unstructured.Unstructured, error) {
	body := harden.Partial(refOf(live))
	for _, part := range []*unstructured.Unstructured{prev, set} {
		if part == nil {
			continue
		}
		merged, err := merge(body, part, conv)
		if err != nil {
			return nil, err
		}
		body = merged
	}
	return inOrderOf(live, body, conv)
}

// Without is the intent without the fields or list items at the paths. What
// then says nothing any more goes too: list items that hold only their keys
// (owning such an item would keep it alive), structs and lists that became
// empty. The path of a key field takes its item only when nothing else is left.
func Without(intent *unstructured.Unstructured, paths []harden.Path, conv managedfields.TypeConverter) (*unstructured.Unstructured, error) {
	if intent == nil {
		return nil, nil
	}
	if _, err := toTyped(intent, conv); err != nil {
		return nil, err
	}
	out := intent.DeepCopy()
	var items []harden.Path // of which only the key is given up
	for _, path := range paths {
		if isKeyLeaf(path) {
			items = append(items, path[:len(path)-1])
			continue
		}
		if err := dropWithParents(out, path); err != nil {
			return nil, err
		}
	}
	for _, item := range items {
		if v, ok := lookup(out.Object, item); ok && saysNothing(item[len(item)-1], v) {
			if err := dropWithParents(out, item); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// dropWithParents takes the path out, and what leads there as far as it says
// nothing any more.
func dropWithParents(u *unstructured.Unstructured, path harden.Path) error {
	if _, ok := lookup(u.Object, path); !ok {
		return nil
	}
	if _, err := drop(u.Object, path); err != nil {
		return err
	}
	for n := len(path) - 1; n > 0; n-- {
		parent := path[:n]
		v, ok := lookup(u.Object, parent)
		if ok && !saysNothing(parent[n-1], v) {
			return nil
		}
		if _, err := drop(u.Object, parent); err != nil {
			return err
		}
	}
	return nil
}

// saysNothing reports whether the value is empty or holds only the key that
// addresses it.
func saysNothing(pe fieldpath.PathElement, v any) bool {
	switch v := v.(type) {
	case map[string]any:
		if pe.Key == nil {
			return len(v) == 0
		}
		for name := range v {
			if !isKey(pe, name) {
				return false
			}
		}
		return true
	case []any:
		return len(v) == 0
	default:
		return false
	}
}

func isKey(pe fieldpath.PathElement, name string) bool {
	for _, field := range *pe.Key {
		if field.Name == name {
			return true
		}
	}
	return false
}

// MissingItems are the list items (containers, ports, volumes …) that set
// changes by key, that were there when the plan was made (before) and are gone
// from live: a container was renamed in between. Items that before does not
// have are meant to be added. The result is for people, in order.
func MissingItems(before, live, set *unstructured.Unstructured, conv managedfields.TypeConverter) ([]string, error) {
	items, err := itemsOf(set, conv)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, item := range items {
		if before != nil {
			if _, was := lookup(before.Object, item); !was {
				continue
			}
		}
		if _, is := lookup(live.Object, item); !is {
			missing = append(missing, PathString(item))
		}
	}
	return missing, nil
}

// itemsOf are the list items that the object addresses by key.
func itemsOf(u *unstructured.Unstructured, conv managedfields.TypeConverter) ([]harden.Path, error) {
	if u == nil {
		return nil, nil
	}
	tv, err := toTyped(u, conv)
	if err != nil {
		return nil, err
	}
	set, err := tv.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("listing the fields of %s %q: %w", u.GetKind(), u.GetName(), err)
	}
	var items []harden.Path
	for _, path := range Paths(set) {
		if last := path[len(path)-1]; last.Key != nil {
			items = append(items, path)
		}
	}
	return items, nil
}
