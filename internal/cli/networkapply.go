package cli

import (
	"context"
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
)

// A step is one phase of a proposal in one namespace.
type step struct {
	namespace string
	phase     harden.NetworkPhaseName
}

func (s step) String() string { return fmt.Sprintf("%s in %s", s.phase, harden.OneLine(s.namespace)) }

// applyPhases applies the steps of the proposal one after the other, each as a
// plan of its own. What is proposed for a step is worked out anew after the one
// before. The first that does not end well is the last.
func (o *networkOptions) applyPhases(ctx context.Context, view *harden.NetworkView) error {
	if err := o.mentionInterrupted(ctx); err != nil {
		return err
	}
	var steps []step
	for _, p := range view.Phases {
		if o.chooses(p.Name) {
			steps = append(steps, step{p.Namespace, p.Name})
		}
	}
	if err := report.Engine(o.streams.Out, view.Engine); err != nil {
		return err
	}
	partly := false
	for i, s := range steps {
		done, all, err := o.applyStep(ctx, view, s)
		if err != nil {
			return err
		}
		if !done {
			return nil
		}
		partly = partly || !all
		if i == len(steps)-1 || !o.writes() {
			continue
		}
		if _, view, err = o.look(ctx); err != nil {
			return fmt.Errorf("looking again after %s: %w", s, err)
		}
	}
	if partly {
		return exitCode(exitError)
	}
	return o.session.Incomplete()
}

// applyStep plans, shows and applies one step. Done is false when the user does
// not want it; all is false when a part of it is refused or left to a person.
func (o *networkOptions) applyStep(ctx context.Context, view *harden.NetworkView, s step) (done, all bool, err error) {
	p := phaseOf(view, s)
	if p == nil {
		return true, true, nil
	}
	if err := report.Step(o.streams.Out, p); err != nil {
		return false, false, err
	}
	findings := o.findingsOf(p)
	if len(findings) == 0 {
		return true, len(p.Refused) == 0, nil
	}
	plan, err := o.session.Plan(ctx, findings, o.planOpts)
	if err != nil {
		return false, false, fmt.Errorf("planning %s: %w", s, err)
	}
	if err := (&report.Plan{Plan: plan}).Diff(o.streams.Out); err != nil {
		return false, false, err
	}
	if !o.writes() {
		return true, len(p.Refused) == 0 && !refused(plan), nil
	}
	if len(plan.Objects) == 0 {
		if n := o.reviewed(plan); n > 0 {
			fmt.Fprintf(o.streams.ErrOut, "hint: %d policies of %s need a person's decision: look at them with --dry-run, then add --class review\n", n, s)
		}
		return false, false, exitCode(exitError)
	}
	live, other, err := o.agreed(plan, "")
	if live == nil || err != nil {
		return false, false, err
	}
	if err := o.applier.apply(ctx, live); err != nil {
		return false, false, err
	}
	return true, len(p.Refused)+len(other)+len(plan.LeftOut) == 0, nil
}

func phaseOf(view *harden.NetworkView, s step) *harden.NetworkPhase {
	for i := range view.Phases {
		if p := &view.Phases[i]; p.Namespace == s.namespace && p.Name == s.phase {
			return p
		}
	}
	return nil
}

// findingsOf are the findings of a phase that the user asked for.
func (o *networkOptions) findingsOf(p *harden.NetworkPhase) []*harden.Finding {
	var out []*harden.Finding
	for _, f := range p.Findings {
		if o.names.match(f) {
			out = append(out, f)
		}
	}
	return out
}
