package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

var _ tui.Backend = (*session.Session)(nil)

type rootOptions struct {
	*connection
	streams  genericiooptions.IOStreams
	readOnly bool

	scope   harden.Scope
	session *session.Session
}

func (o *rootOptions) addFlags(cmd *cobra.Command) {
	o.addSourceFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.readOnly, "read-only", false, "Open the UI without anything that writes")
}

func (o *rootOptions) Complete(cmd *cobra.Command, _ []string) error {
	var err error
	o.session, o.scope, err = o.connect(cmd)
	return err
}

func (o *rootOptions) Validate() error { return nil }

func (o *rootOptions) Run(ctx context.Context) error {
	defer o.session.Close()
	if isTerminal(o.streams.Out) && isTerminal(o.streams.In) && os.Getenv("TERM") != "dumb" {
		return tui.Run(ctx, o.session, tui.Options{Scope: o.scope, ReadOnly: o.readOnly, Version: version})
	}
	snap, err := o.session.Load(ctx, o.scope)
	if err != nil {
		return err
	}
	s := &report.Scan{Result: snap.Result, Findings: snap.Findings, Fixes: o.session.Fixes}
	s.Summary(o.streams.Out)
	if len(snap.Findings) > 0 {
		fmt.Fprintln(o.streams.Out, "List them with 'kubectl harden scan'; see the patches with 'kubectl harden fix --dry-run'.")
	}
	return nil
}
