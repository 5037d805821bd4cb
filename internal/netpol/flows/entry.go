package flows

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var loadBalancer = harden.Peer{Kind: harden.PeerLoadBalancer}

// A proxy is a program that brings connections into the cluster, known by the
// name of its controller and by labels of its pods.
type proxy struct {
	controller string // of IngressClasses and GatewayClasses; one that ends with * is a prefix
	class      string // usual name of the class, for where the class was not read
	pods       []map[string]string
}

const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name"

// proxies are those whose documentation or chart gives their pods fixed labels.
// Load balancers of clouds are not among them: they reach pods from outside.
var proxies = []proxy{
	{"k8s.io/ingress-nginx", "nginx", []map[string]string{{"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"}, {"app.kubernetes.io/name": "rke2-ingress-nginx", "app.kubernetes.io/component": "controller"}}},
	{"nginx.org/ingress-controller", "", []map[string]string{{"app.kubernetes.io/name": "nginx-ingress"}, {"app": "nginx-ingress"}}},
	{"traefik.io/*", "traefik", []map[string]string{{"app.kubernetes.io/name": "traefik"}}},
	{"haproxy.org/ingress-controller*", "haproxy", []map[string]string{{"app.kubernetes.io/name": "kubernetes-ingress"}}},
	{"haproxy-ingress.github.io/*", "", []map[string]string{{"app.kubernetes.io/name": "haproxy-ingress"}}},
	{"ingress-controllers.konghq.com/kong", "kong", []map[string]string{{"app.kubernetes.io/component": "app", "app.kubernetes.io/name": "kong"}, {"app": "ingress-kong"}}},
	{"konghq.com/*", "", []map[string]string{{"app.kubernetes.io/component": "app", "app.kubernetes.io/name": "kong"}}},
	{"projectcontour.io/*", "contour", []map[string]string{{"app.kubernetes.io/component": "envoy", "app.kubernetes.io/name": "contour"}, {"app": "envoy"}}},
	{"istio.io/ingress-controller", "istio", []map[string]string{{"istio": "ingressgateway"}}},
	{"istio.io/gateway-controller", "istio", []map[string]string{{"istio": "ingressgateway"}}},
	{"gateway.nginx.org/*", "", []map[string]string{{"app.kubernetes.io/name": "nginx-gateway-fabric"}}},
	{"openshift.io/ingress-to-route", "openshift-default", []map[string]string{{"ingresscontroller.operator.openshift.io/deployment-ingresscontroller": "default"}}},
}

// behind are the pods of a controller, or who else brings its connections: load
// balancers, where no pods of it are known.
func (x *index) behind(controller, class string) []harden.Peer {
	for _, p := range proxies {
		prefix, wild := strings.CutSuffix(p.controller, "*")
		if controller != "" && (controller == p.controller || wild && strings.HasPrefix(controller, prefix)) || controller == "" && class != "" && class == p.class {
			if peers := x.pick(p.pods); len(peers) > 0 {
				return peers
			}
		}
	}
	return []harden.Peer{loadBalancer}
}

