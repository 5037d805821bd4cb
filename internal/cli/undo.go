package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

type undoOptions struct {
	*connection
	streams genericiooptions.IOStreams
	list    bool
	yes     bool
	opts    harden.ApplyOptions
	wait    bool

	id      string
	session *session.Session
}

func newUndo(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &undoOptions{connection: conn, streams: streams}
	cmd := &cobra.Command{
		Use:   "undo [PLAN]",
		Short: "Take back what was applied",
		Long: `Take back what 'kubectl harden fix' applied: values are restored and field
ownership is released. Without an argument it takes back the newest plan that
is not undone yet.`,
		Example: `  # What can be undone on this cluster
  kubectl harden undo --list

  # Take back the newest plan
  kubectl harden undo`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	fs := cmd.Flags()
	fs.BoolVar(&o.list, "list", false, "List what was applied, newest first")
	fs.BoolVarP(&o.yes, "yes", "y", false, "Do not ask")
	fs.BoolVar(&o.wait, "wait", true, "Watch the rollouts")
	fs.DurationVar(&o.opts.Timeout, "timeout", defaultTimeout, "How long to watch one rollout")
	return cmd
}

func (o *undoOptions) Complete(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		o.id = args[0]
	}
	o.opts.NoWait = !o.wait
	if !o.list && !o.yes && !interactive(o.streams) {
		return hinted(errors.New("there is no terminal to ask on"), "look at the list with --list, then take back with --yes")
	}
	var err error
	o.session, err = o.open(cmd)
	return err
}

func (o *undoOptions) Validate() error { return nil }

func (o *undoOptions) Run(ctx context.Context) error {
	defer o.session.Close()
	records, err := o.session.History(ctx)
	if err != nil {
		return err
	}
	if o.list {
		return report.History(o.streams.Out, records)
	}
	rec, err := pickRecord(records, o.id)
	if err != nil {
		return err
	}
	if !o.yes {
		if err := report.History(o.streams.ErrOut, []harden.Record{*rec}); err != nil {
			return err
		}
		yes, err := confirm(o.streams, "Take this back?")
		if err != nil {
			return err
		}
		if !yes {
			fmt.Fprintln(o.streams.ErrOut, "Nothing was changed.")
			return nil
		}
	}
	rep, err := o.session.Undo(ctx, rec.ID, o.opts, progress(o.streams))
	if err != nil {
		return err
	}
	rep.ID = "" // an undo is not undone by undo
	if err := report.Outcomes(o.streams.ErrOut, rep); err != nil {
		return err
	}
	if !allGood(rep) {
		return exitCode(exitError)
	}
	return nil
}

// pickRecord finds the record of the id, or the newest that can be undone.
func pickRecord(records []harden.Record, id string) (*harden.Record, error) {
	for i, r := range records {
		if r.ID == id || id == "" && len(r.Undoable()) > 0 {
			return &records[i], nil
		}
	}
	if id == "" {
		return nil, errors.New("nothing to undo on this cluster")
	}
	return nil, hinted(fmt.Errorf("no plan %q in the journal of this cluster", id), "list them with 'kubectl harden undo --list'")
}
