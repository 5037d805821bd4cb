package network

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Dangling finds policies that select nothing.
var Dangling = &harden.Fixer{
	ID:       "netpol-dangling",
	Title:    "policy selects nothing",
	Area:     harden.AreaNetwork,
	Severity: harden.Low,
	Subject:  harden.SubjectNetworkPolicy,
	Doc: `
No workload of the namespace has the labels that the policy selects.

Fields:

    spec.podSelector
    metadata.labels of all pod templates of the namespace, and of its live pods

Allowed: a selector that some template matches, whether or not it runs now: what is
scaled to zero and what a CronJob makes count. An empty selector is for whatever comes.

**Why it matters.** Somebody believes that a workload is guarded. Its label was renamed,
or mistyped in the policy, and nothing says so.

**The fix.** A person decides: correct the selector, or delete the policy.

**Traps.** Only live clusters are judged: in files the workload may be somewhere else, or
be made by an operator. Pods that an operator makes later, or that only a pipeline starts, have no
template to look at. Where workloads could not all be read the verdict is unknown.
`,
	Refs:  []harden.Reference{{Standard: "Kubescape", ID: "C-0299"}},
	Reads: harden.InCluster(harden.Templates, harden.KindService, harden.Pods),
	Check: checkDangling,
	Fix:   fixDangling,
}

func checkDangling(p *harden.Pass) {
	selector := &p.NetworkPolicy.Spec.PodSelector
	if !p.Inventory.Live() || selectsAll(selector) {
		p.NotApplicable()
		return
	}
	for _, w := range indexOf(p.Inventory).workloads[p.NetworkPolicy.Namespace] {
		if matches(selector, w.Template.Labels) {
			return
		}
		for _, pod := range w.Pods {
			if matches(selector, pod.Labels) {
				return
			}
		}
	}
	f := harden.Finding{
		Field: "spec.podSelector", Verdict: "dangling", Reason: "no workload has " + say(selector),
		Detail: fmt.Sprintf("No template and no pod of namespace %s has %s: the policy does nothing.", p.Object.Namespace, say(selector)),
	}
	for _, resource := range harden.WorkloadResources {
		if why := p.Inventory.Unreadable(resource, p.NetworkPolicy.Namespace); why != "" {
			f.Status, f.Verdict, f.Reason = harden.StatusUnknown, "unknown", "whether it selects anything is not known"
			f.Detail = fmt.Sprintf("None of what was read has %s, and %s could not be read: %s.", say(selector), resource, sentence(why))
			break
		}
	}
	p.Report(f)
}

func fixDangling(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	return []harden.Fix{{
		Title: "correct the selector, or delete the policy", Class: harden.Review,
		Manual: fmt.Sprintf("Compare spec.podSelector (%s) with the labels of the pod template that it is for. If that is gone for good: kubectl delete networkpolicy %s -n %s.", say(&p.NetworkPolicy.Spec.PodSelector), p.Object.Name, p.Object.Namespace),
	}}
}
