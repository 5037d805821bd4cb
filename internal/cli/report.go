package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

type reportOptions struct {
	*connection
	streams   genericiooptions.IOStreams
	standards []string
	output    string
	exitCode  bool

	session *session.Session
	scope   harden.Scope
}

var complianceOutputs = []string{"text", "markdown", "json", "html"}

func newReport(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &reportOptions{connection: conn, streams: streams}
	cmd := &cobra.Command{
		Use:   "report [--standard STANDARD...] [-n NAMESPACE | -A | -f FILE | -k DIR]",
		Short: "Tell how a cluster or manifests stand against standards",
		Long: `Tell how a cluster or manifests stand against standards, control by control:

  fail            something is wrong, and nobody waived it
  unknown         it could not be judged, or not all of it; the reason is named
  waived          all that is wrong is waived, or expected of such a workload
  pass            rules ran and found nothing
  not applicable  nothing in scope is what the control is about
  not visible     the Kubernetes API does not show it; on managed control planes
                  what the provider has instead is named

Standards are the Pod Security Standards (pss), the CIS Kubernetes Benchmark for
the version of the server (cis), the CIS Amazon EKS Benchmark (cis-eks), the
Kubernetes Hardening Guidance of NSA and CISA (nsa), and two checklists of this
project (pre-deployment, post-deployment). Without --standard those are taken
that fit what is looked at. Most of them are about a whole cluster: use -A.`,
		Example: `  # How the cluster stands against all that fits it
  kubectl harden report -A

  # The CIS benchmark for its version, as a page to keep
  kubectl harden report -A --standard cis --kubelets -o html > cis.html

  # What to look at before a deployment; exit code 1 when a control fails
  helm template ./chart | kubectl harden report -f - --standard pre-deployment --exit-code`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	o.addSourceFlags(cmd.Flags())
	o.addEvidenceFlags(cmd.Flags())
	cmd.Flags().StringSliceVar(&o.standards, "standard", nil, "Standards to report on (default: all that fit): "+strings.Join(compliance.Names(), ", "))
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "Output: "+strings.Join(complianceOutputs, ", "))
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "Exit with code 1 when a control fails")
	must(cmd.RegisterFlagCompletionFunc("standard", cobra.FixedCompletions(compliance.Names(), cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(complianceOutputs, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (o *reportOptions) Complete(cmd *cobra.Command, _ []string) error {
	if err := oneOf("output", o.output, complianceOutputs); err != nil {
		return err
	}
	for _, name := range o.standards {
		if _, err := compliance.Find(name, &harden.Inventory{}); err != nil {
			return err
		}
	}
	var err error
	o.session, o.scope, err = o.connect(cmd)
	return err
}

func (o *reportOptions) Validate() error { return nil }

func (o *reportOptions) Run(ctx context.Context) error {
	defer o.session.Close()
	snap, _, err := o.load(ctx, o.session, o.scope, everything{}, o.streams)
	if err != nil {
		return err
	}
	c := &report.Compliance{Result: snap.Result, Version: version}
	if c.Assessments, err = o.session.Report(o.standards); err != nil {
		return err
	}
	fails := 0
	for _, a := range c.Assessments {
		fails += a.Counts[compliance.Fail]
	}
	switch o.output {
	case "json":
		err = c.JSON(o.streams.Out)
	case "markdown":
		err = c.Markdown(o.streams.Out)
	case "html":
		err = c.HTML(o.streams.Out)
	default:
		err = c.Text(o.streams.Out)
	}
	if err != nil {
		return err
	}
	if err := o.session.Incomplete(); err != nil {
		return err
	}
	if o.exitCode && fails > 0 {
		return exitCode(exitFindings)
	}
	return nil
}
