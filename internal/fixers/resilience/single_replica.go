package resilience

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SingleReplica finds workloads of which one pod runs, or may be all that runs.
var SingleReplica = &harden.Fixer{
	ID:       "single-replica",
	Title:    "stops when its only pod stops",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
A single pod does all the work, or the autoscaler may come down to one.

Fields:

    spec.replicas   (of Deployment, StatefulSet, ReplicaSet, ReplicationController)
    spec.minReplicas   (of the HorizontalPodAutoscaler that scales it, if any)

Allowed: 2 or more; where there is an autoscaler its minReplicas counts alone, and
the replicas of now do not. 0 is allowed: it is switched off. Other kinds have
replicas of another sense or none.

**Why it matters.** Every drained node, eviction and rollout stops the service for
as long as a pod takes to start, and whoever can kill one process has an outage.
It makes hardening dearer too: a change cannot be tried on one of several pods.

**The fix.** No change is proposed: copies that run side by side have to be able to,
and whoever scales the workload owns the number. The text says where to raise it.

**Traps.** Not every program bears a second copy: queues that are read in order,
schedulers without a leader election, a volume that one node mounts. A StatefulSet
of one is often a database, and the finding is info. KEDA scales through a
HorizontalPodAutoscaler, which is seen in a cluster but not in files. Where
autoscalers may not be read, the verdict is unknown.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "high availability of workloads", URL: "https://kubernetes.io/docs/concepts/workloads/pods/disruptions/"},
	},
	Reads: harden.InNamespace(harden.Scalers),
	Check: checkSingleReplica,
	Fix:   fixSingleReplica,
}

func checkSingleReplica(p *harden.Pass) {
	if !p.Workload.HasReplicas() {
		p.NotApplicable()
		return
	}
	replicas := int32(1) // the API server's default
	if p.Workload.Replicas != nil {
		replicas = *p.Workload.Replicas
	}
	if replicas == 0 {
		return // no autoscaler scales up from 0 replicas that somebody set
	}
	f := harden.Finding{Field: "spec.replicas", Reason: "one replica", Detail: "One pod does all the work."}
	scaler := p.Inventory.ScalerOf(harden.HorizontalPodAutoscaler, p.Object)
	unread := p.Inventory.Unreadable(harden.HorizontalPodAutoscalers, p.Object.Namespace)
	switch {
	case scaler != nil && scaler.MinReplicas > 1, scaler == nil && replicas > 1:
		return
	case scaler != nil:
		f.Reason = "may be scaled down to one replica"
		f.Detail = fmt.Sprintf("%s keeps at least %d, whatever spec.replicas says (%d now).", scaler.Ref, scaler.MinReplicas, replicas)
	case unread != "":
		f.Status, f.Verdict = harden.StatusUnknown, "unknown"
		f.Reason, f.Detail = "autoscalers were not read", "It says one replica; whether an autoscaler keeps more is not known: "+unread+"."
	}
	if p.Object.Kind == "StatefulSet" {
		f.Severity, f.SeverityWhy = harden.Info, "many programs in a StatefulSet cannot have a second copy"
	}
	p.Report(f)
}

func fixSingleReplica(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	where := "spec.replicas in its manifest, or with kubectl scale"
	if s := p.Inventory.ScalerOf(harden.HorizontalPodAutoscaler, p.Object); s != nil {
		where = "spec.minReplicas of " + s.Ref.String() + ", which owns spec.replicas"
	}
	return []harden.Fix{{
		Title: "run two replicas or more", Class: harden.Review,
		Manual:  "If two copies can run side by side, raise " + where + ", to 2 or more, and spread them over nodes.",
		Warning: "Programs that lock a file, read a queue in order or mount a ReadWriteOnce volume may break with a second copy.",
	}}
}
