package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/engine"
)

// A state is what was read, by source. Objects in it are never changed, only replaced.
type state struct {
	scope    harden.Scope
	who      identity
	seen     engine.Seen     // without Nodes, PodIPs and, where all namespaces are read, DaemonSets
	engine   *harden.Engine  // where it is known already; nil: seen tells it
	more     []harden.Callee // besides those of contents
	unread   []harden.Unread // besides those of contents
	contents map[key]*content
	built    assembled         // of the last build, so that unchanged workloads are shared
	inv      *harden.Inventory // the last that was built
}

func newState(scope harden.Scope) *state {
	return &state{scope: scope, contents: map[key]*content{}}
}

func (s *state) put(c *content) { s.contents[c.source.key()] = c }

// nothingRead returns an error when no namespaced kind could be read anywhere.
// Autoscalers and what tells how pods are reached do not count: alone they say nothing.
func (s *state) nothingRead() error {
	var first error
	for _, k := range slices.SortedFunc(maps.Keys(s.contents), compareKeys) {
		c := s.contents[k]
		if !c.source.kind.namespaced || isScaler(c.source.kind.name) || c.source.kind.net || c.source.kind.aside {
			continue
		}
		if c.err == nil {
			return nil
		}
		if first == nil || k.resource == pods {
			first = c.err
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrForbidden, first)
}

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.resource, b.resource), cmp.Compare(a.namespace, b.namespace))
}

// build makes an inventory of the state.
func (s *state) build(now time.Time) (*harden.Inventory, error) {
	inv := &harden.Inventory{
		Cluster: s.who.cluster, Now: now,
		Namespaces:      map[string]*corev1.Namespace{},
		ServiceAccounts: map[string]map[string]*corev1.ServiceAccount{},
		NetworkPolicies: map[string][]*networkingv1.NetworkPolicy{},
		Others:          harden.Objects{},
		Clusterwide:     s.scope.All && len(s.scope.Names) == 0,
	}
	in := input{readable: map[string]bool{}}
	scope := map[string]bool{}
	for _, ns := range s.scope.Namespaces {
		scope[ns] = !s.gone(ns)
	}
	maps.DeleteFunc(scope, func(_ string, there bool) bool { return !there })
	for _, k := range slices.SortedFunc(maps.Keys(s.contents), compareKeys) {
		c := s.contents[k]
		if c.absent() {
			continue
		}
		if c.err != nil {
			inv.Unread = append(inv.Unread, harden.Unread{Resource: k.resource, Namespace: k.namespace, Why: why(c.err)})
			continue
		}
		in.readable[k.resource] = true
		listed(inv, c.source.kind)
		in.add(c.source.kind, c.objects)
		for _, o := range c.objects {
			inv.Objects++
			if o.GetNamespace() != "" {
				scope[o.GetNamespace()] = true
			}
			addTo(inv, c.source.kind, o)
		}
	}
	for _, list := range inv.NetworkPolicies {
		slices.SortFunc(list, func(a, b *networkingv1.NetworkPolicy) int { return cmp.Compare(a.Name, b.Name) })
	}
	inventory.SortScalers(inv.Scalers)
	inv.Others.Sort()
	slices.SortFunc(inv.Nodes, func(a, b *corev1.Node) int { return cmp.Compare(a.Name, b.Name) })
	if s.scope.All {
		for ns := range inv.Namespaces {
			scope[ns] = true
		}
	}
	inv.Scope = slices.Sorted(maps.Keys(scope))
	s.finishNet(inv)
	s.doubtNamespaces(inv)
	s.built = assemble(&in, s.built)
	inv.Workloads = s.built.workloads
	if err := s.choose(inv); err != nil {
		return nil, err
	}
	s.inv = inv
	return inv, nil
}

// gone reports whether a namespace of the scope is known not to be there any more.
func (s *state) gone(namespace string) bool {
	c := s.contents[key{namespaces, namespace}]
	return c != nil && c.source.field != "" && c.err == nil && len(c.objects) == 0
}

// listed says that objects of the kind were asked for, even if there are none.
func listed(inv *harden.Inventory, k *kind) {
	gk := schema.FromAPIVersionAndKind(k.apiVersion, k.name).GroupKind()
	if _, ok := harden.ObjectKindOf(gk); ok && inv.Others[gk] == nil {
		inv.Others[gk] = []*harden.Object{}
	}
}

