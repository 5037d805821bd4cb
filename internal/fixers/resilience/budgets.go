package resilience

import (
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A budget is a PodDisruptionBudget with the workloads of whose pods it speaks.
type budget struct {
	ref       harden.Ref
	content   *policyv1.PodDisruptionBudget
	workloads []*harden.Workload
}

// budgets are those of an inventory by their own keys, and by workload those that select it.
type budgets struct {
	all map[harden.Key]*budget
	of  map[harden.Key][]*budget
}

func budgetsOf(inv *harden.Inventory) *budgets {
	return harden.Derive(inv, func(inv *harden.Inventory) *budgets {
		out := &budgets{all: map[harden.Key]*budget{}, of: map[harden.Key][]*budget{}}
		for o, content := range harden.All[*policyv1.PodDisruptionBudget](inv, harden.KindPodDisruptionBudget) {
			b := &budget{ref: o.Ref, content: content}
			out.all[o.Ref.Key()] = b
			selector, err := metav1.LabelSelectorAsSelector(content.Spec.Selector)
			if err != nil {
				continue
			}
			for _, w := range inv.WorkloadsIn(o.Ref.Namespace) {
				if w.SelectedBy(selector) {
					b.workloads = append(b.workloads, w)
					out.of[w.Ref.Key()] = append(out.of[w.Ref.Key()], b)
				}
			}
		}
		return out
	}, harden.Templates, harden.Pods, harden.PodStatus, harden.KindPodDisruptionBudget)
}

// others are the workloads besides this one whose pods the selector is for.
func others(inv *harden.Inventory, w *harden.Workload, selector *metav1.LabelSelector) []string {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		s = labels.Everything()
	}
	var out []string
	for _, other := range inv.WorkloadsIn(w.Ref.Namespace) {
		if other != w && other.SelectedBy(s) {
			out = append(out, other.Ref.String())
		}
	}
	return out
}
