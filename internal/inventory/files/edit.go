package files

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// An editor makes a tree say something else and leaves alone what stays the
// same: comments, the order of keys, quotes.
type editor struct {
	root    *yaml.Node
	removed []*yaml.Node // what was taken out
}

// set edits the node in the slot from before to after, which are what the node
// says now and what it must say.
func (e *editor) set(slot **yaml.Node, before, after any) error {
	if same(before, after) {
		return nil
	}
	e.own(slot)
	n := *slot
	switch b := before.(type) {
	case map[string]any:
		if a, ok := after.(map[string]any); ok && n.Kind == yaml.MappingNode {
			return e.mapping(n, b, a)
		}
	case []any:
		if a, ok := after.([]any); ok && n.Kind == yaml.SequenceNode {
			return e.sequence(n, b, a)
		}
	}
	fresh, err := encode(after)
	if err != nil {
		return err
	}
	fresh.HeadComment, fresh.LineComment, fresh.FootComment = n.HeadComment, n.LineComment, n.FootComment
	e.removed = append(e.removed, n.Content...)
	*slot = fresh
	return nil
}

// same is equality where null and absent are one, as they are for the API server.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !same(v, w) || !ok && v != nil {
				return false
			}
		}
		for k, w := range b {
			if _, ok := a[k]; !ok && w != nil {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	default:
		return reflect.DeepEqual(a, b)
	}
}

// own makes the node in the slot stand for itself alone: an alias becomes a
// copy, and the aliases of an anchor become copies of what it says now.
func (e *editor) own(slot **yaml.Node) {
	n := *slot
	if n.Kind == yaml.AliasNode {
		fresh := clone(n.Alias)
		fresh.HeadComment, fresh.LineComment, fresh.FootComment = n.HeadComment, n.LineComment, n.FootComment
		*slot = fresh
		return
	}
	if n.Anchor != "" {
		expand(e.root, n)
		n.Anchor = ""
	}
}

// expand replaces the aliases of an anchor by copies.
func expand(n, anchor *yaml.Node) {
	for i, kid := range n.Content {
		if kid.Kind == yaml.AliasNode && kid.Alias == anchor {
			fresh := clone(anchor)
			fresh.HeadComment, fresh.LineComment, fresh.FootComment = kid.HeadComment, kid.LineComment, kid.FootComment
			n.Content[i] = fresh
			continue
		}
		expand(kid, anchor)
	}
}

// clone copies a tree without its anchors and comments: they stay with the original.
func clone(n *yaml.Node) *yaml.Node {
	out := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value, Alias: n.Alias}
	for _, kid := range n.Content {
		out.Content = append(out.Content, clone(kid))
	}
	return out
}

func (e *editor) mapping(n *yaml.Node, before, after map[string]any) error {
	e.unmerge(n)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); {
		name, err := keyOf(n.Content[i])
		if err != nil {
			return err
		}
		seen[name] = true
		want, ok := after[name]
		switch {
		case !ok && before[name] != nil:
			e.cut(n, i, 2)
			continue
		case ok:
			if err := e.set(&n.Content[i+1], before[name], want); err != nil {
				return err
			}
			liftComment(n.Content[i], n.Content[i+1])
		}
		i += 2
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if seen[name] || after[name] == nil {
			continue
		}
		key, err := encode(name)
		if err != nil {
			return err
		}
		value, err := encode(after[name])
		if err != nil {
			return err
		}
		e.appendTo(n, key, value)
	}
	return nil
}

// liftComment keeps a comment that stood behind a scalar on the line of its key
// when the value became a block.
func liftComment(key, value *yaml.Node) {
	if value.Kind != yaml.ScalarNode && value.LineComment != "" && value.Style&yaml.FlowStyle == 0 && key.LineComment == "" {
		key.LineComment, value.LineComment = value.LineComment, ""
	}
}

// appendTo adds nodes at the end, before a comment that closes the block.
func (e *editor) appendTo(n *yaml.Node, nodes ...*yaml.Node) {
	if len(n.Content) == 0 {
		n.Style &^= yaml.FlowStyle // {} and [] become blocks
	}
	n.Content = append(n.Content, nodes...)
}

// cut takes nodes out. A comment below the last of them stays: it belongs to what follows.
func (e *editor) cut(n *yaml.Node, at, count int) {
	gone := n.Content[at : at+count]
	e.removed = append(e.removed, gone...)
	foot := gone[0].FootComment
	if foot != "" && at >= count {
		previous := n.Content[at-count]
		if previous.FootComment != "" {
			foot = previous.FootComment + "\n\n" + foot
		}
		previous.FootComment = foot
	}
	n.Content = slices.Delete(slices.Clone(n.Content), at, at+count)
}

