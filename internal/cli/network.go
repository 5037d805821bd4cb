package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
)

type networkOptions struct {
	applier
	output   string
	from, to string
	port     string
	propose  bool
	changes  bool
	phases   []string
	apply    bool
	exitCode bool

	names    filter
	question harden.Port // of --port
	chosen   []harden.NetworkPhaseName
	scope    harden.Scope
}

var networkOutputs = []string{"table", "matrix", "wide", "json", "dot", "mermaid", "yaml"}

func newNetwork(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &networkOptions{applier: applier{connection: conn, streams: streams}}
	cmd := &cobra.Command{
		Use:   "network [TYPE/NAME...] [-n NAMESPACE | -A | -f FILE | -k DIR]",
		Short: "Show who can talk to whom, and the policies that leave open only what is needed",
		Long: `Show which workloads and peers (other namespaces, DNS, the API server, the
metadata service of the cloud, nodes, the internet) may talk to each other by
the policies that are there, what the workloads are known to need and why, and
the least policies that allow just that.

The first line says who enforces policies in the cluster, that nobody does, or
that it cannot be told. What is not known is unknown, never allowed or denied.

The proposal has three phases: ingress, egress, default-deny. Each is a set of new
objects, one for each workload and direction, that is applied, watched and taken
back as one. Programs may take minutes to give up on a connection: watch longer
with --soak where that matters. What is only guessed by name is listed and not allowed: import what
was seen (--flows), or look at the sockets of running containers (--probe), to
know better. A phase that would cut what is needed, or the API server from a
webhook, is refused with the reason.

All namespaces that may be read are read, because anybody in the cluster may be
the other end.

--flows reads the JSON of 'hubble observe', or a CSV with a header. Of its columns
time, from_namespace, from, from_address, to_namespace, to, to_address, to_host,
protocol, port and verdict, in any order, port and something about either end are
needed; from and to are pods, or KIND/NAME of workloads.`,
		Example: `  # Who can talk to whom in a namespace, and what is proposed
  kubectl harden network -n shop

  # May it, and which policy and rule say so?
  kubectl harden network -n shop --from web --to api --port 8080
  kubectl harden network -n shop --from api --to metadata --propose

  # What the proposal would change, and nothing else
  kubectl harden network -n shop --changes

  # With what Hubble has seen
  hubble observe -n shop -o json > flows.json
  kubectl harden network -n shop --flows flows.json --propose

  # The policies as files, or applied phase by phase
  kubectl harden network -n shop -o yaml > policies.yaml
  kubectl harden network -n shop --apply
  kubectl harden network -n shop --apply --phase ingress --yes

  # Manifests, and a picture
  kubectl harden network -f deploy/ -o yaml
  kubectl harden network -n shop -o dot | dot -Tsvg > shop.svg`,
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	fs := cmd.Flags()
	o.addScopeFlags(fs)
	o.addFlowFlags(fs)
	o.addProbeFlags(fs)
	o.addConfigFlag(fs)
	fs.StringVarP(&o.output, "output", "o", "table", "Output: "+strings.Join(networkOutputs, ", "))
	fs.StringVar(&o.from, "from", "", "Who connects: a workload or pod (web, deployment/web, NAMESPACE/TYPE/NAME), ns:NAMESPACE, an address or CIDR, or one of "+peerWords())
	fs.StringVar(&o.to, "to", "", "Who is connected to, named as for --from")
	fs.StringVar(&o.port, "port", "", "With --from and --to: the port that the process listens on, such as 8080 or 53/udp")
	fs.BoolVar(&o.propose, "propose", false, "Show beside each connection what the proposal makes of it")
	fs.BoolVar(&o.changes, "changes", false, "Show the connections that the proposal changes, and nothing else")
	fs.StringSliceVar(&o.phases, "phase", nil, "Only these phases of the proposal: ingress, egress, default-deny")
	fs.BoolVar(&o.apply, "apply", false, "Apply the proposal phase by phase: show each, ask, apply it, watch it, read back")
	fs.BoolVar(&o.exitCode, "exit-code", false, "Exit with code 1 when something is proposed")
	o.applier.addFlags(cmd)
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(networkOutputs, cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("phase", cobra.FixedCompletions(phaseNames(), cobra.ShellCompDirectiveNoFileComp)))
	for _, name := range []string{"from", "to"} {
		must(cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(peerNames, cobra.ShellCompDirectiveNoFileComp)))
	}
	return cmd
}

func phaseNames() []string {
	var names []string
	for _, p := range harden.NetworkPhases() {
		names = append(names, string(p))
	}
	return names
}

func (o *networkOptions) Complete(cmd *cobra.Command, args []string) error {
	var err error
	if o.names.names, err = parseNames(args); err != nil {
		return err
	}
	for _, name := range o.phases {
		if err := oneOf("phase", name, phaseNames()); err != nil {
			return err
		}
		o.chosen = append(o.chosen, harden.NetworkPhaseName(name))
	}
	if o.port != "" {
		if o.question, err = parsePort(o.port); err != nil {
			return err
		}
	}
	if err := o.applier.complete(); err != nil {
		return err
	}
	if err := o.check(cmd); err != nil {
		return err
	}
	o.evidence.Network = true
	o.session, o.scope, err = o.connect(cmd)
	return err
}

