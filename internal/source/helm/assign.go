package helm

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

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

// editName tells the edits of all wants apart.
func editName(w *want, e edit) string {
	return w.key.Group + "/" + w.key.Kind + "/" + w.key.Namespace + "/" + w.key.Name + e.path.String()
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
		settings, edits := s.settings(c)
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
			s.note(edits, fmt.Sprintf("the value %s would bring it, but %s", c.path, err))
			return nil
		case harm == nil:
			return a
		case !s.learn(c, harm, repairs):
			s.note(edits, s.alsoChanges(c.path, harm))
			return nil
		}
	}
	return nil
}

// settings are what the candidate must have for the edits at the places where it
// lands, as far as that is right at all of them, and the names of these edits.
func (s *search) settings(c *candidate) (map[string]setting, []string) {
	out := map[string]setting{}
	var edits []string
	for _, w := range s.wants {
		for _, e := range w.edits {
			for _, l := range c.landings {
				rel, ok := s.below(c, l, w, e)
				if !ok {
					continue
				}
				if other, fits := s.fits(c, rel, e); !fits {
					s.note([]string{editName(w, e)}, alsoSets(c.path, other.key, other.path))
					continue
				}
				set := s.setting(out, c.path.join(rel...), e)
				out[set.path.String()] = set
				edits = append(edits, editName(w, e))
			}
		}
	}
	return out, edits
}

