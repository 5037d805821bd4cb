// Command kubernetes is every Kubernetes program the lab runs, in one binary: it is linked once instead of once a
// program. The program is chosen by the name it was started under, or else by the first argument:
//
//	ln -s kubernetes kube-apiserver && ./kube-apiserver --version
//	./kubernetes kube-apiserver --version
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	_ "time/tzdata" // time zones of CronJobs, on machines without a zone database

	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubectl's credential plugins
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register" // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// programs holds, by name, a function that runs the program and returns its exit code. Each builds its command only
// when it is called: building one registers feature gates and flags that belong to that program alone.
var programs = map[string]func() int{
	"kube-apiserver":          func() int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int { return cli.Run(controllermanager.NewControllerManagerCommand()) },
	"kube-scheduler":          func() int { return cli.Run(scheduler.NewSchedulerCommand()) },
	"kubectl":                 kubectl,
}

func main() {
	maps.Copy(programs, nodePrograms)
	run, ok := programs[strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")]
	if !ok && len(os.Args) > 1 {
		// The program's own flag parsing and help must see its arguments only.
		run, ok = programs[os.Args[1]]
		os.Args = os.Args[1:]
	}
	if !ok {
		fmt.Fprintf(os.Stderr, "choosing a program: start this binary under one of these names, or give one as first argument: %s\n",
			strings.Join(slices.Sorted(maps.Keys(programs)), ", "))
		os.Exit(2)
	}
	os.Exit(run())
}

// kubectl does what kubectl's own main does.
func kubectl() int {
	// Plugin lookup and kuberc run while the command is built, before its flags are parsed.
	_, _ = logs.GlogSetter(cmd.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // prints and exits as kubectl does
	}
	return 0
}
