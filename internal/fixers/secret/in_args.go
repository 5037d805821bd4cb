package secret

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/secrets"
)

// InArgs finds command lines with a credential.
var InArgs = &harden.Fixer{
	ID:       "secret-in-args",
	Title:    "has a credential on a command line",
	Area:     harden.AreaSecret,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
A command, one of its arguments, or what a probe or a hook runs holds a credential.

Fields:

    spec.containers[].command, spec.containers[].args
    spec.containers[].livenessProbe.exec.command   (readiness and startup too)
    spec.containers[].lifecycle.{postStart,preStop}.exec.command

Allowed: flags that name a file, and $(NAME) of a variable that comes from a Secret.
What counts as a credential is said at secret-literal-env; flags are looked at with
the value after them, and scripts line by line.

**Why it matters.** Besides all that can be said of one in the environment, a command
line is in /proc for every process of the pod, in the lists of processes of the node,
and in messages of the kubelet when the command fails.

**The fix.** By hand: a variable that comes from a Secret takes its place. $(NAME) in
command and args is filled in by the kubelet; the value is then still in /proc, so a
flag that takes a file is better where the program has one.

**Traps.** Probes and hooks are not expanded by the kubelet: there only a shell can
read the variable (sh -c with "$NAME"). The list of arguments is replaced as a whole,
whoever owns it.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1552.001"},
		{Standard: "Kubescape", ID: "C-0012"},
	},
	Reads: harden.ReadsNothing,
	Check: checkInArgs,
	Fix:   fixInArgs,
}

// A commandLine is one that a container runs, with its field.
type commandLine struct {
	field, place string
	words        []string
}

func commandLines(c *corev1.Container) []commandLine {
	lines := []commandLine{{"args", "command", slices.Concat(c.Command, c.Args)}}
	if len(c.Args) == 0 {
		lines[0].field = "command"
	}
	add := func(field string, exec *corev1.ExecAction) {
		if exec != nil {
			lines = append(lines, commandLine{field + ".exec.command", field, exec.Command})
		}
	}
	for _, probe := range []struct {
		field string
		probe *corev1.Probe
	}{{"livenessProbe", c.LivenessProbe}, {"readinessProbe", c.ReadinessProbe}, {"startupProbe", c.StartupProbe}} {
		if probe.probe != nil {
			add(probe.field, probe.probe.Exec)
		}
	}
	if c.Lifecycle != nil {
		for _, hook := range []struct {
			field   string
			handler *corev1.LifecycleHandler
		}{{"lifecycle.postStart", c.Lifecycle.PostStart}, {"lifecycle.preStop", c.Lifecycle.PreStop}} {
			if hook.handler != nil {
				add(hook.field, hook.handler.Exec)
			}
		}
	}
	return lines
}

func checkInArgs(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		for _, line := range commandLines(c.Container) {
			seen := map[string]bool{}
			for _, hit := range secrets.Args(line.words) {
				name := cmp.Or(hit.Key, hit.What)
				if hit.Kind.AWS() || seen[name] {
					continue
				}
				seen[name] = true
				where := "the command line"
				if line.place != "command" {
					where = "the command of " + line.place
				}
				p.Report(harden.Finding{
					Container: c.Ref, Discriminator: line.place + " " + name, Field: c.Field + "." + line.field,
					Verdict: string(hit.Kind), Reason: article(hit.What) + " in " + where,
					Detail: "There is a credential in " + where + ": " + describe(hit) + ".",
				})
			}
		}
	}
}

func fixInArgs(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("hand the credential over in a variable that comes from a Secret"); ok {
		return []harden.Fix{instead}
	}
	name := ownSecret(p.Workload)
	return []harden.Fix{{
		Title: "take the credential off the command line", Class: harden.Review,
		Manual: makeSecret(p.Inventory, p.Object.Namespace, name, "password") +
			" Add a variable to the container (env: valueFrom.secretKeyRef of that Secret), and write $(NAME of the variable) in " + f.Field + " where the credential is; in a script, and in probes and hooks, \"$NAME\" in a shell. " + rotate,
		Warning: "The pods restart.",
	}}
}
