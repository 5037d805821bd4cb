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
	open, gone := sortFindings(op, fresh)
	// A fix may take several objects, and the first of them may be enough for its finding.
	gone = slices.DeleteFunc(gone, func(f *harden.Finding) bool { return r.repaired[f.ID()] })
	switch {
	case len(gone) == 0 && op.Verb == harden.Create:
		return nil, nil // what is made had nothing wrong before
	case len(gone) == 0, len(open) > 0 && r.wrote():
		// What another object of this run has repaired, such as the account for its
		// workloads, is set here all the same.
		return wrong, nil
	case len(open) == 0 && r.wrote():
		return nil, &harden.Outcome{Phase: harden.Proven, Message: "nothing was written: what it is for was repaired by the objects before it", Fixed: gone}
	case len(open) == 0:
		err := fmt.Errorf("%s: what the plan repairs was repaired in the meantime: %s; nothing was written", say(op.Target), names(gone))
		return nil, &harden.Outcome{Phase: harden.Refused, Message: err.Error(), Err: err, Fixed: gone}
	}
	err = fmt.Errorf("%s was changed after the plan was made: %s is gone and %s is not; scan again", say(op.Target), names(gone), names(open))
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

// sortFindings tells which findings of the plan stand and which are gone.
func sortFindings(op *harden.ObjectPlan, fresh []*harden.Finding) (open, gone []*harden.Finding) {
	standing := map[string]bool{}
	for _, f := range fresh {
		if f.Status == harden.StatusFail || f.Status == harden.StatusUnknown {
			standing[f.ID()] = true
		}
	}
	for _, p := range op.Fixes {
		switch f := p.Finding; {
		case f == nil:
		case standing[f.ID()]:
			open = append(open, f)
		default:
			gone = append(gone, f)
		}
	}
	return open, gone
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
