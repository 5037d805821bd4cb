package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Plan is what the writers of plans need.
type Plan struct {
	Plan   *harden.Plan
	Unread []harden.Unread
	Edits  *harden.SourceEdits // of the files that the plan goes into; nil for a cluster
}

// Diff writes each object's unified diff. Everything else is in lines that
// start with #, so that the output is still a diff for other programs.
func (p *Plan) Diff(w io.Writer) error {
	out := &errWriter{w: w}
	if p.Edits != nil {
		p.fileDiffs(out)
		fmt.Fprintln(out)
		p.missing(out)
		p.Summary(out, "# ")
		return out.err
	}
	for i, op := range p.Plan.Objects {
		if i > 0 {
			fmt.Fprintln(out)
		}
		comment(out, objectHead(op))
		for _, pf := range op.Fixes {
			comment(out, fixLines(pf)...)
		}
		comment(out, ownerLines(op)...)
		comment(out, answerLines(op)...)
		fmt.Fprint(out, op.Diff)
		if op.Delivery == harden.DeliverSource && op.Set != nil {
			comment(out, "partial object for the manifests of the owner:")
			comment(out, strings.Split(strings.TrimSuffix(partialYAML(op), "\n"), "\n")...)
		}
	}
	if len(p.Plan.Objects) > 0 {
		fmt.Fprintln(out)
	}
	p.missing(out)
	p.Summary(out, "# ")
	return out.err
}

