package network

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

// sight is the widest view that there is: the whole cluster where somebody
// looked at the network, else what was read.
func sight(inv *harden.Inventory) *harden.Inventory {
	if around := inv.Around(); around != nil {
		return around
	}
	return inv
}

// Decide says whether the workload may connect to a peer, by the widest view that there is.
func Decide(inv *harden.Inventory, from, to harden.Peer, port harden.Port) harden.Decision {
	return netpol.Of(sight(inv)).Decide(from, to, port)
}

// Isolated tells whether policies restrict the workload of the pass.
func Isolated(p *harden.Pass, d harden.Direction) netpol.Isolation {
	iso := netpol.Of(p.Inventory).Isolated(p.Object, d)
	if why := undeclared(p.Inventory, p.Object.Namespace); why != "" && iso.State == harden.ReachAllowed {
		iso.State, iso.Why = harden.ReachUnknown, why
	}
	return iso
}

// undeclared says why it proves nothing that files have no policy for the namespace, or "".
func undeclared(inv *harden.Inventory, namespace string) string {
	if !inv.Live() && inv.Namespaces[namespace] == nil && len(inv.NetworkPolicies[namespace]) == 0 {
		return "the files declare neither the namespace nor policies for it"
	}
	return ""
}

// enforcement is a sentence on who enforces what is declared; empty where
// somebody does, and for files.
func enforcement(inv *harden.Inventory) string {
	if !inv.Live() {
		return ""
	}
	switch e := inv.Net.Engine; e.Enforces {
	case harden.NotEnforced:
		return " This is about what is declared only: nothing enforces policies here (" + because(e) + ")."
	case harden.EnforcementUnknown:
		return " Whether anything enforces policies here cannot be told (" + because(e) + ")."
	}
	return ""
}

func because(e harden.Engine) string {
	if e.Why == "" {
		return "nobody looked"
	}
	return strings.TrimRight(harden.OneLine(e.Why), ". ")
}

var workloadsAndServices = append(harden.WorkloadParts[:len(harden.WorkloadParts):len(harden.WorkloadParts)], harden.KindService)

// An index finds what lies in a namespace.
type index struct {
	workloads map[string][]*harden.Workload
	services  map[string][]*corev1.Service
}

func indexOf(inv *harden.Inventory) *index {
	return harden.Derive(inv, func(inv *harden.Inventory) *index {
		x := &index{workloads: map[string][]*harden.Workload{}, services: map[string][]*corev1.Service{}}
		for _, w := range inv.Workloads {
			x.workloads[w.Ref.Namespace] = append(x.workloads[w.Ref.Namespace], w)
		}
		for _, s := range inv.Net.Services {
			x.services[s.Namespace] = append(x.services[s.Namespace], s)
		}
		return x
	}, workloadsAndServices...)
}

// servicesOf are the Services that select the pods of the workload.
func (x *index) servicesOf(w *harden.Workload) []*corev1.Service {
	var all []*corev1.Service
	for _, s := range x.services[w.Ref.Namespace] {
		if leadsTo(s, w) {
			all = append(all, s)
		}
	}
	return all
}

// leadsTo reports whether the Service selects the pods of the workload. One
// without a selector has its endpoints from somewhere else.
func leadsTo(s *corev1.Service, w *harden.Workload) bool {
	if len(s.Spec.Selector) == 0 || s.Spec.Type == corev1.ServiceTypeExternalName {
		return false
	}
	for k, v := range s.Spec.Selector {
		if w.Template.Labels[k] != v {
			return false
		}
	}
	return true
}
