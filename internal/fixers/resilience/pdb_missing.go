package resilience

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PDBMissing finds workloads all of whose pods may be drained at once.
var PDBMissing = &harden.Fixer{
	ID:       "pdb-missing",
	Title:    "may lose all its pods at once",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
Two or more pods do the work, and no PodDisruptionBudget keeps one of them.

Fields:

    PodDisruptionBudget spec.selector
    spec.replicas, or spec.minReplicas of the HorizontalPodAutoscaler
    spec.template.metadata.labels

Allowed: a budget that selects the pods, whatever it says. Workloads of one replica,
which no budget can help, DaemonSets and Jobs are not looked at.

**Why it matters.** An upgrade of the nodes, or an autoscaler that packs them, evicts
pods. Nothing keeps it from taking all pods of a service in one moment.

**The fix.** A budget with maxUnavailable: 1 is created for the pods of the workload. It
touches no process: it only makes evictions wait. It is evidence when there are two
replicas or more, no other budget selects them, and the selector is for no other
workload.

**Traps.** Two budgets for one pod stop every drain. A budget for pods that are never
ready stops drains too, unless unhealthyPodEvictionPolicy is AlwaysAllow. Manifests
may have their budget in another folder: look there before you add one.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "disruption budgets", URL: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods, harden.Scalers, harden.KindPodDisruptionBudget),
	Check: checkPDBMissing,
	Fix:   fixPDBMissing,
}

func checkPDBMissing(p *harden.Pass) {
	least := p.Inventory.LeastReplicas(p.Workload)
	if least < 2 || p.Workload.Selector == nil {
		p.NotApplicable()
		return
	}
	if len(budgetsOf(p.Inventory).of[p.Object.Key()]) > 0 || !p.Needs(p.Object.Namespace, harden.KindPodDisruptionBudget) {
		return
	}
	p.Report(harden.Finding{
		Field: "spec.template.metadata.labels", Reason: fmt.Sprintf("no budget for %d replicas", least),
		Detail: fmt.Sprintf("No PodDisruptionBudget of %s selects its pods, of which there are %d or more.", namespaceOf(p), least),
	})
}

func fixPDBMissing(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	selector := p.Workload.Selector
	claims := []harden.Claim{
		{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("At least %d replicas run, and one of them may go at a time.", p.Inventory.LeastReplicas(p.Workload))},
		{Code: "E-LIVE", State: harden.Holds, Time: p.Inventory.Now, Text: "No other budget selects these pods, and the selector is for no other workload that was read."},
	}
	why := p.Inventory.UnreadWorkloads(p.Object.Namespace)
	if why == "" {
		why = p.Inventory.Unreadable(harden.HorizontalPodAutoscalers, p.Object.Namespace)
	}
	switch more := others(p.Inventory, p.Workload, selector); {
	case len(more) > 0:
		claims[1].State, claims[1].Text = harden.Refutes, "The selector of the workload is for the pods of "+strings.Join(more, ", ")+" too."
	case !p.Inventory.Live():
		claims[1].State, claims[1].Text = harden.Missing, "Files do not show what else runs in the namespace."
	case why != "":
		claims[1].State, claims[1].Text = harden.Missing, why+"."
	}
	ref := harden.Ref{APIVersion: "policy/v1", Kind: "PodDisruptionBudget", Namespace: p.Object.Namespace, Name: harden.OwnName(p.Object.Name)}
	return []harden.Fix{{
		Title: "keep all but one pod when nodes are drained", Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
		Changes: []harden.Change{harden.CreateObject(ref, map[string]any{
			"spec": map[string]any{"maxUnavailable": int64(1), "selector": harden.SelectorValue(selector)},
		})},
		Warning: "Drains wait while a pod of the workload is not ready.",
	}}
}
