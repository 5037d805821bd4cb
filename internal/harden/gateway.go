package harden

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// GatewayController is who serves a Gateway of the Gateway API, by its class.
func (i *Inventory) GatewayController(gateway *unstructured.Unstructured) Controller {
	name := Text(gateway.Object, "spec", "gatewayClassName")
	if class := Content[*unstructured.Unstructured](i.Object(KindGatewayClass, "", name)); class != nil {
		return controllerNamed(Text(class.Object, "spec", "controllerName"))
	}
	switch {
	case strings.HasPrefix(name, "gke-l7-"):
		return GKEIngress
	case name == "istio", name == "cilium", name == "traefik", name == "kong", name == "contour":
		return controllersByClass[name]
	}
	return ""
}

// GatewayExposure judges from how far a Gateway of the Gateway API is reached:
// by its addresses, by its class, by the Service that was made for it.
func (i *Inventory) GatewayExposure(gateway *unstructured.Unstructured) Exposure {
	var status []corev1.LoadBalancerIngress
	for _, a := range Maps(gateway.Object, "status", "addresses") {
		if kind := Text(a, "type"); kind == "" || kind == "IPAddress" {
			status = append(status, corev1.LoadBalancerIngress{IP: Text(a, "value")})
		} else {
			status = append(status, corev1.LoadBalancerIngress{Hostname: Text(a, "value")})
		}
	}
	if e, ok := byStatus(status); ok {
		return e
	}
	switch class := Text(gateway.Object, "spec", "gatewayClassName"); {
	case strings.HasPrefix(class, "gke-l7-rilb"), strings.HasPrefix(class, "gke-l7-cross-regional-internal"):
		return Exposure{NetworkOnly, "its class " + class + " is internal"}
	case strings.HasPrefix(class, "gke-l7-"):
		return Exposure{FromInternet, "its class " + class + " makes an external load balancer"}
	}
	var e Exposure
	known := false
	for _, s := range Derive(i, servicesOfGateways, KindService)[[2]string{gateway.GetNamespace(), gateway.GetName()}] {
		own := i.ServiceExposure(s)
		e, known = wider(e, Exposure{own.Reachability, fmt.Sprintf("its Service %s is behind it: %s", s.Name, own.Why)}), true
	}
	switch controller := i.GatewayController(gateway); {
	case known:
		return e
	case controller == Traefik, controller == Kong:
		return i.proxyExposure(controller, "")
	}
	return Exposure{PerhapsInternet, "the address of the Gateway is not known"}
}

// gatewayServices are the Services that controllers made for Gateways, by namespace and name of the Gateway.
type gatewayServices map[[2]string][]*corev1.Service

func servicesOfGateways(i *Inventory) gatewayServices {
	out := gatewayServices{}
	for _, s := range i.Net.Services {
		ns, of := s.Namespace, s.Labels["gateway.networking.k8s.io/gateway-name"]
		if of == "" {
			ns, of = s.Labels["gateway.envoyproxy.io/owning-gateway-namespace"], s.Labels["gateway.envoyproxy.io/owning-gateway-name"]
		}
		if of != "" {
			out[[2]string{ns, of}] = append(out[[2]string{ns, of}], s)
		}
	}
	return out
}

// IstioGatewayExposure judges from how far the proxies that a Gateway of Istio selects are reached.
func (i *Inventory) IstioGatewayExposure(gateway *unstructured.Unstructured) Exposure {
	selector, _, err := unstructured.NestedStringMap(gateway.Object, "spec", "selector")
	found := false
	var e Exposure
	for _, p := range i.Proxies() {
		if err == nil && len(selector) > 0 && matches(selector, p.Workload.Template.Labels) {
			e, found = wider(e, p.Exposure), true
		}
	}
	if !found {
		return Exposure{PerhapsInternet, "the Service of its gateway pods is not known"}
	}
	return e
}

// ClassParams are the IngressClassParams of a class of the AWS Load Balancer Controller, or nil.
func (i *Inventory) ClassParams(class *networkingv1.IngressClass) *unstructured.Unstructured {
	if class == nil || class.Spec.Parameters == nil || class.Spec.Parameters.Kind != KindIngressClassParams.Kind {
		return nil
	}
	return Content[*unstructured.Unstructured](i.Object(KindIngressClassParams, "", class.Spec.Parameters.Name))
}

// Field is a value of an object that was read as plain maps; nil where there is none.
func Field(o map[string]any, path ...string) any {
	var v any = o
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

// Has reports whether the field is there.
func Has(o map[string]any, path ...string) bool { return Field(o, path...) != nil }

// Text is a string field; empty where there is none.
func Text(o map[string]any, path ...string) string {
	s, _ := Field(o, path...).(string)
	return s
}

// Maps are the items of a list field that are objects.
func Maps(o map[string]any, path ...string) []map[string]any {
	list, _ := Field(o, path...).([]any)
	var out []map[string]any
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// Texts are the items of a list field that are strings.
func Texts(o map[string]any, path ...string) []string {
	list, _ := Field(o, path...).([]any)
	var out []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// number is a port as text, be it a number or a name.
func number(v any) string {
	switch n := v.(type) {
	case int64:
		return strconv.FormatInt(n, 10)
	case float64:
		return strconv.FormatFloat(n, 'f', -1, 64)
	case string:
		return n
	}
	return ""
}
