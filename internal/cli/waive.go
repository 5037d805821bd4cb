package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

type waiveOptions struct {
	fixOptions
	waiving  harden.Waiving
	until    string
	inConfig bool
}

func newWaive(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &waiveOptions{fixOptions: newPlanned(conn, streams)}
	cmd := &cobra.Command{
		Use:   "waive [TYPE/NAME...] --only RULE --reason TEXT --until DAY [-n NAMESPACE | -A | -f FILE | -k DIR]",
		Short: "Decide to live with findings: until a day, for a reason",
		Long: `Decide to live with findings until a day, for a reason. They stay visible, and do
not count any more. A waiver holds on to what was found: when the path, the
capability or whatever it is changes, the finding counts again.

It is written as an annotation of each object, which restarts nothing: what would
change is shown, then you are asked, it is applied and read back, and 'kubectl
harden undo' takes it back. With --in-config it is written into the configuration
instead (the one in use, or a new .harden.yaml here), which your team can review.
The annotations of files go into these with --in-place, those of a checkout with
--source.

What is critical must be allowed on purpose, with --allow-critical.`,
		Example: `  # Live with a host path until a day
  kubectl harden waive daemonset/log-agent -n logging --only host-path-sensitive --reason "ships the logs" --until 2027-01-31

  # See what would be written, for all objects of a namespace
  kubectl harden waive -n shop --only image-tag-mutable --reason "moved to digests in spring" --until 90d --dry-run

  # In the configuration of the team, with who decided
  kubectl harden waive deployment/web -n shop --only run-as-non-root --reason "vendor image" --until 60d --by "platform team" --ticket OPS-12 --in-config

  # In manifests
  kubectl harden waive -f deploy/ deployment/web --only host-port --reason "needs port 53" --until 90d --in-place`,
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	o.addWaiverFlags(cmd)
	fs := cmd.Flags()
	addWaivingFlags(fs, &o.waiving, &o.until)
	fs.BoolVar(&o.inConfig, "in-config", false, "Write the waivers into the configuration instead of annotations")
	return cmd
}

func addWaivingFlags(fs *pflag.FlagSet, w *harden.Waiving, until *string) {
	fs.StringVar(&w.Reason, "reason", "", "Why it may stay; required")
	fs.StringVar(until, "until", "", "The last day on which it holds, as 2027-01-31, or in how many days that is, as 90d; required")
	fs.StringVar(&w.By, "by", "", "Who decided")
	fs.StringVar(&w.Ticket, "ticket", "", "Where it is written down")
	fs.BoolVar(&w.AllowCritical, "allow-critical", false, "Waive what is critical too")
}

// newPlanned are the options of commands that plan, ask and apply as fix does.
func newPlanned(conn *connection, streams genericiooptions.IOStreams) fixOptions {
	return fixOptions{
		applier: applier{connection: conn, streams: streams, classes: classNames(), wait: true, trial: trial{timeout: defaultTimeout, soak: defaultSoak}}, attempts: defaultAttempts,
	}
}

// addWaiverFlags adds the flags that waive and unwaive share with fix.
func (o *fixOptions) addWaiverFlags(cmd *cobra.Command) {
	outputs := []string{"diff", "yaml", "json"}
	fs := cmd.Flags()
	o.addSourceFlags(fs)
	o.addEvidenceFlags(fs)
	o.selection.addFlags(cmd)
	o.addEditFlags(fs)
	o.addConsentFlags(cmd)
	fs.StringVarP(&o.output, "output", "o", "diff", "Output of the plan: "+strings.Join(outputs, ", "))
	fs.BoolVar(&o.live, "live", false, "Annotate live even where an owner (Flux, Helm, Argo CD) will undo it")
	fs.StringSliceVar(&o.force, "force-conflicts", nil, "Take over these fields (as the conflict names them), or all without a value, from managers that hold them by update; never from one that applies server-side")
	fs.Lookup("force-conflicts").NoOptDefVal = "*"
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs, cobra.ShellCompDirectiveNoFileComp)))
}

