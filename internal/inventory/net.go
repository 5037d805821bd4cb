package inventory

import (
	"cmp"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AddToNet adds an object to the list that it belongs to, if there is one.
func AddToNet(n *harden.Net, ref harden.Ref, o any) {
	switch o := o.(type) {
	case *corev1.Service:
		n.Services = append(n.Services, o)
	case *networkingv1.Ingress:
		n.Ingresses = append(n.Ingresses, o)
	case *discoveryv1.EndpointSlice:
		n.EndpointSlices = append(n.EndpointSlices, o)
	case *networkingv1.IngressClass:
		n.IngressClasses = append(n.IngressClasses, o)
	case *corev1.ConfigMap:
		n.ConfigMaps = append(n.ConfigMaps, o)
	case *admissionregistrationv1.ValidatingWebhookConfiguration, *admissionregistrationv1.MutatingWebhookConfiguration:
		n.Callees = append(n.Callees, CalleesOf(ref, o)...)
	case *unstructured.Unstructured:
		switch ListOf(ref.GroupVersionKind().GroupKind()) {
		case Policies:
			n.Policies = append(n.Policies, o)
		case Routes:
			n.Routes = append(n.Routes, o)
		case Monitors:
			n.Monitors = append(n.Monitors, o)
		case Callees:
			n.Callees = append(n.Callees, CalleesOf(ref, o)...)
		}
	}
}

// A List is one of those of a Net that hold custom resources or what is made of them.
type List int

// Lists. NoList: a Net does not hold the kind.
const (
	NoList List = iota
	Policies
	Routes
	Monitors
	Callees
)

// ListOf is where objects of a kind go of which there is no type here.
func ListOf(gk schema.GroupKind) List { return lists[gk] }

var lists = map[schema.GroupKind]List{
	{Group: "cilium.io", Kind: "CiliumNetworkPolicy"}:                       Policies,
	{Group: "cilium.io", Kind: "CiliumClusterwideNetworkPolicy"}:            Policies,
	{Group: "crd.projectcalico.org", Kind: "NetworkPolicy"}:                 Policies,
	{Group: "crd.projectcalico.org", Kind: "GlobalNetworkPolicy"}:           Policies,
	{Group: "projectcalico.org", Kind: "NetworkPolicy"}:                     Policies,
	{Group: "projectcalico.org", Kind: "GlobalNetworkPolicy"}:               Policies,
	{Group: "crd.antrea.io", Kind: "NetworkPolicy"}:                         Policies,
	{Group: "crd.antrea.io", Kind: "ClusterNetworkPolicy"}:                  Policies,
	{Group: "policy.networking.k8s.io", Kind: "AdminNetworkPolicy"}:         Policies,
	{Group: "policy.networking.k8s.io", Kind: "BaselineAdminNetworkPolicy"}: Policies,
	{Group: "policy.networking.k8s.io", Kind: "ClusterNetworkPolicy"}:       Policies,
	{Group: "gateway.networking.k8s.io", Kind: "GatewayClass"}:              Routes,
	{Group: "gateway.networking.k8s.io", Kind: "Gateway"}:                   Routes,
	{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute"}:                 Routes,
	{Group: "gateway.networking.k8s.io", Kind: "GRPCRoute"}:                 Routes,
	{Group: "gateway.networking.k8s.io", Kind: "TLSRoute"}:                  Routes,
	{Group: "gateway.networking.k8s.io", Kind: "TCPRoute"}:                  Routes,
	{Group: "gateway.networking.k8s.io", Kind: "UDPRoute"}:                  Routes,
	{Group: "networking.istio.io", Kind: "Gateway"}:                         Routes,
	{Group: "networking.istio.io", Kind: "VirtualService"}:                  Routes,
	{Group: "networking.istio.io", Kind: "ServiceEntry"}:                    Routes,
	{Group: "security.istio.io", Kind: "PeerAuthentication"}:                Routes,
	{Group: "monitoring.coreos.com", Kind: "ServiceMonitor"}:                Monitors,
	{Group: "monitoring.coreos.com", Kind: "PodMonitor"}:                    Monitors,
	{Group: "monitoring.coreos.com", Kind: "Prometheus"}:                    Monitors,
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:                   Callees,
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:       Callees,
}

// manyBytes is what a ConfigMap may hold and still be looked into: more is data
// and no setting.
const manyBytes = 1 << 20

// caConfigMap is in every namespace, with the certificate of the API server.
const caConfigMap = "kube-root-ca.crt"

// TrimConfigMap drops what holds no settings: binary data, and all data of one
// that holds more than a megabyte or the certificate of the API server.
func TrimConfigMap(o *corev1.ConfigMap) {
	o.BinaryData = nil
	size := 0
	for k, v := range o.Data {
		size += len(k) + len(v)
	}
	if size > manyBytes || o.Name == caConfigMap {
		o.Data = nil
	}
}

// SortNet orders all lists as a Net holds them.
func SortNet(n *harden.Net) {
	sortObjects(n.Services)
	sortObjects(n.Ingresses)
	sortObjects(n.EndpointSlices)
	sortObjects(n.IngressClasses)
	sortObjects(n.ConfigMaps)
	for _, list := range [][]*unstructured.Unstructured{n.Policies, n.Routes, n.Monitors} {
		slices.SortStableFunc(list, func(a, b *unstructured.Unstructured) int {
			return cmp.Or(byName(a, b), strings.Compare(a.GetKind(), b.GetKind()), strings.Compare(a.GetAPIVersion(), b.GetAPIVersion()))
		})
	}
	harden.SortCallees(n.Callees)
}

func sortObjects[T metav1.Object](list []T) { slices.SortStableFunc(list, byName[T]) }

func byName[T metav1.Object](a, b T) int {
	return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
}

// CalleesOf are the Services that the API server calls for the sake of a webhook
// configuration, an APIService or a CustomResourceDefinition.
func CalleesOf(ref harden.Ref, o any) (out []harden.Callee) {
	switch o := o.(type) {
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		for i := range o.Webhooks {
			w := &o.Webhooks[i]
			out = appendWebhook(out, ref, w.Name, w.ClientConfig.Service, w.FailurePolicy)
		}
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		for i := range o.Webhooks {
			w := &o.Webhooks[i]
			out = appendWebhook(out, ref, w.Name, w.ClientConfig.Service, w.FailurePolicy)
		}
	case *unstructured.Unstructured:
		path := []string{"spec", "service"}
		if ref.Kind == "CustomResourceDefinition" {
			path = []string{"spec", "conversion", "webhook", "clientConfig", "service"}
		}
		found, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
		service, _ := found.(map[string]any)
		c := harden.Callee{By: ref, Port: 443}
		c.Namespace, _ = service["namespace"].(string)
		c.Service, _ = service["name"].(string)
		switch port := service["port"].(type) {
		case int64:
			c.Port = int32(port)
		case float64:
			c.Port = int32(port)
		}
		if c.Service != "" {
			out = append(out, c)
		}
	}
	return out
}

func appendWebhook(out []harden.Callee, by harden.Ref, name string, s *admissionregistrationv1.ServiceReference, policy *admissionregistrationv1.FailurePolicyType) []harden.Callee {
	if s == nil {
		return out
	}
	c := harden.Callee{By: by, Webhook: name, Namespace: s.Namespace, Service: s.Name, Port: 443, Policy: string(admissionregistrationv1.Fail)}
	if s.Port != nil {
		c.Port = *s.Port
	}
	if policy != nil {
		c.Policy = string(*policy)
	}
	return append(out, c)
}
