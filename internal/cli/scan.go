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

type scanOptions struct {
	*connection
	selection
	streams genericiooptions.IOStreams
	output  string
	failOn  string

	failSeverity *harden.Severity
	session      *session.Session
	scope        harden.Scope
}

var scanOutputs = []string{"table", "wide", "json", "yaml", "name"}

func newScan(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &scanOptions{connection: conn, streams: streams}
	cmd := &cobra.Command{
		Use:   "scan [TYPE/NAME...] [-n NAMESPACE | -A | -f FILE | -k DIR]",
		Short: "List what is insecure",
		Example: `  # What is wrong in the current namespace
  kubectl harden scan

  # Everything of high or critical severity in the cluster, with fields
  kubectl harden scan -A --severity high -o wide

  # One workload, for a program
  kubectl harden scan deployment/web -n shop -o json

  # With what is in the images: users, known vulnerabilities, secrets
  kubectl harden scan -n shop --vulnerabilities

  # Manifests; exit code 1 when something is high or worse
  helm template ./chart | kubectl harden scan -f - --fail-on high`,
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	o.addSourceFlags(cmd.Flags())
	o.addEvidenceFlags(cmd.Flags())
	o.selection.addFlags(cmd)
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "Output: "+strings.Join(scanOutputs, ", "))
	cmd.Flags().StringVar(&o.failOn, "fail-on", "", "Exit with code 1 when a finding has at least this severity")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(scanOutputs, cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(severityNames(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (o *scanOptions) Complete(cmd *cobra.Command, args []string) error {
	if err := o.selection.complete(args); err != nil {
		return err
	}
	if o.failOn != "" {
		sev, err := harden.ParseSeverity(o.failOn)
		if err != nil {
			return fmt.Errorf("reading --fail-on: %w", err)
		}
		o.failSeverity = &sev
	}
	if err := oneOf("output", o.output, scanOutputs); err != nil {
		return err
	}
	var err error
	o.session, o.scope, err = o.connect(cmd)
	return err
}

func (o *scanOptions) Validate() error { return nil }

func (o *scanOptions) Run(ctx context.Context) error {
	defer o.session.Close()
	snap, findings, err := o.load(ctx, o.session, o.scope, &o.selection, o.streams)
	if err != nil {
		return err
	}
	s := &report.Scan{Result: snap.Result, Findings: findings, Fixes: o.session.Fixes, Wide: o.output == "wide"}
	switch o.output {
	case "json":
		err = s.JSON(o.streams.Out)
	case "yaml":
		err = s.YAML(o.streams.Out)
	case "name":
		err = s.Names(o.streams.Out)
	default:
		err = s.Table(o.streams.Out)
	}
	if err != nil {
		return err
	}
	if err := o.session.Incomplete(); err != nil {
		return err
	}
	if o.failSeverity != nil && slices.ContainsFunc(findings, func(f *harden.Finding) bool {
		return f.Status == harden.StatusFail && f.Severity >= *o.failSeverity
	}) {
		return exitCode(exitFindings)
	}
	return nil
}

func oneOf(flag, value string, allowed []string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return errors.New("unknown --" + flag + " " + fmt.Sprintf("%q", value) + ": use one of " + strings.Join(allowed, ", "))
}
