package checkout

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// differs is the first field that the source sets and that is otherwise on the
// cluster; empty when the source explains the live object. Fields in which the
// live object changes from before to after are left aside, and so are replicas,
// which autoscalers and people change.
func differs(source, before, after *unstructured.Unstructured) string {
	for _, name := range slices.Sorted(maps.Keys(source.Object)) {
		switch name {
		case "apiVersion", "kind", "status":
			continue // the group was compared; a server gives objects in any of its versions
		case "metadata":
			if at := metadata(source.Object[name], before.Object[name], after.Object[name]); at != "" {
				return at
			}
			continue
		}
		if at := value(name, source.Object[name], before.Object[name], after.Object[name], false); at != "" {
			return at
		}
	}
	return ""
}

// metadata compares labels and annotations; the rest is identity.
func metadata(source, before, after any) string {
	s, _ := source.(map[string]any)
	b, _ := before.(map[string]any)
	a, _ := after.(map[string]any)
	for _, name := range []string{"annotations", "labels"} {
		if at := value("metadata."+name, s[name], b[name], a[name], false); at != "" {
			return at
		}
	}
	return ""
}

// quantities are fields below which 1 and 1000m are the same.
var quantities = []string{"limits", "requests", "capacity", "storage", "sizeLimit", "hard", "min", "max", "default", "defaultRequest", "divisor", "overhead"}

func value(at string, source, before, after any, quantity bool) string {
	switch {
	case source == nil, zero(source) && zero(before), at == "spec.replicas":
		return ""
	case !equal(before, after, quantity) && (leaf(before) || leaf(after)):
		return "" // it is what the fix changes
	}
	switch source := source.(type) {
	case map[string]any:
		b, ok := before.(map[string]any)
		if !ok {
			return at
		}
		a, _ := after.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(source)) {
			if where := value(at+"."+name, source[name], b[name], a[name], quantity || slices.Contains(quantities, name)); where != "" {
				return where
			}
		}
		return ""
	case []any:
		b, ok := before.([]any)
		if !ok {
			return at
		}
		a, _ := after.([]any)
		return items(at, source, b, a, quantity)
	}
	if equal(source, before, quantity) {
		return ""
	}
	return at
}

// items looks for each item of the source on the cluster: by its key where it has
// one, else for any that it explains. Lists of plain values must be equal.
func items(at string, source, before, after []any, quantity bool) string {
	for i, item := range source {
		m, ok := item.(map[string]any)
		if !ok {
			if !equal(source, before, quantity) {
				return at
			}
			return ""
		}
		where := fmt.Sprintf("%s[%d]", at, i)
		key, id := keyOf(m)
		if key != "" {
			where = fmt.Sprintf("%s[%s]", at, id)
			if d := keyedItem(where, m, all(before, key, m), find(after, key, m), quantity); d != "" {
				return d
			}
			continue
		}
		explained := slices.ContainsFunc(before, func(live any) bool { return value(where, m, live, live, quantity) == "" })
		if !explained && equal(before, after, quantity) {
			return where
		}
	}
	return ""
}

// keyedItem compares an item of the source with those on the cluster that have its
// key: several where a list has more keys than one.
func keyedItem(at string, source map[string]any, live []map[string]any, after map[string]any, quantity bool) string {
	if len(live) == 0 && after != nil {
		return "" // it is what the fix adds
	}
	first := at
	for i, item := range live {
		wanted := any(nil)
		if after != nil {
			wanted = after
		}
		d := value(at, source, item, wanted, quantity)
		if d == "" {
			return ""
		}
		if i == 0 {
			first = d
		}
	}
	return first
}

// keys are the fields by which items of lists are told apart, in the order in
// which they are looked for.
var keys = []string{"name", "mountPath", "devicePath", "containerPort", "port", "ip", "topologyKey"}

func keyOf(item map[string]any) (key, id string) {
	for _, key := range keys {
		if v, ok := item[key]; ok && leafScalar(v) {
			return key, fmt.Sprint(v)
		}
	}
	return "", ""
}

// find is the first item with the key of the other.
func find(list []any, key string, like map[string]any) map[string]any {
	if found := all(list, key, like); len(found) > 0 {
		return found[0]
	}
	return nil
}

// all are the items with the key of the other; a port also has its protocol.
func all(list []any, key string, like map[string]any) []map[string]any {
	var out []map[string]any
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok || !equal(m[key], like[key], false) {
			continue
		}
		if _, port := like["containerPort"]; port && protocol(m) != protocol(like) {
			continue
		}
		out = append(out, m)
	}
	return out
}

func protocol(port map[string]any) string {
	if p, ok := port["protocol"].(string); ok {
		return p
	}
	return "TCP"
}

func leafScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any, nil:
		return false
	}
	return true
}

// leaf reports whether the value is compared as a whole: a scalar, nothing, or a
// list of plain values.
func leaf(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return false
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { _, ok := item.(map[string]any); return ok })
	}
	return true
}

// zero reports whether the server may store the value as nothing.
func zero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return !slices.ContainsFunc(slices.Collect(maps.Values(v)), func(child any) bool { return !zero(child) })
	case []any:
		return len(v) == 0
	case bool:
		return !v
	case string:
		return v == ""
	case int64:
		return v == 0
	case float64:
		return v == 0
	}
	return false
}

func equal(a, b any, quantity bool) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	if err != nil {
		return false
	}
	if string(x) == string(y) {
		return true
	}
	if !quantity || !leafScalar(a) || !leafScalar(b) {
		return false
	}
	p, err := resource.ParseQuantity(fmt.Sprint(a))
	if err != nil {
		return false
	}
	q, err := resource.ParseQuantity(fmt.Sprint(b))
	return err == nil && p.Cmp(q) == 0
}
