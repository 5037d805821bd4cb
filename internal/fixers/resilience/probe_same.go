package resilience

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ProbeSame finds containers that are restarted when they should only get no requests.
var ProbeSame = &harden.Fixer{
	ID:       "probe-same",
	Title:    "is restarted as soon as it is not ready",
	Area:     harden.AreaResilience,
	Severity: harden.Info,
	Subject:  harden.SubjectWorkload,
	Doc: `
Liveness and readiness are one and the same question.

Fields:

    spec.containers[].livenessProbe
    spec.containers[].readinessProbe

Allowed: probes that differ in what they ask or in how long they wait; the same
request with a higher failureThreshold for liveness is good.

**Why it matters.** Readiness says "send me nothing now", liveness says "I am lost".
When both are the same, a container that needs a moment, because of load or of a
database that restarts, is killed in the same second in which it would have been left
alone, and with it all others.

**The fix.** No change is proposed: what tells a hang from a busy moment, the program's
authors know. The text says what to change.

**Traps.** Where a probe asks for what another service does, more time does not help.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "liveness and readiness probes", URL: "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkProbeSame,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("let its livenessProbe wait longer"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "let the livenessProbe wait longer", Class: harden.Review,
			Manual: "Give the livenessProbe a request that needs nothing but the process itself, or at least a failureThreshold several times that of the readinessProbe.",
		}}
	},
}

func checkProbeSame(p *harden.Pass) {
	if !runsOn(p.Workload) {
		p.NotApplicable()
		return
	}
	for _, c := range lasting(p.Pod) {
		if c.LivenessProbe != nil && c.ReadinessProbe != nil && equality.Semantic.DeepEqual(defaulted(c.LivenessProbe), defaulted(c.ReadinessProbe)) {
			p.Report(harden.Finding{
				Container: c.Ref, Field: c.Field + ".livenessProbe",
				Reason: "livenessProbe is the readinessProbe", Detail: "Both probes ask the same and wait equally long.",
			})
		}
	}
}

// defaulted is a probe with the numbers that the API server fills in.
func defaulted(probe *corev1.Probe) corev1.Probe {
	out := *probe
	out.TimeoutSeconds = cmp.Or(out.TimeoutSeconds, 1)
	out.PeriodSeconds = cmp.Or(out.PeriodSeconds, 10)
	out.SuccessThreshold = cmp.Or(out.SuccessThreshold, 1)
	out.FailureThreshold = cmp.Or(out.FailureThreshold, 3)
	return out
}