// unmerge writes out what merge keys bring into a mapping.
func (e *editor) unmerge(n *yaml.Node) {
	have := map[string]bool{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); {
		if !isMerge(n.Content[i]) {
			name, _ := keyOf(n.Content[i])
			have[name] = true
			i += 2
			continue
		}
		merged = append(merged, n.Content[i+1])
		n.Content = slices.Delete(slices.Clone(n.Content), i, i+2)
	}
	for _, m := range merged {
		sources := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			sources = m.Content
		}
		for _, s := range sources {
			if s.Kind == yaml.AliasNode {
				s = s.Alias
			}
			s = clone(s)
			e.unmerge(s)
			for i := 0; i+1 < len(s.Content); i += 2 {
				if name, _ := keyOf(s.Content[i]); !have[name] {
					have[name] = true
					n.Content = append(n.Content, s.Content[i], s.Content[i+1])
				}
			}
		}
	}
}

func (e *editor) sequence(n *yaml.Node, before, after []any) error {
	match := align(before, after)
	kept := map[int]bool{}
	content := make([]*yaml.Node, 0, len(after))
	for i, want := range after {
		if at := match[i]; at >= 0 {
			kept[at] = true
			if err := e.set(&n.Content[at], before[at], want); err != nil {
				return err
			}
			content = append(content, n.Content[at])
			continue
		}
		fresh, err := encode(want)
		if err != nil {
			return err
		}
		content = append(content, fresh)
	}
	for i, kid := range n.Content {
		if !kept[i] {
			e.removed = append(e.removed, kid)
		}
	}
	if len(n.Content) == 0 {
		n.Style &^= yaml.FlowStyle
	}
	n.Content = content
	return nil
}

// align finds for each item of after the item of before that it continues, or
// -1. It decides only which comments stay with which item: the result is
// checked against what was wanted in any case.
func align(before, after []any) []int {
	match := make([]int, len(after))
	used := map[int]bool{}
	pass := func(alike func(a, b any) bool) {
		for i := range after {
			if match[i] >= 0 {
				continue
			}
			for j := range before {
				if !used[j] && alike(before[j], after[i]) {
					match[i], used[j] = j, true
					break
				}
			}
		}
	}
	for i := range match {
		match[i] = -1
	}
	pass(same)
	pass(sameItem)
	if len(before) == len(after) {
		for i := range after {
			if match[i] < 0 && !used[i] {
				match[i], used[i] = i, true
			}
		}
	}
	return match
}

// itemKeys are the fields that tell items of the lists of built-in kinds apart
// (x-kubernetes-list-map-keys); the first that an item has counts.
var itemKeys = []string{"name", "mountPath", "devicePath", "containerPort", "ip", "topologyKey", "port", "key", "type"}

func sameItem(a, b any) bool {
	x, ok := a.(map[string]any)
	y, ok2 := b.(map[string]any)
	if !ok || !ok2 {
		return false
	}
	// A port may have a name too, but is known by its number.
	for _, key := range append([]string{"containerPort"}, itemKeys...) {
		v, w := x[key], y[key]
		if v == nil && w == nil {
			continue
		}
		return reflect.DeepEqual(v, w) && protocol(x) == protocol(y)
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

func keyOf(n *yaml.Node) (string, error) {
	var out node
	c := converter{line: 1, budget: aliasBudget, inside: map[*yaml.Node]bool{}}
	if err := c.convert(n, &out, false); err != nil {
		return "", err
	}
	name, ok := out.key()
	if !ok {
		return "", fmt.Errorf("a key on line %d is no string", n.Line)
	}
	return name, nil
}

// encode makes a node of a value. Strings that YAML 1.1 would read as something
// else are quoted.
func encode(v any) (*yaml.Node, error) {
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		return nil, fmt.Errorf("writing a value: %w", err)
	}
	nameFirst(n)
	quote(n)
	return n, nil
}

func quote(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && n.Style&quotedStyles == 0 {
		if t, _ := resolvePlain(n.Value); t != stringType {
			n.Style |= yaml.DoubleQuotedStyle
		}
	}
	for _, kid := range n.Content {
		quote(kid)
	}
}

// nameFirst puts the name of a new item where people look for it.
func nameFirst(n *yaml.Node) {
	for _, kid := range n.Content {
		nameFirst(kid)
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 2; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" {
			pair := slices.Clone(n.Content[i : i+2])
			n.Content = slices.Insert(slices.Delete(n.Content, i, i+2), 0, pair...)
			return
		}
	}
}
