package fixtest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Repair takes the first fix of every finding of the fixers and makes its
// changes in the objects, which it returns as YAML. Two fixes that want
// different values for one field fail the test, and so does a removal of what
// another fix sets. Findings without changes are passed over.
//
// It merges as far as these tests need; what really becomes of a plan is the
// business of the plan package.
func Repair(t testing.TB, fixers []*harden.Fixer, text string, opts ...Option) string {
	t.Helper()
	inv := Load(t, text, opts...)
	r := repair{t: t, docs: map[string]map[string]any{}, set: map[string]any{}}
	order := r.read(text)
	for _, fixer := range fixers {
		for _, p := range check(fixer, inv) {
			for _, f := range p.Findings {
				if fixer.Fix == nil {
					continue
				}
				fixes := fixer.Fix(p, f)
				if len(fixes) > 0 {
					r.apply(fixes[0].Changes)
				}
			}
		}
	}
	var out []string
	for _, key := range order {
		doc, err := yaml.Marshal(r.docs[key])
		if err != nil {
			t.Fatalf("writing YAML: %v", err)
		}
		out = append(out, string(doc))
	}
	return strings.Join(out, "---\n")
}

type repair struct {
	t    testing.TB
	docs map[string]map[string]any
	set  map[string]any // what was set or removed so far, by object and path
}

type removed struct{}

func (r *repair) read(text string) (order []string) {
	r.t.Helper()
	for _, doc := range strings.Split(text, "\n---\n") {
		o := map[string]any{}
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			r.t.Fatalf("reading YAML: %v", err)
		}
		if len(o) == 0 {
			continue
		}
		meta := o["metadata"].(map[string]any)
		key := fmt.Sprint(o["kind"], "/", meta["name"])
		r.docs[key] = o
		order = append(order, key)
	}
	return order
}

func (r *repair) apply(changes []harden.Change) {
	r.t.Helper()
	for _, c := range changes {
		key := c.Target.String()
		doc := r.docs[key]
		if doc == nil {
			r.t.Fatalf("change of %s, which is not among the objects", key)
		}
		if c.Set != nil {
			r.merge(doc, withoutIdentity(plain(r.t, c.Set.Object)), key)
		}
		for _, path := range c.Remove {
			r.note(key+path.String(), removed{})
			remove(doc, path)
		}
	}
}

func (r *repair) note(path string, value any) {
	r.t.Helper()
	if old, ok := r.set[path]; ok && !reflect.DeepEqual(old, value) {
		r.t.Fatalf("two fixes disagree on %s: %v and %v", path, old, value)
	}
	r.set[path] = value
}

func (r *repair) merge(into, from map[string]any, path string) {
	r.t.Helper()
	for k, v := range from {
		at := path + "." + k
		switch v := v.(type) {
		case map[string]any:
			child, ok := into[k].(map[string]any)
			if !ok {
				child = map[string]any{}
				into[k] = child
			}
			r.merge(child, v, at)
		case []any:
			if keys := listKeys[k]; keys != nil {
				into[k] = r.mergeList(into[k], v, keys, at)
				continue
			}
			r.note(at, v)
			into[k] = v
		default:
			r.note(at, v)
			into[k] = v
		}
	}
}

// listKeys are the keys of the list maps that fixes touch
// (x-kubernetes-list-map-keys in the API's OpenAPI document).
var listKeys = map[string][]string{
	"containers": {"name"}, "initContainers": {"name"}, "volumes": {"name"}, "env": {"name"},
	"volumeMounts": {"mountPath"}, "ports": {"containerPort", "protocol"},
}

func (r *repair) mergeList(into any, from []any, keys []string, path string) []any {
	r.t.Helper()
	items, _ := into.([]any)
	for _, f := range from {
		item := f.(map[string]any)
		at := path + "[" + key(item, keys) + "]"
		target := find(items, item, keys)
		if target == nil {
			target = map[string]any{}
			items = append(items, target)
		}
		r.merge(target, item, at)
	}
	return items
}

// key writes the key of an item as fieldpath does.
func key(item map[string]any, keys []string) string {
	var parts []string
	for _, k := range keys {
		v := item[k]
		if v == nil && k == "protocol" {
			v = "TCP"
		}
		if text, ok := v.(string); ok {
			v = strconv.Quote(text)
		}
		parts = append(parts, fmt.Sprint(k, "=", v))
	}
	return strings.Join(parts, ",")
}

func find(items []any, like map[string]any, keys []string) map[string]any {
	for _, i := range items {
		if m, ok := i.(map[string]any); ok && key(m, keys) == key(like, keys) {
			return m
		}
	}
	return nil
}

func remove(doc map[string]any, path harden.Path) {
	var at any = doc
	var keep func([]any) // puts a shorter list in the place of the one reached
	for n, e := range path {
		last := n == len(path)-1
		switch {
		case e.FieldName != nil:
			m, ok := at.(map[string]any)
			if !ok {
				return
			}
			if last {
				delete(m, *e.FieldName)
				return
			}
			at = m[*e.FieldName]
			keep = func(items []any) { m[*e.FieldName] = items }
		case e.Key != nil:
			items, _ := at.([]any)
			item := find(items, keyFields(e), keyNames(e))
			if last {
				keep(slices.DeleteFunc(items, func(i any) bool { return reflect.DeepEqual(i, any(item)) }))
				return
			}
			at = item
		}
	}
}

func keyFields(e fieldpath.PathElement) map[string]any {
	fields := map[string]any{}
	for _, f := range *e.Key {
		fields[f.Name] = f.Value.Unstructured()
	}
	return fields
}

func keyNames(e fieldpath.PathElement) []string {
	var names []string
	for _, f := range *e.Key {
		names = append(names, f.Name)
	}
	return names
}

func withoutIdentity(o map[string]any) map[string]any {
	delete(o, "apiVersion")
	delete(o, "kind")
	meta := o["metadata"].(map[string]any)
	delete(meta, "name")
	delete(meta, "namespace")
	if len(meta) == 0 {
		delete(o, "metadata")
	}
	return o
}

// plain is the object as YAML would give it, so that numbers compare.
func plain(t testing.TB, o map[string]any) map[string]any {
	t.Helper()
	text, err := yaml.Marshal(o)
	if err != nil {
		t.Fatalf("writing a change: %v", err)
	}
	out := map[string]any{}
	if err := yaml.Unmarshal(text, &out); err != nil {
		t.Fatalf("reading a change: %v", err)
	}
	return out
}
