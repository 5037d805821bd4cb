package fixtest

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
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

// addNet adds what a Net holds; false for other kinds.
func (l *loader) addNet(typ metav1.TypeMeta, doc []byte) bool {
	l.t.Helper()
	net := &l.inv.Net
	switch typ.Kind {
	case "Service":
		o := decode[corev1.Service](l.t, doc)
		l.inDefault(&o.ObjectMeta)
		net.Services = append(net.Services, o)
	case "Ingress":
		o := decode[networkingv1.Ingress](l.t, doc)
		l.inDefault(&o.ObjectMeta)
		net.Ingresses = append(net.Ingresses, o)
	case "EndpointSlice":
		o := decode[discoveryv1.EndpointSlice](l.t, doc)
		l.inDefault(&o.ObjectMeta)
		net.EndpointSlices = append(net.EndpointSlices, o)
	case "IngressClass":
		net.IngressClasses = append(net.IngressClasses, decode[networkingv1.IngressClass](l.t, doc))
	case "ConfigMap":
		o := decode[corev1.ConfigMap](l.t, doc)
		l.inDefault(&o.ObjectMeta)
		net.ConfigMaps = append(net.ConfigMaps, o)
	default:
		return l.addCustom(typ, doc)
	}
	return true
}

func (l *loader) inDefault(meta *metav1.ObjectMeta) {
	if meta.Namespace == "" {
		meta.Namespace = metav1.NamespaceDefault
	}
}

// addCustom takes custom resources of the groups that a Net holds, in the list
// that their group belongs to.
func (l *loader) addCustom(typ metav1.TypeMeta, doc []byte) bool {
	l.t.Helper()
	group, _, _ := strings.Cut(typ.APIVersion, "/")
	if !slices.Contains(harden.NetGroups, group) {
		return false
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(doc, &o.Object); err != nil {
		l.t.Fatalf("decoding: %v\n%s", err, doc)
	}
	switch group {
	case "gateway.networking.k8s.io", "networking.istio.io", "security.istio.io":
		l.inv.Net.Routes = append(l.inv.Net.Routes, o)
	case "monitoring.coreos.com":
		l.inv.Net.Monitors = append(l.inv.Net.Monitors, o)
	default:
		l.inv.Net.Policies = append(l.inv.Net.Policies, o)
	}
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
