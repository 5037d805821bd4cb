package helm

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// trial tries a single value for a wish.
func (s *search) trial(path valuePath, w wish) *assignment {
	value := w.to
	if text, ok := w.to.(string); ok {
		if value, ok = s.middle(path, w, text); !ok {
			return nil
		}
	}
	a, harm, err := s.attempt(map[string]setting{path.String(): {path, value}})
	switch {
	case err != nil && value != nil:
		s.note(w, fmt.Sprintf("the value %s might bring it, but %s", path, err))
	case harm != nil && s.gives(path, value, w):
		s.note(w, s.alsoChanges(path, w, harm))
	}
	return a
}

// gives reports whether a value that was tried makes the field what it should be,
// whatever else it does.
func (s *search) gives(path valuePath, value any, w wish) bool {
	object, ok := s.with(s.overlayOf(map[string]setting{"": {path, value}})).objects[w.want.key]
	if !ok {
		return false
	}
	now, _ := plan.Lookup(object.Unstructured, w.path)
	return equal(now, w.to)
}

// middle is what a value must be for the field to become the text: the field may
// have more than the value, such as the tag in an image.
func (s *search) middle(path valuePath, w wish, text string) (any, bool) {
	mark := token(0)
	object, ok := s.with(s.overlayOf(map[string]setting{"": {path, mark}})).objects[w.want.key]
	if !ok {
		return nil, false
	}
	v, _ := plan.Lookup(object.Unstructured, w.path)
	shown, _ := v.(string)
	before, after, ok := strings.Cut(shown, mark)
	if !ok || len(text) <= len(before)+len(after) || !strings.HasPrefix(text, before) || !strings.HasSuffix(text, after) {
		return nil, false
	}
	return text[len(before) : len(text)-len(after)], true
}
