package resilience

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RolloutStuck finds workloads whose last change did not arrive.
var RolloutStuck = &harden.Fixer{
	ID:       "rollout-stuck",
	Title:    "its last change did not reach the pods",
	Area:     harden.AreaResilience,
	Severity: harden.Medium,
	Subject:  harden.SubjectWorkload,
	Doc: `
A rollout stands still: the pods are not what the template says.

Fields:

    spec.paused   (of a Deployment)
    status.conditions: Progressing with ProgressDeadlineExceeded, ReplicaFailure

Allowed: a rollout that goes on or is done. What status says is known of clusters only;
spec.paused of files too.

**Why it matters.** Old pods go on with old images and old settings, without the fix that
somebody believes to be rolled out. Pods that cannot be created (refused by admission,
a quota, a missing account) are not there when load or a failed node asks for them. And
no patch can be proven on such a workload.

**The fix.** A person looks: the text says where. Nothing else is proposed for the workload
that would have to roll out meanwhile.

**Traps.** A Deployment may be paused on purpose, in the middle of a change; kubectl
rollout resume then rolls out all that was changed since.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "Deployment status", URL: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#failed-deployment"},
	},
	Reads: harden.ReadsNothing,
	Check: checkRolloutStuck,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		how := "See what stops it: kubectl describe " + strings.ToLower(p.Object.Kind) + "/" + p.Object.Name + " -n " + p.Object.Namespace + ", and the events of its newest ReplicaSet and pods. Repair that, or go back: kubectl rollout undo."
		if f.Verdict == "paused" {
			how = "When the change is complete: kubectl rollout resume deployment/" + p.Object.Name + " -n " + p.Object.Namespace + "."
		}
		return []harden.Fix{{Title: "let the rollout go on", Class: harden.Review, Manual: how}}
	},
}

func checkRolloutStuck(p *harden.Pass) {
	w := p.Workload
	if !w.HasReplicas() {
		p.NotApplicable()
		return
	}
	switch {
	case p.Inventory.Live() && len(w.Rollout.Stuck) > 0:
		reason, _, _ := strings.Cut(w.Rollout.Stuck[0], ":")
		p.Report(harden.Finding{Verdict: "stuck", Field: "status.conditions", Reason: reason, Detail: strings.Join(w.Rollout.Stuck, "; ")})
	case w.Ref.Kind == "Deployment" && w.Suspended:
		p.Report(harden.Finding{Verdict: "paused", Field: "spec.paused", Reason: "paused", Detail: "spec.paused is true: a change of the template reaches no pod."})
	}
}
