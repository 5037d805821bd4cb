package inventory_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

func TestClusterScoped(t *testing.T) {
	for _, test := range []struct {
		kind schema.GroupKind
		want bool
	}{
		{harden.KindClusterRole, true},
		{harden.KindRole, false},
		{harden.KindUpboundIAMRole, true},
		{harden.KindIAMRole, false},
		{schema.GroupKind{Group: "kyverno.io", Kind: "Policy"}, false},
		{harden.KindUpboundIAMPolicy, true},
		{schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}, true},
		{schema.GroupKind{Group: "example.com", Kind: "Thing"}, false},
	} {
		if got := inventory.ClusterScoped(test.kind); got != test.want {
			t.Errorf("%s: %v, want %v", test.kind, got, test.want)
		}
	}
}
