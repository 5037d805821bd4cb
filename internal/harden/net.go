package harden

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A Net is what was read of how pods are reached, besides NetworkPolicies. Ask
// Inventory.Unreadable with the resources below before concluding from an empty list.
type Net struct {
	Services  []*corev1.Service       // ordered by namespace and name, as all lists here
	Ingresses []*networkingv1.Ingress // networking.k8s.io/v1
	// Policies are those of other kinds than NetworkPolicy: of Cilium, Calico and
	// Antrea, and the cluster's AdminNetworkPolicies and their successors.
	Policies []*unstructured.Unstructured
	Callees  []Callee // whom the API server calls
	Engine   Engine

	// What follows is there only when somebody looked at the network.
	EndpointSlices []*discoveryv1.EndpointSlice
	IngressClasses []*networkingv1.IngressClass
	ConfigMaps     []*corev1.ConfigMap
	// Routes are those of the Gateway API (routes, Gateways and GatewayClasses)
	// and of Istio (VirtualServices, ServiceEntries, PeerAuthentications).
	Routes []*unstructured.Unstructured
	// Monitors are ServiceMonitors, PodMonitors and Prometheuses of monitoring.coreos.com.
	Monitors []*unstructured.Unstructured
}

// A Callee is a Service that the API server calls.
type Callee struct {
	By        Ref    // the webhook configuration, CustomResourceDefinition or APIService
	Webhook   string // name of the webhook in its configuration; empty for the others
	Namespace string // of the Service
	Service   string
	Port      int32  // of the Service; 443 where nothing is said
	Policy    string // failurePolicy of a webhook
}

// Resources of a Net, as in Unread.
const (
	Ingresses                       = "ingresses.networking.k8s.io"
	ValidatingWebhookConfigurations = "validatingwebhookconfigurations.admissionregistration.k8s.io"
	MutatingWebhookConfigurations   = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
	APIServices                     = "apiservices.apiregistration.k8s.io"
	CustomResourceDefinitions       = "customresourcedefinitions.apiextensions.k8s.io"
	EndpointSlices                  = "endpointslices.discovery.k8s.io"
	IngressClasses                  = "ingressclasses.networking.k8s.io"
	ConfigMaps                      = "configmaps"
	// CustomResources stands for all kinds that a server has besides those built in.
	CustomResources = "custom resources"
	// EngineResource stands for what tells who enforces policies.
	EngineResource = "network engine"
)

// NetGroups are the API groups whose objects a Net holds whatever their kind.
var NetGroups = []string{
	"cilium.io", "crd.projectcalico.org", "projectcalico.org", "crd.antrea.io", "policy.networking.k8s.io",
	"gateway.networking.k8s.io", "networking.istio.io", "security.istio.io", "monitoring.coreos.com",
}

func isNet(resource string) bool {
	switch resource {
	case NetworkPolicies, Services, Ingresses, ValidatingWebhookConfigurations, MutatingWebhookConfigurations, APIServices,
		CustomResourceDefinitions, EndpointSlices, IngressClasses, ConfigMaps, EngineResource:
		return true
	}
	_, group, _ := strings.Cut(resource, ".")
	return slices.Contains(NetGroups, group)
}

// isAside reports whether the resource is none of workloads: it tells how pods
// are reached, or its objects are judged for their own sake.
func isAside(resource string) bool {
	return isNet(resource) || resource == CustomResources || slices.ContainsFunc(objectKinds, func(k ObjectKind) bool { return k.Resource() == resource }) ||
		strings.HasSuffix(resource, "."+ConstraintGroup)
}

// GatherUnread is for people: it makes one of all that could not be read in one
// place and that is none of workloads, NetworkPolicies apart. Somebody with
// few rights would otherwise read the same ten times. Why names the others.
func GatherUnread(unread []Unread) []Unread {
	var out []Unread
	first := map[string]int{}     // by namespace, index in out
	also := map[string][]string{} // by namespace
	for _, u := range unread {
		_, seen := first[u.Namespace]
		switch {
		case !isAside(u.Resource) || u.Resource == NetworkPolicies:
			out = append(out, u)
		case seen:
			also[u.Namespace] = append(also[u.Namespace], u.Resource)
		default:
			first[u.Namespace] = len(out)
			out = append(out, u)
		}
	}
	for ns, resources := range also {
		out[first[ns]].Why += "; nor could be read: " + strings.Join(resources, ", ")
	}
	return out
}

// SortCallees puts them in a stable order.
func SortCallees(c []Callee) {
	slices.SortFunc(c, func(a, b Callee) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Port, b.Port),
			cmp.Compare(a.By.Kind, b.By.Kind), cmp.Compare(a.By.Name, b.By.Name), cmp.Compare(a.Webhook, b.Webhook))
	})
}

// Service finds a Service, or nil.
func (n *Net) Service(namespace, name string) *corev1.Service {
	i, ok := slices.BinarySearchFunc(n.Services, [2]string{namespace, name}, func(s *corev1.Service, at [2]string) int {
		return cmp.Or(cmp.Compare(s.Namespace, at[0]), cmp.Compare(s.Name, at[1]))
	})
	if !ok {
		return nil
	}
	return n.Services[i]
}