// below are the keys in the candidate that hold the field or list of the edit.
func (s *search) below(c *candidate, l landing, w *want, e edit) (rel []string, ok bool) {
	if l.text || l.key != w.key || len(e.path) <= len(l.path) || !plan.Within(e.path, l.path) {
		return nil, false
	}
	rest := e.path[len(l.path):]
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

// attempt renders the settings. With nothing changed but what is wanted they are
// an assignment, with the edits that they bring; otherwise harm is what else
// changes. It is an error when the chart or its schema refuses them.
func (s *search) attempt(settings map[string]setting) (a *assignment, harm []effect, err error) {
	o := s.with(s.overlayOf(settings))
	if o.err != nil {
		return nil, nil, o.err
	}
	for _, e := range s.effects(o) {
		if !s.wanted(e) {
			harm = append(harm, e)
		}
	}
	if harm != nil {
		return nil, harm, nil
	}
	a = &assignment{settings: settings, brings: map[string]bool{}}
	for _, w := range s.wants {
		for _, e := range w.edits {
			if now, _ := plan.Lookup(o.objects[w.key].Unstructured, e.path); equal(now, e.to) {
				a.brings[editName(w, e)] = true
			}
		}
	}
	if len(a.brings) > 0 {
		if refused := s.chart.allowed(s.plus(s.overlayOf(settings))); refused != nil {
			return nil, nil, refused
		}
	}
	return a, nil, nil
}

// wanted reports whether an effect makes a field what it should be.
func (s *search) wanted(e effect) bool {
	return len(e.path) > 0 && s.wantOf(e.key) != nil && equal(s.should(e.key, e.path), e.to)
}

// learn makes something of what went wrong: a place that was not known to be
// reached, because another value hid it, or a field that must be kept as it was.
// It reports whether trying again makes sense.
func (s *search) learn(c *candidate, harm []effect, repairs map[string]setting) bool {
	learnt := false
	for _, e := range harm {
		if len(e.path) == 0 {
			return false
		}
		path, known := c.holds(e)
		if !known {
			if l, ok := s.reached(c, e); ok {
				c.landings = append(c.landings, l)
				learnt = true
			}
			continue
		}
		if path == nil {
			return false
		}
		if _, ok := repairs[path.String()]; !ok {
			repairs[path.String()] = setting{path, e.from}
			learnt = true
		}
	}
	return learnt
}

// holds is the value in the candidate for the field of an effect at a place
// where it is known to land; nil when the field is in an item of a list.
func (c *candidate) holds(e effect) (path valuePath, known bool) {
	for _, l := range c.landings {
		if l.text || l.key != e.key || len(e.path) <= len(l.path) || !plan.Within(e.path, l.path) {
			continue
		}
		path = c.path
		for _, pe := range e.path[len(l.path):] {
			if pe.FieldName == nil {
				return nil, true
			}
			path = path.join(*pe.FieldName)
		}
		return path, true
	}
	return nil, false
}

// reached is the place of a harm that ends like a place where the candidate is
// known to land, such as the securityContext of another container.
func (s *search) reached(c *candidate, e effect) (landing, bool) {
	for _, l := range c.landings {
		if l.text || len(l.path) == 0 {
			continue
		}
		end := l.path[len(l.path)-1]
		for i := len(e.path) - 1; i >= 0; i-- {
			found := landing{key: e.key, path: e.path[:i+1]}
			if e.path[i].Equals(end) && !slices.ContainsFunc(c.landings, found.same) {
				return found, true
			}
		}
	}
	return landing{}, false
}

func (l landing) same(other landing) bool {
	return l.key == other.key && l.path.Equals(other.path) && l.text == other.text
}

// trial tries a single value for an edit.
func (s *search) trial(path valuePath, w *want, e edit) *assignment {
	value := e.to
	if text, ok := e.to.(string); ok {
		if value, ok = s.middle(path, w, e, text); !ok {
			return nil
		}
	}
	name := []string{editName(w, e)}
	a, harm, err := s.attempt(map[string]setting{path.String(): {path, value}})
	switch {
	case err != nil && value != nil:
		s.note(name, fmt.Sprintf("the value %s might bring it, but %s", path, err))
	case harm != nil && s.gives(path, value, w, e):
		s.note(name, s.alsoChanges(path, harm))
	}
	return a
}

// gives reports whether a value that was tried makes the field what it should be,
// whatever else it does.
func (s *search) gives(path valuePath, value any, w *want, e edit) bool {
	object, ok := s.with(s.overlayOf(map[string]setting{"": {path, value}})).objects[w.key]
	if !ok {
		return false
	}
	now, _ := plan.Lookup(object.Unstructured, e.path)
	return equal(now, e.to)
}

// middle is what a value must be for the field to become the text: the field may
// have more than the value, such as the tag in an image.
func (s *search) middle(path valuePath, w *want, e edit, text string) (any, bool) {
	const mark = "hardenprobe0x"
	object, ok := s.with(s.overlayOf(map[string]setting{"": {path, mark}})).objects[w.key]
	if !ok {
		return nil, false
	}
	v, _ := plan.Lookup(object.Unstructured, e.path)
	shown, _ := v.(string)
	before, after, ok := strings.Cut(shown, mark)
	if !ok || len(text) <= len(before)+len(after) || !strings.HasPrefix(text, before) || !strings.HasSuffix(text, after) {
		return nil, false
	}
	return text[len(before) : len(text)-len(after)], true
}

// pick chooses few assignments that bring all edits: each time the one that
// brings most of what is missing. missing are the edits that none brings.
func (s *search) pick(all []*assignment) (chosen []*assignment, missing map[string]bool) {
	missing = map[string]bool{}
	for _, w := range s.wants {
		for _, e := range w.edits {
			missing[editName(w, e)] = true
		}
	}
	gain := func(a *assignment) (n int) {
		for name := range a.brings {
			if missing[name] {
				n++
			}
		}
		return n
	}
	for len(missing) > 0 && len(all) > 0 {
		best := slices.MinFunc(all, func(a, b *assignment) int {
			return cmp.Or(cmp.Compare(gain(b), gain(a)), cmp.Compare(s.novelty(a), s.novelty(b)), cmp.Compare(len(a.settings), len(b.settings)))
		})
		if gain(best) == 0 {
			break
		}
		chosen = append(chosen, best)
		for name := range best.brings {
			delete(missing, name)
		}
	}
	return chosen, missing
}

// novelty counts the settings below a part that the values do not have.
func (s *search) novelty(a *assignment) (n int) {
	for _, set := range a.settings {
		if v, _ := at(s.values, set.path[:1]); v == nil {
			n++
		}
	}
	return n
}
