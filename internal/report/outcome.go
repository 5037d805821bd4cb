package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Question asks for the yes to a plan that is live throughout.
func Question(p *harden.Plan) string {
	var change, create []harden.Ref
	var fixes []harden.PlannedFix
	restarts := map[string]int{}
	total := 0
	for _, op := range p.Objects {
		fixes = append(fixes, op.Fixes...)
		if op.Verb == harden.Create {
			create = append(create, op.Target)
		} else {
			change = append(change, op.Target)
		}
		if op.Restarts > 0 {
			restarts[op.Target.Kind]++
			total += op.Restarts
		}
	}
	var s string
	switch {
	case len(fixes) > 0 && !slices.ContainsFunc(fixes, func(f harden.PlannedFix) bool { return f.Fix.Effect == harden.Repairs }):
		s = sentence(doesWords(fixes)) + ": change " + sortedKinds(change)
	case len(create) == 0:
		s = "Change " + sortedKinds(change)
	case len(change) == 0:
		s = "Create " + sortedKinds(create)
	default:
		s = "Create " + sortedKinds(create) + " and change " + sortedKinds(change)
	}
	if total > 0 {
		s += fmt.Sprintf(" (%s: pods will be replaced)", plural(total, "rollout"))
	}
	return s + "?"
}

// Outcomes writes how it ended, object by object, and how to take it back.
func Outcomes(w io.Writer, rep *harden.ApplyReport) error {
	out := &errWriter{w: w}
	for _, o := range rep.Outcomes {
		line := fmt.Sprintf("%s: %s", o.Object.Long(), o.Phase)
		switch {
		case o.Message != "":
			line += ": " + o.Message
		case o.Err != nil:
			line += ": " + o.Err.Error()
		case len(o.Fixed) > 0:
			line += fmt.Sprintf(": %s gone", plural(len(o.Fixed), "finding"))
		case len(o.Waived) > 0:
			line += fmt.Sprintf(": %s waived", plural(len(o.Waived), "finding"))
		case len(o.Counted) > 0:
			line += fmt.Sprintf(": %s waived no more", plural(len(o.Counted), "finding"))
		}
		fmt.Fprintln(out, line)
		for _, s := range o.Symptoms {
			fmt.Fprintf(out, "  seen: %s\n", s)
		}
		for _, f := range o.Open {
			fmt.Fprintf(out, "  still there: %s %s: %s\n", f.Fixer.ID, orDash(f.Container.String()), f.Reason)
		}
	}
	if rep.ID != "" {
		fmt.Fprintf(out, "To take it back: kubectl harden undo %s\n", rep.ID)
	}
	return out.err
}

// Attempt writes how one try to harden an object ended, and what it taught.
func Attempt(w io.Writer, n int, out harden.Outcome, learnt []harden.Lesson, stopped string) error {
	e := &errWriter{w: w}
	fmt.Fprintf(e, "%s: attempt %d: %s", out.Object.Long(), n, out.Phase)
	if out.Message != "" {
		fmt.Fprintf(e, ": %s", out.Message)
	}
	fmt.Fprintln(e)
	for _, s := range out.Symptoms {
		fmt.Fprintf(e, "  seen: %s\n", s)
	}
	for _, l := range learnt {
		fmt.Fprintf(e, "  learnt about %s: %s\n", l.Image, lessonWords(l))
	}
	for _, f := range out.Open {
		fmt.Fprintf(e, "  still there: %s %s: %s\n", f.Fixer.ID, orDash(f.Container.String()), f.Reason)
	}
	if stopped != "" {
		fmt.Fprintf(e, "  no further attempt: %s\n", stopped)
	}
	return e.err
}

func lessonWords(l harden.Lesson) string {
	switch l.Kind {
	case harden.LessonWrites:
		return "it writes to " + l.Value
	case harden.LessonNeedsCapability:
		return "it needs the capability " + l.Value
	case harden.LessonNeedsToken:
		return "it uses its ServiceAccount token"
	default:
		return l.Fixer + " breaks it"
	}
}

// History writes applied plans, newest first.
func History(w io.Writer, records []harden.Record) error {
	out := &errWriter{w: w}
	if len(records) == 0 {
		fmt.Fprintln(out, "Nothing was applied to this cluster from here.")
		return out.err
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "PLAN\tTIME\tOBJECT\tSTATE\tFIXES")
	for _, r := range records {
		for _, o := range r.Objects {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Time.UTC().Format(time.RFC3339), o.Object.Long(), o.State, orDash(strings.Join(o.Fixes, ",")))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return out.err
}
