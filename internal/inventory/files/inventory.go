package files

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// Inventory is the set as the rules see it. Scope lists the namespaces of the
// objects, with "" for those that name none. Where an account, a namespace or a
// policy is declared twice the last one counts, as it would for kubectl apply; the other
// is listed as unread, and so are the documents that were skipped. The last one
// counts in Net and Others too; what is there alone gives Scope no namespace.
func (s *Set) Inventory(now time.Time) *harden.Inventory {
	inv := &harden.Inventory{
		Now:             now,
		Namespaces:      map[string]*corev1.Namespace{},
		ServiceAccounts: map[string]map[string]*corev1.ServiceAccount{},
		NetworkPolicies: map[string][]*networkingv1.NetworkPolicy{},

		NamespaceSources:      map[string]harden.Source{},
		ServiceAccountSources: map[string]map[string]harden.Source{},
		NetworkPolicySources:  map[string]map[string]harden.Source{},

		Others:      harden.Objects{},
		Clusterwide: true,
	}
	inv.Net.Engine.Why = "manifests do not say who enforces policies"
	scope := map[string]bool{}
	net := map[harden.Key]*object{}
	for _, f := range s.files {
		for _, d := range f.docs {
			if d.skipped != "" {
				inv.Unread = append(inv.Unread, harden.Unread{Resource: fmt.Sprintf("%s:%d", f.name, d.line), Why: d.skipped})
			}
			for _, o := range d.objects {
				inv.Objects++
				o.addTo(inv, scope)
				if o.aside != nil {
					key := o.ref.Key()
					key.Source = harden.Source{}
					net[key] = o
				}
				if o.unread != "" {
					inv.Unread = append(inv.Unread, harden.Unread{Resource: o.ref.Source.String(), Namespace: o.ref.Namespace, Why: o.ref.String() + " was not understood: " + o.unread})
				}
			}
		}
	}
	for _, o := range net {
		if content, ok := o.aside.(metav1.Object); ok {
			inventory.AddObject(inv, o.ref, content)
		}
	}
	inv.Others.Sort()
	inventory.SortNet(&inv.Net)
	inv.Scope = slices.Sorted(maps.Keys(scope))
	inventory.Sort(inv.Workloads)
	inventory.SortScalers(inv.Scalers)
	return inv
}

func (o *object) addTo(inv *harden.Inventory, scope map[string]bool) {
	ns := o.ref.Namespace
	switch t := o.typed.(type) {
	case *harden.Scaler:
		inv.Scalers = append(inv.Scalers, *t)
		return // whose namespace is that of what it scales, if that is here
	case nil, *unstructured.Unstructured:
		return
	case *corev1.Namespace:
		ns = t.Name
		o.warnAgain(inv, inv.NamespaceSources[t.Name])
		inv.Namespaces[t.Name] = t
		inv.NamespaceSources[t.Name] = o.ref.Source
	case *corev1.ServiceAccount:
		if inv.ServiceAccounts[ns] == nil {
			inv.ServiceAccounts[ns] = map[string]*corev1.ServiceAccount{}
			inv.ServiceAccountSources[ns] = map[string]harden.Source{}
		}
		o.warnAgain(inv, inv.ServiceAccountSources[ns][t.Name])
		inv.ServiceAccounts[ns][t.Name] = t
		inv.ServiceAccountSources[ns][t.Name] = o.ref.Source
	case *networkingv1.NetworkPolicy:
		o.addPolicy(inv, t)
	case *harden.Workload:
		inv.Workloads = append(inv.Workloads, t)
	}
	scope[ns] = true
}

func (o *object) addPolicy(inv *harden.Inventory, p *networkingv1.NetworkPolicy) {
	ns := o.ref.Namespace
	if inv.NetworkPolicySources[ns] == nil {
		inv.NetworkPolicySources[ns] = map[string]harden.Source{}
	}
	o.warnAgain(inv, inv.NetworkPolicySources[ns][p.Name])
	inv.NetworkPolicySources[ns][p.Name] = o.ref.Source
	list := inv.NetworkPolicies[ns]
	at, found := slices.BinarySearchFunc(list, p.Name, func(q *networkingv1.NetworkPolicy, name string) int { return cmp.Compare(q.Name, name) })
	if found {
		list[at] = p
		return
	}
	inv.NetworkPolicies[ns] = slices.Insert(list, at, p)
}

// warnAgain notes that an earlier declaration of the same object is not judged.
func (o *object) warnAgain(inv *harden.Inventory, earlier harden.Source) {
	if earlier.IsZero() {
		return
	}
	inv.Unread = append(inv.Unread, harden.Unread{
		Resource: earlier.String(), Namespace: o.ref.Namespace,
		Why: fmt.Sprintf("%s is declared again in %s, and the last one counts", o.ref, o.ref.Source),
	})
}
