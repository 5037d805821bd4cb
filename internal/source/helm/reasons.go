package helm

import (
	"fmt"
	"slices"
	"strings"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// note keeps why a value does not bring a wish; the first that is said stays.
func (s *search) note(w wish, why string) {
	if s.notes[w.name()] == "" {
		s.notes[w.name()] = why
	}
}

// giveUp leaves the wants for a reason.
func (s *search) giveUp(wants []*want, why string) {
	for _, w := range slices.Clone(wants) {
		s.left[w.target] = why
		s.wants = slices.DeleteFunc(s.wants, func(other *want) bool { return other == w })
	}
}

// giveUpMissing leaves the wants that have edits which nothing brings.
func (s *search) giveUpMissing(missing map[string]bool) {
	for _, w := range slices.Clone(s.wants) {
		var open []wish
		for _, e := range w.edits {
			if wish := (wish{w, e}); missing[wish.name()] {
				open = append(open, wish)
			}
		}
		if len(open) > 0 {
			s.giveUp([]*want{w}, s.whyMissing(open))
		}
	}
}

// whyMissing is about the first of the wishes of which something is known.
func (s *search) whyMissing(open []wish) string {
	first := open[max(0, slices.IndexFunc(open, func(w wish) bool { return s.notes[w.name()] != "" }))]
	why := s.notes[first.name()]
	switch {
	case why != "":
	case s.renders >= maxRenders:
		why = errTooMuch.Error()
	default:
		why = "no value of the chart sets it: see " + s.chart.lineOf(first.want.object, first.path)
	}
	why = fieldName(first.path) + ": " + why
	switch more := len(open) - 1; more {
	case 0:
		return why
	case 1:
		return why + " (and another field)"
	default:
		return fmt.Sprintf("%s (and %d more fields)", why, more)
	}
}

// alsoSets says where else a value goes.
func alsoSets(value valuePath, where string) string {
	return fmt.Sprintf("the value %s also changes %s", harden.OneLine(value.String()), where)
}

// alsoChanges says what else a value changes: another object if there is one,
// that of which nothing is wanted first; else a field.
func (s *search) alsoChanges(value valuePath, w wish, harm []effect) string {
	worst := harm[0]
	for _, e := range harm {
		if s.wantOf(e.key) == nil {
			worst = e
			break
		}
		if e.key != w.want.key && worst.key == w.want.key {
			worst = e
		}
	}
	if worst.key == w.want.key && len(worst.path) > 0 {
		return alsoSets(value, fieldName(worst.path))
	}
	return alsoSets(value, placeName(worst.key, worst.path))
}

// placeName is the container or object of a place.
func placeName(key harden.Key, path harden.Path) string {
	name := key.Kind + "/" + key.Name
	for i, pe := range path {
		if pe.Key != nil && i > 0 && path[i-1].FieldName != nil && lower(*path[i-1].FieldName, "containers") {
			name = fmt.Sprintf("container %v of %s", (*pe.Key)[0].Value.Unstructured(), name)
			break
		}
	}
	return harden.OneLine(name)
}

// fieldName is a path as people read it, without the dot before it.
func fieldName(path harden.Path) string {
	return harden.OneLine(strings.TrimPrefix(plan.PathString(path), "."))
}

// lineOf is the template that renders the field, with the line if only one can
// be meant.
func (c *Chart) lineOf(object Object, path harden.Path) string {
	text := templateText(c.chart, object.Template)
	for i := len(path) - 1; i >= 0 && text != ""; i-- {
		if path[i].FieldName == nil {
			continue
		}
		line, n := 0, 0
		for j, l := range strings.Split(text, "\n") {
			if l = strings.TrimLeft(l, " -"); strings.HasPrefix(l, *path[i].FieldName+":") {
				line, n = j+1, n+1
			}
		}
		if n == 1 {
			return harden.OneLine(fmt.Sprintf("%s:%d", object.Template, line))
		}
		if n > 1 {
			break
		}
	}
	return harden.OneLine(object.Template)
}

// templateText is the text of a template; empty when the file of a dependency
// that has an alias is named by that.
func templateText(chart *chartv2.Chart, name string) string {
	rest, below := strings.CutPrefix(name, "charts/")
	if below {
		child, rest, _ := strings.Cut(rest, "/")
		for _, d := range chart.Dependencies() {
			if d.Name() == child {
				return templateText(d, rest)
			}
		}
		return ""
	}
	for _, t := range chart.Templates {
		if t.Name == name {
			return string(t.Data)
		}
	}
	return ""
}