func (o *waiveOptions) Complete(cmd *cobra.Command, args []string) error {
	if len(o.only) == 0 {
		return hinted(errors.New("no rule is named"), "name what is waived with --only RULE; 'kubectl harden scan' lists what is found")
	}
	if strings.TrimSpace(o.waiving.Reason) == "" {
		return hinted(errors.New("a waiver needs a reason"), "say with --reason why it may stay")
	}
	var err error
	if o.waiving.Until, err = lastDay(o.until, time.Now()); err != nil {
		return err
	}
	switch {
	case o.exports():
		return fmt.Errorf("-o %s is for fixes: write waivers into files with --in-place or --source", o.output)
	case o.inConfig && (o.inPlace || o.sources.Folder != ""):
		return errors.New("--in-config, --in-place and --source are three places for a waiver: use one")
	case o.inConfig && o.output != "diff":
		return errors.New("--in-config shows the difference of one file: it goes with no -o")
	}
	o.planning = func(ctx context.Context, findings []*harden.Finding) (*harden.Plan, error) {
		return o.session.Waive(ctx, o.toWaive(findings), o.waiving, o.planOpts)
	}
	if !o.inConfig {
		return o.fixOptions.Complete(cmd, args)
	}
	if err := o.selection.complete(args); err != nil {
		return err
	}
	if o.dryRun == dryRunDefault {
		o.dryRun = "client"
	}
	if err := oneOf("dry-run", o.dryRun, dryRuns); err != nil {
		return err
	}
	if err := o.checkYes(); err != nil {
		return err
	}
	o.session, o.scope, err = o.connect(cmd)
	o.scope = o.selection.widen(o.scope)
	return err
}

// lastDay reads --until.
func lastDay(s string, now time.Time) (time.Time, error) {
	const ways = "write it as 2027-01-31, or as 90d for 90 days from today"
	if s == "" {
		return time.Time{}, hinted(errors.New("a waiver needs an end"), "say with --until which day is the last: "+ways)
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.UTC().Truncate(24*time.Hour).AddDate(0, 0, n), nil
		}
	}
	until, err := waivers.ParseDate(s)
	if err != nil {
		return until, hinted(fmt.Errorf("reading --until %q: not a day", s), ways)
	}
	return until, nil
}

func (o *waiveOptions) Run(ctx context.Context) error {
	if !o.inConfig {
		return o.fixOptions.Run(ctx)
	}
	defer o.session.Close()
	_, findings, err := o.load(ctx, o.session, o.scope, &o.selection, o.streams)
	if err != nil {
		return err
	}
	if findings = o.toWaive(findings); len(findings) == 0 {
		fmt.Fprintln(o.streams.ErrOut, "Nothing to waive.")
		return nil
	}
	changes, err := o.session.WaiveInConfig(findings, o.waiving)
	if err != nil {
		return err
	}
	if err := report.Files(o.streams.Out, changes); err != nil {
		return err
	}
	if !o.writes() {
		return nil
	}
	if !o.yes {
		yes, err := confirm(o.streams, report.WriteQuestion(&harden.SourceEdits{Files: changes}))
		if err != nil {
			return err
		}
		if !yes {
			fmt.Fprintln(o.streams.ErrOut, "Nothing was written.")
			return nil
		}
	}
	written, err := o.session.Write(changes)
	for _, path := range written {
		fmt.Fprintf(o.streams.ErrOut, "%s written\n", path)
	}
	if err != nil {
		return err
	}
	return o.waivedAgain(ctx, findings)
}

// toWaive are the findings that count; the others are named.
func (o *waiveOptions) toWaive(findings []*harden.Finding) []*harden.Finding {
	var out []*harden.Finding
	said := map[string]bool{}
	for _, f := range findings {
		if f.Status == harden.StatusFail {
			out = append(out, f)
			continue
		}
		line := fmt.Sprintf("%s %s left as it is: %s", f.Object.Long(), f.Fixer.ID, waivers.WhyNot(f, waivers.Waiver{}))
		if !said[line] {
			said[line] = true
			fmt.Fprintln(o.streams.ErrOut, line)
		}
	}
	return out
}

// waivedAgain looks again, and says how many of the findings are waived.
func (o *waiveOptions) waivedAgain(ctx context.Context, findings []*harden.Finding) error {
	snap, err := o.session.Load(ctx, o.scope)
	if err != nil {
		return err
	}
	var fixes []harden.PlannedFix
	for _, f := range findings {
		fixes = append(fixes, harden.PlannedFix{Finding: f, Fix: harden.Fix{Effect: harden.Waives}})
	}
	return o.readAgain(snap, fixes)
}
