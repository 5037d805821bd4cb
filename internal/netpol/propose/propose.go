// Package propose drafts the policies that a namespace needs, with the proof
// that nothing needed is cut. It is pure.
package propose

import (
	"sync"

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

// A Draft are the policies for one workload, or for the namespace. There is none
// for a workload that is isolated in the direction already.
type Draft struct {
	Workload  harden.Ref // zero for the namespace
	Direction harden.Direction
	// Objects are new: NetworkPolicies, and policies of the engine where the
	// standard kind cannot say it. Those of the engine come first: without them the
	// others cut what is needed. Empty when Refused says why.
	Objects []*unstructured.Unstructured
	// Instead are policies of the engine that say it more narrowly than Objects; optional.
	Instead []*unstructured.Unstructured
	Flows   []harden.Flow // that they allow
	Claims  []harden.Claim
	Refused string // why nothing is proposed, and what to do
	Warning string
}

// For drafts the policies of a namespace, once for each inventory. Around is
// what Inventory.Around returned.
func For(around *harden.Inventory, namespace string) *Proposal {
	return harden.Derive(around, func(*harden.Inventory) *proposals { return &proposals{} }).of(around, namespace)
}

// proposals keeps those that were asked for.
type proposals struct{ byNamespace sync.Map }

func (p *proposals) of(around *harden.Inventory, namespace string) *Proposal {
	made, _ := p.byNamespace.LoadOrStore(namespace, sync.OnceValue(func() *Proposal { return newDrafter(around, namespace).proposal() }))
	return made.(func() *Proposal)()
}

// draft finds the one for a workload, or for the namespace where it is zero.
func (p *Proposal) draft(phase harden.NetworkPhaseName, workload harden.Ref, d harden.Direction) *Draft {
	for i := range p.Phases {
		if p.Phases[i].Name != phase {
			continue
		}
		for n := range p.Phases[i].Drafts {
			draft := &p.Phases[i].Drafts[n]
			if draft.Direction == d && draft.Workload.Key() == workload.Key() {
				return draft
			}
		}
	}
	return nil
}

func (p *Proposal) phase(name harden.NetworkPhaseName) *Phase {
	for i := range p.Phases {
		if p.Phases[i].Name == name {
			return &p.Phases[i]
		}
	}
	return &Phase{Name: name}
}
