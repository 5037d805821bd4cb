package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
)

// defaultName is the lab that commands mean when none is named.
const defaultName = "lab"

// list of strings, for flags that can be given several times.
type values []string

func (v *values) String() string     { return strings.Join(*v, ",") }
func (v *values) Set(s string) error { *v = append(*v, s); return nil }

// parse parses the flags of a command that takes no arguments.
func parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("reading the arguments of %s: unexpected %q", f.Name(), f.Arg(0))
	}
	return nil
}

func flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	f.SetOutput(io.Discard) // main prints the error
	return f
}

func build(ctx context.Context, args []string) error {
	if err := parse(flags("build"), args); err != nil {
		return err
	}
	b, err := lab.Build(ctx, os.Stdout)
	if err != nil {
		return err
	}
	fmt.Println("kubectl:", b.Kubectl())
	if err := b.Containers(); err != nil {
		fmt.Println("only simulated nodes:", err)
	}
	return nil
}

// ensureBuilt builds what is missing, and says nothing when nothing is.
func ensureBuilt(ctx context.Context, containers bool) error {
	if b, err := lab.Cached(ctx); err == nil && (!containers || b.Containers() == nil) {
		return nil
	}
	b, err := lab.Build(ctx, os.Stderr)
	if err == nil && containers {
		err = b.Containers()
	}
	return err
}

func up(ctx context.Context, args []string) error {
	f := flags("up")
	name := f.String("name", defaultName, "")
	nodes := f.Int("nodes", -1, "")
	containers := f.Bool("containers", false, "")
	detach := f.Bool("detach", false, "")
	audit := f.Bool("audit", false, "")
	var stageFiles, serverArgs values
	f.Var(&stageFiles, "stage", "")
	f.Var(&serverArgs, "server-arg", "")
	if err := parse(f, args); err != nil {
		return err
	}
	if *nodes < 0 { // one, of either kind
		*nodes = 1
		if *containers {
			*nodes = 0
		}
	}
	if *detach {
		return upDetached(ctx, *name, *containers, args)
	}
	pipe := readyPipe()
	var stages []string
	for _, file := range stageFiles {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading a stage: %w", err)
		}
		stages = append(stages, string(data))
	}
	if err := ensureBuilt(ctx, *containers); err != nil {
		return err
	}
	l, err := lab.Start(ctx, lab.Options{
		Name: *name, Nodes: *nodes, Containers: *containers, Audit: *audit, Stages: stages, ServerArgs: serverArgs, Log: os.Stderr,
	})
	if err != nil {
		return err
	}
	printUse(l)
	reportReady(pipe)
	<-ctx.Done()
	return l.Stop()
}

// printUse prints what a shell can read.
func printUse(l *lab.Lab) {
	fmt.Printf("export KUBECONFIG=%s\n", l.Kubeconfig())
	if l.Registry() != "" {
		fmt.Printf("export REGISTRY=%s  # plain HTTP, for pods and for pushing images\n", l.Registry())
	}
}

func down(_ context.Context, args []string) error {
	f := flags("down")
	name := f.String("name", defaultName, "")
	all := f.Bool("all", false, "")
	if err := parse(f, args); err != nil {
		return err
	}
	names := []string{*name}
	if *all {
		infos, err := lab.List()
		if err != nil {
			return err
		}
		names = nil
		for _, i := range infos {
			names = append(names, i.Name)
		}
	}
	var errs []error
	for _, n := range names {
		l, err := lab.Attach(n)
		if err == nil {
			err = l.Stop()
		}
		if err == nil {
			err = removeLog(n)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func kubeconfig(_ context.Context, args []string) error {
	f := flags("kubeconfig")
	name := f.String("name", defaultName, "")
	user := f.String("user", "", "")
	var groups values
	f.Var(&groups, "group", "")
	if err := parse(f, args); err != nil {
		return err
	}
	if *user == "" && len(groups) > 0 {
		return errors.New("making a kubeconfig: --group needs --user")
	}
	l, err := lab.Attach(*name)
	if err != nil {
		return err
	}
	path := l.Kubeconfig()
	if *user != "" {
		if path, err = l.KubeconfigFor(*user, groups...); err != nil {
			return err
		}
	}
	fmt.Println(path)
	return nil
}

func list(_ context.Context, args []string) error {
	if err := parse(flags("list"), args); err != nil {
		return err
	}
	infos, err := lab.List()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATUS\tAGE\tNODES\tSERVER\tREGISTRY\tPID")
	for _, i := range infos {
		status := "starting"
		if i.Ready {
			status = "ready"
		}
		nodes := strconv.Itoa(i.Nodes)
		if i.Registry != "" {
			nodes += "+1"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", i.Name, status, time.Since(i.Started).Round(time.Second), nodes, i.Server, cmp.Or(i.Registry, "-"), i.PID)
	}
	return w.Flush()
}
