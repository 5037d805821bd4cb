package session

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/apply"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

// Waivers are all that are written: those of the configuration as they stand
// there, then those of annotations by their objects. None before something was read.
func (s *Session) Waivers() []harden.WaiverView {
	snap, err := s.snapshotNow("listing waivers")
	if err != nil {
		return nil
	}
	return s.policy().Views(snap.Result)
}

// policy is which waivers hold now.
func (s *Session) policy() *waivers.Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return policyOf(s.config)
}

func waiverOf(w harden.Waiving) waivers.Waiver {
	return waivers.Waiver{
		Reason: harden.OneLine(strings.TrimSpace(w.Reason)), Until: w.Until, By: harden.OneLine(strings.TrimSpace(w.By)),
		Ticket: harden.OneLine(strings.TrimSpace(w.Ticket)), AllowCritical: w.AllowCritical,
	}
}

// Waive plans annotations that waive just these findings, as long as the facts
// stay as they are. Nothing restarts. What cannot be waived so is in LeftOut; an
// error is about what is said of all of them: no reason, a day that is over or too
// far ahead.
func (s *Session) Waive(ctx context.Context, findings []*harden.Finding, w harden.Waiving, opts harden.PlanOptions) (*harden.Plan, error) {
	snap, err := s.snapshotNow("waiving")
	if err != nil {
		return nil, err
	}
	policy := s.policy()
	said := waiverOf(w)
	if err := policy.CheckGiven(said, snap.Inventory.Now); err != nil {
		return nil, fmt.Errorf("waiving: %w", err)
	}
	c := &chosen{}
	for _, g := range policy.Give(snap.Result, findings, said) {
		if g.Why == "" && s.Live() && !apply.Writes(g.Carrier) {
			g.Why = fmt.Sprintf("objects of kind %s are not written by this program: waive it in the configuration (--in-config)", g.Carrier.Kind)
		}
		if g.Why != "" {
			c.leaveOut(g.Finding, g.Why)
			continue
		}
		fix := harden.Fix{Title: fmt.Sprintf("waive it until %s: %s", said.Until.Format(dateForm), said.Reason), Class: harden.Review, Effect: harden.Waives}
		fix.Changes = []harden.Change{harden.SetObject(g.Carrier, map[string]any{"metadata": map[string]any{"annotations": map[string]any{g.Key: g.Value}}})}
		if len(g.Too) > 0 {
			fix.Warning = "it excuses too: " + findingNames(g.Too)
		}
		c.pick(g.Finding, fix)
	}
	return s.planChosen(ctx, c, opts)
}

const dateForm = "2006-01-02"

// findingNames are the rules and places of findings, in words.
func findingNames(findings []*harden.Finding) string {
	var names []string
	for _, f := range findings {
		name := f.Fixer.ID + " of " + f.Object.Long()
		if c := f.Container.String(); c != "" {
			name += " (" + c + ")"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Unwaive plans that annotations which waive are taken away. Those of a
// configuration are in LeftOut.
func (s *Session) Unwaive(ctx context.Context, views []harden.WaiverView, opts harden.PlanOptions) (*harden.Plan, error) {
	snap, err := s.snapshotNow("taking waivers away")
	if err != nil {
		return nil, err
	}
	c := &chosen{}
	for _, v := range views {
		about := s.aboutWaiver(snap, &v)
		fix := harden.Fix{Title: "take the waiver away", Class: harden.Review}
		switch {
		case v.Annotation == "":
			c.leaveOut(about, "it is written in "+v.Source+": take it out there")
			continue
		case s.Live() && !apply.Writes(v.Object):
			c.leaveOut(about, fmt.Sprintf("objects of kind %s are not written by this program: kubectl annotate %s %s-", v.Object.Kind, v.Object.Long(), v.Annotation))
			continue
		}
		fix.Changes = []harden.Change{harden.RemoveFrom(v.Object, fieldpath.MakePathOrDie("metadata", "annotations", v.Annotation))}
		if v.State == harden.WaiverHolds {
			fix.Title, fix.Effect = "take the waiver away, so that it counts again", harden.Unwaives
			for _, f := range v.Findings {
				c.pick(f, fix)
			}
			continue
		}
		if about.Fixer.Subject != harden.SubjectFinding {
			fix.Effect = harden.Tidies
		}
		c.pick(about, fix)
	}
	return s.planChosen(ctx, c, opts)
}

// aboutWaiver is the finding that a plan names for a waiver: that about it, else
// one that stands for it.
func (s *Session) aboutWaiver(snap *harden.Snapshot, v *harden.WaiverView) *harden.Finding {
	for _, f := range snap.Findings {
		if f.Fixer.Area != harden.AreaWaiver {
			continue
		}
		if v.Annotation != "" && f.Object.Key() == v.Object.Key() && waivers.Prefix+f.Discriminator == v.Annotation || v.Annotation == "" && f.Object.Source.String() == v.Source {
			return f
		}
	}
	at := v.Object
	if v.Annotation == "" {
		at = harden.Ref{Kind: waivers.ConfigKind, Name: v.Source}
	}
	rule := &harden.Fixer{ID: v.Rule, Area: harden.AreaWaiver}
	for _, known := range s.Rules() {
		if known.ID == v.Rule {
			rule = known
		}
	}
	return &harden.Finding{Fixer: rule, Object: at, Discriminator: v.Annotation, Status: harden.StatusFail, Reason: v.Why}
}

// chosen are findings for which a person has said what becomes of them.
type chosen struct {
	picks   []plan.Pick
	leftOut []harden.LeftOut
	real    map[*harden.Finding]*harden.Finding // of the findings of picks
}

func (c *chosen) leaveOut(f *harden.Finding, why string) {
	c.leftOut = append(c.leftOut, harden.LeftOut{Finding: f, Why: why})
}

// pick takes a fix for a finding. The plan gets a copy that fails and waits for
// nothing: whether it does is nothing to what the fix makes of it.
func (c *chosen) pick(f *harden.Finding, fix harden.Fix) {
	as := *f
	as.Status, as.BlockedBy = harden.StatusFail, ""
	if c.real == nil {
		c.real = map[*harden.Finding]*harden.Finding{}
	}
	c.real[&as] = f
	c.picks = append(c.picks, plan.Pick{Finding: &as, Fixes: []harden.Fix{fix}})
}

// planChosen makes the plan, and asks the server as Plan does.
func (s *Session) planChosen(ctx context.Context, c *chosen, opts harden.PlanOptions) (*harden.Plan, error) {
	opts.Classes, opts.Try = nil, false
	p, err := s.planPicks(ctx, c.picks, opts)
	if err != nil {
		return nil, err
	}
	p.LeftOut = append(p.LeftOut, c.leftOut...)
	for i := range p.LeftOut {
		if f := c.real[p.LeftOut[i].Finding]; f != nil {
			p.LeftOut[i].Finding = f
		}
	}
	for _, op := range p.Objects {
		for i := range op.Fixes {
			op.Fixes[i].Finding = c.real[op.Fixes[i].Finding]
		}
	}
	slices.SortStableFunc(p.LeftOut, func(x, y harden.LeftOut) int { return harden.CompareFindings(x.Finding, y.Finding) })
	return p, nil
}
