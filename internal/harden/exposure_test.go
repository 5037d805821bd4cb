package harden

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func service(name string, kind corev1.ServiceType, selector map[string]string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}, Spec: corev1.ServiceSpec{Type: kind, Selector: selector}}
}

func TestExposedBy(t *testing.T) {
	web := map[string]string{"app": "web"}
	external := service("web", corev1.ServiceTypeClusterIP, web)
	external.Spec.ExternalIPs = []string{"203.0.113.7"}
	toWeb := &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web"}}
	ingress := func(namespace string, spec networkingv1.IngressSpec) []*networkingv1.Ingress {
		return []*networkingv1.Ingress{{ObjectMeta: metav1.ObjectMeta{Name: "front", Namespace: namespace}, Spec: spec}}
	}
	path := networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{}, {IngressRuleValue: networkingv1.IngressRuleValue{
		HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{Backend: *toWeb}}},
	}}}}
	for _, test := range []struct {
		name      string
		services  []*corev1.Service
		ingresses []*networkingv1.Ingress
		want      string
	}{
		{"nothing", nil, nil, ""},
		{"inside", []*corev1.Service{service("web", corev1.ServiceTypeClusterIP, web)}, nil, ""},
		{"a load balancer", []*corev1.Service{service("a", corev1.ServiceTypeClusterIP, web), service("web", corev1.ServiceTypeLoadBalancer, web)}, nil, "Service web of type LoadBalancer (nothing makes it internal, and who makes the load balancer and with which address is not known)"},
		{"a port of the nodes", []*corev1.Service{service("web", corev1.ServiceTypeNodePort, web)}, nil, "Service web of type NodePort (the addresses of the nodes are not known)"},
		{"external addresses", []*corev1.Service{external}, nil, "Service web with external addresses"},
		{"of other pods", []*corev1.Service{service("web", corev1.ServiceTypeLoadBalancer, map[string]string{"app": "web", "tier": "x"})}, nil, ""},
		{"of no pods", []*corev1.Service{service("web", corev1.ServiceTypeLoadBalancer, nil)}, nil, ""},
		{"an Ingress", []*corev1.Service{service("web", corev1.ServiceTypeClusterIP, web)}, ingress("shop", path), "Ingress front (the Service of its controller is not known)"},
		{"the default of an Ingress", []*corev1.Service{service("web", corev1.ServiceTypeClusterIP, web)}, ingress("shop", networkingv1.IngressSpec{DefaultBackend: toWeb}), "Ingress front (the Service of its controller is not known)"},
		{"an Ingress of another namespace", []*corev1.Service{service("web", corev1.ServiceTypeClusterIP, web)}, ingress("other", path), ""},
		{"an Ingress without its Service", nil, ingress("shop", path), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			inv := &Inventory{Net: Net{Services: test.services, Ingresses: test.ingresses}}
			w := &Workload{Ref: Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}}
			w.Template.Labels = web
			if got := inv.ExposedBy(w); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestExposureOfTakesTheWidestWay(t *testing.T) {
	web := map[string]string{"app": "web"}
	w := &Workload{Ref: Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}}
	w.Template.Labels = web
	private := balancer("", nil, corev1.LoadBalancerIngress{IP: "10.0.0.9"})
	public := balancer("", nil, corev1.LoadBalancerIngress{IP: "203.0.113.7"})
	private.Name, public.Name = "a", "b"
	inv := &Inventory{Net: Net{Services: []*corev1.Service{private}}}
	if by, e := inv.ExposureOf(w); e.Reachability != NetworkOnly || by != "Service a of type LoadBalancer" || inv.ExposedBy(w) != "" {
		t.Errorf("a private load balancer: got %q, %s, exposed by %q", by, e.Reachability, inv.ExposedBy(w))
	}
	inv.Net.Services = append(inv.Net.Services, public)
	if by, e := inv.ExposureOf(w); e.Reachability != FromInternet || by != "Service b of type LoadBalancer" {
		t.Errorf("a public one too: got %q, %s", by, e.Reachability)
	}

	inv = &Inventory{Nodes: []*corev1.Node{addressed("", "198.51.100.4")}}
	if inv.ExposedBy(w) != "" {
		t.Error("a pod without ports of its node is not exposed by a public node")
	}
	w.Template.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}}}
	if got := inv.ExposedBy(w); got != "ports of its nodes" {
		t.Errorf("a port of a public node: got %q", got)
	}
	inv.Nodes = []*corev1.Node{addressed("", "10.0.0.4")}
	if got := inv.ExposedBy(w); got != "" {
		t.Errorf("a port of a private node: got %q", got)
	}
}
