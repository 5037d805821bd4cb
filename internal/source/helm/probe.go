package helm

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A landing is a place of a rendered object into which a value goes.
type landing struct {
	key  harden.Key
	path harden.Path // of the map or list that has what the value has
	text bool        // it is written into a string, such as a file in a ConfigMap
}

// A candidate is a map or list in the values that may bring a change.
type candidate struct {
	path valuePath
	list bool
	with map[string]any // other keys that it needs, such as enabled: true

	landings []landing
	why      string // why it cannot be used; empty when it can
}

// token marks the i-th candidate; it is a key and a value that YAML and names
// of Kubernetes take.
func token(i int) string { return fmt.Sprintf("hardenprobe%dx", i) }

var tokenText = regexp.MustCompile(`hardenprobe(\d+)x`)

// probe finds out where the candidates land: each gets something unmistakable,
// and what is rendered is looked through for it. Candidates at the same depth are
// tried together, since one may hide another that lies less deep.
func (s *search) probe(all []*candidate) {
	groups := map[string][]int{}
	var names []string
	for i, c := range all {
		name := fmt.Sprint(len(c.path), c.path[0] == "global", len(c.with))
		if groups[name] == nil {
			names = append(names, name)
		}
		groups[name] = append(groups[name], i)
	}
	for _, name := range names {
		s.probeGroup(all, groups[name])
	}
	for _, c := range all {
		slices.SortFunc(c.landings, func(a, b landing) int {
			return cmp.Or(cmp.Compare(a.name(), b.name()), a.path.Compare(b.path))
		})
	}
}

func (l landing) name() string { return l.key.Kind + "/" + l.key.Name + "/" + l.key.Namespace }

// probeGroup halves the group until the templates can be rendered with what is
// left: one value of a kind that a template does not expect breaks them all.
func (s *search) probeGroup(all []*candidate, group []int) {
	overlay := map[string]any{}
	for _, i := range group {
		s.mark(overlay, all[i], token(i))
	}
	o := s.with(overlay)
	if o.err == nil {
		for _, key := range s.keysOf(o) {
			land(all, key, nil, "", o.objects[key].Object)
		}
		return
	}
	if len(group) == 1 || s.renders >= maxRenders {
		for _, i := range group {
			all[i].why = "the chart cannot be rendered with it"
		}
		return
	}
	s.probeGroup(all, group[:len(group)/2])
	s.probeGroup(all, group[len(group)/2:])
}

// mark puts the token under the candidate's path, beside what is there.
func (s *search) mark(overlay map[string]any, c *candidate, mark string) {
	for key, v := range c.with {
		put(overlay, s.values, c.path.join(key), v)
	}
	if !c.list {
		put(overlay, s.values, c.path.join(mark), mark)
		return
	}
	items, _ := at(s.values, c.path)
	list, _ := items.([]any)
	// The fields that tell the items of keyed lists apart.
	item := map[string]any{"name": mark, "mountPath": mark, "devicePath": mark}
	put(overlay, s.values, c.path, append(append([]any{}, list...), item))
}

// keysOf are the objects of an outcome: those of the base in their order, then
// the others.
func (s *search) keysOf(o *outcome) []harden.Key {
	var out []harden.Key
	for _, key := range s.order {
		if _, ok := o.objects[key]; ok {
			out = append(out, key)
		}
	}
	for key := range o.objects {
		if _, ok := s.base[key]; !ok {
			out = append(out, key)
		}
	}
	return out
}

// land notes where tokens are in the value at the path; name is the field that
// holds it.
func land(all []*candidate, key harden.Key, at harden.Path, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for field, child := range v {
			if i, ok := marked(field); ok && i < len(all) {
				all[i].landings = append(all[i].landings, landing{key: key, path: at})
				continue
			}
			land(all, key, down(at, fieldpath.FieldNameElement(field)), field, child)
		}
	case []any:
		for i, child := range v {
			if c, ok := markedItem(child); ok && c < len(all) && all[c].list {
				all[c].landings = append(all[c].landings, landing{key: key, path: at})
				continue
			}
			land(all, key, down(at, elementOf(name, i, child)), name, child)
		}
	case string:
		for _, m := range tokenText.FindAllStringSubmatch(v, -1) {
			if i, err := strconv.Atoi(m[1]); err == nil && i < len(all) {
				all[i].landings = append(all[i].landings, landing{key: key, path: at, text: true})
			}
		}
	}
}

// marked is the number in a token, if the text is one.
func marked(text string) (int, bool) {
	m := tokenText.FindStringSubmatch(text)
	if m == nil || m[0] != text {
		return 0, false
	}
	i, err := strconv.Atoi(m[1])
	return i, err == nil
}

func markedItem(v any) (int, bool) {
	m, _ := v.(map[string]any)
	for _, field := range []string{"name", "mountPath", "devicePath"} {
		if text, ok := m[field].(string); ok {
			if i, ok := marked(text); ok {
				return i, true
			}
		}
	}
	return 0, false
}

// elementOf addresses an item of the list: by its key, where the list has one.
func elementOf(list string, i int, item any) fieldpath.PathElement {
	m, _ := item.(map[string]any)
	var fields []any
	for _, name := range listKeys[list] {
		if m[name] != nil {
			fields = append(fields, name, m[name])
		}
	}
	if len(fields) > 0 {
		return fieldpath.KeyElementByFields(fields...)
	}
	return fieldpath.PathElement{Index: &i}
}

// lower reports whether the text has the part in it, whatever the case.
func lower(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
