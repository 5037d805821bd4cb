package resilience

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ReadinessProbe finds containers that get requests before they can answer.
var ReadinessProbe = &harden.Fixer{
	ID:       "readiness-probe",
	Title:    "gets requests before it is ready",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
A Service leads to a container of which nobody asks whether it can answer.

Fields:

    spec.containers[].readinessProbe   (restartable init containers too)
    Service spec.selector, spec.ports[].targetPort

Allowed: any readinessProbe. Not looked at are Jobs and CronJobs, containers that no
Service leads to, Services that publish pods that are not ready
(publishNotReadyAddresses), ports that are not TCP, and a port whose container is not
known because several containers run and none declares it.

**Why it matters.** A pod counts as ready when its process has started. Until it
listens, and whenever it hangs, requests go to it and fail. A rollout believes that
all is well and replaces the next pod, so that a bad version takes the whole service
down: no patch is proven by a rollout without this probe.

**The fix.** A draft for review: a TCP probe of the port that the Service leads to, or
the request of the livenessProbe or startupProbe where there is one. A request to a
path that says whether the program can do its work is better, and only its authors
know that path.

**Traps.** A probe that asks for what another service does takes all pods out at once
when that one fails. Adding a probe replaces the pods.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0018"},
		{Standard: "Kubernetes", ID: "readiness probes", URL: "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/"},
	},
	Reads: harden.InNamespace(harden.KindService),
	Check: checkReadinessProbe,
	Fix:   fixReadinessProbe,
}

func checkReadinessProbe(p *harden.Pass) {
	if !runsOn(p.Workload) {
		p.NotApplicable()
		return
	}
	var open []harden.Container
	for _, c := range lasting(p.Pod) {
		if c.ReadinessProbe == nil {
			open = append(open, c)
		}
	}
	if len(open) == 0 || !p.Needs(p.Object.Namespace, harden.KindService) {
		return
	}
	ports := servedBy(p)
	for _, c := range open {
		if to, ok := ports[c.Ref]; ok {
			p.Report(harden.Finding{
				Container: c.Ref, Field: c.Field + ".readinessProbe",
				Reason: "no readinessProbe behind Service/" + to.service,
				Detail: fmt.Sprintf("Service/%s leads to port %d of the container, which counts as ready as soon as it has started.", to.service, to.port),
			})
		}
	}
}

func fixReadinessProbe(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("give it a readinessProbe"); ok {
		return []harden.Fix{instead}
	}
	to, ok := servedBy(p)[f.Container]
	c, found := p.Pod.Container(f.Container)
	if !ok || !found {
		return nil
	}
	probe, what := map[string]any{"tcpSocket": map[string]any{"port": int64(to.port)}}, fmt.Sprintf("a connection to port %d", to.port)
	for _, known := range []struct {
		name  string
		probe map[string]any
	}{{"livenessProbe", request(c.LivenessProbe)}, {"startupProbe", request(c.StartupProbe)}} {
		if known.probe != nil {
			probe, what = known.probe, "the request of its "+known.name
			break
		}
	}
	probe["periodSeconds"], probe["failureThreshold"] = int64(5), int64(2)
	return []harden.Fix{{
		Title: "ask the container whether it is ready", Class: harden.Review,
		Changes: []harden.Change{harden.SetContainer(p.Object, f.Container, map[string]any{"readinessProbe": probe})},
		Warning: "The draft asks by " + what + ": a pod that does not answer so gets no requests. A path that tells whether the program can do its work is better.",
	}}
}
