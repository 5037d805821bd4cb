package prompts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// A planning is a plan that is talked about, and what was decided about it.
type planning struct {
	*dialog
	plan *harden.Plan
	// taken are the conflicts whose fields are taken over, by object.
	taken map[harden.Key]takeover
}

// A takeover is an object as it was before fields of it were to be taken over.
type takeover struct {
	before    *harden.ObjectPlan
	conflicts []harden.Conflict
}

// plan plans the fixes of the findings and talks about the plan.
func (d *dialog) plan(findings []*harden.Finding) error {
	return d.planned(plural(len(findings), "finding", "findings"), func(ctx context.Context, opts harden.PlanOptions) (*harden.Plan, error) {
		return d.b.Plan(ctx, findings, opts)
	})
}

// planned asks for a plan, and for what the server says to it, and talks about it.
func (d *dialog) planned(about string, ask func(context.Context, harden.PlanOptions) (*harden.Plan, error)) error {
	if d.live() {
		d.say("Planning %s and asking the server. Nothing is written.", about)
	} else {
		d.say("Planning %s. Nothing is written.", about)
	}
	p := &planning{dialog: d, taken: map[harden.Key]takeover{}}
	err := d.doing(func(ctx context.Context, _ func(string)) error {
		var err error
		p.plan, err = ask(ctx, harden.PlanOptions{ServerDryRun: d.live()})
		if err == nil && p.plan == nil {
			err = errors.New("no answer")
		}
		return err
	})
	switch {
	case errors.Is(err, errQuit):
		return err
	case err != nil:
		d.fail("planning", err)
		return nil
	}
	return d.browse(p.menu)
}

func (p *planning) menu() (menu, error) {
	m := menu{
		title: "Plan: " + plural(len(p.plan.Objects), "object", "objects"), intro: p.sum,
		none: "The plan changes nothing.", commands: p.commands(),
	}
	if len(p.plan.Objects) > 0 {
		m.hint = "apply, or a number to read what is planned"
	}
	for _, o := range p.plan.Objects {
		key := o.Target.Key()
		m.items = append(m.items, item{
			id: o.Target.Long() + o.Target.Source.String(), text: func() string { return p.objectLine(p.object(key)) },
			open: func() error { return p.talkAbout(key) },
		})
	}
	return m, nil
}

func (p *planning) object(key harden.Key) *harden.ObjectPlan {
	i := slices.IndexFunc(p.plan.Objects, func(o *harden.ObjectPlan) bool { return o.Target.Key() == key })
	if i < 0 {
		return &harden.ObjectPlan{}
	}
	return p.plan.Objects[i]
}

// sum says what the plan would do, and what it leaves out.
func (p *planning) sum() {
	if objects := p.toApply().Objects; len(objects) > 0 {
		if p.plan.Live {
			p.say("Applying it: %s.", join(tui.Consequences(objects)))
		}
	} else if len(p.plan.Objects) > 0 {
		p.say("No object of it can be applied from here.")
	}
	switch n := len(p.plan.LeftOut); {
	case len(p.plan.Objects) == 0:
		p.sayLeftOut()
	case n > 0:
		p.say("Left out: %s; type left to hear why.", plural(n, "finding", "findings"))
	}
	for _, l := range p.plan.PodSecurity {
		if l.Before != l.After {
			p.say("Pod Security of %s: %s becomes %s.", called(l.Object), l.Before, l.After)
		}
	}
}

func (p *planning) objectLine(o *harden.ObjectPlan) string {
	_, word := tui.Applies(p.plan, o)
	s := called(o.Target) + ": " + plural(len(o.Fixes), "fix", "fixes")
	if o.Verb == harden.Create {
		s += ", it will be created"
	}
	if p.plan.Live && o.Restarts > 0 {
		s += ", " + restartWords(o)
	}
	if o.Owner != nil {
		s += ", managed by " + o.Owner.Name
	}
	return s + ". " + upper(word)
}

func restartWords(o *harden.ObjectPlan) string {
	if o.Restarts > 1 {
		return fmt.Sprintf("its pods restart %d times", o.Restarts)
	}
	return "its pods restart once"
}

// toApply is the part of the plan that may be applied.
func (p *planning) toApply() *harden.Plan {
	out := *p.plan
	out.Objects = nil
	for _, o := range p.plan.Objects {
		if ok, _ := tui.Applies(p.plan, o); ok {
			out.Objects = append(out.Objects, o)
		}
	}
	return &out
}

