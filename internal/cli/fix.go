package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
)

type fixOptions struct {
	applier
	selection
	destination
	output   string
	tighten  bool
	attempts int
	resume   string
	live     bool
	force    []string
	exitCode bool
	edit     bool
	scope    harden.Scope
	// planning makes the plan out of what was chosen; nil: fixes for it.
	planning func(context.Context, []*harden.Finding) (*harden.Plan, error)
}

var fixOutputs = []string{"diff", "yaml", "json", string(harden.ExportKustomize), string(harden.ExportManifests)}

const (
	defaultAttempts = 4        // how many rollouts --tighten tries
	newestPlan      = "newest" // --resume without a value
)

func newFix(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &fixOptions{applier: applier{connection: conn, streams: streams}}
	cmd := &cobra.Command{
		Use:   "fix [TYPE/NAME...] [-n NAMESPACE | -A | -f FILE | -k DIR]",
		Short: "Show the patches, ask, apply them, watch the rollouts and read back",
		Long: `Show the smallest patches for what is wrong, one per object, and what the API
server says to them; then ask, apply them by server-side apply, watch the
rollouts, and read back whether the findings are gone. What was applied can be
taken back with 'kubectl harden undo'. A change that breaks a workload, by what
its new pods and their logs show until they have soaked, is taken back by itself.

Where Git or Helm own the objects, the patch belongs there. --source changes the
manifests, kustomizations and values in a checkout that the objects come from,
--in-place the files that -f or -k names, -o kustomize writes patches, and
-o manifests partial objects. What is written to sources and as patches was
rendered again before, and gives exactly what was planned. Files are taken back
with your version control.

What is looked at decides how far a fix may be trusted: the objects of the API
always, and with your consent the images (--images), the running containers
(--probe) and the kubelets (--kubelets).

A dry run shows the fixes of all classes. Applying takes the classes safe and
evidence; fixes of class review are for a person to choose, with --class.`,
		Example: `  # See everything that could be done, without writing anything
  kubectl harden fix -n shop --dry-run

  # Apply what is proven to be safe
  kubectl harden fix -n shop --yes

  # Look into images and running containers first, and apply what that proves
  kubectl harden fix -n shop --images --probe --yes

  # Find the tightest patch that one workload survives
  kubectl harden fix deployment/web -n shop --images --probe --tighten

  # Choose one workload and rule by hand
  kubectl harden fix deployment/web -n shop --only seccomp-profile-missing --class review

  # Change manifests, byte for byte the same but for the fixes
  kubectl harden fix -f deploy/ --in-place

  # Find what brings the objects of a namespace in a checkout, and change it there
  kubectl harden fix -n shop --source ~/src/deploy

  # A kustomization with one patch an object
  kubectl harden fix -n shop -o kustomize --out harden/

  # A folder of partial objects for kubectl apply --server-side
  kubectl harden fix -n shop -o manifests --out harden/

  # Change a patch in your editor before it is applied
  kubectl harden fix deployment/web -n shop --edit

  # Partial objects, and fixed manifests, on standard output
  kubectl harden fix -n shop --dry-run -o yaml
  kubectl harden fix -f deploy/ --dry-run -o yaml`,
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	o.addSourceFlags(cmd.Flags())
	o.addEvidenceFlags(cmd.Flags())
	o.selection.addFlags(cmd)
	fs := cmd.Flags()
	o.destination.addFlags(fs)
	fs.StringVarP(&o.output, "output", "o", "diff", "Output of the plan: "+strings.Join(fixOutputs, ", "))
	o.applier.addFlags(cmd)
	fs.BoolVar(&o.tighten, "tighten", false, "Also try what nothing speaks against though it is not proven; take back what breaks, learn from it, and try again")
	fs.IntVar(&o.attempts, "max-attempts", defaultAttempts, "With --tighten: how many rollouts one workload is tried with")
	fs.StringVar(&o.resume, "resume", "", "Go on with a plan that was interrupted: watch its rollouts, and take back what went wrong. Without a value: the newest")
	fs.Lookup("resume").NoOptDefVal = newestPlan
	fs.BoolVar(&o.live, "live", false, "Patch live even where an owner (Flux, Helm, Argo CD) will undo it or be hurt by it")
	fs.StringSliceVar(&o.force, "force-conflicts", nil, "Take over these fields (as the conflict names them), or all without a value, from managers that hold them by update; never from one that applies server-side")
	fs.Lookup("force-conflicts").NoOptDefVal = "*"
	fs.BoolVar(&o.edit, "edit", false, "Open each patch in your editor (KUBE_EDITOR, EDITOR) before it is shown and applied")
	fs.BoolVar(&o.exitCode, "exit-code", false, "With --dry-run: exit with code 1 when there is something to change")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(fixOutputs, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (o *fixOptions) Complete(cmd *cobra.Command, args []string) error {
	if err := o.selection.complete(args); err != nil {
		return err
	}
	if err := o.applier.complete(); err != nil {
		return err
	}
	o.planOpts.Live = o.live
	o.planOpts.ForceConflicts = o.force
	o.planOpts.Try = o.tighten
	if o.toFiles() {
		// Whoever owns the fields: it is the owner that changes.
		o.planOpts.InSource = true
		o.planOpts.ServerDryRun, o.planOpts.LeaveHeld = false, false
	}
	if err := o.check(); err != nil {
		return err
	}
	var err error
	o.session, o.scope, err = o.connect(cmd)
	o.scope = o.selection.widen(o.scope)
	return err
}

// check refuses flags that contradict each other, before anything is read.
func (o *fixOptions) check() error {
	if err := oneOf("output", o.output, fixOutputs); err != nil {
		return err
	}
	if err := o.destination.check(o); err != nil {
		return err
	}
	if err := o.checkDryRun(); err != nil {
		return err
	}
	if o.onFiles() && o.writes() && !o.toFiles() {
		return hinted(errors.New("there is no cluster to apply to"), "write the files with --in-place, or print the documents with --dry-run -o yaml")
	}
	if err := o.checkTrial(); err != nil {
		return err
	}
	if o.exitCode && o.writes() {
		return errors.New("--exit-code goes with --dry-run")
	}
	if o.resume != "" {
		return nil
	}
	return o.checkYes()
}

// checkTrial refuses what makes no sense together about how a change is watched.
func (o *fixOptions) checkTrial() error {
	switch {
	case o.tighten && !o.wait:
		return errors.New("--tighten learns from rollouts: it cannot go with --wait=false")
	case o.tighten && o.trial.keep:
		return errors.New("--tighten takes back what breaks: it cannot go with --no-rollback")
	case o.attempts < 1:
		return errors.New("--max-attempts must be 1 or more")
	case o.edit && (o.tighten || o.resume != ""):
		return errors.New("--edit changes a plan that is made once: it cannot go with --tighten or --resume")
	case o.resume != "" && (o.onFiles() || !o.writes() || o.tighten):
		return errors.New("--resume goes on with a plan on a cluster: it cannot go with -f, --dry-run or --tighten")
	}
	return nil
}

func (o *fixOptions) Validate() error { return nil }

func (o *fixOptions) Run(ctx context.Context) error {
	defer o.session.Close()
	if o.resume != "" {
		return o.goOn(ctx)
	}
	snap, findings, err := o.load(ctx, o.session, o.scope, &o.selection, o.streams)
	if err != nil {
		return err
	}
	if o.session.Live() {
		if err := o.mentionInterrupted(ctx); err != nil {
			return err
		}
	}
	plan, err := o.plan(ctx, findings)
	if err != nil {
		return err
	}
	if o.edit {
		if plan, err = o.editPatches(ctx, plan); err != nil {
			return err
		}
	}
	var edits *harden.SourceEdits
	if o.toFiles() {
		if edits, err = o.edits(plan); err != nil {
			return err
		}
	}
	if err := o.print(plan, snap, edits); err != nil {
		return err
	}
	if o.writes() {
		if edits != nil {
			err = o.write(ctx, plan, edits)
		} else {
			err = o.apply(ctx, plan)
		}
		if err == nil && o.planning != nil && len(plan.LeftOut) > 0 {
			return exitCode(exitError) // each was asked for by name
		}
		return err
	}
	if err := o.session.Incomplete(); err != nil {
		return err
	}
	if edits != nil {
		if err := o.unbrought(edits); err != nil {
			return err
		}
	}
	switch {
	case refused(plan):
		return exitCode(exitError)
	case o.exitCode && len(plan.Objects) > 0:
		return exitCode(exitFindings)
	}
	return nil
}

func (o *fixOptions) plan(ctx context.Context, findings []*harden.Finding) (*harden.Plan, error) {
	if o.planning != nil {
		return o.planning(ctx, findings)
	}
	return o.session.Plan(ctx, findings, o.planOpts)
}

func (o *fixOptions) print(plan *harden.Plan, snap *harden.Snapshot, edits *harden.SourceEdits) error {
	p := &report.Plan{Plan: plan, Unread: snap.Inventory.Unread, Edits: edits}
	switch {
	case o.output == "json":
		return p.JSON(o.streams.Out)
	case o.output == "yaml" && o.onFiles():
		out, err := o.session.Rewrite(plan)
		if err != nil {
			return err
		}
		if _, err := o.streams.Out.Write(out); err != nil {
			return err
		}
		p.Summary(o.streams.ErrOut, "")
		return nil
	case o.output == "yaml":
		if err := p.YAML(o.streams.Out); err != nil {
			return err
		}
		p.Summary(o.streams.ErrOut, "")
		return nil
	}
	return p.Diff(o.streams.Out)
}

// apply asks, applies what may be changed live, and tells how it ended.
func (o *fixOptions) apply(ctx context.Context, plan *harden.Plan) error {
	live, other, err := o.agreed(plan, o.classHint(plan))
	if live == nil || err != nil {
		return err
	}
	if o.tighten {
		return o.tightenAll(ctx, o.mentionHeld(plan) || len(other) > 0)
	}
	if err := o.applier.apply(ctx, live); err != nil {
		return err
	}
	if o.mentionHeld(plan) || len(other) > 0 {
		return exitCode(exitError)
	}
	return nil
}

// mentionHeld names the fields of other managers for whose sake fixes were left out.
func (o *fixOptions) mentionHeld(plan *harden.Plan) bool {
	n := 0
	for _, l := range plan.LeftOut {
		if l.Held != nil {
			n++
			fmt.Fprintf(o.streams.ErrOut, "%s: %s left out: %s\n", l.Finding.Object, l.Finding.Fixer.ID, l.Why)
		}
	}
	if n > 0 {
		fmt.Fprintln(o.streams.ErrOut, "hint: take the fields over with --force-conflicts, change them where that manager gets them from, or leave the rules out with --skip")
	}
	return n > 0
}

// classHint says how to get at fixes that were left out by their class.
func (o *fixOptions) classHint(plan *harden.Plan) string {
	n := o.reviewed(plan)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d fixes need a person's decision: look at them with --dry-run, let --images and --probe look for proof, or choose with --only or TYPE/NAME and add --class review", n)
}
