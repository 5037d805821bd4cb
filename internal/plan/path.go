package plan

import (
	"fmt"
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PathString is the path as the API server writes it when it names a conflict,
// such as .spec.template.spec.containers[name="web"].securityContext.runAsNonRoot.
func PathString(p harden.Path) string { return p.String() }

// defaultKeys are the values of key fields that may be left out of a list item;
// in the built-in types only the protocol of a port has one.
var defaultKeys = map[string]any{"protocol": "TCP"}

// lookup is the value at the path in plain JSON data.
func lookup(data any, path harden.Path) (any, bool) {
	for _, pe := range path {
		switch {
		case pe.FieldName != nil:
			m, _ := data.(map[string]any)
			v, ok := m[*pe.FieldName]
			if !ok {
				return nil, false
			}
			data = v
		default:
			list, _ := data.([]any)
			i := index(list, pe)
			if i < 0 {
				return nil, false
			}
			data = list[i]
		}
	}
	return data, true
}

// index is the position of the first item that the element means, or -1.
func index(list []any, pe fieldpath.PathElement) int {
	if pe.Index != nil {
		if i := *pe.Index; i >= 0 && i < len(list) {
			return i
		}
		return -1
	}
	return slices.IndexFunc(list, func(item any) bool { return means(pe, item) })
}

// means reports whether the element addresses the list item by its key or value.
func means(pe fieldpath.PathElement, item any) bool {
	if pe.Value != nil {
		return value.Equals(*pe.Value, value.NewValueInterface(item))
	}
	m, ok := item.(map[string]any)
	if !ok || pe.Key == nil {
		return false
	}
	for _, field := range *pe.Key {
		v, ok := m[field.Name]
		if !ok {
			if v, ok = defaultKeys[field.Name]; !ok {
				return false
			}
		}
		if !value.Equals(field.Value, value.NewValueInterface(v)) {
			return false
		}
	}
	return true
}

// put makes v the value at the path and creates what leads there; new list
// items get their key fields.
func put(object map[string]any, path harden.Path, v any) {
	container := any(object)
	store := func(any) {} // puts a changed container back where it came from
	for i, pe := range path {
		last := i == len(path)-1
		if pe.FieldName != nil {
			m := container.(map[string]any)
			name := *pe.FieldName
			if last {
				m[name] = v
				return
			}
			if m[name] == nil {
				m[name] = empty(path[i+1])
			}
			container, store = m[name], func(changed any) { m[name] = changed }
			continue
		}
		list, _ := container.([]any)
		at := index(list, pe)
		if at < 0 {
			list = append(list, keyItem(pe))
			at = len(list) - 1
			store(list)
		}
		if last {
			if pe.Key == nil || v != nil {
				list[at] = v
			}
			return
		}
		container, store = list[at], func(changed any) { list[at] = changed }
	}
}

func empty(next fieldpath.PathElement) any {
	if next.FieldName != nil {
		return map[string]any{}
	}
	return []any{}
}

// keyItem is a list item that holds nothing but what the element says.
func keyItem(pe fieldpath.PathElement) any {
	if pe.Value != nil {
		return (*pe.Value).Unstructured()
	}
	item := map[string]any{}
	if pe.Key != nil {
		for _, field := range *pe.Key {
			item[field.Name] = field.Value.Unstructured()
		}
	}
	return item
}

// drop takes away the field or list item at the path. A list that becomes empty
// goes too (for a list map that is the same as absent); a struct stays as {}
// because {} may mean something, such as in emptyDir: {}.
func drop(data any, path harden.Path) (any, error) {
	if len(path) == 0 {
		return data, nil
	}
	pe, last := path[0], len(path) == 1
	if pe.FieldName != nil {
		m, ok := data.(map[string]any)
		if !ok {
			return data, nil
		}
		name := *pe.FieldName
		child, ok := m[name]
		if !ok {
			return data, nil
		}
		if last {
			delete(m, name)
			return m, nil
		}
		child, err := drop(child, path[1:])
		if err != nil {
			return nil, err
		}
		if list, ok := child.([]any); ok && len(list) == 0 {
			delete(m, name)
			return m, nil
		}
		m[name] = child
		return m, nil
	}
	list, ok := data.([]any)
	if !ok {
		return data, nil
	}
	if pe.Index != nil {
		return nil, fmt.Errorf("removing %q: an item of an atomic list cannot be taken away, only the whole list can be set", path)
	}
	if last {
		return slices.DeleteFunc(list, func(item any) bool { return means(pe, item) }), nil
	}
	for i, item := range list {
		if !means(pe, item) {
			continue
		}
		changed, err := drop(item, path[1:])
		if err != nil {
			return nil, err
		}
		list[i] = changed
	}
	return list, nil
}

// within reports whether the path lies at or below the other.
func within(path, other harden.Path) bool {
	return len(path) >= len(other) && path[:len(other)].Equals(other)
}

// templatePath is where objects of the kind carry their pod template, and
// whether they carry one.
func templatePath(kind string) (harden.Path, bool) {
	switch kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod":
	default:
		return nil, false
	}
	path := harden.Path{}
	for _, f := range harden.TemplatePath(kind) {
		path = append(path, fieldpath.FieldNameElement(f))
	}
	return path, true
}

// keyOf is the element of the list item with the key.
func keyOf(name, v string) fieldpath.PathElement {
	return fieldpath.KeyElementByFields(name, v)
}

// hasDuplicates reports whether two items of the list have the same values in
// the fields of the key.
func hasDuplicates(list []any, key value.FieldList) bool {
	for i, item := range list {
		own := fieldpath.PathElement{Key: &value.FieldList{}}
		for _, field := range key {
			m, _ := item.(map[string]any)
			v, ok := m[field.Name]
			if !ok {
				v = defaultKeys[field.Name]
			}
			*own.Key = append(*own.Key, value.Field{Name: field.Name, Value: value.NewValueInterface(v)})
		}
		if index(list[i+1:], own) >= 0 {
			return true
		}
	}
	return false
}
