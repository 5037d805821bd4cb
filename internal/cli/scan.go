package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

type scanOptions struct {
	*connection
	selection
	streams genericiooptions.IOStreams
	output  string
	failOn  string
	// Files of findings that are known; empty: none.
	baseline, writeBaseline string

	failSeverity *harden.Severity
	known        *waivers.Baseline // of baseline; nil: none
	session      *session.Session
	scope        harden.Scope
}

var scanOutputs = []string{"table", "wide", "json", "yaml", "sarif", "junit", "markdown", "html", "name"}

func newScan(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &scanOptions{connection: conn, streams: streams}
	cmd := &cobra.Command{
		Use:   "scan [TYPE/NAME...] [-n NAMESPACE | -A | -f FILE | -k DIR]",
		Short: "List what is insecure",
		Long: `List what is insecure, worst first within an object.

What is waived or expected is listed as such, and not counted. With --baseline
findings of an earlier day are known, and not counted either; what is new is.

The exit code is 1 when a finding that counts has at least the severity of
--fail-on, and 2 for an error or when not everything could be looked at.`,
		Example: `  # What is wrong in the current namespace
  kubectl harden scan

  # Everything of high or critical severity in the cluster, with fields
  kubectl harden scan -A --severity high -o wide

  # One workload, for a program
  kubectl harden scan deployment/web -n shop -o json

  # With what is in the images: users, known vulnerabilities, secrets
  kubectl harden scan -n shop --vulnerabilities

  # Manifests; exit code 1 when something is high or worse
  helm template ./chart | kubectl harden scan -f - --fail-on high

  # Only what is new since a day may fail
  kubectl harden scan -n shop --write-baseline baseline.json
  kubectl harden scan -n shop --baseline baseline.json --fail-on low

  # For code scanning, for a test report, and as a page
  kubectl harden scan -f deploy/ -o sarif > harden.sarif
  kubectl harden scan -f deploy/ -o junit > harden.xml
  kubectl harden scan -A -o html > harden.html`,
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	o.addSourceFlags(cmd.Flags())
	o.addEvidenceFlags(cmd.Flags())
	o.selection.addFlags(cmd)
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "Output: "+strings.Join(scanOutputs, ", "))
	cmd.Flags().StringVar(&o.failOn, "fail-on", "", "Exit with code 1 when a finding has at least this severity; not for what is waived, expected or in the baseline")
	cmd.Flags().StringVar(&o.baseline, "baseline", "", "File with findings that are known, written by --write-baseline: only new ones count")
	cmd.Flags().StringVar(&o.writeBaseline, "write-baseline", "", "Write the findings that are listed and count into this file")
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
	if o.baseline != "" {
		if o.known, err = waivers.ReadBaseline(o.baseline); err != nil {
			return hinted(err, "write one with --write-baseline")
		}
	}
	o.session, o.scope, err = o.connect(cmd)
	o.scope = o.selection.widen(o.scope)
	return err
}

func (o *scanOptions) Validate() error { return nil }

func (o *scanOptions) Run(ctx context.Context) error {
	defer o.session.Close()
	snap, findings, err := o.load(ctx, o.session, o.scope, &o.selection, o.streams)
	if err != nil {
		return err
	}
	s, err := o.report(snap, findings)
	if err != nil {
		return err
	}
	if err := o.write(s); err != nil {
		return err
	}
	if o.writeBaseline != "" {
		if err := waivers.WriteBaseline(o.writeBaseline, waivers.NewBaseline(snap.Inventory, findings)); err != nil {
			return err
		}
	}
	if err := o.session.Incomplete(); err != nil {
		return err
	}
	if o.failSeverity != nil && s.Fails(*o.failSeverity) {
		return exitCode(exitFindings)
	}
	return nil
}

// report is what is to be written, with what the baseline knows of it.
func (o *scanOptions) report(snap *harden.Snapshot, findings []*harden.Finding) (*report.Scan, error) {
	s := &report.Scan{
		Result: snap.Result, Findings: findings, Fixes: o.session.Fixes, Version: version,
		Wide: o.output == "wide", Faint: isTerminal(o.streams.Out) && os.Getenv("NO_COLOR") == "",
	}
	if o.known == nil {
		return s, nil
	}
	if err := o.known.Fits(snap.Inventory); err != nil {
		return nil, err
	}
	s.Known = func(f *harden.Finding) bool { return o.known.Has(f.ID()) }
	s.NotSeen = len(o.known.Gone(snap.Findings))
	return s, nil
}

func (o *scanOptions) write(s *report.Scan) error {
	write := s.Table
	switch o.output {
	case "json":
		write = s.JSON
	case "yaml":
		write = s.YAML
	case "sarif":
		write = s.SARIF
	case "junit":
		write = s.JUnit
	case "markdown":
		write = s.Markdown
	case "html":
		write = s.HTML
	case "name":
		write = s.Names
	}
	return write(o.streams.Out)
}

func oneOf(flag, value string, allowed []string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return errors.New("unknown --" + flag + " " + fmt.Sprintf("%q", value) + ": use one of " + strings.Join(allowed, ", "))
}