// flagsOfApply say how is applied, and nothing without --apply.
var flagsOfApply = []string{"dry-run", "class", "yes", "wait", "timeout", "soak", "no-rollback"}

// check refuses flags that contradict each other, before anything is read.
func (o *networkOptions) check(cmd *cobra.Command) error {
	if err := oneOf("output", o.output, networkOutputs); err != nil {
		return err
	}
	asks := o.from != "" || o.to != ""
	switch {
	case o.port != "" && (o.from == "" || o.to == ""):
		return hinted(errors.New("--port is a port of --to that --from connects to"), "name both ends with --from and --to")
	case asks && o.output != "table" && o.output != "json":
		return fmt.Errorf("--from and --to ask about connections: they go with -o table and json, not with %s", o.output)
	case asks && (o.changes || len(o.phases) > 0 || len(o.names.names) > 0):
		return errors.New("--from and --to ask about connections: they cannot go with --changes, --phase or TYPE/NAME")
	case o.apply && asks:
		return errors.New("--apply applies the proposal: it cannot go with --from or --to")
	case o.apply && cmd.Flags().Changed("output"):
		return errors.New("--apply shows what is applied as a diff: it cannot go with --output")
	case o.apply && o.exitCode:
		return errors.New("--exit-code tells whether something is proposed: it cannot go with --apply")
	}
	if !o.apply {
		for _, name := range flagsOfApply {
			if cmd.Flags().Changed(name) {
				return hinted(fmt.Errorf("--%s says how the proposal is applied", name), "add --apply, or leave it out: nothing is written without")
			}
		}
		return nil
	}
	if err := o.checkDryRun(); err != nil {
		return err
	}
	if o.onFiles() && o.writes() {
		return hinted(errors.New("there is no cluster to apply to"), "print the policies with 'kubectl harden network -f FILE -o yaml'")
	}
	return o.checkYes()
}

func (o *networkOptions) Validate() error { return nil }

func (o *networkOptions) Run(ctx context.Context) error {
	defer o.session.Close()
	snap, view, err := o.look(ctx)
	if err != nil {
		return err
	}
	if err := o.names.allThere(snap.Inventory); err != nil {
		return err
	}
	if o.from != "" || o.to != "" {
		return o.answer(snap, view)
	}
	if o.apply {
		return o.applyPhases(ctx, view)
	}
	r := o.report(snap, view)
	if err := o.write(r, o.streams.Out); err != nil {
		return err
	}
	if err := o.session.Incomplete(); err != nil {
		return err
	}
	if o.exitCode && o.proposes(view) {
		return exitCode(exitFindings)
	}
	return nil
}

// look reads the scope and everything that may be the other end.
func (o *networkOptions) look(ctx context.Context) (*harden.Snapshot, *harden.NetworkView, error) {
	if _, err := o.session.Load(ctx, o.scope); err != nil {
		return nil, nil, err
	}
	snap, err := gather(ctx, o.session, nil, o.evidence, o.streams, nil)
	if err != nil {
		return nil, nil, err
	}
	view, err := o.session.Network(ctx, nil)
	return snap, view, err
}

func (o *networkOptions) chooses(p harden.NetworkPhaseName) bool {
	return len(o.chosen) == 0 || slices.Contains(o.chosen, p)
}

// proposes reports whether a phase that was chosen makes anything.
func (o *networkOptions) proposes(view *harden.NetworkView) bool {
	return slices.ContainsFunc(view.Phases, func(p harden.NetworkPhase) bool { return o.chooses(p.Name) && len(p.Policies) > 0 })
}

func (o *networkOptions) report(snap *harden.Snapshot, view *harden.NetworkView) *report.Network {
	r := &report.Network{
		View: view, Cluster: snap.Inventory.Cluster, Phases: o.chosen, Proposed: o.propose, Changes: o.changes, Width: width(o.streams.Out),
	}
	if len(o.names.names) > 0 {
		chosen := map[harden.Peer]bool{}
		for _, w := range snap.Inventory.Workloads {
			if o.names.selects(w) {
				chosen[harden.WorkloadPeer(w.Ref)] = true
			}
		}
		r.Only = func(ref harden.Ref) bool { return chosen[harden.WorkloadPeer(ref)] }
	}
	return r
}

func (o *networkOptions) write(r *report.Network, w io.Writer) error {
	switch o.output {
	case "matrix":
		return r.Matrix(w)
	case "wide":
		return r.Wide(w)
	case "json":
		return r.JSON(w)
	case "dot":
		return r.DOT(w)
	case "mermaid":
		return r.Mermaid(w)
	case "yaml":
		return r.YAML(w)
	}
	return r.Table(w)
}

// answer tells about the connections between --from and --to.
func (o *networkOptions) answer(snap *harden.Snapshot, view *harden.NetworkView) error {
	e := newEnds(snap.Inventory, view)
	answers, err := e.answers(o.from, o.to, o.question)
	if err != nil {
		return err
	}
	r := o.report(snap, view)
	if o.output == "json" {
		err = r.AnswersJSON(o.streams.Out, answers)
	} else {
		err = r.Answers(o.streams.Out, answers)
	}
	if err != nil {
		return err
	}
	return o.session.Incomplete()
}
