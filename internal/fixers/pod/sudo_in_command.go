package pod

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SudoInCommand reports containers that become root by themselves.
var SudoInCommand = &harden.Fixer{
	ID:       "sudo-in-command",
	Title:    "becomes root with sudo or su",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
A command of the container calls sudo, or su to root.

Fields:

    spec.containers[].{command,args}                          (init and ephemeral containers too)
    spec.containers[].{livenessProbe,readinessProbe,startupProbe}.exec.command
    spec.containers[].lifecycle.{postStart,preStop}.exec.command

Allowed: commands that do not call them. Only where a word is executed it counts: the group
sudo in "usermod -aG sudo app" is no call. su to another user gives rights up, and passes.

**Why it matters.** What calls sudo can become root at any time, and so can who takes it
over: the user that the pod says is for show. It also keeps allowPrivilegeEscalation from
being false, which stops sudo.

**The fix.** By hand: do in the image, at build time, what needs root, or in an init container
of its own; or run the one container as root and say so.

**Traps.** A script in the image may call sudo too, which is not seen here. Where sudo gives
rights up (sudo -u app), setpriv or su-exec does the same without a setuid program.
`,
	Refs:  refs("ATT&CK T1548.003", "Kubescape C-0062"),
	Reads: harden.ReadsNothing,
	Check: checkSudo,
	Fix: proposing("do without sudo", func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "do without sudo", Class: harden.Review,
			Manual: fmt.Sprintf("Move what needs root in %s into the build of the image, or into an init container that runs as root for that alone, and take sudo away. Then set allowPrivilegeEscalation: false.", f.Field),
		}}
	}),
}

func checkSudo(p *harden.Pass) {
	for _, c := range linuxContainers(p, anyContainer) {
		for _, command := range commandsOf(c) {
			if program := becomesRoot(command.argv); program != "" {
				p.Report(harden.Finding{
					Container: c.Ref, Discriminator: command.field, Field: c.Field + "." + command.field,
					Reason: command.field + " calls " + program,
					Detail: fmt.Sprintf("%s of the container calls %s: it becomes root by a setuid program.", command.field, program),
				})
			}
		}
	}
}

// A commandLine is what one field of a container has executed.
type commandLine struct {
	field string
	argv  []string
}

func commandsOf(c harden.Container) []commandLine {
	var all []commandLine
	add := func(field string, argv []string) {
		if len(argv) > 0 {
			all = append(all, commandLine{field, argv})
		}
	}
	if len(c.Command) > 0 {
		add("command", slices.Concat(c.Command, c.Args))
	} else {
		add("args", c.Args)
	}
	probe := func(field string, p *corev1.Probe) {
		if p != nil && p.Exec != nil {
			add(field+".exec.command", p.Exec.Command)
		}
	}
	probe("livenessProbe", c.LivenessProbe)
	probe("readinessProbe", c.ReadinessProbe)
	probe("startupProbe", c.StartupProbe)
	if l := c.Lifecycle; l != nil {
		if l.PostStart != nil && l.PostStart.Exec != nil {
			add("lifecycle.postStart.exec.command", l.PostStart.Exec.Command)
		}
		if l.PreStop != nil && l.PreStop.Exec != nil {
			add("lifecycle.preStop.exec.command", l.PreStop.Exec.Command)
		}
	}
	return all
}

// beforeCommand is what stands in a script before a word that is executed.
const beforeCommand = "(?:^|[\\n;&|({`]|\\b(?:then|do|else|exec|time|nohup|env|if|while)[ \\t])[ \\t]*(?:[A-Za-z_]\\w*=\\S*[ \\t]+)*(?:/\\S*/)?"

var (
	sudoCall = regexp.MustCompile(beforeCommand + `sudo[ \t]`)
	// su without a user, or to root; another user comes last or before -c.
	suCall = regexp.MustCompile(beforeCommand + `su(?:[ \t]+(?:-|-l|--login))?(?:[ \t]+root)?(?:[ \t]+(?:-c|--command)[ \t].*|[ \t]*(?:$|[\n;&|)]))`)
)

// startsOthers execute what follows them.
var startsOthers = []string{"--", "env", "exec", "nohup", "time", "tini", "dumb-init", "timeout"}

// becomesRoot is the program by which a command becomes root, or "".
func becomesRoot(argv []string) string {
	for n, arg := range argv {
		switch executed := n == 0 || slices.Contains(startsOthers, path.Base(argv[n-1])); {
		case executed && path.Base(arg) == "sudo":
			return "sudo"
		case executed && path.Base(arg) == "su" && suCall.MatchString("su "+strings.Join(argv[n+1:], " ")):
			return "su"
		case !strings.ContainsAny(arg, " \t\n"):
		case sudoCall.MatchString(arg):
			return "sudo"
		case suCall.MatchString(arg):
			return "su"
		}
	}
	return ""
}
