package session

import (
	"context"
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/lessons"
)

// An Attempt is one try to harden one object.
type Attempt struct {
	Plan    *harden.Plan // with this object only
	Report  *harden.ApplyReport
	Learnt  []harden.Lesson // what its failure taught
	Stopped string          // why there is no further attempt; empty after a success and before a further one
}

// Object is the object that was tried.
func (a *Attempt) Object() harden.Ref { return a.Plan.Objects[0].Target }

// Outcome is how it ended.
func (a *Attempt) Outcome() harden.Outcome { return a.Report.Outcomes[0] }

// TightenOptions say how far Tighten goes.
type TightenOptions struct {
	Plan  harden.PlanOptions
	Apply harden.ApplyOptions
	// MaxAttempts bounds the rollouts of one object.
	MaxAttempts int
}

// Tighten applies the plan of the findings object by object. What a rollout
// breaks is taken back, and the object is tried again with what its failure
// taught, until it holds, nothing is left to try, or the attempts are used up.
// Choose picks out of each new snapshot what was asked for.
func (s *Session) Tighten(ctx context.Context, scope harden.Scope, choose func(*harden.Snapshot) ([]*harden.Finding, error), opts TightenOptions, progress func(harden.Event), done func(Attempt)) error {
	findings, err := s.chosen(choose)
	if err != nil {
		return err
	}
	first, err := s.Plan(ctx, findings, opts.Plan)
	if err != nil {
		return err
	}
	for _, op := range first.Objects {
		if op.Delivery != harden.DeliverLive {
			continue
		}
		if err := s.tightenOne(ctx, scope, op, choose, opts, progress, done); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) chosen(choose func(*harden.Snapshot) ([]*harden.Finding, error)) ([]*harden.Finding, error) {
	s.mu.Lock()
	snap := s.current
	s.mu.Unlock()
	return choose(snap)
}

func (s *Session) tightenOne(ctx context.Context, scope harden.Scope, op *harden.ObjectPlan, choose func(*harden.Snapshot) ([]*harden.Finding, error), opts TightenOptions, progress func(harden.Event), done func(Attempt)) error {
	for n := 1; ; n++ {
		plan := &harden.Plan{Live: true, Objects: []*harden.ObjectPlan{op}}
		report, err := s.Apply(ctx, plan, opts.Apply, progress)
		if err != nil {
			return err
		}
		a := Attempt{Plan: plan, Report: report}
		out := a.Outcome()
		if out.Phase != harden.RolledBack {
			done(a)
			return nil
		}
		a.Learnt = lessons.From(op, out, s.now())
		switch {
		case len(a.Learnt) == 0:
			a.Stopped = "nothing can be learnt from this"
		case n >= opts.MaxAttempts:
			a.Stopped = fmt.Sprintf("%d attempts were made, and --max-attempts allows no more", n)
		case ctx.Err() != nil:
			a.Stopped = "cancelled"
		}
		if a.Stopped != "" {
			done(a)
			return nil
		}
		next, err := s.again(ctx, scope, op.Target, choose, opts.Plan)
		if err != nil {
			return err
		}
		if next == nil {
			a.Stopped = "nothing is left to try"
			done(a)
			return nil
		}
		done(a)
		op = next
	}
}

// again plans the object anew, after something was learnt; nil when nothing is left to do.
func (s *Session) again(ctx context.Context, scope harden.Scope, ref harden.Ref, choose func(*harden.Snapshot) ([]*harden.Finding, error), opts harden.PlanOptions) (*harden.ObjectPlan, error) {
	snap, err := s.Load(ctx, scope)
	if err != nil {
		return nil, err
	}
	all, err := choose(snap)
	if err != nil {
		return nil, err
	}
	var own []*harden.Finding
	for _, f := range all {
		if f.Object.Key() == ref.Key() {
			own = append(own, f)
		}
	}
	plan, err := s.Plan(ctx, own, opts)
	if err != nil {
		return nil, err
	}
	for _, op := range plan.Objects {
		if op.Target.Key() == ref.Key() && op.Delivery == harden.DeliverLive {
			return op, nil
		}
	}
	return nil, nil
}

// learnFrom keeps what the rollbacks of a plan taught, for this session and for
// later ones. Where that cannot be written, the outcome says so.
func (s *Session) learnFrom(p *harden.Plan, report *harden.ApplyReport) {
	for i := range report.Outcomes {
		out := &report.Outcomes[i]
		j := slices.IndexFunc(p.Objects, func(op *harden.ObjectPlan) bool { return op.Target.Key() == out.Object.Key() })
		if j < 0 || out.Phase != harden.RolledBack || out.Object.Kind == "NetworkPolicy" {
			continue // what a policy cuts lies in the cluster, not in an image
		}
		learnt := lessons.From(p.Objects[j], *out, s.now())
		if len(learnt) == 0 {
			continue
		}
		all, err := s.lessons.Add(learnt...)
		if err != nil {
			out.Message += "; " + err.Error()
			continue
		}
		s.learn(harden.Facts{Lessons: all})
	}
}
