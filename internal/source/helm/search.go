package helm

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

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
	decoded map[string]*file      // as they came out first, by name
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

// A wish is one edit of a want.
type wish struct {
	want *want
	edit
}

// name tells the wishes of a search apart.
func (w wish) name() string {
	key := w.want.key
	return key.Group + "/" + key.Kind + "/" + key.Namespace + "/" + key.Name + w.path.String()
}

// wishes are the edits that are still looked for.
func (s *search) wishes() []wish {
	var out []wish
	for _, w := range s.wants {
		for _, e := range w.edits {
			out = append(out, wish{w, e})
		}
	}
	return out
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
	objects, err := s.render(s.plus(overlay))
	o := &outcome{objects: byKey(objects), err: err}
	s.cache[string(name)] = o
	return o
}

// render renders with functions that are held still. A file that comes out as
// it did before is the same objects again: decoding takes longer than rendering.
func (s *search) render(r Release) ([]Object, error) {
	s.renders++
	files, err := s.chart.files(r, still)
	if err != nil {
		return nil, err
	}
	var out []Object
	for _, name := range slices.Sorted(maps.Keys(files)) {
		known := s.decoded[name]
		if known == nil || known.text != files[name] {
			objects, err := s.chart.decode(map[string]string{name: files[name]}, r.Namespace)
			if err != nil {
				return nil, err
			}
			if known != nil {
				out = append(out, objects...)
				continue
			}
			known = &file{files[name], objects}
			s.decoded[name] = known
		}
		out = append(out, known.objects...)
	}
	return out, nil
}

// A file is what the templates gave first, and the objects in it.
type file struct {
	text    string
	objects []Object
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
		if now.Unstructured == s.base[key].Unstructured {
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
