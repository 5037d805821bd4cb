package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Set by the linker.
var (
	version = "dev"
	commit  = ""
	date    = ""
)

type versionOptions struct{ streams genericiooptions.IOStreams }

func newVersion(streams genericiooptions.IOStreams) *cobra.Command {
	o := &versionOptions{streams: streams}
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
}

func (o *versionOptions) Complete(*cobra.Command, []string) error { return nil }

func (o *versionOptions) Validate() error { return nil }

func (o *versionOptions) Run(context.Context) error {
	_, err := fmt.Fprintln(o.streams.Out, versionLine())
	return err
}

func versionLine() string {
	v := version
	if info, ok := debug.ReadBuildInfo(); ok && v == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v = info.Main.Version // installed by `go install`
	}
	s := "kubectl harden " + v
	if commit != "" {
		s += " (" + commit
		if date != "" {
			s += ", " + date
		}
		s += ")"
	}
	return fmt.Sprintf("%s %s %s/%s", s, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
