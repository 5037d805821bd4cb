package helm

import (
	"fmt"
	"maps"
	"slices"

	"helm.sh/helm/v4/pkg/chart/common"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// Found are values that bring changes, and those that none bring.
type Found struct {
	Values map[string]any        // what must be added to the values or changed in them
	Left   map[harden.Key]string // changes that no values bring, and why; the others are brought exactly

	renders int // how often the chart was rendered for it
}

// Find looks for values with which the chart renders what is wanted, and nothing
// else than without them. Values are merged into those of the release as a last
// values file would be; null takes away what the chart has by default. Each
// change is brought as a whole or left. What Find returns was rendered; a chart
// or values that cannot be rendered are an error.
//
// A change is carried over to the object as the chart renders it: Before may be
// the object on the cluster.
func (c *Chart) Find(r Release, changes []harden.ObjectChange) (*Found, error) {
	found := &Found{Values: map[string]any{}, Left: map[harden.Key]string{}}
	s := &search{chart: c, release: r, cache: map[string]*outcome{}, decoded: map[string]*file{}, notes: map[string]string{}, left: found.Left}
	if err := s.begin(); err != nil {
		return nil, err
	}
	for _, change := range changes {
		s.want(change)
	}
	if refused := c.allowed(r); refused != nil {
		s.giveUp(s.wants, refused.Error())
	}
	if settings := s.solve(); settings != nil {
		found.Values = whole(s.overlayOf(settings)).(map[string]any)
	}
	found.renders = s.renders
	return found, nil
}

// begin renders the release as it is.
func (s *search) begin() error {
	objects, err := s.render(s.release)
	if err != nil {
		return err
	}
	s.base = byKey(objects)
	for _, o := range objects {
		s.order = append(s.order, o.Ref.Key())
	}
	s.twice = map[harden.Key]bool{}
	for i, key := range s.order {
		s.twice[key] = slices.Contains(s.order[:i], key)
	}
	quietly(func() {
		chart, values, prepareErr := s.chart.prepare(s.release)
		if err = prepareErr; err == nil {
			s.named = mentioned(chart)
			s.values = values["Values"].(common.Values)
		}
	})
	return err
}

// want takes a change into the search, or says why it is left.
func (s *search) want(change harden.ObjectChange) {
	target := change.Target.Key()
	key := target
	key.Source = harden.Source{}
	object, ok := s.base[key]
	switch {
	case change.Before == nil || change.After == nil:
		s.left[target] = "it is a new object, and no value of the chart makes just this"
		return
	case !ok:
		s.left[target] = "the chart does not render it for this release"
		return
	case s.twice[key]:
		s.left[target] = "the chart renders it more than once"
		return
	case s.wantOf(key) != nil:
		s.left[target] = "another change is about the same object"
		return
	}
	after, why := carryOver(object, change)
	if why != "" {
		s.left[target] = why
		return
	}
	w := &want{target: target, key: key, object: object, after: after.Object}
	if w.edits = diff(object.Object, w.after); len(w.edits) > 0 {
		s.wants = append(s.wants, w)
	}
}

// carryOver makes the change on the object as it is rendered, or says why it is
// not about that.
func carryOver(object Object, change harden.ObjectChange) (after *unstructured.Unstructured, why string) {
	after = object.DeepCopy()
	for _, e := range diff(change.Before.Object, change.After.Object) {
		if len(e.path) == 2 && e.path[1].FieldName != nil && *e.path[1].FieldName == "namespace" {
			continue // of the release
		}
		now, _ := plan.Lookup(object.Unstructured, e.path)
		if equal(now, e.to) {
			continue
		}
		if now != nil && !equal(now, e.from) {
			return nil, fmt.Sprintf("the chart renders %s with another value than it was planned for", fieldName(e.path))
		}
		for i, pe := range e.path[:len(e.path)-1] {
			if _, ok := plan.Lookup(object.Unstructured, e.path[:i+1]); pe.FieldName == nil && !ok {
				return nil, fmt.Sprintf("the chart does not render %s: something else adds it", fieldName(e.path[:i+1]))
			}
		}
		if e.to != nil {
			plan.Put(after, e.path, e.to)
		} else if err := plan.Drop(after, e.path); err != nil {
			return nil, err.Error()
		}
	}
	return after, ""
}

// solve looks for settings that bring all that is wanted, and gives up what
// cannot be brought until the rest can.
func (s *search) solve() map[string]setting {
	if len(s.wants) == 0 {
		return nil
	}
	candidates := s.candidates(topicOf(s.wants))
	s.probe(candidates)
	for len(s.wants) > 0 {
		chosen, missing := s.pick(s.assignments(candidates))
		if len(missing) > 0 {
			s.giveUpMissing(missing)
			continue
		}
		settings := map[string]setting{}
		for _, a := range chosen {
			maps.Copy(settings, a.settings)
		}
		if s.proven(settings) {
			return s.fewer(settings, chosen)
		}
		// Each is right alone and they are not together.
		s.giveUp(s.broughtBy(chosen[len(chosen)-1]), "the values that would bring it do not go together with those for other fields")
	}
	return nil
}

// assignments are what the candidates bring, and single values for the rest.
func (s *search) assignments(candidates []*candidate) []*assignment {
	var out []*assignment
	brought := map[string]bool{}
	add := func(a *assignment) {
		if a != nil && len(a.brings) > 0 {
			out = append(out, a)
			maps.Copy(brought, a.brings)
		}
	}
	for _, c := range candidates {
		add(s.try(c))
	}
	for _, w := range s.wants {
		for _, e := range w.edits {
			for _, path := range s.scalars(w, e) {
				if brought[editName(w, e)] {
					break
				}
				add(s.trial(path, w, e))
			}
		}
	}
	return out
}

// proven reports whether the settings give what is wanted, all of it, and
// nothing else.
func (s *search) proven(settings map[string]setting) bool {
	a, harm, err := s.attempt(settings)
	if err != nil || harm != nil {
		return false
	}
	for _, w := range s.wants {
		for _, e := range w.edits {
			if !a.brings[editName(w, e)] {
				return false
			}
		}
	}
	return true
}

// fewer leaves out settings without which it is still proven, where two parts of
// the values bring the same.
func (s *search) fewer(settings map[string]setting, chosen []*assignment) map[string]setting {
	times := map[string]int{}
	for _, a := range chosen {
		for name := range a.brings {
			times[name]++
		}
	}
	for _, a := range slices.Backward(chosen) {
		alone := true
		for name := range a.brings {
			alone = alone && times[name] == 1
		}
		if alone {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(a.settings)) {
			less := maps.Clone(settings)
			delete(less, name)
			if s.proven(less) {
				settings = less
			}
		}
	}
	return settings
}

// broughtBy are the wants of which the assignment brings something.
func (s *search) broughtBy(a *assignment) []*want {
	var out []*want
	for _, w := range s.wants {
		if slices.ContainsFunc(w.edits, func(e edit) bool { return a.brings[editName(w, e)] }) {
			out = append(out, w)
		}
	}
	return out
}
