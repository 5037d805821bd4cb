package network

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

// addingClaim says that a policy which finds others too isolates nobody who is
// not isolated already, so that it only adds to what is admitted.
func addingClaim(p *harden.Pass, others []*harden.Workload, d harden.Direction) harden.Claim {
	claim := harden.Claim{Code: "E-POLICY", State: harden.Holds, Time: p.Inventory.Now}
	world := netpol.Of(p.Inventory)
	open := slices.DeleteFunc(slices.Clone(others), func(w *harden.Workload) bool {
		return w.Template.Spec.HostNetwork || world.Isolated(w.Ref, d).State == harden.ReachDenied
	})
	if len(open) > 0 {
		claim.State, claim.Text = harden.Refutes, fmt.Sprintf("The policy would select %s too, which no policy isolates for %s yet: all else would be denied to them.", names(open), d)
		return claim
	}
	claim.Text = fmt.Sprintf("Whatever the policy selects is isolated for %s already: it only adds to what is admitted.", d)
	return claim
}

// newPolicy is a policy of ours for the workload of the pass.
func newPolicy(p *harden.Pass, purpose string, spec networkingv1.NetworkPolicySpec) *networkingv1.NetworkPolicy {
	name := p.Object.Name
	if most := 253 - len("harden--") - len(purpose); len(name) > most {
		name = strings.TrimRight(name[:most], "-.")
	}
	return &networkingv1.NetworkPolicy{
		TypeMeta: metav1.TypeMeta{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{
			Name: "harden-" + name + "-" + purpose, Namespace: p.Object.Namespace, Labels: map[string]string{"app.kubernetes.io/managed-by": "harden"},
		},
		Spec: spec,
	}
}

// create is the change that makes the policy.
func create(policy *networkingv1.NetworkPolicy) (harden.Change, bool) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(policy)
	if err != nil {
		return harden.Change{}, false
	}
	unstructured.RemoveNestedField(object, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(object, "status")
	ref := harden.Ref{APIVersion: policy.APIVersion, Kind: policy.Kind, Namespace: policy.Namespace, Name: policy.Name}
	return harden.Change{Target: ref, Verb: harden.Create, Set: &unstructured.Unstructured{Object: object}}, true
}
