package tui

import (
	"errors"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// This file is what another interactive face shares with this one, so that both
// list, filter and decide alike.

// A Space is a namespace, or what stands in its place: objects of the cluster
// itself, and manifests without one.
type Space struct {
	Name    string
	System  bool // part of the cluster itself
	Counts  Counts
	Objects []Object // with findings, or workloads without; the worst first
}

// An Object is what findings are listed under: a workload, or another object.
type Object struct {
	Ref      harden.Ref
	Counts   Counts
	Findings []*harden.Finding // the worst first
}

// Counts are numbers of findings.
type Counts struct {
	Failed  [harden.Critical + 1]int // by severity
	Unknown int                      // could not be judged
	Excused int                      // waived or expected
}

func countsOf(c *counts) Counts {
	return Counts{Failed: c.failed, Unknown: c.unknown, Excused: c.other}
}

// Spaces are the namespaces of a snapshot with what the filter leaves of it, the
// worst first and those of the system last. An empty filter leaves everything;
// otherwise what has no finding that matches is left out. class tells the class
// of a finding's best fix, or "none". An error says which term makes no sense.
func Spaces(snap *harden.Snapshot, filter string, class func(*harden.Finding) string) ([]Space, error) {
	x := newIndex(snap, nil)
	f := parseFilter(filter)
	if f.err != "" {
		return nil, errors.New(f.err)
	}
	found := f.match(x, func(id string) string { return class(x.rows[x.byID[id]].Finding) })
	objects := make([]Object, len(x.objects))
	for i := range x.objects {
		objects[i] = Object{Ref: x.objects[i].ref, Counts: countsOf(&found.objects[i])}
	}
	for _, at := range x.orders[byObject] {
		if found.rows[at] {
			o := &objects[x.rows[at].object]
			o.Findings = append(o.Findings, x.rows[at].Finding)
		}
	}
	spaces := make([]Space, len(x.spaces))
	for i := range x.spaces {
		spaces[i] = Space{Name: x.spaces[i].name, System: x.spaces[i].system, Counts: countsOf(&found.spaces[i])}
	}
	for i := range objects {
		if f.empty() || len(objects[i].Findings) > 0 {
			s := &spaces[x.objects[i].space]
			s.Objects = append(s.Objects, objects[i])
		}
	}
	if !f.empty() {
		spaces = slices.DeleteFunc(spaces, func(s Space) bool { return len(s.Objects) == 0 })
	}
	return spaces, nil
}

// Applies reports whether an object of a plan may be applied as the plan stands,
// and says in a word or two how it stands.
func Applies(plan *harden.Plan, o *harden.ObjectPlan) (ok bool, word string) {
	s := standingOf(o, plan.Live)
	return s.applies(), standingWords[s].word
}

// MayTakeOver reports whether fields of the object are held by managers that
// write by Update, and by none that applies: a person may choose to force them.
func MayTakeOver(plan *harden.Plan, o *harden.ObjectPlan) bool {
	return standingOf(o, plan.Live) == conflicts
}

// Consequences says with counts what applying will do: "2 Deployments will
// restart".
func Consequences(objects []*harden.ObjectPlan) []string { return consequences(objects) }

// UndoConsequences says with counts what undoing a plan will do.
func UndoConsequences(r *harden.Record) []string { return undoConsequences(r) }

// Plain is markdown without its marks; a link is its text.
func Plain(markdown string) string { return plain(markdown) }

// ImageUnknown is what is not known about an image, and why.
func ImageUnknown(u *harden.ImageUse) []string { return unknownOf(u) }

// What a person should know before images are looked into.
const (
	CredentialsNote = credentialsNote
	DatabaseNote    = databaseNote
)
