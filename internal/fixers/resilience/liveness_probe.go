package resilience

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// LivenessProbe finds containers that nobody restarts when they hang.
var LivenessProbe = &harden.Fixer{
	ID:       "liveness-probe",
	Title:    "stays when it hangs",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
Nobody asks a container that runs for long whether it is alive.

Fields:

    spec.containers[].livenessProbe   (restartable init containers too)
    spec.containers[].startupProbe

Allowed: either probe. Jobs, CronJobs and pods that are not started again are not
looked at.

**Why it matters.** A process that hangs, after a deadlock or an attack that used up
its threads, stays where it is until a person notices. One that ends is started
again without any probe.

**The fix.** No change is proposed. A liveness probe that answers slowly under load
restarts every pod at the worst moment: a wrong one is an outage, and none is often
better. Only the program's authors know what tells a hang from a busy hour.

**Traps.** Never ask for what other services do, and leave more time than the slowest
start takes, or put a startupProbe before it.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0056"},
		{Standard: "Kubernetes", ID: "liveness probes", URL: "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkLivenessProbe,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("give it a livenessProbe"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "restart the container when it hangs", Class: harden.Review,
			Manual:  "If the program can hang, give it a request that only a hung process fails, and a livenessProbe with a failureThreshold that outlasts every busy hour. If it ends by itself when something is wrong, waive this.",
			Warning: "A livenessProbe that fails under load restarts all pods at once.",
		}}
	},
}

func checkLivenessProbe(p *harden.Pass) {
	if !runsOn(p.Workload) {
		p.NotApplicable()
		return
	}
	for _, c := range lasting(p.Pod) {
		if c.LivenessProbe == nil && c.StartupProbe == nil {
			p.Report(harden.Finding{
				Container: c.Ref, Field: c.Field + ".livenessProbe",
				Reason: "no livenessProbe", Detail: "Neither livenessProbe nor startupProbe is set: a process that hangs stays.",
			})
		}
	}
}

// request is the check of an HTTP or gRPC probe as a field of another probe; nil for
// other probes, whose check may be one that must not run often.
func request(probe *corev1.Probe) map[string]any {
	switch {
	case probe == nil:
	case probe.HTTPGet != nil:
		get := map[string]any{"path": probe.HTTPGet.Path, "port": portValue(probe.HTTPGet.Port)}
		if s := probe.HTTPGet.Scheme; s != "" {
			get["scheme"] = string(s)
		}
		if len(probe.HTTPGet.HTTPHeaders) > 0 {
			return nil // they may hold credentials
		}
		return map[string]any{"httpGet": get}
	case probe.GRPC != nil:
		call := map[string]any{"port": int64(probe.GRPC.Port)}
		if s := probe.GRPC.Service; s != nil {
			call["service"] = *s
		}
		return map[string]any{"grpc": call}
	}
	return nil
}
