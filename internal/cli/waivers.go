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

// states are what --state takes.
var states = []string{string(harden.WaiverHolds), string(harden.WaiverExpired), string(harden.WaiverUnused), string(harden.WaiverInvalid)}

func addStateFlag(cmd *cobra.Command, to *[]string) {
	cmd.Flags().StringSliceVar(to, "state", nil, "Only waivers in these states: "+strings.Join(states, ", "))
	must(cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp)))
}

type waiversOptions struct {
	*connection
	streams genericiooptions.IOStreams
	output  string
	states  []string

	session *session.Session
	scope   harden.Scope
}

var waiversOutputs = []string{"table", "json"}

func newWaivers(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &waiversOptions{connection: conn, streams: streams}
	cmd := &cobra.Command{
		Use:   "waivers [-n NAMESPACE | -A | -f FILE | -k DIR]",
		Short: "List what is waived, by whom and until when",
		Long: `List the waivers that are written, in annotations and in the configuration, and
what each does now:

  holds       it excuses findings
  expired     its last day is over: what it was about counts again
  unused      it excuses nothing: take it away with 'kubectl harden unwaive'
  invalid     it is not written as it must be, so it waives nothing
  not judged  it is about what was not looked at

Waivers of objects that were not looked at are not seen: use -A for all.`,
		Example: `  # All waivers of the cluster
  kubectl harden waivers -A

  # What somebody has to decide anew
  kubectl harden waivers -A --state expired,unused,invalid`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	o.addSourceFlags(cmd.Flags())
	o.addEvidenceFlags(cmd.Flags())
	addStateFlag(cmd, &o.states)
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "Output: "+strings.Join(waiversOutputs, ", "))
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(waiversOutputs, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (o *waiversOptions) Complete(cmd *cobra.Command, _ []string) error {
	if err := oneOf("output", o.output, waiversOutputs); err != nil {
		return err
	}
	if err := checkStates(o.states); err != nil {
		return err
	}
	var err error
	o.session, o.scope, err = o.connect(cmd)
	return err
}

func checkStates(wanted []string) error {
	for _, s := range wanted {
		if err := oneOf("state", s, states); err != nil {
			return err
		}
	}
	return nil
}

func (o *waiversOptions) Validate() error { return nil }

func (o *waiversOptions) Run(ctx context.Context) error {
	defer o.session.Close()
	snap, _, err := o.load(ctx, o.session, o.scope, everything{}, o.streams)
	if err != nil {
		return err
	}
	list := &report.Waivers{Views: inStates(o.session.Waivers(), o.states), Unread: snap.Inventory.Unread}
	if o.output == "json" {
		err = list.JSON(o.streams.Out)
	} else {
		err = list.Table(o.streams.Out)
	}
	if err != nil {
		return err
	}
	return o.session.Incomplete()
}

func inStates(views []harden.WaiverView, wanted []string) []harden.WaiverView {
	if len(wanted) == 0 {
		return views
	}
	return slices.DeleteFunc(views, func(v harden.WaiverView) bool { return !slices.Contains(wanted, string(v.State)) })
}

type unwaiveOptions struct {
	fixOptions
	states []string
}

func newUnwaive(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &unwaiveOptions{fixOptions: newPlanned(conn, streams)}
	cmd := &cobra.Command{
		Use:   "unwaive [TYPE/NAME...] [--only RULE] [--state STATE] [-n NAMESPACE | -A | -f FILE | -k DIR]",
		Short: "Take waivers away, so that findings count again",
		Long: `Take away annotations that waive: those of the objects, rules or states that are
named. What would change is shown, then you are asked, it is applied and read
back, and 'kubectl harden undo' takes it back. Nothing restarts.

Waivers of a configuration are taken out there; this names their lines.`,
		Example: `  # Let a finding count again
  kubectl harden unwaive deployment/web -n shop --only run-as-non-root

  # Take away what waives nothing any more
  kubectl harden unwaive -n shop --state expired,unused,invalid`,
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	o.addWaiverFlags(cmd)
	addStateFlag(cmd, &o.states)
	return cmd
}

func (o *unwaiveOptions) Complete(cmd *cobra.Command, args []string) error {
	if len(args)+len(o.only)+len(o.states) == 0 && o.selector == "" {
		return hinted(errors.New("no waiver is named"), "name them by TYPE/NAME, --only RULE or --state; 'kubectl harden waivers' lists them")
	}
	if err := checkStates(o.states); err != nil {
		return err
	}
	o.planning = func(ctx context.Context, _ []*harden.Finding) (*harden.Plan, error) {
		views := slices.DeleteFunc(inStates(o.session.Waivers(), o.states), func(v harden.WaiverView) bool { return !o.names(&v) })
		if len(views) == 0 {
			fmt.Fprintln(o.streams.ErrOut, "No such waiver is written: 'kubectl harden waivers' lists them.")
		}
		return o.session.Unwaive(ctx, views, o.planOpts)
	}
	return o.fixOptions.Complete(cmd, args)
}

// names reports whether the flags and arguments are about the waiver.
func (o *unwaiveOptions) names(v *harden.WaiverView) bool {
	if len(o.only) > 0 && !slices.Contains(o.only, v.Rule) || slices.Contains(o.skip, v.Rule) {
		return false
	}
	for _, f := range v.Findings {
		if o.filter.match(f) {
			return true
		}
	}
	return o.selector == "" && (len(o.filter.names) == 0 || slices.ContainsFunc(o.filter.names, func(r harden.Ref) bool { return named(r, v.Object) }))
}
