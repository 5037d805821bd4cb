// Package propose drafts the policies that a namespace needs, with the proof
// that nothing needed is cut. It is pure.
package propose

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Proposal is what is proposed for one namespace.
type Proposal struct {
	Namespace string
	Phases    []Phase // in the order of harden.NetworkPhases
}

// A Phase is a step that is applied and undone as one.
type Phase struct {
	Name     harden.NetworkPhaseName
	Drafts   []Draft
	Refused  []string // why the phase as a whole is not proposed; for people
	Warnings []string
}

// A Draft are the policies for one workload, or for the namespace.
type Draft struct {
	Workload  harden.Ref // zero for the namespace
	Direction harden.Direction
	// Objects are new: NetworkPolicies, and policies of the engine where the
	// standard kind cannot say it. Empty when Refused says why.
	Objects []*unstructured.Unstructured
	Flows   []harden.Flow // that they allow
	Claims  []harden.Claim
	Refused string // why nothing is proposed, and what to do
	Warning string
}

// For drafts the policies of a namespace, once for each inventory. Around is
// what Inventory.Around returned.
func For(around *harden.Inventory, namespace string) *Proposal {
	return &Proposal{Namespace: namespace}
}

// Fixes are the fixes of a finding that isolation is missing: of the workload, or
// of the namespace where it is zero. The inventory is that of the Pass; where
// nobody looked at the network the fix says so and changes nothing.
func Fixes(inv *harden.Inventory, namespace string, workload harden.Ref, d harden.Direction) []harden.Fix {
	return nil
}
