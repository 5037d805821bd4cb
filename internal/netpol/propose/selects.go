package propose

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SelectorOf selects the pods of a workload, and nobody else as far as the labels
// allow: others are the workloads of its namespace that it finds as well. Cannot
// says, for people, why there is no selector.
func SelectorOf(inv *harden.Inventory, w *harden.Workload) (s *metav1.LabelSelector, others []*harden.Workload, cannot string) {
	found := selecting(inv, w.Ref.Namespace).subject(w)
	if found.cannot != "" {
		return nil, nil, found.cannot
	}
	return &found.selector, found.twins, ""
}
