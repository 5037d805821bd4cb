package pod

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ShareProcessNamespace reports pods whose containers see each other's processes.
var ShareProcessNamespace = &harden.Fixer{
	ID:       "share-process-namespace",
	Title:    "containers of the pod see each other's processes",
	Area:     harden.AreaPod,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
The containers of the pod share one process namespace.

Fields:

    spec.shareProcessNamespace
    spec.containers[], spec.initContainers[] with restartPolicy: Always

Allowed: unset or false, and true in a pod with one container that keeps running.

**Why it matters.** Each container sees the processes of the others, may signal those
of its own user, and reads their environment, credentials among it, and their files
through /proc/PID/root. A sidecar that was taken over, mostly the part of a pod that
nobody looks at, then owns the application.

**The fix.** shareProcessNamespace becomes false. A person has to decide: a container
may signal another one, as those that reload a configuration do.

**Traps.** The first process of a container becomes number 1 again, and has to reap its
children. To look at a distroless container, kubectl debug --target shares its
namespace for that one container only. The field does not exist on Windows.
`,
	Refs:  refs("NSA pod security enforcement", "ATT&CK T1057"),
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if !p.Pod.PodLevel || p.Pod.Windows() {
			p.NotApplicable()
			return
		}
		running := 0
		for _, c := range p.Pod.Containers() {
			if c.Ref.Kind == harden.AppContainer || c.Ref.Kind == harden.SidecarContainer {
				running++
			}
		}
		if !isTrue(p.Pod.Spec.ShareProcessNamespace) || running < 2 {
			return
		}
		p.Report(harden.Finding{
			Field:  p.Pod.Field("shareProcessNamespace"),
			Reason: fmt.Sprintf("%d containers see each other's processes", running),
			Detail: fmt.Sprintf("shareProcessNamespace is true: its %d containers see each other's processes, with their environment and files.", running),
		})
	},
	Fix: proposing("set shareProcessNamespace: false", func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "give each container a process namespace of its own", Class: harden.Review,
			Evidence: []harden.Claim{missing("E-PROC", "Nobody looked into the running containers: does one of them look at, or signal, processes of another?")},
			Warning:  "A container that signals another one, to have it reload, no longer finds it.",
			Changes:  []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"shareProcessNamespace": false})},
		}}
	}),
}