func (x *index) pick(sets []map[string]string) []harden.Peer {
	var out []harden.Peer
	for _, set := range sets {
		for _, w := range x.labelled(set) {
			if p := harden.WorkloadPeer(w.Ref); !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// ingresses are connections to the backends of Ingresses, from the controller
// of their class.
func (f *finder) ingresses() {
	for _, i := range f.inv.Net.Ingresses {
		controller, class := f.ingressController(i)
		peers := f.behind(controller, class)
		for _, b := range ingressBackends(i) {
			s := f.inv.Net.Service(i.Namespace, b.Name)
			if s == nil {
				continue
			}
			for _, p := range peers {
				f.addAll(p, f.targets(s, servicePort{number: b.Port.Number, name: b.Port.Name}), declared, "E-SLICES",
					fmt.Sprintf("Ingress %s/%s leads to Service %s", i.Namespace, i.Name, s.Name))
			}
		}
	}
}

func ingressBackends(i *networkingv1.Ingress) []networkingv1.IngressServiceBackend {
	var out []networkingv1.IngressServiceBackend
	add := func(b *networkingv1.IngressBackend) {
		if b != nil && b.Service != nil && !slices.Contains(out, *b.Service) {
			out = append(out, *b.Service)
		}
	}
	add(i.Spec.DefaultBackend)
	for _, r := range i.Spec.Rules {
		if r.HTTP == nil {
			continue
		}
		for n := range r.HTTP.Paths {
			add(&r.HTTP.Paths[n].Backend)
		}
	}
	return out
}

const (
	classAnnotation        = "kubernetes.io/ingress.class"
	defaultClassAnnotation = "ingressclass.kubernetes.io/is-default-class"
)

// ingressController is the controller of an Ingress, by its class, and the name of the class.
func (f *finder) ingressController(i *networkingv1.Ingress) (controller, class string) {
	class = i.Annotations[classAnnotation]
	if i.Spec.IngressClassName != nil {
		class = *i.Spec.IngressClassName
	}
	for _, c := range f.inv.Net.IngressClasses {
		if c.Name == class || class == "" && c.Annotations[defaultClassAnnotation] == "true" {
			return c.Spec.Controller, c.Name
		}
	}
	return "", class
}

// gateways are connections to the backends of Gateway API routes, from the pods
// of the Gateway, which controllers label, or of its controller.
func (f *finder) gateways() {
	for _, r := range f.inv.Net.Routes {
		if !strings.HasPrefix(r.GetAPIVersion(), "gateway.networking.k8s.io/") || !strings.HasSuffix(r.GetKind(), "Route") {
			continue
		}
		var peers []harden.Peer
		for _, parent := range list(r.Object, "spec", "parentRefs") {
			peers = append(peers, f.gatewayPods(field(parent, "namespace", r.GetNamespace()), field(parent, "name", ""))...)
		}
		for _, rule := range list(r.Object, "spec", "rules") {
			for _, b := range list(rule, "backendRefs") {
				s := f.inv.Net.Service(field(b, "namespace", r.GetNamespace()), field(b, "name", ""))
				if s == nil || field(b, "kind", "Service") != "Service" {
					continue
				}
				for _, p := range peers {
					f.addAll(p, f.targets(s, servicePort{number: number(b, "port")}), declared, "E-SLICES",
						fmt.Sprintf("%s %s/%s leads to Service %s", r.GetKind(), r.GetNamespace(), r.GetName(), serviceName(s, r.GetNamespace())))
				}
			}
		}
	}
}

func (f *finder) gatewayPods(namespace, gateway string) []harden.Peer {
	g := f.route("gateway.networking.k8s.io/", "Gateway", namespace, gateway)
	if g == nil {
		return []harden.Peer{loadBalancer}
	}
	var own []harden.Peer
	for _, label := range []string{gatewayNameLabel, "gateway.envoyproxy.io/owning-gateway-name"} {
		own = append(own, f.pick([]map[string]string{{label: gateway}})...)
	}
	if len(own) > 0 {
		return own
	}
	class, _, _ := unstructured.NestedString(g.Object, "spec", "gatewayClassName")
	controller := ""
	if c := f.route("gateway.networking.k8s.io/", "GatewayClass", "", class); c != nil {
		controller, _, _ = unstructured.NestedString(c.Object, "spec", "controllerName")
	}
	return f.behind(controller, class)
}

func (f *finder) route(group, kind, namespace, name string) *unstructured.Unstructured {
	for _, r := range f.inv.Net.Routes {
		if r.GetKind() == kind && r.GetName() == name && r.GetNamespace() == namespace && strings.HasPrefix(r.GetAPIVersion(), group) {
			return r
		}
	}
	return nil
}

// virtualServices are connections to the destinations of Istio's
// VirtualServices, from the pods that their Gateways select.
func (f *finder) virtualServices() {
	for _, v := range f.inv.Net.Routes {
		if v.GetKind() != "VirtualService" || !strings.HasPrefix(v.GetAPIVersion(), "networking.istio.io/") {
			continue
		}
		var peers []harden.Peer
		gateways, _, _ := unstructured.NestedStringSlice(v.Object, "spec", "gateways")
		for _, g := range gateways {
			if g == "mesh" {
				continue
			}
			namespace, gateway, ok := strings.Cut(g, "/")
			if !ok {
				namespace, gateway = v.GetNamespace(), g
			}
			peers = append(peers, f.istioGateway(namespace, gateway)...)
		}
		for _, protocol := range []string{"http", "tcp", "tls"} {
			for _, rule := range list(v.Object, "spec", protocol) {
				for _, to := range list(rule, "route") {
					f.destination(v, peers, to)
				}
			}
		}
	}
}

func (f *finder) istioGateway(namespace, gateway string) []harden.Peer {
	g := f.route("networking.istio.io/", "Gateway", namespace, gateway)
	if g == nil {
		return []harden.Peer{loadBalancer}
	}
	selector, _, _ := unstructured.NestedStringMap(g.Object, "spec", "selector")
	if len(selector) == 0 {
		return []harden.Peer{loadBalancer}
	}
	if peers := f.pick([]map[string]string{selector}); len(peers) > 0 {
		return peers
	}
	return []harden.Peer{loadBalancer}
}

func (f *finder) destination(v *unstructured.Unstructured, peers []harden.Peer, route map[string]any) {
	destination, _ := route["destination"].(map[string]any)
	s := f.service(cleanHost(field(destination, "host", "")), v.GetNamespace())
	if s == nil {
		return
	}
	port, _ := destination["port"].(map[string]any)
	for _, p := range peers {
		f.addAll(p, f.targets(s, servicePort{number: number(port, "number")}), declared, "E-SLICES",
			fmt.Sprintf("VirtualService %s/%s leads to Service %s", v.GetNamespace(), v.GetName(), serviceName(s, v.GetNamespace())))
	}
}

// outside are connections through Services that are open to the outside (T60).
// With externalTrafficPolicy Cluster a node forwards with its own address, with
// Local the client's stays. Load balancers that reach pods directly come as clients too.
func (f *finder) outside() {
	for _, s := range f.inv.Net.Services {
		if s.Spec.Type != corev1.ServiceTypeLoadBalancer && s.Spec.Type != corev1.ServiceTypeNodePort {
			continue
		}
		targets := f.targets(s, servicePort{})
		if s.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal {
			f.addAll(harden.Peer{Kind: harden.PeerNodes}, targets, declared, "E-SLICES",
				fmt.Sprintf("Service %s/%s of type %s: with externalTrafficPolicy Cluster nodes forward with their own address", s.Namespace, s.Name, s.Spec.Type))
		}
		f.addAll(loadBalancer, targets, declared, "E-SLICES", fmt.Sprintf("Service %s/%s is of type %s", s.Namespace, s.Name, s.Spec.Type))
	}
	for _, w := range f.inv.Workloads {
		if w.Finished || w.Template.Spec.HostNetwork {
			continue
		}
		for _, c := range listening(&w.Template.Spec) {
			for _, p := range c.Ports {
				if host, ok := address(p.HostIP); p.HostPort != 0 && !(ok && host.IsLoopback()) {
					f.add(loadBalancer, target{peer: harden.WorkloadPeer(w.Ref), port: harden.Port{Protocol: protocolOf(p.Protocol), Number: p.ContainerPort}}, declared, "E-PORTS",
						fmt.Sprintf("container %s opens host port %d", c.Name, p.HostPort))
				}
			}
		}
	}
}
