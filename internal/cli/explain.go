package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

type explainOptions struct {
	*connection
	streams genericiooptions.IOStreams
	output  string
	id      string

	suite   []*harden.Fixer // all rules: off ones and those of the configuration too
	of      selection       // the object, where one is to be explained
	session *session.Session
	scope   harden.Scope
}

func newExplain(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &explainOptions{connection: conn, streams: streams}
	cmd := &cobra.Command{
		Use:   "explain [RULE | TYPE/NAME]",
		Short: "Say what a rule looks at, or how an object stands",
		Long: `Say what a rule looks at, why it matters and what its fix does.

Of an object it says who reaches it, what the API token of its pods can do, and
what is found on it.`,
		Example: `  # All rules
  kubectl harden explain

  # One rule
  kubectl harden explain run-as-non-root

  # What can this pod's token do?
  kubectl harden explain deployment/web -n shop`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(ruleIDs(), cobra.ShellCompDirectiveNoFileComp),
		RunE:              func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	o.addSourceFlags(cmd.Flags())
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "Output of the list: name (one id a line)")
	return cmd
}

func (o *explainOptions) Complete(cmd *cobra.Command, args []string) error {
	read, err := o.configuration(cmd.Flags())
	if err != nil {
		return err
	}
	o.suite = read.Rules(fixers.Suite())
	if len(args) == 0 {
		return nil
	}
	o.id = args[0]
	if !strings.Contains(o.id, "/") {
		return nil
	}
	if o.of.filter.names, err = parseNames(args); err != nil {
		return err
	}
	o.session, o.scope, err = o.connect(cmd)
	o.scope = o.of.widen(o.scope)
	return err
}

func (o *explainOptions) Validate() error {
	if o.output == "" {
		return nil
	}
	return oneOf("output", o.output, []string{"name"})
}

func (o *explainOptions) Run(ctx context.Context) error {
	if o.session != nil {
		return o.object(ctx)
	}
	if o.id == "" {
		if o.output == "name" {
			for _, f := range o.suite {
				if _, err := fmt.Fprintln(o.streams.Out, f.ID); err != nil {
					return err
				}
			}
			return nil
		}
		return report.Rules(o.streams.Out, o.suite)
	}
	for _, f := range o.suite {
		if f.ID == o.id {
			return report.Explain(o.streams.Out, f)
		}
	}
	return unknownRule(o.id)
}

// object says how the objects stand that the name means: there can be one in each namespace.
func (o *explainOptions) object(ctx context.Context) error {
	defer o.session.Close()
	snap, err := o.session.Load(ctx, o.scope)
	if err != nil {
		return err
	}
	findings, err := o.of.find(snap)
	if err != nil {
		return err
	}
	objects := map[harden.Key]*report.Object{}
	var order []*report.Object
	at := func(ref harden.Ref, w *harden.Workload) *report.Object {
		if w != nil {
			ref = w.Ref
		}
		known := objects[ref.Key()]
		if known == nil {
			known = &report.Object{Ref: ref, Workload: w}
			if w != nil {
				known.Token, known.Exposed = o.session.Token(w), snap.Inventory.ExposedBy(w)
			}
			objects[ref.Key()] = known
			order = append(order, known)
		}
		return known
	}
	for _, w := range snap.Inventory.Workloads {
		if o.of.filter.selects(w) {
			at(w.Ref, w)
		}
	}
	for _, f := range findings {
		known := at(f.Object, f.Workload)
		known.Findings = append(known.Findings, f)
	}
	if len(order) == 0 {
		_, err := fmt.Fprintf(o.streams.Out, "Nothing is found on %s.\n", o.id)
		return err
	}
	for i, known := range order {
		if i > 0 {
			if _, err := fmt.Fprintln(o.streams.Out); err != nil {
				return err
			}
		}
		if err := known.Text(o.streams.Out); err != nil {
			return err
		}
	}
	return nil
}
