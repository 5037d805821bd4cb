// Command kubectl-harden is the kubectl plugin `kubectl harden`.
package main

import (
	"os"

	"github.com/kubectl-harden/kubectl-harden/internal/cli"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
	"github.com/kubectl-harden/kubectl-harden/internal/images/trivy"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == images.WorkerArgument {
		os.Exit(trivy.Main())
	}
	os.Exit(cli.Main())
}
