package apply

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// stillOpen judges the object anew. Only what is still wrong may be repaired:
// the plan was made from what was seen then. It returns the ids of all that is
// wrong.
func (r *run) stillOpen(ctx context.Context, op *harden.ObjectPlan) ([]string, *harden.Outcome) {
	fresh, err := r.findings(ctx, op)
	if err != nil {
		return nil, &harden.Outcome{Phase: harden.Refused, Message: err.Error(), Err: err}
	}
	wrong := []string{}
	for _, f := range fresh {
		wrong = append(wrong, f.ID())
	}
	now := standingOf(op, fresh)
	// A fix may take several objects, and the first of them may be enough for its finding.
	done := slices.DeleteFunc(now.done(), func(f *harden.Finding) bool { return r.repaired[f.ID()] })
	switch {
	case len(done) == 0 && op.Verb == harden.Create:
		return nil, nil // what is made had nothing wrong before
	case len(done) == 0, len(now.open) > 0 && r.wrote():
		// What another object of this run has repaired, such as the account for its
		// workloads, is set here all the same.
		return wrong, nil
	case len(now.open) == 0 && r.wrote():
		return nil, &harden.Outcome{Phase: harden.Proven, Message: "nothing was written: what it is for was repaired by the objects before it", Fixed: now.gone, Waived: now.waived, Counted: now.counted}
	case len(now.open) == 0:
		why := "what the plan repairs was repaired in the meantime: " + names(now.gone)
		if len(now.waived)+len(now.counted) > 0 {
			why = "in the meantime " + now.words()
		}
		err := fmt.Errorf("%s: %s; nothing was written", say(op.Target), why)
		return nil, &harden.Outcome{Phase: harden.Refused, Message: err.Error(), Err: err, Fixed: now.gone, Waived: now.waived, Counted: now.counted}
	}
	err = fmt.Errorf("%s was changed after the plan was made: %s and %s is not; scan again", say(op.Target), now.words(), names(now.open))
	return nil, &harden.Outcome{Phase: harden.Refused, Message: err.Error(), Err: err}
}

// findings judges anew what the object's fixes are about: the object itself,
// unless it is yet to be made, and those on which something is missing.
func (a *Applier) findings(ctx context.Context, op *harden.ObjectPlan) ([]*harden.Finding, error) {
	var all []*harden.Finding
	for _, ref := range judged(op) {
		fresh, err := a.recheck(ctx, ref)
		if err != nil {
			return nil, explain("checking", ref, err)
		}
		all = append(all, fresh...)
	}
	return all, nil
}

func judged(op *harden.ObjectPlan) []harden.Ref {
	var refs []harden.Ref
	if op.Verb != harden.Create {
		refs = append(refs, op.Target)
	}
	for _, p := range op.Fixes {
		if p.Finding != nil && !slices.ContainsFunc(refs, func(r harden.Ref) bool { return r.Key() == p.Finding.Object.Key() }) {
			refs = append(refs, p.Finding.Object)
		}
	}
	return refs
}

// A standing is how the findings of a plan stand.
type standing struct {
	open    []*harden.Finding // not as the plan wants them
	gone    []*harden.Finding
	waived  []*harden.Finding // there, and excused
	counted []*harden.Finding // there, and excused no more, as the plan wants it
}

// standingOf compares the findings of the plan with those that were found anew.
func standingOf(op *harden.ObjectPlan, fresh []*harden.Finding) standing {
	now := map[string]*harden.Finding{}
	for _, f := range fresh {
		// Of findings with one id, the one that counts decides.
		if seen := now[f.ID()]; seen == nil || isExcused(seen) {
			now[f.ID()] = f
		}
	}
	var s standing
	for _, p := range op.Fixes {
		if p.Finding == nil || p.Fix.Effect == harden.Tidies {
			continue
		}
		is := now[p.Finding.ID()]
		switch unwaives := p.Fix.Effect == harden.Unwaives; {
		case is == nil:
			s.gone = append(s.gone, p.Finding)
		case unwaives && !isExcused(is):
			s.counted = append(s.counted, p.Finding)
		case isExcused(is) && (!unwaives || byAnother(p.Finding, is)):
			s.waived = append(s.waived, p.Finding)
		default:
			s.open = append(s.open, p.Finding)
		}
	}
	return s
}

func isExcused(f *harden.Finding) bool {
	return f.Status == harden.StatusWaived || f.Status == harden.StatusExpected
}

// byAnother reports whether something else excuses the finding now than then.
func byAnother(then, now *harden.Finding) bool {
	return then.Excuse != nil && now.Excuse != nil && *then.Excuse != *now.Excuse
}

// done are the findings that are as the plan wants them.
func (s standing) done() []*harden.Finding { return slices.Concat(s.gone, s.waived, s.counted) }

// words tell how the findings stand that are as the plan wants them.
func (s standing) words() string {
	var parts []string
	add := func(findings []*harden.Finding, is string) {
		if len(findings) > 0 {
			parts = append(parts, names(findings)+" is "+is)
		}
	}
	add(s.gone, "gone")
	add(s.waived, "waived")
	add(s.counted, "waived no more")
	return strings.Join(parts, ", ")
}

// stillWords tell how the findings stand that are not as the plan wants them.
func stillWords(op *harden.ObjectPlan, open []*harden.Finding) string {
	var parts []string
	for _, e := range []struct {
		effect harden.Effect
		still  string
	}{{harden.Repairs, "there"}, {harden.Waives, "not waived"}, {harden.Unwaives, "waived"}} {
		var some []*harden.Finding
		for _, p := range op.Fixes {
			if p.Fix.Effect == e.effect && slices.Contains(open, p.Finding) {
				some = append(some, p.Finding)
			}
		}
		if len(some) > 0 {
			parts = append(parts, names(some)+" is still "+e.still)
		}
	}
	return strings.Join(parts, ", ")
}

// openedBy are the findings that were not there before and lie where the change
// was made. Others are none of its doing: a rule that had nothing to say of a
// privileged container has when the container is privileged no more.
func openedBy(o *journal.Object, fresh []*harden.Finding) []*harden.Finding {
	if o.Baseline.Findings == nil {
		return nil
	}
	var opened []*harden.Finding
	for _, f := range fresh {
		if f.Status == harden.StatusFail && !slices.Contains(o.Baseline.Findings, f.ID()) && touches(o, f.Field) {
			opened = append(opened, f)
		}
	}
	return opened
}

// touches reports whether a field, as findings name it, lies within a place of
// the change or around it.
func touches(o *journal.Object, field string) bool {
	return field != "" && slices.ContainsFunc(o.Leaves, func(l journal.Leaf) bool {
		place := fieldOf(harden.Path(l.Path))
		return field == place || strings.HasPrefix(field, place+".") || strings.HasPrefix(place, field+".")
	})
}

// fieldOf writes a path as findings do: spec.template.spec.containers[web].image.
func fieldOf(path harden.Path) string {
	return strings.TrimPrefix(named.ReplaceAllString(plan.PathString(path), "[$1]"), ".")
}

var named = regexp.MustCompile(`\[name="([^"]*)"\]`)

func names(findings []*harden.Finding) string {
	var out []string
	for _, f := range findings {
		name := f.Fixer.ID
		if !f.Container.IsZero() {
			name += " (" + f.Container.Name + ")"
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}
