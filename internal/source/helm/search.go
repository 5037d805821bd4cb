package helm

import (
	"encoding/json"
	"errors"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// maxRenders bounds the work of one search; a chart of a hundred templates takes
// some ten milliseconds each time.
const maxRenders = 400

var errTooMuch = errors.New("the chart has too many values to be tried")

// A search is for values that bring some changes.
type search struct {
	chart   *Chart
	release Release
	values  map[string]any // as the templates see them now: all files, the chart's own, those of dependencies
	base    map[harden.Key]Object
	order   []harden.Key        // of the objects as they are rendered
	twice   map[harden.Key]bool // rendered more than once
	named   *mentions
	wants   []*want               // still looked for
	left    map[harden.Key]string // given up, and why
	notes   map[string]string     // why a value does not bring an edit, by its name
	renders int
	cache   map[string]*outcome // of trials, by what was added to the values
}

// A want is an object that must come out otherwise.
type want struct {
	target harden.Key // as it was asked for
	key    harden.Key // of the rendered object
	object Object     // as it is rendered now
	after  map[string]any
	edits  []edit
}

// wantOf is what is wanted of the object, if anything.
func (s *search) wantOf(key harden.Key) *want {
	for _, w := range s.wants {
		if w.key == key {
			return w
		}
	}
	return nil
}

// An outcome is what a release gives with something added to its values.
type outcome struct {
	objects map[harden.Key]Object
	err     error // of the chart or of its schema, in words
}

// with renders the release with more values; funcs are held still.
func (s *search) with(overlay map[string]any) *outcome {
	name, err := json.Marshal(overlay)
	if err != nil {
		return &outcome{err: err}
	}
	if o, ok := s.cache[string(name)]; ok {
		return o
	}
	if s.renders >= maxRenders {
		return &outcome{err: errTooMuch}
	}
	s.renders++
	o := &outcome{}
	objects, err := s.chart.render(s.plus(overlay), still)
	o.objects, o.err = byKey(objects), err
	s.cache[string(name)] = o
	return o
}

func (s *search) plus(overlay map[string]any) Release {
	r := s.release
	r.Values = append(append([]map[string]any{}, r.Values...), overlay)
	return r
}

// An effect is one field that comes out otherwise than without the values that
// are tried.
type effect struct {
	key harden.Key
	edit
}

// effects are all that differs from how it is rendered now, objects that appear
// or vanish included: their path is empty.
func (s *search) effects(o *outcome) []effect {
	var out []effect
	for _, key := range s.order {
		now, ok := o.objects[key]
		if !ok {
			out = append(out, effect{key: key})
			continue
		}
		for _, e := range diff(s.base[key].Object, now.Object) {
			out = append(out, effect{key, e})
		}
	}
	for key := range o.objects {
		if _, ok := s.base[key]; !ok {
			out = append(out, effect{key: key})
		}
	}
	return out
}
