package helm

import (
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

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
	for _, w := range s.wishes() {
		if now, _ := plan.Lookup(o.objects[w.want.key].Unstructured, w.path); equal(now, w.to) {
			a.brings[w.name()] = true
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
