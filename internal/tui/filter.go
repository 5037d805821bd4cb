package tui

import (
	"fmt"
	"strings"

	"github.com/sahilm/fuzzy"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// filter is what the person typed after /, understood.
type filter struct {
	text  string
	words []string
	terms []term
	err   string // the first term that makes no sense
	class bool   // asks for the class of fixes, which must be known for every finding then
}

type term struct {
	key    string
	values []string
}

var termKeys = map[string]string{
	"severity": "severity", "sev": "severity", "class": "class", "ns": "ns", "namespace": "ns",
	"kind": "kind", "status": "status", "id": "id", "container": "container", "name": "name",
}

// parseFilter reads words, which must all be found, and terms such as
// severity:high,critical, class:safe and ns:shop. severity:high+ means high and worse.
func parseFilter(text string) filter {
	f := filter{text: strings.TrimSpace(text)}
	for _, word := range strings.Fields(strings.ToLower(text)) {
		key, value, ok := strings.Cut(word, ":")
		if !ok {
			f.words = append(f.words, word)
			continue
		}
		name, known := termKeys[key]
		if !known {
			f.fail("no term %q: use severity, class, ns, kind, status, id, name or container", key)
			continue
		}
		if value == "" {
			continue
		}
		t := term{key: name, values: strings.Split(value, ",")}
		f.check(t)
		f.class = f.class || name == "class"
		f.terms = append(f.terms, t)
	}
	return f
}

func (f *filter) fail(format string, args ...any) {
	if f.err == "" {
		f.err = fmt.Sprintf(format, args...)
	}
}

// check finds values that can never match. A value that is still being typed is fine.
func (f *filter) check(t term) {
	var names []string
	switch t.key {
	case "severity":
		for _, s := range harden.Severities() {
			names = append(names, s.String())
		}
	case "class":
		names = []string{"safe", "evidence", "review", "none"}
	case "status":
		names = []string{"fail", "unknown", "waived", "expected"}
	default:
		return
	}
	for _, v := range t.values {
		v = strings.TrimSuffix(v, "+")
		if !anyPrefix(names, v) {
			f.fail("no %s %q: use %s", t.key, v, strings.Join(names, ", "))
		}
	}
}

func anyPrefix(names []string, v string) bool {
	for _, n := range names {
		if strings.HasPrefix(n, v) {
			return true
		}
	}
	return false
}

func (f *filter) empty() bool { return len(f.words) == 0 && len(f.terms) == 0 }

// matches are the rows that a filter leaves, with their counts.
type matches struct {
	rows    []bool
	spaces  []counts
	objects []counts
	total   counts // without namespaces of the system
	n       int
}

// match runs the filter over an index. Words and names are judged once per
// fixer, object and container, not once per finding. class tells the class of a
// finding's fix: "" when it is not known yet.
func (f *filter) match(x *index, class func(id string) string) *matches {
	m := &matches{rows: make([]bool, len(x.rows)), spaces: make([]counts, len(x.spaces)), objects: make([]counts, len(x.objects))}
	judge := newJudge(f, x)
	for i := range x.rows {
		r := &x.rows[i]
		if !judge.keeps(r, class) {
			continue
		}
		m.rows[i] = true
		m.n++
		m.spaces[r.space].add(r.weight)
		m.objects[r.object].add(r.weight)
		if !x.spaces[r.space].system {
			m.total.add(r.weight)
		}
	}
	return m
}

// judge holds the answers of each word and term for everything that rows share.
type judge struct {
	f       *filter
	words   []shared
	terms   []shared
	classes []term
}

type shared struct {
	fixer, object, space, place []bool // nil: says nothing about it
	row                         func(*row) bool
}

func newJudge(f *filter, x *index) *judge {
	j := &judge{f: f}
	for _, w := range f.words {
		j.words = append(j.words, shared{
			fixer: over(len(x.fixers), func(i int) bool {
				return near(w, x.fixers[i].ID) || strings.Contains(strings.ToLower(x.fixers[i].Title), w)
			}),
			object: over(len(x.objects), func(i int) bool { return near(w, strings.ToLower(x.objects[i].name)) }),
			space:  over(len(x.spaces), func(i int) bool { return strings.Contains(strings.ToLower(x.spaces[i].name), w) }),
			place:  over(len(x.places), func(i int) bool { return near(w, strings.ToLower(x.places[i])) }),
		})
	}
	for _, t := range f.terms {
		has := t.contains
		var s shared
		switch t.key {
		case "class":
			j.classes = append(j.classes, t)
			continue
		case "severity":
			s.row = func(r *row) bool { return t.severity(r.Severity) && r.Status == harden.StatusFail }
		case "status":
			s.row = func(r *row) bool { return t.prefix(r.Status.String()) }
		case "ns":
			s.space = over(len(x.spaces), func(i int) bool { return has(x.spaces[i].name) })
		case "kind":
			s.object = over(len(x.objects), func(i int) bool {
				return has(x.objects[i].ref.Kind) || has(x.objects[i].name[:strings.IndexByte(x.objects[i].name, '/')])
			})
		case "name":
			s.object = over(len(x.objects), func(i int) bool { return has(x.objects[i].ref.Name) })
		case "id":
			s.fixer = over(len(x.fixers), func(i int) bool { return has(x.fixers[i].ID) })
		case "container":
			s.place = over(len(x.places), func(i int) bool { return has(x.places[i]) })
		}
		j.terms = append(j.terms, s)
	}
	return j
}

func (j *judge) keeps(r *row, class func(string) string) bool {
	for i := range j.words {
		if !j.words[i].holds(r) {
			return false
		}
	}
	for i := range j.terms {
		if !j.terms[i].holds(r) {
			return false
		}
	}
	for _, t := range j.classes {
		c := class(r.id)
		if c == "" || !t.prefix(c) {
			return false
		}
	}
	return true
}

func (s *shared) holds(r *row) bool {
	return s.fixer != nil && s.fixer[r.fixer] || s.object != nil && s.object[r.object] ||
		s.space != nil && s.space[r.space] || s.place != nil && s.place[r.at] || s.row != nil && s.row(r)
}

func over(n int, f func(int) bool) []bool {
	out := make([]bool, n)
	for i := range out {
		out[i] = f(i)
	}
	return out
}

// contains reports whether one of the values is a part of s, or with a = before
// it all of s.
func (t term) contains(s string) bool {
	s = strings.ToLower(s)
	for _, v := range t.values {
		whole, exact := strings.CutPrefix(v, "=")
		if exact && s == whole || !exact && v != "" && strings.Contains(s, v) {
			return true
		}
	}
	return false
}

func (t term) prefix(s string) bool {
	for _, v := range t.values {
		if v != "" && strings.HasPrefix(s, v) {
			return true
		}
	}
	return false
}

func (t term) severity(s harden.Severity) bool {
	for _, v := range t.values {
		name, orWorse := strings.CutSuffix(v, "+")
		for _, o := range harden.Severities() {
			if name != "" && strings.HasPrefix(o.String(), name) && (s == o || orWorse && s > o) {
				return true
			}
		}
	}
	return false
}

// near is a fuzzy match for short names: the letters in their order and close
// together. Far apart they match anything.
func near(word, name string) bool {
	if strings.Contains(name, word) {
		return true
	}
	if len(word) < 3 || !inOrder(word, name) {
		return false
	}
	found := fuzzy.FindNoSort(word, []string{name})
	if len(found) == 0 {
		return false
	}
	at := found[0].MatchedIndexes
	return at[len(at)-1]-at[0] < 2*len(word)+4
}

// inOrder is a quick test that most names fail.
func inOrder(word, name string) bool {
	i := 0
	for j := 0; j < len(name) && i < len(word); j++ {
		if name[j] == word[i] {
			i++
		}
	}
	return i == len(word)
}
