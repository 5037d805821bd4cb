package engine

import (
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

// changes are the parts in which an inventory differs from the one before, and in
// which namespaces ("" for objects that have none). Objects are told apart by
// identity: one that was read anew has changed.
type changes struct {
	all   bool // something that every rule may look at
	parts map[schema.GroupKind]map[string]bool
	// aspects are the parts of the workload that differ, by workload of the new inventory.
	aspects map[*harden.Workload][]schema.GroupKind
}

func (c *changes) note(part schema.GroupKind, namespace string) {
	if c.parts[part] == nil {
		c.parts[part] = map[string]bool{}
	}
	c.parts[part][namespace] = true
}

func (c *changes) any(part schema.GroupKind) bool { return len(c.parts[part]) > 0 }

// in reports whether the part differs as seen from a namespace.
func (c *changes) in(part schema.GroupKind, namespace string) bool {
	return c.parts[part][namespace] || c.parts[part][""]
}

// namespaces are those in which something differs.
func (c *changes) namespaces() map[string]bool {
	all := map[string]bool{}
	for _, in := range c.parts {
		for ns := range in {
			all[ns] = true
		}
	}
	return all
}

// between compares two inventories; before may be nil.
func between(before, after *harden.Inventory) *changes {
	c := &changes{parts: map[schema.GroupKind]map[string]bool{}, aspects: map[*harden.Workload][]schema.GroupKind{}}
	if before == nil || !sameFrame(before, after) {
		c.all = true
		return c
	}
	c.workloads(before.Workloads, after.Workloads)
	c.namespaceObjects(before.Namespaces, after.Namespaces)
	c.accounts(before.ServiceAccounts, after.ServiceAccounts)
	for ns, list := range after.NetworkPolicies {
		if !sameList(before.NetworkPolicies[ns], list) {
			c.note(harden.KindNetworkPolicy, ns)
		}
	}
	for ns, list := range before.NetworkPolicies {
		if len(after.NetworkPolicies[ns]) == 0 && len(list) > 0 {
			c.note(harden.KindNetworkPolicy, ns)
		}
	}
	c.scalers(before.Scalers, after.Scalers)
	c.others(before.Others, after.Others)
	c.net(&before.Net, &after.Net)
	return c
}

// sameFrame compares what every rule may look at without saying so.
func sameFrame(a, b *harden.Inventory) bool {
	return reflect.DeepEqual(a.Cluster, b.Cluster) && slices.Equal(a.Scope, b.Scope) && a.Clusterwide == b.Clusterwide &&
		netpol.FamiliesOf(a) == netpol.FamiliesOf(b) && slices.Equal(a.Unread, b.Unread) && sameList(a.Nodes, b.Nodes) && reflect.DeepEqual(a.Net.Engine, b.Net.Engine) && sameFacts(&a.Facts, &b.Facts) &&
		reflect.DeepEqual(a.NamespaceSources, b.NamespaceSources) && reflect.DeepEqual(a.ServiceAccountSources, b.ServiceAccountSources) &&
		reflect.DeepEqual(a.NetworkPolicySources, b.NetworkPolicySources)
}

// sameFacts compares by identity: facts are replaced, never changed.
func sameFacts(a, b *harden.Facts) bool {
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		f, g := x.Field(i), y.Field(i)
		switch f.Kind() {
		case reflect.Map, reflect.Pointer:
			if f.Pointer() != g.Pointer() {
				return false
			}
		case reflect.Slice:
			if f.Len() != g.Len() || f.Len() > 0 && f.Pointer() != g.Pointer() {
				return false
			}
		default:
			if !reflect.DeepEqual(f.Interface(), g.Interface()) {
				return false
			}
		}
	}
	return true
}

// sameList compares the elements of lists by identity.
func sameList[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	return len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b)
}

// workloads walks both lists, which are in the order of harden.CompareWorkloads.
func (c *changes) workloads(before, after []*harden.Workload) {
	walk(before, after, harden.CompareWorkloads, func(old, now *harden.Workload) {
		switch {
		case old == now:
		case old != nil && now != nil:
			c.aspects[now] = aspectsOf(old, now)
			for _, part := range c.aspects[now] {
				c.note(part, now.Ref.Namespace)
			}
			c.noteProxy(old)
			c.noteProxy(now)
		case old != nil:
			c.noteWorkload(old)
		default:
			c.noteWorkload(now)
		}
	})
}

func (c *changes) noteWorkload(w *harden.Workload) {
	for _, part := range []schema.GroupKind{harden.Templates, harden.Pods, harden.PodStatus} {
		c.note(part, w.Ref.Namespace)
	}
	c.noteProxy(w)
}

func (c *changes) noteProxy(w *harden.Workload) {
	if harden.ServesRoutes(&w.Template) != "" {
		c.note(harden.ProxyWorkloads, w.Ref.Namespace)
	}
}

// aspectsOf are the parts in which a workload differs. What holds a workload sees
// a difference in its status, so that is always among them.
func aspectsOf(a, b *harden.Workload) []schema.GroupKind {
	out := []schema.GroupKind{harden.PodStatus}
	x, y := *a, *b
	x.Pods, y.Pods = nil, nil
	for _, w := range []*harden.Workload{&x, &y} {
		w.Meta.ResourceVersion, w.Template.ResourceVersion = "", ""
	}
	if !reflect.DeepEqual(&x, &y) {
		out = append(out, harden.Templates)
	}
	if !slices.EqualFunc(a.Pods, b.Pods, samePod) {
		out = append(out, harden.Pods)
	}
	return out
}

