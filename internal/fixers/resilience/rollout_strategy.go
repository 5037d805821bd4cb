package resilience

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RolloutStrategy finds workloads of which a rollout takes all pods down, or none.
var RolloutStrategy = &harden.Fixer{
	ID:       "rollout-strategy",
	Title:    "rolls out with a gap, or not at all",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
A change of the template stops the service, or never reaches its pods.

Fields:

    Deployment spec.strategy.type, spec.strategy.rollingUpdate.maxUnavailable
    StatefulSet, DaemonSet spec.updateStrategy.type, .rollingUpdate.maxUnavailable

Allowed: RollingUpdate with a maxUnavailable that leaves a pod. Wrong are Recreate (all
pods stop before the first new one starts), maxUnavailable of 100 % or of all replicas,
and OnDelete (pods stay as they are until somebody deletes them).

**Why it matters.** Whoever fears the gap does not roll out: updates and hardening wait.
With OnDelete a fix is in the template and not in the process, and it is easy to
believe that it is there.

**The fix.** RollingUpdate, or maxUnavailable of 25 %, for review. Recreate with a claim for
a volume is left to a person, and info: a volume that one node mounts needs it.

**Traps.** Two versions run side by side during a rolling update: both have to bear that.
A change from OnDelete starts a rollout at once if pods are behind the template.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0305"},
		{Standard: "Kubernetes", ID: "Deployment strategy", URL: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy"},
	},
	Reads: harden.InNamespace(harden.Scalers),
	Check: checkRolloutStrategy,
	Fix:   fixRolloutStrategy,
}

func checkRolloutStrategy(p *harden.Pass) {
	r := p.Workload.Rollout
	field := "spec.updateStrategy"
	switch p.Object.Kind {
	case "Deployment":
		field = "spec.strategy"
	case "StatefulSet", "DaemonSet":
	default:
		p.NotApplicable()
		return
	}
	f := harden.Finding{Field: field + ".type"}
	switch {
	case r.Strategy == "Recreate":
		f.Verdict, f.Reason, f.Detail = "recreate", "strategy Recreate", "All pods stop before the first new one starts."
		if mountsClaim(p.Workload) {
			f.Severity, f.SeverityWhy = harden.Info, "a volume that one pod mounts at a time needs it"
		}
	case r.Strategy == "OnDelete":
		f.Verdict, f.Reason, f.Detail = "on-delete", "strategy OnDelete", "A new template reaches a pod only when somebody deletes it."
	case r.MaxUnavailable != nil && takesAll(p, *r.MaxUnavailable):
		f.Verdict, f.Field, f.Reason = "all-at-once", field+".rollingUpdate.maxUnavailable", "maxUnavailable is "+r.MaxUnavailable.String()
		f.Detail = "A rollout may stop all pods at once."
	default:
		return
	}
	p.Report(f)
}

func takesAll(p *harden.Pass, most intstr.IntOrString) bool {
	if most.Type == intstr.String {
		return most.StrVal == "100%"
	}
	least := p.Inventory.LeastReplicas(p.Workload)
	return least > 1 && most.IntVal >= least
}

func mountsClaim(w *harden.Workload) bool {
	for _, v := range w.Template.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			return true
		}
	}
	return false
}

func fixRolloutStrategy(p *harden.Pass, f *harden.Finding) []harden.Fix {
	key := "updateStrategy"
	if p.Object.Kind == "Deployment" {
		key = "strategy"
	}
	set := func(title, warning string, strategy map[string]any) []harden.Fix {
		return []harden.Fix{{
			Title: title, Class: harden.Review, Warning: warning,
			Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"spec": map[string]any{key: strategy}})},
		}}
	}
	switch {
	case f.Verdict == "all-at-once":
		return set("replace a quarter of the pods at a time", "A rollout takes longer.", map[string]any{"rollingUpdate": map[string]any{"maxUnavailable": "25%"}})
	case f.Verdict == "on-delete":
		return set("let rollouts reach the pods", "Pods that are behind the template are replaced at once.", map[string]any{"type": "RollingUpdate"})
	case mountsClaim(p.Workload):
		return []harden.Fix{{
			Title: "roll out pod by pod", Class: harden.Review,
			Manual: fmt.Sprintf("If the volumes of %s can be mounted by two pods at once (accessModes ReadWriteMany), set spec.strategy.type: RollingUpdate. If not, Recreate is right: waive this.", p.Object),
		}}
	}
	return set("roll out pod by pod", "Two versions run side by side during a rollout.", map[string]any{"type": "RollingUpdate"})
}
