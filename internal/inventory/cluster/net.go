package cluster

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/engine"
)

// finishNet completes what the inventory says of networks once all objects are in it.
func (s *state) finishNet(inv *harden.Inventory) {
	inv.Net.Callees = append(inv.Net.Callees, s.more...)
	inventory.SortNet(&inv.Net)
	inv.Unread = append(inv.Unread, s.unread...)
	if s.engine != nil {
		inv.Net.Engine = *s.engine
	} else {
		seen := s.seen
		if all := s.daemonSets(); all != nil {
			seen.DaemonSets = all
		}
		seen.Nodes, seen.PodIPs = inv.Nodes, s.podIPs()
		inv.Net.Engine = engine.Detect(seen)
		if inv.Net.Engine.Enforces == harden.EnforcementUnknown && len(seen.Unread) > 0 {
			inv.Unread = append(inv.Unread, harden.Unread{Resource: harden.EngineResource, Why: seen.Unread[0].Why})
		}
	}
	slices.SortStableFunc(inv.Unread, func(a, b harden.Unread) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Namespace, b.Namespace))
	})
}

// podIPs are the addresses of one pod that has some of its own: those of one
// show which families the cluster gives to all.
func (s *state) podIPs() []corev1.PodIP {
	for _, k := range slices.SortedFunc(maps.Keys(s.contents), compareKeys) {
		if k.resource != pods {
			continue
		}
		for _, o := range s.contents[k].objects {
			if p, ok := o.(*corev1.Pod); ok && !p.Spec.HostNetwork && len(p.Status.PodIPs) > 0 {
				return p.Status.PodIPs
			}
		}
	}
	return nil
}
