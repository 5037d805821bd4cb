// Package cli is the command-line face: kubectl-style commands, one file each,
// over a session.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"
)

// Exit codes, as `kubectl diff` has them.
const (
	exitOK       = 0 // done, nothing to report
	exitFindings = 1 // findings at or above --fail-on, or changes proposed under --exit-code
	exitError    = 2 // an error, or not everything that was asked could be done
)

// An exitCode ends the program with a code after everything was said.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Main runs the program on the process's arguments and streams and returns its
// exit code.
func Main() int {
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	// What client-go has to say is in the errors that it returns; in the middle of
	// a screen or of a report it would only disturb. Another output would not do:
	// klog writes errors to stderr all the same.
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	// A reader that went away (`| head`) is seen as an error on write, not as a
	// signal that ends the program in the middle of an apply.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Execute(ctx, os.Args[1:], streams)
}

// Execute runs one command line and returns the exit code.
func Execute(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	root := newRoot(streams)
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case isClosedPipe(err):
		return exitOK
	}
	printError(streams.ErrOut, err)
	return exitError
}

func isClosedPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

func newRoot(streams genericiooptions.IOStreams) *cobra.Command {
	conn := newConnection()
	o := &rootOptions{connection: conn, streams: streams}
	cmd := &cobra.Command{
		Use:   "kubectl-harden",
		Short: "Find and fix what is insecure in Kubernetes workloads",
		Long: `Find what is insecure in the workloads of a cluster, see the smallest patch and
what the API server says to it, apply it by server-side apply, watch it roll
out, and take it back.

Without a command it opens the terminal UI on the current context and
namespace; when the output is not a terminal it prints a summary.`,
		Example: `  # Open the terminal UI on a namespace
  kubectl harden -n shop

  # List what is wrong, then see the patches without writing anything
  kubectl harden scan -n shop
  kubectl harden fix -n shop --dry-run

  # Check manifests without a cluster
  kubectl harden scan -f deploy/`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl harden"},
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd, args, o)
		},
	}
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return hinted(err, fmt.Sprintf("see '%s --help'", c.CommandPath()))
	})
	conn.config.AddFlags(cmd.PersistentFlags())
	o.addFlags(cmd)
	cmd.AddCommand(newScan(conn, streams), newFix(conn, streams), newUndo(conn, streams), newWaive(conn, streams), newWaivers(conn, streams), newUnwaive(conn, streams), newImages(conn, streams), newNetwork(conn, streams), newReport(conn, streams), newExplain(conn, streams), newVersion(streams))
	return cmd
}

// options are the three steps of a kubectl command.
type options interface {
	Complete(cmd *cobra.Command, args []string) error
	Validate() error
	Run(ctx context.Context) error
}

func run(cmd *cobra.Command, args []string, o options) error {
	if err := o.Complete(cmd, args); err != nil {
		return err
	}
	if err := o.Validate(); err != nil {
		return err
	}
	return o.Run(cmd.Context())
}
