// Package netpol tells who can talk to whom: it evaluates NetworkPolicies, the
// cluster-wide kinds of the Network Policy API, and, as far as they can be told,
// the policies of network engines. It is pure.
package netpol

import (
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A World is who is there and which policies hold, compiled for questions. It
// is not changed once made and may be asked from several goroutines.
type World struct {
	inv *harden.Inventory
}

// New compiles a world of an inventory. For peers outside of what the inventory
// holds the answers are unknown, unless policies decide alone.
func New(inv *harden.Inventory) *World { return &World{inv: inv} }

// Of is New, once for each inventory.
func Of(inv *harden.Inventory) *World { return harden.Derive(inv, New) }

// With is the world with these policies besides its own; one of the same
// namespace and name takes the place of the one that is there.
func (w *World) With(policies ...*networkingv1.NetworkPolicy) *World { return w }

// Decide says whether a connection from one peer to a port of another may be
// opened. Reach is ReachAllowed and Partly true where that holds for a part of a
// peer that stands for many.
func (w *World) Decide(from, to harden.Peer, port harden.Port) harden.Decision {
	return harden.Decision{Reach: harden.ReachUnknown}
}

// Isolation is whether policies restrict the pods of a workload in a direction.
type Isolation struct {
	// State is ReachDenied when every pod of the workload is isolated (what no
	// rule admits is denied), ReachAllowed when one is not, ReachUnknown when it
	// cannot be told.
	State harden.Reach
	By    []harden.Ref // policies that isolate, or may
	Why   string       // for people
}

// Isolated tells whether the pods of the workload are isolated, by policies of
// any kind.
func (w *World) Isolated(workload harden.Ref, d harden.Direction) Isolation {
	return Isolation{State: harden.ReachUnknown}
}

// Selecting are the NetworkPolicies of the workload's namespace that select its
// pods, whatever their direction, by name.
func (w *World) Selecting(workload harden.Ref) []*networkingv1.NetworkPolicy { return nil }

// Peers are the rows and columns of a matrix of the namespaces, in the order of
// harden.ComparePeers: their workloads, the other namespaces, and those who are no pods.
func (w *World) Peers(namespaces []string) []harden.Peer { return nil }

// Ports are the ports of a peer that a matrix shows, in the order of
// harden.ComparePorts: declared by containers, targets of Services, and last a
// TCP port that nobody declared.
func (w *World) Ports(p harden.Peer) []harden.Port { return nil }

// Cells is the matrix: every pair of peers of which one lies in the namespaces,
// at the ports of the second and those of the flows between them. Flows are
// numbered as in NetworkCell.Flow.
func Cells(before, after *World, namespaces []string, flows []harden.Flow) ([]harden.Peer, []harden.NetworkCell) {
	return nil, nil
}
