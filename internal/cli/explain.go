package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
)

type explainOptions struct {
	streams genericiooptions.IOStreams
	output  string
	id      string
}

func newExplain(streams genericiooptions.IOStreams) *cobra.Command {
	o := &explainOptions{streams: streams}
	cmd := &cobra.Command{
		Use:   "explain [RULE]",
		Short: "Say what a rule looks at, why it matters and what its fix does",
		Example: `  # All rules
  kubectl harden explain

  # One rule
  kubectl harden explain run-as-non-root`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(ruleIDs(), cobra.ShellCompDirectiveNoFileComp),
		RunE:              func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "Output of the list: name (one id a line)")
	return cmd
}

func (o *explainOptions) Complete(_ *cobra.Command, args []string) error {
	if len(args) == 1 {
		o.id = args[0]
	}
	return nil
}

func (o *explainOptions) Validate() error {
	if o.output == "" {
		return nil
	}
	return oneOf("output", o.output, []string{"name"})
}

func (o *explainOptions) Run(context.Context) error {
	suite := fixers.Suite()
	if o.id == "" {
		if o.output == "name" {
			for _, f := range suite {
				if _, err := fmt.Fprintln(o.streams.Out, f.ID); err != nil {
					return err
				}
			}
			return nil
		}
		return report.Rules(o.streams.Out, suite)
	}
	for _, f := range suite {
		if f.ID == o.id {
			return report.Explain(o.streams.Out, f)
		}
	}
	return unknownRule(o.id)
}
