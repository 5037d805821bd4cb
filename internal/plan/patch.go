package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Requests splits what an object plan asks of the live object into set, what a
// server-side apply can say, and rest, the removals that need a JSON patch (and
// so a rollout) of their own. A removal becomes a part of set where the server
// stores the zero value as absent, such as hostPort: 0. Removals of what is not
// there are dropped. Set is nil when nothing is to be applied.
func Requests(op *harden.ObjectPlan, live *unstructured.Unstructured) (set *unstructured.Unstructured, rest []harden.Path) {
	set = op.Set.DeepCopy()
	for _, path := range op.Remove {
		if _, ok := lookup(live.Object, path); !ok {
			continue
		}
		zero, ok := zeroOf(live.GroupVersionKind(), path)
		if !ok {
			rest = append(rest, path)
			continue
		}
		if set == nil {
			set = harden.Partial(op.Target)
		}
		put(set.Object, path, zero)
	}
	return set, rest
}

// A jsonOp is one operation of a JSON patch.
type jsonOp map[string]any

func testOp(at []step, value any) jsonOp {
	return jsonOp{"op": "test", "path": pointer(at), "value": value}
}

// RemovalPatch is a JSON patch (RFC 6902) that takes the fields and list items
// at the paths out of the live object. Before each removal it tests that the
// items on the way are the ones meant and that the value is the one seen, so
// that the server refuses it when the object has changed; the UID is tested
// too. Positions are those in live, removed from the back. Paths that live does
// not have are skipped; the patch is nil when none is left. Ambiguous keys and
// paths into atomic lists are errors.
func RemovalPatch(live *unstructured.Unstructured, paths []harden.Path, conv managedfields.TypeConverter) ([]byte, error) {
	if _, err := toTyped(live, conv); err != nil {
		return nil, err
	}
	var removals []removal
	for _, path := range outermost(paths) {
		r, err := locate(live, path)
		if err != nil {
			return nil, err
		}
		if r != nil {
			removals = append(removals, *r)
		}
	}
	if len(removals) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(removals, func(a, b removal) int { return slices.CompareFunc(a.steps, b.steps, compareSteps) })
	var ops []jsonOp
	if uid := live.GetUID(); uid != "" {
		ops = append(ops, jsonOp{"op": "test", "path": "/metadata/uid", "value": string(uid)})
	}
	for _, r := range removals {
		ops = append(ops, r.tests...)
		ops = append(ops, jsonOp{"op": "remove", "path": pointer(r.steps)})
	}
	patch, err := json.Marshal(ops)
	if err != nil {
		return nil, fmt.Errorf("writing the patch for %s %q: %w", live.GetKind(), live.GetName(), err)
	}
	return patch, nil
}

// A step is a field, or a position in a list.
type step struct {
	field string
	index int // -1 for a field
}

type removal struct {
	steps []step
	tests []jsonOp
}

// compareSteps puts later positions first: removing them does not move the others.
func compareSteps(a, b step) int {
	return cmp.Or(cmp.Compare(a.field, b.field), -cmp.Compare(a.index, b.index))
}

func pointer(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
			continue
		}
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(s.field))
	}
	return b.String()
}

// locate finds the path in the object; nil when it is not there.
func locate(live *unstructured.Unstructured, path harden.Path) (*removal, error) {
	r := &removal{}
	data := any(live.Object)
	for n, pe := range path {
		if pe.FieldName != nil {
			m, _ := data.(map[string]any)
			child, ok := m[*pe.FieldName]
			if !ok {
				return nil, nil
			}
			data = child
			r.steps = append(r.steps, step{field: *pe.FieldName, index: -1})
			continue
		}
		if pe.Index != nil {
			return nil, fmt.Errorf("removing %q from %s %q: an item of an atomic list cannot be taken away, only the whole list can be set", path, live.GetKind(), live.GetName())
		}
		list, _ := data.([]any)
		i := index(list, pe)
		if i < 0 {
			return nil, nil
		}
		if index(list[i+1:], pe) >= 0 {
			return nil, fmt.Errorf("removing %q from %s %q: more than one item has the key %s", path, live.GetKind(), live.GetName(), pe)
		}
		data = list[i]
		r.steps = append(r.steps, step{index: i})
		if pe.Key == nil || n == len(path)-1 {
			continue // the test of the whole value tells
		}
		item := data.(map[string]any)
		for _, field := range *pe.Key {
			if v, ok := item[field.Name]; ok {
				r.tests = append(r.tests, testOp(append(slices.Clip(r.steps), step{field: field.Name, index: -1}), v))
			}
		}
	}
	r.tests = append(r.tests, testOp(r.steps, data))
	return r, nil
}

// outermost are the paths, without doubles, that do not lie below another one.
func outermost(paths []harden.Path) []harden.Path {
	var out []harden.Path
	for i, path := range paths {
		covered := slices.ContainsFunc(out, func(p harden.Path) bool { return within(path, p) }) ||
			slices.ContainsFunc(paths[i+1:], func(p harden.Path) bool { return within(path, p) && len(p) < len(path) })
		if !covered {
			out = append(out, path)
		}
	}
	return out
}