// missing asks the open questions of all fixes once: until somebody looks, the
// fixes that depend on them are for a person to decide.
func (p *Plan) missing(w io.Writer) {
	var lines []string
	for _, op := range p.Plan.Objects {
		for _, pf := range op.Fixes {
			for _, claim := range pf.Fix.Evidence {
				line := "  " + claim.Code + ": " + claim.Text
				if claim.State == harden.Missing && !slices.Contains(lines, line) {
					lines = append(lines, line)
				}
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	slices.Sort(lines)
	comment(w, "Missing evidence, which is why fixes are of class review:")
	comment(w, lines...)
	if p.Plan.Live {
		comment(w, "  (--images looks into images, --probe into running containers, --kubelets at the kubelets)")
	}
}

// YAML writes partial objects without guards, one document an object, ready for
// `kubectl apply --server-side`.
func (p *Plan) YAML(w io.Writer) error {
	out := &errWriter{w: w}
	for _, op := range p.Plan.Objects {
		fmt.Fprintln(out, "---")
		comment(out, objectHead(op))
		for _, path := range op.Remove {
			comment(out, "to be removed, which no partial object can say: "+path.String())
		}
		if op.Set == nil {
			continue
		}
		fmt.Fprint(out, partialYAML(op))
	}
	return out.err
}

// Summary writes what the plan does and what it leaves out; each line starts
// with prefix.
func (p *Plan) Summary(w io.Writer, prefix string) {
	line := func(format string, args ...any) { fmt.Fprintf(w, prefix+format+"\n", args...) }
	var change, create, other []harden.Ref
	var fixes []harden.PlannedFix
	restarts := 0
	for _, op := range p.Plan.Objects {
		fixes = append(fixes, op.Fixes...)
		switch {
		case op.Delivery != harden.DeliverLive && !p.Plan.InSource:
			other = append(other, op.Target)
		case op.Verb == harden.Create:
			create = append(create, op.Target)
		default:
			change = append(change, op.Target)
			restarts += op.Restarts
		}
	}
	switch {
	case len(p.Plan.Objects) == 0:
		line("Nothing to change.")
	default:
		s := fmt.Sprintf("%s for %s", doesWords(fixes), plural(len(p.Plan.Objects), "object"))
		var parts []string
		if len(create) > 0 {
			parts = append(parts, sortedKinds(create)+" to create")
		}
		if len(change) > 0 {
			part := sortedKinds(change) + " to change"
			if p.Plan.Live && !p.Plan.InSource {
				part += fmt.Sprintf(" (%s)", plural(restarts, "rollout"))
			}
			parts = append(parts, part)
		}
		if len(parts) > 0 {
			s += ": " + strings.Join(parts, ", ")
		}
		if len(other) > 0 {
			s += fmt.Sprintf("; %s not to be changed live: %s", plural(len(other), "object"), sortedKinds(other))
		}
		line("%s.", s)
	}
	if n := len(p.Plan.LeftOut); n > 0 {
		line("%s left as %s:", plural(n, "finding"), map[bool]string{true: "it is", false: "they are"}[n == 1])
		for _, l := range p.leftOut() {
			line("  %s", l)
		}
	}
	p.podSecurity(line)
	for _, u := range harden.GatherUnread(p.Unread) {
		line("Not checked: %s: %s", u.Resource, u.Why)
	}
}

// podSecurity tells for each workload the level before and after, and for each
// control that it does not meet then why.
func (p *Plan) podSecurity(line func(format string, args ...any)) {
	if len(p.Plan.PodSecurity) == 0 {
		return
	}
	line("Pod Security after this plan:")
	for _, l := range p.Plan.PodSecurity {
		level := l.After
		if l.Before != l.After {
			level = l.Before + " -> " + l.After
		}
		line("  %s: %s", l.Object.Long(), level)
		for _, c := range l.Open {
			line("    not %s, %s: %s", c.Level, c.Reason, c.Why)
		}
	}
}

// leftOut folds findings that are left for the same reason into one line a rule
// and object.
func (p *Plan) leftOut() []string {
	type group struct{ where, why string }
	rules := map[group][]string{}
	var order []group
	for _, l := range p.Plan.LeftOut {
		where := l.Finding.Object.Long()
		if src := l.Finding.Object.Source.String(); src != "" {
			where = src + " " + where
		}
		g := group{where, l.Why}
		if rules[g] == nil {
			order = append(order, g)
		}
		id := l.Finding.Fixer.ID
		if c := l.Finding.Container.String(); c != "" {
			id += " (" + c + ")"
		}
		if !slices.Contains(rules[g], id) {
			rules[g] = append(rules[g], id)
		}
	}
	var lines []string
	for _, g := range order {
		lines = append(lines, fmt.Sprintf("%s  %s: %s", g.where, strings.Join(rules[g], ", "), g.why))
	}
	return lines
}

func objectHead(op *harden.ObjectPlan) string {
	s := objectSum(op)
	if op.Delivery != harden.DeliverLive {
		s += ", not to be changed live (" + op.Delivery.String() + ")"
	}
	return s
}

func objectSum(op *harden.ObjectPlan) string {
	s := op.Target.Long()
	if src := op.Target.Source.String(); src != "" {
		s = src + " " + s
	}
	s += ": " + doesWords(op.Fixes)
	if op.Restarts > 0 {
		s += ", " + plural(op.Restarts, "rollout")
	}
	if op.Owner != nil {
		s += ", owned by " + strings.TrimSpace(op.Owner.Name+" "+op.Owner.What)
	}
	return s
}

func fixLines(pf harden.PlannedFix) []string {
	c := ""
	if s := pf.Finding.Container.String(); s != "" {
		c = " [" + s + "]"
	}
	lines := []string{fmt.Sprintf("  %-8s %s%s: %s", pf.Fix.Class, pf.Finding.Fixer.ID, c, pf.Fix.Title)}
	var missing []string
	for _, claim := range pf.Fix.Evidence {
		if claim.State != harden.Missing {
			lines = append(lines, fmt.Sprintf("           %s %s%s: %s", claim.State, claim.Code, seenAt(claim.Time), claim.Text))
			if claim.Limits != "" {
				lines = append(lines, "             does not show: "+claim.Limits)
			}
		} else if !slices.Contains(missing, claim.Code) {
			missing = append(missing, claim.Code)
		}
	}
	if len(missing) > 0 {
		lines = append(lines, "           missing "+strings.Join(missing, ", "))
	}
	if pf.Fix.Warning != "" {
		lines = append(lines, "           warning: "+pf.Fix.Warning)
	}
	return lines
}

// seenAt says when a claim was seen: the age is for the reader to judge.
func seenAt(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " (" + t.UTC().Format("2006-01-02 15:04") + ")"
}

func answerLines(op *harden.ObjectPlan) []string {
	var lines []string
	if op.DeliveryWhy != "" {
		lines = append(lines, "  "+op.DeliveryWhy)
	}
	if d := op.DryRun; d != nil {
		switch {
		case d.Err != nil:
			lines = append(lines, "  server: refused: "+d.Err.Error())
		case d.OK():
			lines = append(lines, "  server: accepted")
		}
		for _, c := range d.Conflicts {
			lines = append(lines, fmt.Sprintf("  server: conflict: %s is held by manager %q", c.Field, c.Manager))
		}
		for _, u := range d.Unintended {
			lines = append(lines, "  server: would also change "+u+" (admission interferes)")
		}
		for _, warn := range d.Warnings {
			lines = append(lines, "  server: warning: "+warn)
		}
	}
	return lines
}

func partialYAML(op *harden.ObjectPlan) string {
	b, err := yaml.Marshal(op.Set.Object)
	if err != nil {
		return fmt.Sprintf("# encoding %s: %v\n", op.Target.Long(), err)
	}
	return string(b)
}

func comment(w io.Writer, lines ...string) {
	for _, l := range lines {
		for _, part := range strings.Split(l, "\n") {
			fmt.Fprintln(w, strings.TrimRight("# "+harden.OneLine(part), " "))
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
