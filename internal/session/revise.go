package session

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// PatchText is the patch of an object of a plan as text that a person can edit.
func (s *Session) PatchText(op *harden.ObjectPlan) (string, error) { return plan.Text(op) }

// Revise is the plan with the patch of one object exchanged for text that was
// PatchText and was edited; unchanged text gives the same plan. Findings that the
// patch repairs no more go to LeftOut. An error says what is wrong with the text,
// with its line.
func (s *Session) Revise(ctx context.Context, p *harden.Plan, of harden.Key, text string, opts harden.PlanOptions) (*harden.Plan, error) {
	snap, err := s.snapshotNow("editing a patch")
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(p.Objects, func(op *harden.ObjectPlan) bool { return op.Target.Key() == of })
	if at < 0 {
		return nil, fmt.Errorf("editing a patch: the plan does not change %s %s", of.Kind, of.Name)
	}
	op := p.Objects[at]
	set, remove, err := plan.Edited(op, text, s.converter)
	if err != nil {
		return nil, err
	}
	if len(remove) == len(op.Remove) && equality.Semantic.DeepEqual(set, op.Set) {
		return p, nil
	}
	next, err := s.reviseObject(ctx, snap.Inventory, op, set, remove, opts)
	if err != nil {
		return nil, err
	}
	out := *p
	out.Objects = slices.Clone(p.Objects)
	out.Objects[at] = next
	out.LeftOut = append(slices.Clone(p.LeftOut), s.unrepaired(snap.Inventory, next)...)
	slices.SortStableFunc(out.LeftOut, func(x, y harden.LeftOut) int { return harden.CompareFindings(x.Finding, y.Finding) })
	if c, ok := s.source.(*clusterSource); ok && opts.ServerDryRun {
		if err := c.dryRun(ctx, &harden.Plan{Objects: []*harden.ObjectPlan{next}}); err != nil {
			return nil, err
		}
	}
	if p.PodSecurity != nil {
		out.PodSecurity, err = podSecurity(snap.Inventory, planned(p), &out)
	}
	return &out, err
}

// planned are the findings that a plan is about.
func planned(p *harden.Plan) []*harden.Finding {
	var all []*harden.Finding
	for _, op := range p.Objects {
		for _, pf := range op.Fixes {
			all = append(all, pf.Finding)
		}
	}
	for _, l := range p.LeftOut {
		all = append(all, l.Finding)
	}
	return all
}

func (s *Session) reviseObject(ctx context.Context, inv *harden.Inventory, op *harden.ObjectPlan, set *unstructured.Unstructured, remove []harden.Path, opts harden.PlanOptions) (*harden.ObjectPlan, error) {
	var before *unstructured.Unstructured
	var err error
	if op.Verb == harden.Apply {
		if before, err = s.source.object(ctx, op.Target); err != nil {
			return nil, err
		}
		if inv, err = s.withOwners(ctx, inv, map[harden.Key]*unstructured.Unstructured{op.Target.Key(): before}); err != nil {
			return nil, err
		}
	}
	return plan.Revise(inv, op, set, remove, before, s.converter, opts)
}

// unrepaired takes the fixes out of a revised object plan whose findings the patch
// leaves as they are: for a workload the rules judge it as it will be. Of other
// objects reading back will tell.
func (s *Session) unrepaired(inv *harden.Inventory, op *harden.ObjectPlan) []harden.LeftOut {
	open, judged := s.openAfter(inv, op)
	if !judged {
		return nil
	}
	var left []harden.LeftOut
	op.Fixes = slices.DeleteFunc(op.Fixes, func(pf harden.PlannedFix) bool {
		if pf.Fix.Effect != harden.Repairs || !open[pf.Finding.ID()] {
			return false
		}
		left = append(left, harden.LeftOut{Finding: pf.Finding, Why: "the edited patch does not repair it"})
		return true
	})
	return left
}

// openAfter are the ids of what will be wrong with a workload after the plan; false
// for other objects.
func (s *Session) openAfter(inv *harden.Inventory, op *harden.ObjectPlan) (map[string]bool, bool) {
	i := slices.IndexFunc(inv.Workloads, func(w *harden.Workload) bool { return w.Ref.Key() == op.Target.Key() })
	if i < 0 || op.After == nil {
		return nil, false
	}
	template, err := templateOf(op.After)
	if err != nil {
		return nil, false
	}
	w := *inv.Workloads[i]
	w.Template, w.Pods = *template, nil
	next := inv.Fresh()
	next.Workloads = []*harden.Workload{&w}
	open := map[string]bool{}
	for _, f := range s.judges().Engine.Run(next).Findings {
		if f.Workload == &w && (f.Status == harden.StatusFail || f.Status == harden.StatusUnknown) {
			open[f.ID()] = true
		}
	}
	return open, true
}