func (p *planning) commands() []command {
	return []command{
		{words: []string{"apply", "f"}, help: "apply the plan, or write the files; asks first", ready: func() string {
			switch {
			case p.opts.ReadOnly:
				return readOnly
			case len(p.toApply().Objects) == 0:
				return "no object of this plan can be applied"
			}
			return ""
		}, run: func(string) (next, error) { return p.apply() }},
		{words: []string{"left"}, help: "what is left out, and why", ready: func() string {
			if len(p.plan.LeftOut) == 0 {
				return "nothing is left out"
			}
			return ""
		}, run: func(string) (next, error) {
			p.sayLeftOut()
			return stay, nil
		}},
		{words: []string{"security"}, help: "what Pod Security says to the pods before and after", ready: func() string {
			if len(p.plan.PodSecurity) == 0 {
				return "the plan is about no pods"
			}
			return ""
		}, run: func(string) (next, error) {
			p.sayPodSecurity()
			return stay, nil
		}},
		{words: []string{"export", "e"}, help: "write the plan as files for kustomize or kubectl; asks first", ready: p.mayWrite, run: func(string) (next, error) { return stay, p.export() }},
	}
}

// talkAbout says all about one object of the plan.
func (p *planning) talkAbout(key harden.Key) error {
	return p.browse(func() (menu, error) {
		o := p.object(key)
		return menu{
			title: p.objectLine(o), hint: "diff for the patch as YAML", intro: func() { p.sayObject(o) },
			commands: []command{
				{words: []string{"diff", "d"}, help: "the patch as YAML with the lines around it", run: func(string) (next, error) {
					p.sayYAML(p.object(key))
					return stay, nil
				}},
				{words: []string{"takeover", "t"}, help: "take the fields in conflict over from a manager that holds them by Update; again to give them back", ready: func() string {
					o, taken := p.object(key), p.isTaken(key)
					switch {
					case p.opts.ReadOnly:
						return readOnly
					case taken, tui.MayTakeOver(p.plan, o):
						return ""
					}
					return "there is no conflict here that may be taken over"
				}, run: func(string) (next, error) { return p.takeOver(key) }},
			},
		}, nil
	})
}

func (p *planning) sayObject(o *harden.ObjectPlan) {
	p.sayOwner(o, p.plan.Live)
	p.sayAnswer(o)
	for i := range o.Fixes {
		f := &o.Fixes[i]
		rule := ""
		if f.Finding != nil {
			rule = ", for " + f.Finding.Fixer.ID + containerWords(f.Finding.Container)
		}
		if f.Fix.Effect == harden.Repairs {
			p.say("Fix: %s%s. Class %s.", strings.TrimSuffix(f.Fix.Title, "."), rule, className(f.Fix.Class))
		} else {
			p.say("%s%s.", upper(strings.TrimSuffix(f.Fix.Title, ".")), rule)
		}
		p.sayFixNotes(&f.Fix)
	}
	p.sayChanges(o)
}

// sayOwner says who else writes the object, and how the patch reaches it.
func (d *dialog) sayOwner(o *harden.ObjectPlan, live bool) {
	if w := o.Owner; w != nil {
		manager := ""
		if w.Manager != "" {
			manager = ", field manager " + w.Manager
		}
		d.say("Managed by %s%s.", strings.TrimSpace(w.Name+" "+w.What), manager)
		d.lead("It writes next: ", w.Next)
		if w.Origin != nil && o.Delivery != harden.DeliverSource {
			d.lead("It comes from ", w.Origin.String())
		}
		d.lead("Not known: ", w.Unknown)
		for _, h := range o.Holders() {
			d.say("Held by %s: %s.", h.Who, strings.Join(h.Fields, ", "))
		}
	}
	switch o.Delivery {
	case harden.DeliverSource:
		d.say("To be changed in its source: %s", or(o.DeliveryWhy, "a live patch would be undone."))
	case harden.DeliverManual:
		d.say("To be done by hand: %s", or(o.DeliveryWhy, "no request can do this."))
	default:
		d.lead("", upper(o.DeliveryWhy))
	}
	if live && o.Restarts > 0 {
		d.say("When it is applied, %s.", restartWords(o))
	}
}

