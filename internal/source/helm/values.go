package helm

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A valuePath is a place in the values of the chart, those of its dependencies
// included: web.securityContext is [web securityContext], and the first item of
// the list workers is [workers [0]].
type valuePath []string

func (p valuePath) String() string {
	return strings.ReplaceAll(strings.Join(p, "."), ".[", "[")
}

// itemStep is the step to an item of a list.
func itemStep(i int) string { return "[" + strconv.Itoa(i) + "]" }

// itemOf is the item of the list to which the step leads.
func itemOf(list []any, step string) (i int, ok bool) {
	text, ok := strings.CutPrefix(step, "[")
	i, err := strconv.Atoi(strings.TrimSuffix(text, "]"))
	return i, ok && err == nil && i >= 0 && i < len(list)
}

// join is the path with more keys; it shares nothing.
func (p valuePath) join(keys ...string) valuePath { return append(slices.Clone(p), keys...) }

// at is what the values have at the path, and whether something could be put
// there: no value on the way is anything but a map or the item of a list.
func at(values map[string]any, path valuePath) (v any, reachable bool) {
	v = values
	for _, step := range path {
		switch parent := v.(type) {
		case map[string]any:
			v = parent[step]
		case []any:
			i, ok := itemOf(parent, step)
			if !ok {
				return nil, false
			}
			v = parent[i]
		default:
			return nil, v == nil
		}
	}
	return v, true
}

// put makes v the value at the path of what is added to the values. Helm replaces
// lists as a whole, so that one of which an item is changed is taken over from
// the values first; in its items, null takes nothing away.
func put(overlay, values map[string]any, path valuePath, v any) {
	i := slices.IndexFunc(path, func(step string) bool { return strings.HasPrefix(step, "[") })
	if i < 0 {
		putKey(overlay, path, v)
		return
	}
	list, _ := at(overlay, path[:i])
	if list == nil {
		list, _ = at(values, path[:i])
		list = floats(list) // a copy
		putKey(overlay, path[:i], list)
	}
	items, _ := list.([]any)
	n, ok := itemOf(items, path[i])
	rest := path[i+1:]
	if !ok || len(rest) == 0 {
		return
	}
	item, ok := items[n].(map[string]any)
	if !ok {
		return
	}
	if v == nil {
		if parent, _ := at(item, rest[:len(rest)-1]); parent != nil {
			delete(parent.(map[string]any), rest[len(rest)-1])
		}
		return
	}
	put(item, item, rest, v)
}

func putKey(values map[string]any, path valuePath, v any) {
	for _, key := range path[:len(path)-1] {
		child, ok := values[key].(map[string]any)
		if !ok {
			child = map[string]any{}
			values[key] = child
		}
		values = child
	}
	values[path[len(path)-1]] = v
}

// each calls f with all that the values hold, maps and lists before what is in
// them, in stable order. What dependencies see of the global values is left out:
// it is set in one place, for all.
func each(values map[string]any, f func(path valuePath, v any)) {
	var walk func(valuePath, any)
	walk = func(path valuePath, v any) {
		if len(path) > 0 {
			f(path, v)
		}
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if key != "global" || len(path) == 0 {
					walk(path.join(key), v[key])
				}
			}
		case []any:
			for i, item := range v {
				if _, ok := item.(map[string]any); ok {
					walk(path.join(itemStep(i)), item)
				}
			}
		}
	}
	walk(nil, values)
}
