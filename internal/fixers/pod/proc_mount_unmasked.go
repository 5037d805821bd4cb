package pod

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ProcMountUnmasked finds containers that see all of /proc.
var ProcMountUnmasked = &harden.Fixer{
	ID:       "proc-mount-unmasked",
	Title:    "sees all of /proc",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
A container asks for a /proc without the masks that runtimes put over it.

Fields:

    spec.containers[].securityContext.procMount   (init and ephemeral containers too)
    spec.hostUsers

Allowed: unset or Default. In a pod with hostUsers: false, Pod Security "baseline"
accepts any value from policy version 1.35 on; "restricted" never does (verdict
user-namespace, medium).

**Why it matters.** Runtimes hide parts of /proc, such as kcore, keys and
sysrq-trigger, and make others read-only. Unmasked they show memory and keys of
the node, and root in the container can change settings of its kernel. In a user
namespace root of the container is nobody on the node, which takes most of the
danger away.

**The fix.** procMount is set to Default.

**Traps.** Unmasked exists for containers that start containers: without it, a
nested runtime cannot mount a /proc of its own. Newer API servers refuse Unmasked
unless hostUsers is false. Windows has no /proc.
`,
	Refs:  refs("PSS baseline: /proc mount type", "PSS restricted: /proc mount type", "Trivy KSV-0027", "Kubescape C-0055"),
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		for _, c := range linuxContainers(p, anyContainer) {
			mount := security(c).ProcMount
			if mount == nil || *mount == corev1.DefaultProcMount {
				continue
			}
			f := harden.Finding{
				Container: c.Ref, Field: c.Field + ".securityContext.procMount",
				Reason: "procMount is " + string(*mount),
				Detail: "The container sees the parts of /proc that runtimes hide or make read-only.",
			}
			if userNamespaceRelaxes(p) {
				f.Verdict, f.Severity, f.SeverityWhy = "user-namespace", harden.Medium, "hostUsers: false makes its root nobody on the node; \"baseline\" accepts that, \"restricted\" does not"
			}
			p.Report(f)
		}
	},
	Fix: proposing("set procMount: Default", func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		claims := []harden.Claim{missing("E-PROC", "Nobody looked whether the container starts containers of its own, which need an unmasked /proc.")}
		return []harden.Fix{{
			Title:    "set procMount: Default on " + f.Container.Name,
			Class:    harden.ClassOf(harden.Evidence, claims...),
			Evidence: claims,
			Changes:  []harden.Change{harden.SetSecurityContext(f.Object, f.Container, map[string]any{"procMount": string(corev1.DefaultProcMount)})},
			Warning:  "A container runtime inside of the container can no longer mount /proc.",
		}}
	}),
}