// sayAnswer says what the server said to the dry run.
func (p *planning) sayAnswer(o *harden.ObjectPlan) {
	answer := o.DryRun
	if answer == nil {
		if o.Delivery == harden.DeliverLive && p.plan.Live {
			p.say("The server was not asked: this object is not applied.")
		}
		return
	}
	ok, _ := tui.Applies(p.plan, o)
	switch {
	case ok && len(o.Force) > 0:
		p.say("The server accepts it when these fields are taken over: %s.", strings.Join(o.Force, ", "))
	case ok:
		p.say("The server accepts it in a dry run, and nothing else would change.")
	case tui.MayTakeOver(p.plan, o):
		p.say("Another manager holds fields of this patch. Type takeover to take them over for this object; the manager may write them again.")
	}
	for _, c := range answer.Conflicts {
		how := "by Update"
		if c.Applies {
			how = "by applying; change it at its source"
		}
		p.say("Conflict: %s holds %s %s.", c.Manager, c.Field, how)
	}
	if answer.Err != nil {
		p.say("The server refuses it: %s", answer.Err)
	}
	for _, u := range answer.Unintended {
		p.say("The server would also change %s, which was not asked for: not applied.", u)
	}
	for _, w := range answer.Warnings {
		p.say("The server warns: %s", w)
	}
}

func (p *planning) sayLeftOut() {
	for _, l := range p.plan.LeftOut {
		what := "A finding"
		if f := l.Finding; f != nil {
			what = f.Fixer.ID + " of " + called(f.Object) + containerWords(f.Container)
		}
		p.say("%s: %s", what, l.Why)
		if l.Fix != nil {
			p.lead("The fix would be: ", l.Fix.Title)
			p.lead("By hand: ", l.Fix.Manual)
		}
	}
}

func (p *planning) sayPodSecurity() {
	for _, l := range p.plan.PodSecurity {
		if l.Before == l.After {
			p.say("%s: %s, before and after.", called(l.Object), l.After)
		} else {
			p.say("%s: %s becomes %s.", called(l.Object), l.Before, l.After)
		}
		for _, c := range l.Open {
			p.say("Not %s: %s. Why: %s", c.Level, c.Reason, c.Why)
		}
	}
}

// takeOver forces the conflicts of an object, or gives them back. The server is
// asked again about this object alone.
func (p *planning) takeOver(key harden.Key) (next, error) {
	if old, ok := p.taken[key]; ok {
		delete(p.taken, key)
		p.exchange(old.before)
		p.say("Given back: the conflict stands again.")
		return stay, nil
	}
	o := p.object(key)
	var fields []string
	for _, c := range o.DryRun.Conflicts {
		fields = append(fields, c.Field)
	}
	var findings []*harden.Finding
	for _, f := range o.Fixes {
		if f.Finding != nil && !slices.Contains(findings, f.Finding) {
			findings = append(findings, f.Finding)
		}
	}
	var plan *harden.Plan
	err := p.doing(func(ctx context.Context, _ func(string)) error {
		var err error
		plan, err = p.b.Plan(ctx, findings, harden.PlanOptions{ServerDryRun: true, ForceConflicts: fields})
		if err == nil && (plan == nil || !slices.ContainsFunc(plan.Objects, func(o *harden.ObjectPlan) bool { return o.Target.Key() == key })) {
			err = errors.New("the object is not in the new plan: go back and plan again")
		}
		return err
	})
	if err != nil {
		if errors.Is(err, errQuit) {
			return stay, err
		}
		p.fail("asking the server with the takeover", err)
		return stay, nil
	}
	p.taken[key] = takeover{o, o.DryRun.Conflicts}
	for _, n := range plan.Objects {
		if n.Target.Key() == key {
			p.exchange(n)
		}
	}
	p.say("The fields will be taken over.")
	p.sayAnswer(p.object(key))
	return stay, nil
}

func (p *planning) isTaken(key harden.Key) bool {
	_, ok := p.taken[key]
	return ok
}

// exchange puts an object into the plan in the place of the one that is there.
func (p *planning) exchange(o *harden.ObjectPlan) {
	out := *p.plan
	out.Objects = slices.Clone(out.Objects)
	for i := range out.Objects {
		if out.Objects[i].Target.Key() == o.Target.Key() {
			out.Objects[i] = o
		}
	}
	p.plan = &out
}
