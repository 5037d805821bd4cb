package resilience

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NakedPod finds pods that nothing makes again.
var NakedPod = &harden.Fixer{
	ID:       "naked-pod",
	Title:    "is gone when its node is",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
A pod that is to run on has no controller.

Fields:

    metadata.ownerReferences
    spec.restartPolicy

Allowed: pods of a Deployment, StatefulSet, DaemonSet, Job or an operator's object. Not
looked at are pods that run to an end (restartPolicy Never or OnFailure), mirrors of
static pods, and hooks of Helm.

**Why it matters.** When its node fails or is drained, the pod is deleted and nobody
makes another. It cannot be patched either: nearly all of a pod is immutable, so
that hardening it means deleting it.

**The fix.** A person writes a Deployment around it; the text says how.

**Traps.** Somebody may be debugging with it right now.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0073"},
		{Standard: "Kubernetes", ID: "naked pods", URL: "https://kubernetes.io/docs/concepts/configuration/overview/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkNakedPod,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "run it by a Deployment", Class: harden.Review,
			Manual: "Put metadata.labels and spec of the pod into spec.template of a Deployment (kubectl create deployment " + p.Object.Name + " --image=… --dry-run=client -o yaml makes the frame), apply it, and delete the pod when the new one is ready.",
		}}
	},
}

func checkNakedPod(p *harden.Pass) {
	w := p.Workload
	if p.Object.Kind != "Pod" {
		p.NotApplicable()
		return
	}
	if w.Controller != nil || !runsOn(w) || w.Finished || isHook(w) {
		return
	}
	p.Report(harden.Finding{Field: "metadata.ownerReferences", Reason: "no controller", Detail: "Nothing makes the pod again when it is evicted or its node fails."})
}

func isHook(w *harden.Workload) bool {
	for key := range w.Meta.Annotations {
		if strings.HasPrefix(key, "helm.sh/hook") {
			return true
		}
	}
	return false
}
