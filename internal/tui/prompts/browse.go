package prompts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// A view is the part of the scope that a list is about: all of it, a namespace,
// or one object.
type view struct {
	space  string // empty: all but those of the system
	object *harden.Ref
}

func (v view) words() string {
	switch {
	case v.object != nil:
		return called(*v.object)
	case v.space != "":
		return v.space
	}
	return "all namespaces"
}

// in are the namespaces of a view with what the filter leaves of them.
func (d *dialog) in(v view) ([]tui.Space, error) {
	spaces, err := d.list(d.filter)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(spaces, func(s tui.Space) bool {
		if v.space == "" {
			return s.System
		}
		return s.Name != v.space
	}), nil
}

// objects are those of a view.
func (d *dialog) objects(v view) ([]tui.Object, error) {
	spaces, err := d.in(v)
	if err != nil {
		return nil, err
	}
	var out []tui.Object
	for _, s := range spaces {
		for _, o := range s.Objects {
			if v.object == nil || o.Ref.Key() == v.object.Key() {
				out = append(out, o)
			}
		}
	}
	return out, nil
}

// findings are those of a view, the worst first.
func (d *dialog) findings(v view) ([]*harden.Finding, error) {
	objects, err := d.objects(v)
	if err != nil {
		return nil, err
	}
	var out []*harden.Finding
	for _, o := range objects {
		out = append(out, o.Findings...)
	}
	rank := func(f *harden.Finding) int {
		if f.Status == harden.StatusFail {
			return -1
		}
		return int(f.Status)
	}
	slices.SortStableFunc(out, func(a, b *harden.Finding) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Severity, a.Severity))
	})
	return out, nil
}

// spaces is the first list.
func (d *dialog) spaces() error {
	spaces, err := d.list("")
	if err == nil && len(spaces) == 1 {
		return d.workloads(spaces[0].Name, true)
	}
	return d.browse(func() (menu, error) {
		spaces, err := d.list(d.filter)
		m := menu{
			title: plural(len(spaces), "namespace", "namespaces") + d.filterWords(), top: true,
			none: d.noItems(), hint: "a number, safe, plan or filter", commands: d.inView(view{}),
		}
		var all tui.Counts
		for _, s := range spaces {
			if !s.System {
				plus(&all, s.Counts)
			}
			system := ""
			if s.System {
				system = " (part of the cluster itself)"
			}
			m.items = append(m.items, item{
				id: s.Name, text: func() string { return s.Name + ": " + countWords(s.Counts) + system },
				open: func() error { return d.workloads(s.Name, false) },
			})
		}
		if len(m.items) > 1 {
			m.items = append(m.items, item{
				id: "*", text: func() string { return "all findings together, without those of the cluster itself: " + countWords(all) },
				open: func() error { return d.finds(view{}) },
			})
		}
		return m, err
	})
}

func (d *dialog) noItems() string {
	if d.filter != "" {
		return "Nothing matches the filter; type a slash alone to clear it."
	}
	return "There is nothing here."
}

func (d *dialog) filterWords() string {
	if d.filter == "" {
		return ""
	}
	return ", filtered by " + d.filter
}

// workloads lists the objects of a namespace.
func (d *dialog) workloads(space string, top bool) error {
	v := view{space: space}
	return d.browse(func() (menu, error) {
		objects, err := d.objects(v)
		m := menu{
			title: space + ": " + plural(len(objects), "object", "objects") + d.filterWords(), top: top,
			none: d.noItems(), hint: "a number, safe, plan or filter", commands: d.inView(v),
		}
		var all tui.Counts
		for _, o := range objects {
			plus(&all, o.Counts)
			m.items = append(m.items, item{
				id: o.Ref.Long() + o.Ref.Source.String(), text: func() string { return bare(o.Ref, space) + ": " + countWords(o.Counts) },
				open: func() error { return d.finds(view{space: space, object: &o.Ref}) },
			})
		}
		if len(m.items) > 1 {
			m.items = append(m.items, item{
				id: "*", text: func() string { return "all findings of " + space + " together: " + countWords(all) },
				open: func() error { return d.finds(v) },
			})
		}
		return m, err
	})
}

// bare is the object without its namespace where that is said already.
func bare(r harden.Ref, space string) string {
	if r.Namespace == space {
		r.Namespace = ""
	}
	return called(r)
}

// finds lists the findings of a view.
func (d *dialog) finds(v view) error {
	return d.browse(func() (menu, error) {
		findings, err := d.findings(v)
		m := menu{
			title: plural(len(findings), "finding", "findings") + " of " + v.words() + d.filterWords(),
			none:  d.noItems(), hint: "a number to read one, mark and numbers, safe or plan",
		}
		ids := make([]string, len(findings))
		for i, f := range findings {
			ids[i] = f.ID()
			m.items = append(m.items, item{
				id: ids[i], text: func() string { return d.findingLine(f, v) },
				open: func() error { return d.finding(ids, i) },
			})
		}
		m.commands = append(d.markCommands(ids), d.inView(v)...)
		return m, err
	})
}

// findingLine is a finding in a list: "critical: privileged-container, container
// web: privileged is true. Fix: review".
func (d *dialog) findingLine(f *harden.Finding, v view) string {
	var b strings.Builder
	if d.marks[f.ID()] {
		b.WriteString("marked, ")
	}
	fmt.Fprintf(&b, "%s: %s", gradeWord(f), f.Fixer.ID)
	if v.object == nil || f.Object.Key() != v.object.Key() {
		b.WriteString(", " + bare(f.Object, v.space))
	}
	b.WriteString(containerWords(f.Container) + ": " + strings.TrimSuffix(f.Reason, "."))
	if f.Status == harden.StatusFail {
		b.WriteString(". Fix: " + d.classOf(f))
	}
	return b.String()
}
