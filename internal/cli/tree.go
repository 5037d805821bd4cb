package cli

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Tree returns the commands with their flags, from which pages and completion
// scripts are made. It is not for running them: what they print is lost.
func Tree() *cobra.Command {
	root := newRoot(genericiooptions.NewTestIOStreamsDiscard())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}
