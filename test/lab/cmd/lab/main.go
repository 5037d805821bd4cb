// Command lab builds and runs the project's test cluster: a real Kubernetes control plane with simulated nodes, or with
// one that runs containers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `lab runs a real Kubernetes control plane on this machine, with simulated nodes or one that runs containers.

  go run ./test/lab/cmd/lab up                     start one here; ctrl-c stops it
  go run ./test/lab/cmd/lab up --detach --nodes 5  start one and return
  export KUBECONFIG=$(go run ./test/lab/cmd/lab kubeconfig)
  go run ./test/lab/cmd/lab down                   stop it
  go run ./test/lab/cmd/lab up --containers        the same with a node that runs containers (Linux, root)

Commands:
  build                             build the components into the cache, if they are not there
  up [--name NAME] [--nodes N] [--containers] [--detach] [--audit] [--stage FILE]... [--server-arg FLAG]...
                                    --nodes counts simulated nodes; it is 1, or 0 with --containers. With both, pods
                                    go to simulated nodes only if they tolerate kwok.x-k8s.io/node
  down [--name NAME | --all]
  kubeconfig [--name NAME] [--user USER [--group GROUP]...]
                                    print the path of the administrator's kubeconfig, or make one for a user
                                    that may do only what RBAC grants it
  list                              the labs that run

The lab's own kubectl is in the folder that 'build' prints. All files are in that cache folder; HARDEN_LAB_ROOT moves it.
`

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	commands := map[string]func(context.Context, []string) error{
		"build": build, "up": up, "down": down, "kubeconfig": kubeconfig, "list": list,
	}
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	run, ok := commands[os.Args[1]]
	if !ok {
		switch os.Args[1] {
		case "help", "-h", "--help":
			fmt.Print(usage)
			return
		}
		fmt.Fprintf(os.Stderr, "lab: unknown command %q\n\n%s", os.Args[1], usage)
		os.Exit(2)
	}
	if err := run(ctx, os.Args[2:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}
