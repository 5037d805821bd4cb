package identity

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

type accountKey struct{ namespace, name string }

// users are the workloads of each ServiceAccount, in their order.
type users map[accountKey][]*harden.Workload

// usersOf are the workloads that run under a ServiceAccount.
func usersOf(inv *harden.Inventory, namespace, name string) []*harden.Workload {
	return harden.Derive(inv, func(inv *harden.Inventory) users {
		all := users{}
		for _, w := range inv.Workloads {
			key := accountKey{w.Ref.Namespace, harden.ServiceAccountName(&w.Template.Spec)}
			all[key] = append(all[key], w)
		}
		return all
	}, harden.WorkloadParts...)[accountKey{namespace, name}]
}
