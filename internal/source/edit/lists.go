package edit

import "slices"

func (e *editor) sequence(n *node, want []any) error {
	says := n.says.([]any)
	match := align(says, want)
	kept := make([]bool, len(n.kids))
	left := 0
	for _, at := range match {
		if at >= 0 {
			kept[at] = true
			left++
		}
	}
	if left == 0 && len(want) > 0 || len(n.kids) == 0 && len(want) > 0 {
		return e.replace(n, want, nil)
	}
	for i, at := range match {
		if at >= 0 {
			if err := e.set(n.kids[at], want[i]); err != nil {
				return err
			}
		}
	}
	if err := e.removeItems(n, kept); err != nil {
		return err
	}
	for i := 0; i < len(want); {
		end := i
		for end < len(want) && match[end] < 0 {
			end++
		}
		if end > i {
			previous := -1
			if i > 0 {
				previous = match[i-1]
			}
			if err := e.addItems(n, kept, previous, want[i:end]); err != nil {
				return err
			}
		}
		i = end + 1
	}
	return nil
}

// align finds for each item of after the item of before that it continues, or
// -1; those that are found stay in order. It decides only how much is changed:
// the result is checked against what was wanted in any case.
func align(before, after []any) []int {
	match := make([]int, len(after))
	for i := range match {
		match[i] = -1
	}
	first, last := 0, 0 // how many match at both ends
	for first < min(len(before), len(after)) && alike(before[first], after[first]) {
		match[first] = first
		first++
	}
	for last < min(len(before), len(after))-first && alike(before[len(before)-1-last], after[len(after)-1-last]) {
		match[len(after)-1-last] = len(before) - 1 - last
		last++
	}
	middle := alignMiddle(before[first:len(before)-last], after[first:len(after)-last])
	for i, at := range middle {
		if at >= 0 {
			match[first+i] = first + at
		}
	}
	return match
}

func alignMiddle(before, after []any) []int {
	match := make([]int, len(after))
	used := make([]bool, len(before))
	for i := range match {
		match[i] = -1
	}
	for _, fit := range []func(a, b any) bool{same, sameItem, related} {
		for i := range after {
			for j := 0; j < len(before) && match[i] < 0; j++ {
				if !used[j] && fit(before[j], after[i]) {
					match[i], used[j] = j, true
				}
			}
		}
	}
	inOrder(match)
	if len(before) == len(after) {
		// What is left at the same place was changed there.
		for i := range after {
			if match[i] < 0 && !slices.Contains(match, i) && isOrdered(match, i) {
				match[i] = i
			}
		}
	}
	return match
}

func isOrdered(match []int, at int) bool {
	for i, m := range match {
		if m >= 0 && (i < at) != (m < at) {
			return false
		}
	}
	return true
}

// inOrder takes out of a match what would have to move: it leaves the longest
// part that is in order.
func inOrder(match []int) {
	length := make([]int, len(match)) // of the longest ordered part that ends here
	from := make([]int, len(match))
	best := -1
	for i, m := range match {
		if m < 0 {
			continue
		}
		length[i], from[i] = 1, -1
		for j := range i {
			if match[j] >= 0 && match[j] < m && length[j] >= length[i] {
				length[i], from[i] = length[j]+1, j
			}
		}
		if best < 0 || length[i] > length[best] {
			best = i
		}
	}
	keep := make([]bool, len(match))
	for i := best; i >= 0; i = from[i] {
		keep[i] = true
	}
	for i := range match {
		if !keep[i] {
			match[i] = -1
		}
	}
}

func alike(a, b any) bool { return sameItem(a, b) || same(a, b) }

// itemKeys are the fields that tell items of the lists of built-in kinds apart
// (x-kubernetes-list-map-keys); the first that an item has counts. A port may
// have a name too, but is known by its number.
var itemKeys = []string{"containerPort", "name", "mountPath", "devicePath", "ip", "topologyKey", "port", "key", "type", "path"}

// sameItem reports whether two items of a list are about the same thing.
func sameItem(a, b any) bool {
	x, ok := a.(map[string]any)
	y, ok2 := b.(map[string]any)
	if !ok || !ok2 {
		return false
	}
	m, ok := x["metadata"].(map[string]any)
	w, ok2 := y["metadata"].(map[string]any)
	if ok && ok2 {
		return same(x["kind"], y["kind"]) && same(m["name"], w["name"]) && same(m["namespace"], w["namespace"]) && same(m["generateName"], w["generateName"])
	}
	for _, key := range itemKeys {
		v, w := x[key], y[key]
		if v == nil && w == nil {
			continue
		}
		return same(v, w) && same(protocol(x), protocol(y))
	}
	return false
}

// related reports whether two items that nothing tells apart have a field in common.
func related(a, b any) bool {
	x, _ := a.(map[string]any)
	y, _ := b.(map[string]any)
	for _, key := range itemKeys {
		if x[key] != nil || y[key] != nil {
			return false
		}
	}
	for k, v := range x {
		if w, ok := y[k]; ok && same(v, w) {
			return true
		}
	}
	return false
}

// protocol is TCP where it is left out (io.k8s.api.core.v1.ContainerPort).
func protocol(item map[string]any) any {
	if p := item["protocol"]; p != nil {
		return p
	}
	return "TCP"
}
