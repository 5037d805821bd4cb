package session

import (
	"context"
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// withoutHeld plans again without the fixes that would take over a field of
// another manager, so that they do not hold up the other fixes of their object.
func (s *Session) withoutHeld(ctx context.Context, p *harden.Plan, picks []plan.Pick, opts harden.PlanOptions) (*harden.Plan, error) {
	held := map[*harden.Finding]harden.LeftOut{}
	for _, op := range p.Objects {
		conflicts, err := plan.Held(op, s.converter)
		if err != nil {
			return nil, err
		}
		for _, f := range op.Fixes {
			if c, ok := conflicts[f.Finding]; ok {
				held[f.Finding] = harden.LeftOut{Finding: f.Finding, Fix: &f.Fix, Held: &c, Why: fmt.Sprintf("%s is held by %q", c.Field, c.Manager)}
			}
		}
	}
	if len(held) == 0 {
		return p, nil
	}
	rest := slices.DeleteFunc(slices.Clone(picks), func(p plan.Pick) bool { _, ok := held[p.Finding]; return ok })
	again, err := s.build(ctx, rest, opts, s.source.object)
	if err != nil {
		return nil, err
	}
	for _, l := range held {
		again.LeftOut = append(again.LeftOut, l)
	}
	slices.SortStableFunc(again.LeftOut, func(x, y harden.LeftOut) int { return harden.CompareFindings(x.Finding, y.Finding) })
	return again, s.source.(*clusterSource).dryRun(ctx, again)
}
