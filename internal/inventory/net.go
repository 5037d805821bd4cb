package inventory

import (
	"cmp"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
	case *admissionv1.ValidatingWebhookConfiguration, *admissionv1.MutatingWebhookConfiguration:
		n.Callees = append(n.Callees, CalleesOf(ref, o)...)
	case *unstructured.Unstructured:
		switch netGroups[ref.GroupVersionKind().Group] {
		case policies:
			n.Policies = append(n.Policies, o)
		case routes:
			n.Routes = append(n.Routes, o)
		case monitors:
			n.Monitors = append(n.Monitors, o)
		default:
			n.Callees = append(n.Callees, CalleesOf(ref, o)...)
		}
	}
}

type netList int

const (
	policies netList = iota + 1
	routes
	monitors
)

var netGroups = map[string]netList{
	"cilium.io": policies, "crd.projectcalico.org": policies, "projectcalico.org": policies, "crd.antrea.io": policies, "policy.networking.k8s.io": policies,
	"gateway.networking.k8s.io": routes, "networking.istio.io": routes, "security.istio.io": routes,
	"monitoring.coreos.com": monitors,
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
	case *admissionv1.ValidatingWebhookConfiguration:
		for i := range o.Webhooks {
			w := &o.Webhooks[i]
			out = appendWebhook(out, ref, w.Name, w.ClientConfig.Service, w.FailurePolicy)
		}
	case *admissionv1.MutatingWebhookConfiguration:
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

func appendWebhook(out []harden.Callee, by harden.Ref, name string, s *admissionv1.ServiceReference, policy *admissionv1.FailurePolicyType) []harden.Callee {
	if s == nil {
		return out
	}
	c := harden.Callee{By: by, Webhook: name, Namespace: s.Namespace, Service: s.Name, Port: 443, Policy: string(admissionv1.Fail)}
	if s.Port != nil {
		c.Port = *s.Port
	}
	if policy != nil {
		c.Policy = string(*policy)
	}
	return append(out, c)
}
