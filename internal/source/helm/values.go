package helm

import (
	"maps"
	"slices"
	"strings"
)

// A valuePath is a place in the values of the chart, those of its dependencies
// included: web.securityContext is [web securityContext].
type valuePath []string

func (p valuePath) String() string { return strings.Join(p, ".") }

// join is the path with more keys; it shares nothing.
func (p valuePath) join(keys ...string) valuePath { return append(slices.Clone(p), keys...) }

// at is what the values have at the path, and whether something could be put
// there: no value on the way is anything but a map.
func at(values map[string]any, path valuePath) (v any, reachable bool) {
	v = values
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, v == nil
		}
		v = m[key]
	}
	return v, true
}

// put makes v the value at the path.
func put(values map[string]any, path valuePath, v any) {
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

// each calls f with all that the values hold, maps before what is in them, in
// stable order. What dependencies see of the global values is left out: it is
// set in one place, for all.
func each(values map[string]any, f func(path valuePath, v any)) {
	var walk func(valuePath, map[string]any)
	walk = func(path valuePath, m map[string]any) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if key == "global" && len(path) > 0 {
				continue
			}
			here := path.join(key)
			f(here, m[key])
			if child, ok := m[key].(map[string]any); ok {
				walk(here, child)
			}
		}
	}
	walk(nil, values)
}
