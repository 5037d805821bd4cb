package helm

import (
	"cmp"
	"slices"
	"strings"
)

// Limits of what is tried.
const (
	maxMaps       = 2000 // parts of the values in which a key may be missing
	maxCandidates = 4000
	maxScalars    = 24 // values that are tried for one field
)

// A topic is what the wanted edits are about: names of fields. A value whose
// name is like one of them may bring the edit.
type topic struct {
	maps, lists map[string]bool
}

// structure are fields that every pod has on the way to what matters.
var structure = map[string]bool{
	"spec": true, "template": true, "jobTemplate": true, "metadata": true,
	"containers": true, "initContainers": true, "ephemeralContainers": true,
}

func topicOf(wants []*want) topic {
	t := topic{maps: map[string]bool{}, lists: map[string]bool{}}
	for _, w := range wants {
		for _, e := range w.edits {
			names := namesIn(e)
			for _, name := range names[:len(names)-1] {
				if !structure[name] {
					t.maps[name] = true
				}
			}
			if last := names[len(names)-1]; e.path[len(e.path)-1].FieldName == nil {
				t.lists[last] = true
			} else if _, isMap := e.to.(map[string]any); isMap {
				t.maps[last] = true
			}
		}
	}
	return t
}

// namesIn are the fields of the edit's path, without the keys of items.
func namesIn(e edit) []string {
	var out []string
	for _, pe := range e.path {
		if pe.FieldName != nil {
			out = append(out, *pe.FieldName)
		}
	}
	return out
}

// like reports whether a key of the values is named like one of the fields, such
// as podSecurityContext like securityContext.
func like(key string, fields map[string]bool) bool {
	for field := range fields {
		if lower(key, field) {
			return true
		}
		if field == "volumeMounts" && lower(key, "mounts") {
			return true
		}
	}
	return false
}

// podPart reports whether a key is named like what holds parts of a pod.
func podPart(key string) bool {
	for _, part := range []string{"spec", "pod", "container", "template", "override", "deployment"} {
		if lower(key, part) {
			return true
		}
	}
	return false
}

// candidates are the maps and lists that may bring edits about the topic: those
// that the values have, and those that templates name though the values do not
// have them.
func (s *search) candidates(t topic) []*candidate {
	var out []*candidate
	seen := map[string]bool{}
	add := func(path valuePath, list bool) {
		if name := path.String(); !seen[name] && len(out) < maxCandidates {
			seen[name] = true
			out = append(out, &candidate{path: path, list: list})
		}
	}
	// missing adds a path that the values do not have, or have nothing at.
	missing := func(path valuePath) {
		for i := range path {
			part := path[:i+1]
			v, reachable := at(s.values, part)
			if !reachable || v != nil {
				continue
			}
			switch name := part[i]; {
			case like(name, t.maps):
				add(slices.Clone(part), false)
			case like(name, t.lists):
				add(slices.Clone(part), true)
			}
		}
	}
	var parts []valuePath
	each(s.values, func(path valuePath, v any) {
		switch v := v.(type) {
		case map[string]any:
			if name := path[len(path)-1]; like(name, t.maps) || podPart(name) {
				add(path, false)
			}
			if len(parts) < maxMaps && lookedInto(v, s.named.names) {
				parts = append(parts, path)
			}
		case []any:
			if like(path[len(path)-1], t.lists) && !plain(v) {
				add(path, true)
			}
		}
	})
	for _, path := range s.named.absolute {
		missing(path)
	}
	for _, chain := range s.named.relative {
		if !slices.ContainsFunc(chain, func(name string) bool { return like(name, t.maps) || like(name, t.lists) }) {
			continue
		}
		for _, part := range parts {
			missing(part.join(chain...))
		}
	}
	return append(out, s.switched(out)...)
}

// switched are the maps that count only when their key enabled says so.
func (s *search) switched(all []*candidate) []*candidate {
	var out []*candidate
	for _, c := range all {
		if enabled, _ := at(s.values, c.path.join("enabled")); enabled == false {
			out = append(out, &candidate{path: c.path, with: map[string]any{"enabled": true}})
		}
	}
	return out
}

// lookedInto reports whether templates name a key of the map.
func lookedInto(m map[string]any, names map[string]bool) bool {
	for key := range m {
		if names[key] {
			return true
		}
	}
	return false
}

// plain reports whether a list has something else than maps.
func plain(list []any) bool {
	return slices.ContainsFunc(list, func(v any) bool { _, ok := v.(map[string]any); return !ok })
}

// scalars are single values that may bring the wish, by name; those first that
// are named like the object.
func (s *search) scalars(w wish) []valuePath {
	if w.path[len(w.path)-1].FieldName == nil {
		return nil
	}
	var out []valuePath
	seen := map[string]bool{}
	add := func(path valuePath) {
		if name := path.String(); !seen[name] && about(path, namesIn(w.edit)) {
			seen[name] = true
			out = append(out, path)
		}
	}
	var parts []valuePath
	each(s.values, func(path valuePath, v any) {
		if m, ok := v.(map[string]any); ok {
			if lookedInto(m, s.named.names) {
				parts = append(parts, path)
			}
			return
		}
		add(path)
	})
	missing := func(path valuePath) {
		if v, reachable := at(s.values, path); reachable && v == nil {
			add(path)
		}
	}
	for _, path := range s.named.absolute {
		missing(path)
	}
	for _, chain := range s.named.relative {
		if !about(chain, namesIn(w.edit)) {
			continue
		}
		for _, part := range parts {
			missing(part.join(chain...))
		}
	}
	named := func(path valuePath) int {
		if slices.ContainsFunc(path, func(name string) bool { return lower(w.want.key.Name, name) }) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b valuePath) int { return cmp.Compare(named(a), named(b)) })
	return out[:min(len(out), maxScalars)]
}

// about reports whether the name of a value says that it is for the field at the
// end of the names.
func about(path valuePath, names []string) bool {
	last, field := path[len(path)-1], names[len(names)-1]
	if field == "image" {
		return lower(path.String(), "image")
	}
	if field == "automountServiceAccountToken" {
		return lower(last, "automount")
	}
	if len(last) >= 6 && lower(field, last) { // nonRoot for runAsNonRoot
		return true
	}
	if !lower(last, field) {
		return false
	}
	if len(field) >= 8 || len(names) < 2 {
		return true
	}
	// A short name, such as type or user, says too little without what it is in.
	return len(path) > 1 && lower(strings.Join(path[:len(path)-1], "."), names[len(names)-2])
}
