package helm

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// A setting is one value at one place.
type setting struct {
	path  valuePath
	value any // nil takes away what the chart has by default
}

// An assignment is values that were tried: they bring some edits and change
// nothing else.
type assignment struct {
	settings map[string]setting // by path
	brings   map[string]bool    // names of edits
}

// overlayOf is what the settings add to the values.
func (s *search) overlayOf(settings map[string]setting) map[string]any {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(settings)) { // parts after what they are in
		put(out, s.values, settings[name].path, settings[name].value)
	}
	return out
}

// try finds what a candidate must be set to, and renders it. It is nil when it
// brings nothing, or changes anything that it should not; then it is noted for
// what it would have brought.
func (s *search) try(c *candidate) *assignment {
	if c.why != "" {
		return nil
	}
	repairs := map[string]setting{}
	for range 5 {
		settings, wishes := s.settings(c)
		if len(settings) == 0 {
			return nil
		}
		for key, v := range c.with {
			path := c.path.join(key)
			settings[path.String()] = setting{path, v}
		}
		for name, r := range repairs {
			if _, ok := settings[name]; !ok {
				settings[name] = r
			}
		}
		a, harm, err := s.attempt(settings)
		switch {
		case err != nil:
			for _, w := range wishes {
				s.note(w, fmt.Sprintf("the value %s would bring it, but %s", c.path, err))
			}
			return nil
		case harm == nil:
			return a
		case !s.learn(c, harm, repairs):
			for _, w := range wishes {
				s.note(w, s.alsoChanges(c.path, w, harm))
			}
			return nil
		}
	}
	return nil
}

// settings are what the candidate must have for the wishes at the places where
// it lands, as far as that is right at all of them, and these wishes.
func (s *search) settings(c *candidate) (map[string]setting, []wish) {
	out := map[string]setting{}
	var brought []wish
	for _, w := range s.wishes() {
		for _, l := range c.landings {
			rel, ok := s.below(c, l, w)
			if !ok {
				continue
			}
			if other, fits := s.fits(c, rel, w.edit); !fits {
				s.note(w, alsoSets(c.path, placeName(other.key, other.path)))
				continue
			}
			set := s.setting(out, c.path.join(rel...), w.edit)
			out[set.path.String()] = set
			brought = append(brought, w)
		}
	}
	return out, brought
}

// below are the keys in the candidate that hold the field or list of the edit.
func (s *search) below(c *candidate, l landing, w wish) (rel []string, ok bool) {
	if l.text || l.key != w.want.key || len(w.path) <= len(l.path) || !plan.Within(w.path, l.path) {
		return nil, false
	}
	rest := w.path[len(l.path):]
	if rest[len(rest)-1].FieldName == nil {
		rest = rest[:len(rest)-1]
	}
	for _, pe := range rest {
		if pe.FieldName == nil {
			return nil, false
		}
		rel = append(rel, *pe.FieldName)
	}
	return rel, c.list == (len(rel) == 0)
}

// fits reports whether setting the edit in the candidate is right wherever the
// candidate lands: elsewhere it is wanted too, or there already. If not, other
// is a place where it is neither.
func (s *search) fits(c *candidate, rel []string, e edit) (other landing, ok bool) {
	for _, l := range c.landings {
		path := slices.Clone(l.path)
		for _, field := range rel {
			path = append(path, fieldpath.FieldNameElement(field))
		}
		if last := e.path[len(e.path)-1]; last.FieldName == nil {
			path = append(path, last)
		}
		if l.text || !equal(s.should(l.key, path), e.to) {
			return l, false
		}
	}
	return landing{}, true
}

// should is what must be at the path in an object: what is wanted there, else
// what is there now.
func (s *search) should(key harden.Key, path harden.Path) any {
	object := s.base[key].Unstructured
	if w := s.wantOf(key); w != nil {
		object = &unstructured.Unstructured{Object: w.after}
	}
	if object == nil {
		return nil
	}
	v, _ := plan.Lookup(object, path)
	return v
}

// setting is the value for the edit at the path, beside what is set already.
func (s *search) setting(all map[string]setting, path valuePath, e edit) setting {
	last := e.path[len(e.path)-1]
	if last.FieldName != nil {
		return setting{path, e.to}
	}
	now, _ := at(s.values, path)
	if set, ok := all[path.String()]; ok {
		now = set.value
	}
	list, _ := now.([]any)
	list = slices.DeleteFunc(slices.Clone(list), func(v any) bool { return isItem(last, v) })
	if e.to != nil {
		list = append(list, e.to)
	}
	return setting{path, list}
}

func isItem(pe fieldpath.PathElement, v any) bool {
	m, _ := v.(map[string]any)
	for _, field := range *pe.Key {
		if !equal(m[field.Name], field.Value.Unstructured()) {
			return false
		}
	}
	return true
}
