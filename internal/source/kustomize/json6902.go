package kustomize

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// An operation is one of RFC 6902, as kustomize reads them.
type operation map[string]any

// operations are what makes after of before. Wherever one goes through a list, a
// test before it says which item is meant, so that the patch fails instead of
// changing another one.
func operations(before, after map[string]any) []operation {
	var p pointerPatch
	p.fields("", before, after)
	return p.ops
}

type pointerPatch struct{ ops []operation }

func (p *pointerPatch) test(at string, v any) {
	p.ops = append(p.ops, operation{"op": "test", "path": at, "value": v})
}

func (p *pointerPatch) add(op, at string, v any) {
	p.ops = append(p.ops, operation{"op": op, "path": at, "value": v})
}

// escape writes a field name for a JSON pointer (RFC 6901, section 3).
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func (p *pointerPatch) fields(at string, before, after map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, kept := after[name]; !kept {
			p.ops = append(p.ops, operation{"op": "remove", "path": at + "/" + escape(name)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		was, had := before[name]
		if !had {
			p.add("add", at+"/"+escape(name), after[name])
			continue
		}
		p.value(at+"/"+escape(name), was, after[name])
	}
}

func (p *pointerPatch) value(at string, was, now any) {
	if same(was, now) {
		return
	}
	switch now := now.(type) {
	case map[string]any:
		// An empty struct may be the server's; to add it works with and without.
		if was, ok := was.(map[string]any); ok && len(was) > 0 {
			p.fields(at, was, now)
			return
		}
		p.add("add", at, now)
	case []any:
		if was, ok := was.([]any); ok {
			p.list(at, was, now)
			return
		}
		p.add("replace", at, now)
	default:
		p.add("replace", at, now)
	}
}

// list changes items by their name where all have one. Where their order changes,
// the list is replaced.
func (p *pointerPatch) list(at string, was, now []any) {
	before, ok := keyed(was, []string{"name"})
	after, okToo := keyed(now, []string{"name"})
	switch {
	case !ok || !okToo:
		p.nameless(at, was, now)
		return
	case !inOrder(before, after):
		p.whole(at, was, now)
		return
	}
	item := func(i int) string { return at + "/" + strconv.Itoa(i) }
	for i, b := range before {
		a := find(after, b.id)
		if a == nil || same(b.fields, a) {
			continue
		}
		p.test(item(i)+"/name", b.fields["name"])
		p.fields(item(i), b.fields, a)
	}
	for i, b := range slices.Backward(before) {
		if find(after, b.id) == nil {
			p.test(item(i)+"/name", b.fields["name"])
			p.ops = append(p.ops, operation{"op": "remove", "path": item(i)})
		}
	}
	for _, a := range after {
		if find(before, a.id) == nil {
			p.add("add", at+"/-", a.fields)
		}
	}
}

// inOrder reports whether what stays of before comes first in after, in the same
// order.
func inOrder(before, after []item) bool {
	next := 0
	for _, b := range before {
		if find(after, b.id) == nil {
			continue
		}
		if next >= len(after) || after[next].id != b.id {
			return false
		}
		next++
	}
	return true
}

// nameless changes a list whose items have no names: one by one where there are as
// many as before, else as a whole. All tests come first, because the changes may
// be to what is tested.
func (p *pointerPatch) nameless(at string, was, now []any) {
	if len(was) != len(now) || !allMaps(was) || !allMaps(now) {
		p.whole(at, was, now)
		return
	}
	for i := range was {
		if !same(was[i], now[i]) {
			p.guard(at, was, i)
		}
	}
	for i := range was {
		p.value(at+"/"+strconv.Itoa(i), was[i], now[i])
	}
}

// whole replaces a list that was as it was.
func (p *pointerPatch) whole(at string, was, now []any) {
	p.test(at, was)
	p.add("replace", at, now)
}

// guard tests which item of a list without names an operation goes through: a
// port by its number, and where another has the same also by its protocol, or by
// theirs, since the manifest may leave out TCP; any other item by all it says.
func (p *pointerPatch) guard(at string, list []any, i int) {
	here := at + "/" + strconv.Itoa(i)
	port := list[i].(map[string]any)
	number, ok := port["containerPort"]
	if !ok {
		p.test(here, port)
		return
	}
	p.test(here+"/containerPort", number)
	for j, other := range list {
		other := other.(map[string]any)
		if j == i || !same(other["containerPort"], number) {
			continue
		}
		switch there, mine := other["protocol"], port["protocol"]; {
		case isTCP(there) && isTCP(mine), same(there, mine):
			p.test(here, port)
		case isTCP(mine):
			p.test(at+"/"+strconv.Itoa(j)+"/protocol", there)
		default:
			p.test(here+"/protocol", mine)
		}
	}
}

func isTCP(protocol any) bool { return protocol == nil || protocol == "TCP" }

func allMaps(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool { _, ok := v.(map[string]any); return !ok })
}
