package resilience

import (
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PDBDangling finds budgets that select no pod.
var PDBDangling = &harden.Fixer{
	ID:       "pdb-dangling",
	Title:    "budget selects nothing",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    kindsOf(harden.KindPodDisruptionBudget),
	Doc: `
No workload of the namespace has the labels that the PodDisruptionBudget selects.

Fields:

    spec.selector
    metadata.labels of the pod templates of the namespace, and of its live pods
    status.expectedPods

Allowed: a selector that some template or pod matches, whether or not it runs now. An
empty selector is for whatever comes. In files a namespace without any workload is not
judged, as they may lie elsewhere, nor is one with custom resources of which an operator
may make the pods.

**Why it matters.** Somebody believes that a service survives the next drain. Its label
was renamed, or mistyped in the budget, and nothing says so.

**The fix.** A person decides: correct the selector, or delete the budget.

**Traps.** Pods that only an operator makes have no template to look at; when they run,
they count. Where workloads could not all be read the verdict is unknown.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "disruption budgets", URL: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods, harden.KindPodDisruptionBudget, harden.AnyObject),
	Check: checkPDBDangling,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "correct the selector, or delete the budget", Class: harden.Review,
			Manual: "Compare spec.selector with the labels of the pod template that it is for. If that is gone for good: kubectl delete poddisruptionbudget " + p.Object.Name + " -n " + p.Object.Namespace + ".",
		}}
	},
}

func checkPDBDangling(p *harden.Pass) {
	content := harden.Content[*policyv1.PodDisruptionBudget](p.Item)
	b := budgetsOf(p.Inventory).all[p.Object.Key()]
	switch {
	case content == nil || b == nil:
		p.NotApplicable()
		return
	case len(b.workloads) > 0 || content.Status.ExpectedPods > 0:
		return
	case content.Spec.Selector != nil && len(content.Spec.Selector.MatchLabels)+len(content.Spec.Selector.MatchExpressions) == 0:
		p.NotApplicable()
		return
	}
	if !p.Inventory.Live() && (len(p.Inventory.WorkloadsIn(p.Object.Namespace)) == 0 || hasCustomResources(p.Inventory, p.Object.Namespace)) {
		p.NotApplicable()
		return
	}
	if why := p.Inventory.UnreadWorkloads(p.Object.Namespace); why != "" {
		p.Unknown(why + ".")
		return
	}
	p.Report(harden.Finding{Field: "spec.selector", Reason: "selects no pod", Detail: "No template and no pod of " + namespaceOf(p) + " has the labels that it selects: it keeps nothing."})
}

// hasCustomResources reports whether the namespace has objects whose pods, if they
// have any, an operator makes: no template shows them.
func hasCustomResources(inv *harden.Inventory, namespace string) bool {
	for _, list := range inv.Others {
		for _, o := range list {
			if _, custom := o.Content.(*unstructured.Unstructured); custom && o.Ref.Namespace == namespace {
				return true
			}
		}
	}
	return false
}

// namespaceOf names the namespace of the object for a sentence: manifests may have none.
func namespaceOf(p *harden.Pass) string {
	if p.Object.Namespace == "" {
		return "its namespace"
	}
	return "namespace " + p.Object.Namespace
}
