package netpol

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

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
