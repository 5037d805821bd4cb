package fixtest

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// Engine says who enforces NetworkPolicies.
func Engine(engine harden.Engine) Option {
	return func(i *harden.Inventory) { i.Net.Engine = engine }
}

// Callee says that the API server calls a Service.
func Callee(callee harden.Callee) Option {
	return func(i *harden.Inventory) {
		i.Net.Callees = append(i.Net.Callees, callee)
		harden.SortCallees(i.Net.Callees)
	}
}

// Whole says that somebody looked at the network, and that the whole cluster
// holds the objects of the text besides those of the inventory itself. Its
// options are of the whole alone; options before this one hold for it too.
func Whole(t testing.TB, text string, opts ...Option) Option {
	return func(i *harden.Inventory) {
		t.Helper()
		whole := Load(t, text)
		whole.Cluster, whole.Now, whole.Nodes = i.Cluster, i.Now, i.Nodes
		whole.Net.Engine, whole.Net.Callees = i.Net.Engine, i.Net.Callees
		whole.Workloads = append(whole.Workloads, i.Workloads...)
		slices.SortStableFunc(whole.Workloads, harden.CompareWorkloads)
		whole.Net.Services = append(whole.Net.Services, i.Net.Services...)
		whole.Net.Ingresses = append(whole.Net.Ingresses, i.Net.Ingresses...)
		whole.Net.Policies = append(whole.Net.Policies, i.Net.Policies...)
		sortNet(&whole.Net)
		for name, ns := range i.Namespaces {
			whole.Namespaces[name] = ns
		}
		for ns, policies := range i.NetworkPolicies {
			whole.NetworkPolicies[ns] = policies
		}
		for ns, accounts := range i.ServiceAccounts {
			whole.ServiceAccounts[ns] = accounts
		}
		whole.Scope = append(whole.Scope, i.Scope...)
		slices.Sort(whole.Scope)
		whole.Scope = slices.Compact(whole.Scope)
		for _, o := range opts {
			o(whole)
		}
		i.Whole = whole
	}
}

// addObject adds an object of any kind that an inventory holds besides workloads;
// false for other kinds.
func (l *loader) addObject(typ metav1.TypeMeta, doc []byte) bool {
	l.t.Helper()
	gvk := typ.GroupVersionKind()
	content := inventory.NewContent(gvk.GroupKind())
	if content == nil && inventory.ListOf(gvk.GroupKind()) != inventory.NoList {
		content = &unstructured.Unstructured{}
	}
	if content == nil && gvk.Kind == "EndpointSlice" {
		content = &discoveryv1.EndpointSlice{}
	}
	switch o := content.(type) {
	case nil:
		return false
	case *unstructured.Unstructured:
		if err := yaml.Unmarshal(doc, &o.Object); err != nil {
			l.t.Fatalf("decoding: %v\n%s", err, doc)
		}
	default:
		if err := yaml.UnmarshalStrict(doc, o); err != nil {
			l.t.Fatalf("decoding: %v\n%s", err, doc)
		}
	}
	if content.GetNamespace() == "" && !inventory.ClusterScoped(gvk.GroupKind()) && gvk.Group != harden.ConstraintGroup {
		content.SetNamespace(metav1.NamespaceDefault)
	}
	if s, ok := content.(*corev1.Secret); ok {
		content = inventory.SecretOf(s)
	}
	ref := harden.Ref{
		APIVersion: typ.APIVersion, Kind: typ.Kind, Namespace: content.GetNamespace(), Name: content.GetName(), UID: content.GetUID(), Source: l.source(),
	}
	inventory.AddObject(l.inv, ref, content)
	return true
}

func (l *loader) sortNet() { sortNet(&l.inv.Net) }

func sortNet(n *harden.Net) {
	byName(n.Services)
	byName(n.Ingresses)
	byName(n.Policies)
	byName(n.EndpointSlices)
	byName(n.ConfigMaps)
	byName(n.Routes)
	byName(n.Monitors)
}

func byName[T metav1.Object](objects []T) {
	slices.SortStableFunc(objects, func(a, b T) int {
		return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
	})
}
