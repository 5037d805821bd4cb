package pod

import (
	"path"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// TTYStdin reports containers that somebody could sit at.
var TTYStdin = &harden.Fixer{
	ID:       "tty-stdin",
	Title:    "keeps a terminal or its input open",
	Area:     harden.AreaPod,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Doc: `
A container keeps its input open or has a terminal, although nobody works in it.

Fields:

    spec.containers[].{stdin,stdinOnce,tty}   (init containers too)

Allowed: unset or false. The rule does not apply to Jobs and CronJobs, nor to ephemeral
containers, which are for debugging.

**Why it matters.** Who may attach to the pod types into its first process: a shell or an
interpreter there does what it is told, under the identity of the workload. The settings
are mostly left from a docker run -it that became a manifest.

**The fix.** stdin and tty become false. A person has to decide, since nothing in the API tells
who attaches.

**Traps.** A shell or an interpreter as the first process ends at once without an input, and
the container with it: it was kept alive by these fields. Programs colour and buffer their
logs by whether they have a terminal.
`,
	Refs:  refs("ATT&CK T1609"),
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if kind := p.Workload.Ref.Kind; kind == "Job" || kind == "CronJob" {
			p.NotApplicable()
			return
		}
		for _, c := range p.Pod.Containers() {
			open := openInput(c)
			if len(open) == 0 || c.Ref.Kind == harden.EphemeralContainer {
				continue
			}
			list := strings.Join(open, " and ")
			p.Report(harden.Finding{
				Container: c.Ref, Field: c.Field + "." + open[0],
				Reason: "has " + list, Detail: "The container has " + list + ": who attaches to the pod types into its first process.",
			})
		}
	},
	Fix: proposing("set stdin and tty to false", func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		c, _ := p.Pod.Container(f.Container)
		set := map[string]any{}
		for _, field := range openInput(c) {
			set[field] = false
		}
		claims := []harden.Claim{missing("E-AUDIT", "Nobody looked into the audit log: does somebody attach to the pod?")}
		switch argv := argvOf(c, nil); {
		case len(c.Command) == 0:
			claims = append(claims, missing("E-IMG-CONFIG", "The image decides what is started: a shell would end without an input."))
		case len(argv) == 1 && slices.Contains(shells, path.Base(argv[0])):
			claims = append(claims, dated(p, "E-SPEC", harden.Refutes, p.Inventory.Now, "The container starts "+argv[0]+", which ends without an input.", ""))
		}
		return []harden.Fix{{
			Title: "close the input of " + c.Name, Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
			Changes: []harden.Change{harden.SetContainer(f.Object, c.Ref, set)},
			Warning: "A first process that waits for input ends, and the container with it.",
		}}
	}),
}

// shells read commands from their input when they are started without arguments.
var shells = []string{"sh", "bash", "ash", "dash", "zsh", "python", "python3", "node", "irb", "cat"}

func openInput(c harden.Container) []string {
	var open []string
	if c.Stdin {
		open = append(open, "stdin")
	}
	if c.TTY {
		open = append(open, "tty")
	}
	return open
}
