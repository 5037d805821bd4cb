// Package netpol tells who can talk to whom: it evaluates NetworkPolicies, the
// cluster-wide kinds of the Network Policy API, and, as far as they can be told,
// the policies of network engines. It is pure.
//
// A peer is taken apart into ends about which no policy can say two things: the
// pods of a class, a node, or a set of addresses that no policy cuts. A question
// is then answered for ends, once for each side of the connection, with every
// outcome that what is known leaves open: one outcome is an answer, two are
// unknown.
//
// What the API leaves to the engine is unknown where it decides: whether an
// ipBlock matches pods, and whether policies select pods on the host network and
// find them as peers, or see a node in them. For the latter both readings are
// evaluated, and where they agree that is the answer. Cilium is known never to
// match pods and nodes by an ipBlock.
package netpol

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A World is who is there and which policies hold, compiled for questions. It
// is not changed once made and may be asked from several goroutines.
type World struct {
	inv      *harden.Inventory
	spaces   map[string]*space
	services map[string][]*corev1.Service // by namespace
	nodes    []*node
	policies map[string][]*policy // by namespace, ordered by name
	admin    []*tierPolicy        // ordered by priority, then name
	baseline []*tierPolicy
	foreign  []*foreignPolicy
	unseen   []unseen
	family   families

	used       usage
	undeclared [protocols]int32 // for each protocol a port number that no rule names singly
	pods       *pods
	selected   [][2][]selection // by class and direction
}

// New compiles a world of an inventory. For peers outside of what the inventory
// holds the answers are unknown, unless policies decide alone.
func New(inv *harden.Inventory) *World {
	w := &World{inv: inv, services: map[string][]*corev1.Service{}, policies: map[string][]*policy{}}
	w.readSpaces()
	w.nodes = readNodes(inv)
	w.family = readFamilies(inv)
	for _, s := range inv.Net.Services {
		w.services[s.Namespace] = append(w.services[s.Namespace], s)
	}
	for ns, all := range inv.NetworkPolicies {
		for _, np := range all {
			w.policies[ns] = append(w.policies[ns], compilePolicy(inv, np, ns))
		}
		sortPolicies(w.policies[ns])
	}
	w.readForeign()
	w.unseen = readUnseen(inv)
	w.classify(nil)
	return w
}

// Of is New, once for each inventory.
func Of(inv *harden.Inventory) *World { return harden.Derive(inv, New) }

// With is the world with these policies besides its own; one of the same
// namespace and name takes the place of the one that is there.
func (w *World) With(policies ...*networkingv1.NetworkPolicy) *World {
	if len(policies) == 0 {
		return w
	}
	next := *w
	next.policies = maps.Clone(w.policies)
	touched := map[string]bool{}
	for _, np := range policies {
		list := slices.DeleteFunc(slices.Clone(next.policies[np.Namespace]), func(p *policy) bool { return p.np.Name == np.Name })
		next.policies[np.Namespace] = append(list, compilePolicy(w.inv, np, np.Namespace))
		touched[np.Namespace] = true
	}
	for ns := range touched {
		sortPolicies(next.policies[ns])
	}
	next.classify(w)
	return &next
}

// sortPolicies orders by name, and those of one name in files by what they say.
func sortPolicies(all []*policy) {
	slices.SortStableFunc(all, func(a, b *policy) int {
		if c := cmp.Compare(a.np.Name, b.np.Name); c != 0 {
			return c
		}
		one, _ := json.Marshal(a.np.Spec)
		other, _ := json.Marshal(b.np.Spec)
		return cmp.Compare(string(one), string(other))
	})
}

// Selecting are the NetworkPolicies of the workload's namespace that select its
// pods, whatever their direction, by name.
func (w *World) Selecting(workload harden.Ref) []*networkingv1.NetworkPolicy {
	group := w.pods.group(workload)
	if group == nil {
		return nil
	}
	var out []*networkingv1.NetworkPolicy
	for _, p := range w.policies[workload.Namespace] {
		if slices.ContainsFunc(group.classes, func(c *class) bool { m, _ := p.selects(c); return m == yes }) {
			out = append(out, p.np)
		}
	}
	return out
}