func addTo(inv *harden.Inventory, k *kind, o object) {
	switch o := o.(type) {
	case *corev1.Namespace:
		inv.Namespaces[o.Name] = o
	case *corev1.Node:
		inv.Nodes = append(inv.Nodes, o)
		inventory.AddObject(inv, refTo(k.apiVersion, k.name, o), o)
	case *corev1.ServiceAccount:
		if inv.ServiceAccounts[o.Namespace] == nil {
			inv.ServiceAccounts[o.Namespace] = map[string]*corev1.ServiceAccount{}
		}
		inv.ServiceAccounts[o.Namespace][o.Name] = o
	case *networkingv1.NetworkPolicy:
		inv.NetworkPolicies[o.Namespace] = append(inv.NetworkPolicies[o.Namespace], o)
	default:
		ref := refTo(k.apiVersion, k.name, o)
		if s := inventory.ScalerOf(ref, o); s != nil {
			inv.Scalers = append(inv.Scalers, *s)
		}
		var content metav1.Object = o
		if s, ok := o.(*secret); ok {
			content = &s.SecretMeta
		}
		inventory.AddObject(inv, ref, content)
	}
}

// doubtNamespaces says where an empty answer cannot be told from a namespace
// that does not exist: the server lists nothing for both.
func (s *state) doubtNamespaces(inv *harden.Inventory) {
	for i, u := range inv.Unread {
		if u.Resource != namespaces || u.Namespace == "" {
			continue
		}
		empty := true
		for k, c := range s.contents {
			if k.namespace == u.Namespace && len(c.objects) > 0 {
				empty = false
			}
		}
		if empty {
			inv.Unread[i].Why = fmt.Sprintf("nothing was found in namespace %q, and whether it exists may not be asked: %s", u.Namespace, u.Why)
		}
	}
}

// choose keeps the objects that the scope names. A name may be that of a
// workload, of a pod of it, or of a ReplicaSet or Job between the two.
func (s *state) choose(inv *harden.Inventory) error {
	if len(s.scope.Names) == 0 {
		return nil
	}
	keep := map[*harden.Workload]bool{}
	for _, name := range s.scope.Names {
		found := false
		for _, w := range inv.Workloads {
			if s.built.matches(w, name) {
				keep[w], found = true, true
			}
		}
		if !found && !declared(inv, name) {
			if why := inv.Unreadable(s.resource(name), name.Namespace); why != "" {
				return fmt.Errorf("reading %s: %w: %s", name.Long(), ErrForbidden, why)
			}
			return notFound(name)
		}
	}
	inv.Workloads = slices.DeleteFunc(slices.Clone(inv.Workloads), func(w *harden.Workload) bool { return !keep[w] })
	return nil
}

func (s *state) resource(name harden.Ref) string {
	for k, c := range s.contents {
		if c.source.kind.means(name) {
			return k.resource
		}
	}
	return strings.ToLower(name.Kind)
}

// declared reports whether the name is that of another object that is judged.
func declared(inv *harden.Inventory, name harden.Ref) bool {
	switch name.Kind {
	case "Namespace":
		return inv.Namespaces[name.Name] != nil || slices.Contains(inv.Scope, name.Name)
	case "ServiceAccount":
		for ns, accounts := range inv.ServiceAccounts {
			if accounts[name.Name] != nil && (name.Namespace == "" || name.Namespace == ns) {
				return true
			}
		}
	case "NetworkPolicy":
		for ns, policies := range inv.NetworkPolicies {
			if name.Namespace != "" && name.Namespace != ns {
				continue
			}
			for _, p := range policies {
				if p.Name == name.Name {
					return true
				}
			}
		}
	}
	for gk, list := range inv.Others {
		if gk.Kind == name.Kind && slices.ContainsFunc(list, func(o *harden.Object) bool {
			return o.Ref.Name == name.Name && (name.Namespace == "" || name.Namespace == o.Ref.Namespace)
		}) {
			return true
		}
	}
	return slices.ContainsFunc(inv.Net.Policies, func(p *unstructured.Unstructured) bool {
		return p.GetKind() == name.Kind && p.GetName() == name.Name && (name.Namespace == "" || name.Namespace == p.GetNamespace())
	})
}

// empty is the inventory of a scope whose named objects are all gone or partly:
// what is left of the workloads that were in it.
func (s *state) empty(before *harden.Inventory) *harden.Inventory {
	scope := s.scope
	defer func() { s.scope = scope }()
	s.scope.Names = nil
	inv, err := s.build(before.Now)
	if err != nil {
		return before
	}
	inv.Workloads = slices.DeleteFunc(slices.Clone(inv.Workloads), func(w *harden.Workload) bool {
		return !slices.ContainsFunc(scope.Names, func(n harden.Ref) bool { return s.built.matches(w, n) })
	})
	return inv
}
