package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

// An applier is how plans are made and applied: flags and what they stand for,
// shared by fix and network.
type applier struct {
	*connection
	streams genericiooptions.IOStreams
	dryRun  string
	classes []string
	yes     bool
	wait    bool
	trial   trial

	planOpts  harden.PlanOptions
	applyOpts harden.ApplyOptions
	session   *session.Session
}

var dryRuns = []string{"none", "client", "server"}

// dryRunDefault is --dry-run without a value: server on a cluster, client on files.
const dryRunDefault = "default"

func (a *applier) addFlags(cmd *cobra.Command) {
	a.addConsentFlags(cmd)
	fs := cmd.Flags()
	fs.StringSliceVar(&a.classes, "class", nil, "Classes of fixes: safe, evidence, review (default: all for a dry run, safe,evidence to apply)")
	fs.BoolVar(&a.wait, "wait", true, "Watch the rollouts and read back")
	a.trial.addFlags(fs)
	must(cmd.RegisterFlagCompletionFunc("class", cobra.FixedCompletions(classNames(), cobra.ShellCompDirectiveNoFileComp)))
}

// addConsentFlags adds whether anything is written, and whether is asked before.
func (a *applier) addConsentFlags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&a.dryRun, "dry-run", "none", "Write nothing: server (ask the API server), client (ask nobody) or none. Without a value: server on a cluster, client on files")
	fs.Lookup("dry-run").NoOptDefVal = dryRunDefault
	fs.BoolVarP(&a.yes, "yes", "y", false, "Apply without asking")
	must(cmd.RegisterFlagCompletionFunc("dry-run", cobra.FixedCompletions(dryRuns, cobra.ShellCompDirectiveNoFileComp)))
}

// complete reads the flags, before anything is read from elsewhere.
func (a *applier) complete() error {
	if a.dryRun == dryRunDefault {
		a.dryRun = "server"
		if a.onFiles() {
			a.dryRun = "client"
		}
	}
	for _, c := range a.classes {
		class, err := harden.ParseClass(c)
		if err != nil {
			return fmt.Errorf("reading --class: %w", err)
		}
		a.planOpts.Classes = append(a.planOpts.Classes, class)
	}
	if len(a.classes) == 0 && a.writes() {
		a.planOpts.Classes = []harden.Class{harden.Safe, harden.Evidence}
	}
	a.planOpts.ServerDryRun = a.dryRun != "client" && !a.onFiles()
	a.planOpts.LeaveHeld = a.planOpts.ServerDryRun
	var err error
	a.applyOpts, err = a.trial.options()
	a.applyOpts.NoWait = !a.wait
	return err
}

// checkDryRun refuses what does not go together about writing.
func (a *applier) checkDryRun() error {
	if err := oneOf("dry-run", a.dryRun, dryRuns); err != nil {
		return err
	}
	if a.onFiles() && a.dryRun == "server" {
		return errors.New("--dry-run=server needs a cluster: for files use --dry-run=client")
	}
	return nil
}

// checkYes refuses to ask where nobody could answer.
func (a *applier) checkYes() error {
	if a.writes() && !a.yes && !interactive(a.streams) {
		return hinted(errors.New("there is no terminal to ask on"), "look at the plan with --dry-run, then apply it with --yes")
	}
	return nil
}

// writes reports whether this is no dry run.
func (a *applier) writes() bool { return a.dryRun == "none" }

// agreed is the part of the plan that may be changed live, after a yes to it,
// and the objects that have to be changed elsewhere. Nil: nothing is to be
// applied, which was said; the error is the exit code.
func (a *applier) agreed(plan *harden.Plan, hint string) (live *harden.Plan, other []*harden.ObjectPlan, err error) {
	live, other = splitDelivery(plan)
	if len(live.Objects) == 0 {
		if len(other) > 0 {
			fmt.Fprintln(a.streams.ErrOut, "Nothing was applied: every object has an owner that has to be told instead (see above).")
			return nil, other, exitCode(exitError)
		}
		fmt.Fprintln(a.streams.ErrOut, "Nothing to apply.")
		if hint != "" {
			fmt.Fprintln(a.streams.ErrOut, "hint: "+hint)
		}
		return nil, nil, nil
	}
	if a.yes {
		return live, other, nil
	}
	yes, err := confirm(a.streams, report.Question(live))
	if err != nil {
		return nil, nil, err
	}
	if !yes {
		fmt.Fprintln(a.streams.ErrOut, "Nothing was applied.")
		return nil, nil, nil
	}
	return live, other, nil
}

// apply applies a plan, watches it, and tells how it ended.
func (a *applier) apply(ctx context.Context, live *harden.Plan) error {
	rep, err := a.session.Apply(ctx, live, a.applyOpts, progress(a.streams))
	if err != nil {
		return err
	}
	return a.conclude(rep)
}

// conclude tells how it ended.
func (a *applier) conclude(rep *harden.ApplyReport) error {
	if err := report.Outcomes(a.streams.ErrOut, rep); err != nil {
		return err
	}
	if !allGood(rep) {
		return exitCode(exitError)
	}
	return nil
}

// reviewed counts fixes that were left out because a person has to decide.
func (a *applier) reviewed(plan *harden.Plan) int {
	if slices.Contains(a.planOpts.Classes, harden.Review) {
		return 0
	}
	n := 0
	for _, l := range plan.LeftOut {
		if l.Fix != nil && l.Fix.Class == harden.Review {
			n++
		}
	}
	return n
}

// mentionInterrupted tells about plans whose run ended before anybody knew how they went.
func (a *applier) mentionInterrupted(ctx context.Context) error {
	records, err := a.session.Interrupted(ctx)
	if err != nil {
		return err
	}
	for _, r := range records {
		var objects []string
		for _, ref := range r.Interrupted() {
			objects = append(objects, ref.Long())
		}
		fmt.Fprintf(a.streams.ErrOut, "note: plan %s was interrupted at %s: go on with 'kubectl harden fix --resume=%s', or take it back with 'kubectl harden undo %s'\n", r.ID, strings.Join(objects, ", "), r.ID, r.ID)
	}
	return nil
}

func splitDelivery(plan *harden.Plan) (live *harden.Plan, other []*harden.ObjectPlan) {
	live = &harden.Plan{Live: plan.Live, LeftOut: plan.LeftOut}
	for _, op := range plan.Objects {
		if op.Delivery == harden.DeliverLive {
			live.Objects = append(live.Objects, op)
		} else {
			other = append(other, op)
		}
	}
	return live, other
}

// refused reports whether the server would not take an object of the plan.
func refused(plan *harden.Plan) bool {
	return slices.ContainsFunc(plan.Objects, func(op *harden.ObjectPlan) bool { return op.DryRun != nil && op.DryRun.Err != nil })
}

// progress tells people what happens; programs get the outcomes only.
func progress(s genericiooptions.IOStreams) func(harden.Event) {
	if !isTerminal(s.ErrOut) {
		return func(harden.Event) {}
	}
	return func(e harden.Event) {
		msg := ""
		if e.Message != "" {
			msg = ": " + e.Message
		}
		fmt.Fprintf(s.ErrOut, "%s %s%s\n", e.Object.Long(), e.Phase, msg)
	}
}

func allGood(rep *harden.ApplyReport) bool {
	return !slices.ContainsFunc(rep.Outcomes, func(x harden.Outcome) bool { return !x.Phase.Good() })
}

func classNames() []string {
	var names []string
	for _, c := range harden.Classes() {
		names = append(names, c.String())
	}
	return names
}
