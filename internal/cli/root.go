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
	"github.com/kubectl-harden/kubectl-harden/internal/tui/prompts"
)

var _ tui.Backend = sharing{}

type rootOptions struct {
	*connection
	streams  genericiooptions.IOStreams
	readOnly bool
	// accessible asks for prompts in place of what is drawn.
	accessible bool
	trial      trial
	apply      harden.ApplyOptions

	scope   harden.Scope
	session *session.Session
	ui      *ui // nil: there is no terminal
}

func (o *rootOptions) addFlags(cmd *cobra.Command) {
	o.addSourceFlags(cmd.Flags())
	o.addEvidenceFlags(cmd.Flags())
	o.trial.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.readOnly, "read-only", false, "Open the UI without anything that writes")
	cmd.Flags().BoolVar(&o.accessible, "accessible", false, "Open a UI of numbered prompts and plain lines, for screen readers and for terminals that cannot draw; on a terminal the environment variable ACCESSIBLE asks for it too")
}

func (o *rootOptions) Complete(cmd *cobra.Command, _ []string) error {
	o.accessible = o.accessible || os.Getenv("ACCESSIBLE") != "" && o.onTerminal()
	o.onKeys = o.inUI()
	var err error
	if o.apply, err = o.trial.options(); err != nil {
		return err
	}
	if o.onKeys {
		return o.prepare(cmd)
	}
	o.session, o.scope, err = o.connect(cmd)
	return err
}

// inUI reports whether a person asked for prompts, or there is a terminal that the
// UI can be drawn on.
func (o *rootOptions) inUI() bool {
	return o.accessible || o.onTerminal() && os.Getenv("TERM") != "dumb"
}

func (o *rootOptions) onTerminal() bool { return isTerminal(o.streams.Out) && isTerminal(o.streams.In) }

// face runs one of the two interactive faces.
func (o *rootOptions) face(ctx context.Context, b tui.Backend, opts tui.Options) error {
	if o.accessible {
		return prompts.Run(ctx, b, opts, o.streams.In, o.streams.Out)
	}
	return tui.Run(ctx, b, opts)
}

func (o *rootOptions) Validate() error { return nil }

func (o *rootOptions) Run(ctx context.Context) error {
	if o.ui != nil {
		return o.show(ctx)
	}
	defer o.session.Close()
	snap, _, err := o.load(ctx, o.session, o.scope, everything{}, o.streams)
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

// everything is the choice of all that is in the scope.
type everything struct{}

func (everything) find(snap *harden.Snapshot) ([]*harden.Finding, error) { return snap.Findings, nil }

func (everything) workloads(*harden.Inventory) []*harden.Workload { return nil }