// samePod compares all but what PodStatus stands for.
func samePod(a, b *corev1.Pod) bool {
	if a == b {
		return true
	}
	return a.Status.Phase == b.Status.Phase && a.Status.PodIP == b.Status.PodIP && slices.Equal(a.Status.PodIPs, b.Status.PodIPs) &&
		a.Status.HostIP == b.Status.HostIP && slices.Equal(a.Status.HostIPs, b.Status.HostIPs) &&
		sameMeta(&a.ObjectMeta, &b.ObjectMeta) && reflect.DeepEqual(&a.Spec, &b.Spec)
}

func sameMeta(a, b *metav1.ObjectMeta) bool {
	x, y := *a, *b
	x.ResourceVersion, y.ResourceVersion = "", ""
	x.ManagedFields, y.ManagedFields = nil, nil
	return reflect.DeepEqual(&x, &y)
}

// walk goes through two sorted lists; what is in one alone is visited with zero for the other.
func walk[T comparable](before, after []T, compare func(a, b T) int, visit func(old, now T)) {
	var none T
	if len(before) == len(after) && (len(before) == 0 || &before[0] == &after[0]) {
		return
	}
	for len(before) > 0 || len(after) > 0 {
		order := 0
		switch {
		case len(before) == 0:
			order = 1
		case len(after) == 0:
			order = -1
		case before[0] != after[0]:
			order = compare(before[0], after[0])
		}
		switch {
		case order < 0:
			visit(before[0], none)
			before = before[1:]
		case order > 0:
			visit(none, after[0])
			after = after[1:]
		default:
			visit(before[0], after[0])
			before, after = before[1:], after[1:]
		}
	}
}

func (c *changes) namespaceObjects(before, after map[string]*corev1.Namespace) {
	diffMaps(before, after, func(name string) { c.note(harden.KindNamespace, name) })
}

func (c *changes) accounts(before, after map[string]map[string]*corev1.ServiceAccount) {
	for ns := range after {
		diffMaps(before[ns], after[ns], func(string) { c.note(harden.KindServiceAccount, ns) })
	}
	for ns := range before {
		if after[ns] == nil && len(before[ns]) > 0 {
			c.note(harden.KindServiceAccount, ns)
		}
	}
}

// diffMaps tells the keys under which two maps differ.
func diffMaps[V comparable](before, after map[string]V, differs func(key string)) {
	if reflect.ValueOf(before).Pointer() == reflect.ValueOf(after).Pointer() {
		return
	}
	for key, now := range after {
		if old, ok := before[key]; !ok || old != now {
			differs(key)
		}
	}
	for key := range before {
		if _, ok := after[key]; !ok {
			differs(key)
		}
	}
}

func (c *changes) scalers(before, after []harden.Scaler) {
	if slices.Equal(before, after) {
		return
	}
	for _, list := range [][]harden.Scaler{before, after} {
		for _, s := range list {
			c.note(harden.Scalers, s.Target.Namespace)
		}
	}
}

func (c *changes) others(before, after harden.Objects) {
	for kind, list := range after {
		old, listed := before[kind]
		if !listed {
			c.note(kind, "")
			c.note(harden.AnyObject, "")
		}
		c.objects(kind, old, list)
	}
	for kind, list := range before {
		if _, listed := after[kind]; !listed {
			c.note(kind, "")
			c.note(harden.AnyObject, "")
			c.objects(kind, list, nil)
		}
	}
}

func (c *changes) objects(kind schema.GroupKind, before, after []*harden.Object) {
	walk(before, after, harden.CompareObjects, func(old, now *harden.Object) {
		at := now
		switch {
		case now == nil:
			at = old
		case old != nil && sameObject(old, now):
			return
		}
		c.note(kind, at.Ref.Namespace)
		c.note(harden.AnyObject, at.Ref.Namespace)
	})
}

func sameObject(a, b *harden.Object) bool {
	return a == b || a.Content == b.Content && a.Ref == b.Ref
}

func (c *changes) net(before, after *harden.Net) {
	noteLists(c, harden.KindService, before.Services, after.Services)
	noteLists(c, harden.KindIngress, before.Ingresses, after.Ingresses)
	noteLists(c, harden.OtherPolicies, before.Policies, after.Policies)
	if !slices.Equal(before.Callees, after.Callees) {
		c.note(harden.NetCallees, "")
	}
	if !sameList(before.EndpointSlices, after.EndpointSlices) || !sameList(before.IngressClasses, after.IngressClasses) || !sameList(before.ConfigMaps, after.ConfigMaps) ||
		!sameList(before.Routes, after.Routes) || !sameList(before.Monitors, after.Monitors) {
		c.note(harden.NetLists, "")
	}
}

// noteLists compares two lists that are ordered by namespace and name.
func noteLists[T interface {
	comparable
	metav1.Object
}](c *changes, part schema.GroupKind, before, after []T,
) {
	var none T
	walk(before, after, func(a, b T) int { return compareNames(a, b) }, func(old, now T) {
		switch {
		case old == none:
			c.note(part, now.GetNamespace())
		case now == none || old != now:
			c.note(part, old.GetNamespace())
		}
	})
}

func compareNames(a, b metav1.Object) int {
	if c := strings.Compare(a.GetNamespace(), b.GetNamespace()); c != 0 {
		return c
	}
	return strings.Compare(a.GetName(), b.GetName())
}
