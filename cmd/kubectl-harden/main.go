// Command kubectl-harden is the kubectl plugin `kubectl harden`.
package main

import (
	"os"

	"github.com/kubectl-harden/kubectl-harden/internal/cli"
)

func main() { os.Exit(cli.Main()) }
