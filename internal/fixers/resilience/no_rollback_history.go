package resilience

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// NoRollbackHistory finds workloads that cannot go back to what ran before.
var NoRollbackHistory = &harden.Fixer{
	ID:       "no-rollback-history",
	Title:    "cannot be rolled back",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
Old revisions of the template are thrown away at once.

Fields:

    spec.revisionHistoryLimit   (of Deployment, StatefulSet, DaemonSet)

Allowed: 1 and more, or nothing, which is 10.

**Why it matters.** kubectl rollout undo has nothing to go back to. When an update, or a
patch, breaks the service, somebody has to find the old manifest first.

**The fix.** revisionHistoryLimit becomes 10, the server's default. It starts no rollout and
changes no pod, so it is safe.

**Traps.** The history begins with the next change: what was thrown away stays so. Each
revision is a small object in etcd.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "revision history limit", URL: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#clean-up-policy"},
	},
	Reads: harden.ReadsNothing,
	Check: checkNoRollbackHistory,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "keep ten revisions", Class: harden.Safe,
			Evidence: []harden.Claim{{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: "The field is not part of the pod template: no pod is replaced."}},
			Changes:  []harden.Change{harden.SetObject(p.Object, map[string]any{"spec": map[string]any{"revisionHistoryLimit": int64(10)}})},
		}}
	},
}

func checkNoRollbackHistory(p *harden.Pass) {
	switch p.Object.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
	default:
		p.NotApplicable()
		return
	}
	if limit := p.Workload.Rollout.HistoryLimit; limit != nil && *limit == 0 {
		p.Report(harden.Finding{Field: "spec.revisionHistoryLimit", Reason: "revisionHistoryLimit is 0", Detail: "No old revision is kept: kubectl rollout undo has nothing to go back to."})
	}
}
