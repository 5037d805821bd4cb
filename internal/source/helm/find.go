package helm

import (
	"fmt"
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
