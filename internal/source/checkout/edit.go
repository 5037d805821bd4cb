package checkout

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Edit changes the files so that they bring the changes, each proven by
// rendering. Before of a change is the object on the cluster: what is rendered
// must say nothing else about it. An object that several places bring, or none,
// is said to be so; nothing is guessed. The files are not written.
func (c *Checkout) Edit(changes []harden.ObjectChange) (*harden.SourceEdits, error) {
	out := &harden.SourceEdits{Objects: make([]harden.SourceObject, len(changes))}
	e := editing{checkout: c, out: out, wants: map[place][]int{}}
	e.all = make([]want, len(changes))
	for i, change := range changes {
		out.Objects[i].Object = change.Target
		e.all[i].change = change
		if change.Before != nil {
			e.find(i)
		}
	}
	for i, change := range changes {
		if change.Before == nil {
			e.findFor(i)
		}
	}
	for _, p := range e.order {
		e.bring(p, e.wants[p])
	}
	out.Files = e.files
	for i := range out.Objects {
		for n, note := range out.Objects[i].Notes {
			out.Objects[i].Notes[n] = harden.OneLine(note)
		}
	}
	return out, nil
}

type editing struct {
	checkout *Checkout
	out      *harden.SourceEdits
	all      []want
	order    []place
	wants    map[place][]int // by place, which changes
	files    []harden.FileChange
}

func (e *editing) take(i int, p place, note string) {
	o := &e.out.Objects[i]
	o.Kind, o.Where = p.kind(), p.where()
	if note != "" {
		o.Notes = append(o.Notes, note)
	}
	if e.wants[p] == nil {
		e.order = append(e.order, p)
	}
	e.wants[p] = append(e.wants[p], i)
}

// find looks for the place of an object that exists.
func (e *editing) find(i int) {
	f := e.checkout.find(e.all[i].change)
	if len(f.hits) != 1 {
		e.out.Objects[i].Why = f.why(e.checkout)
		return
	}
	e.all[i].object = f.hits[0].object
	e.take(i, f.hits[0].place, f.hits[0].note)
}

// findFor looks for the place of a new object: where the object is that it is for.
func (e *editing) findFor(i int) {
	change := e.all[i].change
	for j, w := range e.all {
		if w.object == nil || w.change.Target.Key() != change.Of.Key() {
			continue
		}
		for p, wants := range e.wants {
			for _, at := range wants {
				if at == j {
					e.all[i].of = w.object
					e.take(i, p, "")
					return
				}
			}
		}
	}
	if change.Of.Name == "" {
		e.out.Objects[i].Why = "it is new, and nothing says where it belongs: add it to a folder (-o kustomize --out FOLDER)"
		return
	}
	f := e.checkout.named(change.Of)
	if len(f.hits) != 1 {
		e.out.Objects[i].Why = fmt.Sprintf("it is new, and belongs to where %s is: %s", change.Of, f.why(e.checkout))
		return
	}
	e.all[i].of = f.hits[0].object
	e.take(i, f.hits[0].place, f.hits[0].note)
}

// bring edits one place, for all its changes at once if that works, else for as
// many as it works for.
func (e *editing) bring(p place, which []int) {
	wanted := make([]want, len(which))
	for n, i := range which {
		wanted[n] = e.all[i]
	}
	b, err := p.bring(e.files, wanted)
	switch {
	case err == nil:
		e.files = merge(e.files, b.files...)
		for n, i := range which {
			o := &e.out.Objects[i]
			o.Files = append(o.Files, b.changed[n]...)
			o.Notes = append(o.Notes, b.notes[n]...)
		}
	case len(which) > 1:
		for _, i := range which {
			e.bring(p, []int{i})
		}
	default:
		e.out.Objects[which[0]].Why = harden.OneLine(err.Error())
	}
}
