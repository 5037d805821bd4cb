package harden

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func balancer(class string, annotations map[string]string, status ...corev1.LoadBalancerIngress) *corev1.Service {
	s := service("web", corev1.ServiceTypeLoadBalancer, map[string]string{"app": "web"})
	if class != "" {
		s.Spec.LoadBalancerClass = &class
	}
	s.Annotations, s.Status.LoadBalancer.Ingress = annotations, status
	return s
}

func addressed(provider string, addresses ...string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: corev1.NodeSpec{ProviderID: provider}}
	for _, a := range addresses {
		n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Address: a})
	}
	return n
}

func TestServiceExposure(t *testing.T) {
	ip := func(s string) corev1.LoadBalancerIngress { return corev1.LoadBalancerIngress{IP: s} }
	name := func(s string) corev1.LoadBalancerIngress { return corev1.LoadBalancerIngress{Hostname: s} }
	private, public, aws := []*corev1.Node{addressed("", "10.0.0.4")}, []*corev1.Node{addressed("", "10.0.0.4", "198.51.100.4")}, []*corev1.Node{addressed("aws:///eu-1/i-1", "10.0.0.4")}
	a := func(kv ...string) map[string]string { return map[string]string{kv[0]: kv[1]} }
	external := service("web", corev1.ServiceTypeClusterIP, nil)
	external.Spec.ExternalIPs = []string{"10.0.0.9", "203.0.113.9"}
	for _, test := range []struct {
		name    string
		service *corev1.Service
		nodes   []*corev1.Node
		want    Reachability
		why     string
	}{
		{"T88 class of the AWS controller without a scheme", balancer("service.k8s.aws/nlb", nil), aws, NetworkOnly, "internal by default"},
		{"T88 in-tree without annotations", balancer("", nil), aws, FromInternet, "unless told otherwise"},
		{"AWS controller, internet-facing", balancer("service.k8s.aws/nlb", a(AWSScheme, "internet-facing")), aws, FromInternet, "scheme"},
		{"AWS controller, the scheme wins", balancer("service.k8s.aws/nlb", map[string]string{AWSScheme: "internet-facing", AWSInternal: "true"}), nil, FromInternet, "scheme"},
		{"AWS controller by type", balancer("", a(AWSType, "external")), nil, NetworkOnly, "by default"},
		{"AWS controller by type nlb-ip", balancer("", a(AWSType, "nlb-ip")), nil, NetworkOnly, "by default"},
		{"EKS Auto Mode", balancer("eks.amazonaws.com/nlb", nil), nil, NetworkOnly, "by default"},
		{"in-tree NLB", balancer("", a(AWSType, "nlb")), nil, FromInternet, "unless told otherwise"},
		{"in-tree, internal", balancer("", a(AWSInternal, "true")), nil, NetworkOnly, AWSInternal},
		{"in-tree, internal in the old way", balancer("", a(AWSInternal, "0.0.0.0/0")), nil, NetworkOnly, AWSInternal},
		{"in-tree, not internal", balancer("", a(AWSInternal, "false")), nil, FromInternet, "unless told otherwise"},
		{"a scheme in a file", balancer("", a(AWSScheme, "internal")), nil, NetworkOnly, "scheme"},
		{"GCP, internal", balancer("", a(GCPType, "Internal")), nil, NetworkOnly, GCPType},
		{"GCP by its nodes", balancer("", nil), []*corev1.Node{addressed("gce://p/z/n", "10.0.0.4")}, FromInternet, "public by default"},
		{"GCP by its class", balancer("networking.gke.io/l4-regional-internal", nil), nil, NetworkOnly, "class"},
		{"Azure, internal", balancer("", a(AzureInternal, "true")), nil, NetworkOnly, AzureInternal},
		{"Azure, not internal", balancer("", a(AzureInternal, "false")), nil, FromInternet, "public by default"},
		{"OCI, internal", balancer("", a(OCIInternal, "true")), nil, NetworkOnly, OCIInternal},
		{"OCI network load balancer, internal", balancer("", a(ociNetworkPrivate, "true")), nil, NetworkOnly, ociNetworkPrivate},
		{"a private address", balancer("", nil, ip("192.168.1.240")), private, NetworkOnly, "private"},
		{"a shared address", balancer("", nil, ip("100.64.3.1")), private, NetworkOnly, "private"},
		{"a private IPv6 address", balancer("", nil, ip("fd00::1")), private, NetworkOnly, "private"},
		{"a public address", balancer("", nil, ip("192.168.1.240"), ip("203.0.113.7")), private, FromInternet, "203.0.113.7"},
		{"the address beats the annotation", balancer("", a(AzureInternal, "true"), ip("203.0.113.7")), nil, FromInternet, "203.0.113.7"},
		{"name of an internal load balancer", balancer("", nil, name("internal-web-12.eu-west-1.elb.amazonaws.com")), nil, NetworkOnly, "internal"},
		{"name of a classic load balancer", balancer("", nil, name("web-12.eu-west-1.elb.amazonaws.com")), nil, FromInternet, "faces the internet"},
		{"name of a network load balancer", balancer("service.k8s.aws/nlb", nil, name("web-12.elb.eu-west-1.amazonaws.com")), nil, NetworkOnly, "by default"},
		{"nobody knows", balancer("", nil), private, PerhapsInternet, "not known"},
		{"a class that nobody knows", balancer("example.com/lb", nil), aws, PerhapsInternet, "not known"},
		{"node port, nodes not known", service("web", corev1.ServiceTypeNodePort, nil), nil, PerhapsInternet, "not known"},
		{"node port, private nodes", service("web", corev1.ServiceTypeNodePort, nil), private, NetworkOnly, "private"},
		{"node port, a public node", service("web", corev1.ServiceTypeNodePort, nil), public, FromInternet, "198.51.100.4"},
		{"external addresses", external, private, FromInternet, "203.0.113.9"},
		{"inside", service("web", corev1.ServiceTypeClusterIP, nil), public, ClusterOnly, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := (&Inventory{Nodes: test.nodes}).ServiceExposure(test.service)
			if got.Reachability != test.want || !strings.Contains(got.Why, test.why) {
				t.Errorf("got %s, %q; want %s, %q", got.Reachability, got.Why, test.want, test.why)
			}
		})
	}
}

func TestT96ServiceWithoutSelectorMatchesNothing(t *testing.T) {
	w := &Workload{Ref: Ref{Namespace: "shop", Kind: "Deployment", Name: "web"}}
	s := balancer("", nil, corev1.LoadBalancerIngress{IP: "203.0.113.7"})
	w.Template.Labels = s.Spec.Selector
	inv := &Inventory{Net: Net{Services: []*corev1.Service{s}}}
	if !Selects(s, w) || inv.ExposedBy(w) == "" {
		t.Fatal("with its selector the Service leads to the workload")
	}
	s.Spec.Selector = nil
	if Selects(s, w) || inv.ExposedBy(w) != "" {
		t.Error("without a selector the Service leads to no workload")
	}
}

// custom reads a custom resource.
func custom(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestExposedByRoutes(t *testing.T) {
	toWeb := map[string]string{
		"HTTPRoute": `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: infra}]
  rules: [{backendRefs: [{name: web, port: 80}]}]`,
		"VirtualService": `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [shop.example.com]
  gateways: [infra/edge]
  http: [{route: [{destination: {host: web.shop.svc.cluster.local}}]}]`,
		"VirtualService of the mesh": `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http: [{route: [{destination: {host: web}}]}]`,
		"IngressRoute": `
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: web, namespace: shop}
spec:
  routes: [{kind: Rule, match: Host(` + "`a.example.com`" + `), services: [{name: web, port: 80}]}]`,
	}
	gateway := func(address string) *unstructured.Unstructured {
		return custom(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: infra}
spec: {gatewayClassName: x, listeners: []}
status: {addresses: [{type: IPAddress, value: `+address+`}]}`)
	}
	istio := custom(t, `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: infra}
spec: {selector: {istio: ingressgateway}}`)
	proxy := func(labels map[string]string, image string) *Workload {
		w := &Workload{Ref: Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "infra", Name: "proxy"}}
		w.Template.Labels = labels
		w.Template.Spec.Containers = []corev1.Container{{Image: image}}
		return w
	}
	door := func(address string, selector map[string]string) *corev1.Service {
		s := balancer("", nil, corev1.LoadBalancerIngress{IP: address})
		s.Namespace, s.Name, s.Spec.Selector = "infra", "proxy", selector
		return s
	}
	traefik, ingress := map[string]string{"app": "traefik"}, map[string]string{"istio": "ingressgateway"}
	for _, test := range []struct {
		name    string
		route   string
		others  []*unstructured.Unstructured
		proxies []*Workload
		doors   []*corev1.Service
		want    string
	}{
		{"public Gateway", "HTTPRoute", []*unstructured.Unstructured{gateway("203.0.113.7")}, nil, nil, "HTTPRoute web"},
		{"private Gateway", "HTTPRoute", []*unstructured.Unstructured{gateway("10.0.0.7")}, nil, nil, ""},
		{"unknown Gateway", "HTTPRoute", nil, nil, nil, "HTTPRoute web (its Gateway infra/edge is not known)"},
		{"public Istio", "VirtualService", []*unstructured.Unstructured{istio}, []*Workload{proxy(ingress, "istio/proxyv2")}, []*corev1.Service{door("203.0.113.7", ingress)}, "VirtualService web"},
		{"private Istio", "VirtualService", []*unstructured.Unstructured{istio}, []*Workload{proxy(ingress, "istio/proxyv2")}, []*corev1.Service{door("10.0.0.7", ingress)}, ""},
		{"Istio without its pods", "VirtualService", []*unstructured.Unstructured{istio}, nil, nil, "VirtualService web (the Service of its gateway pods is not known)"},
		{"the mesh alone", "VirtualService of the mesh", nil, nil, nil, ""},
		{"public Traefik", "IngressRoute", nil, []*Workload{proxy(traefik, "docker.io/traefik:v3.1@sha256:00")}, []*corev1.Service{door("203.0.113.7", traefik)}, "IngressRoute web"},
		{"private Traefik", "IngressRoute", nil, []*Workload{proxy(traefik, "traefik")}, []*corev1.Service{door("10.0.0.7", traefik)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			web := map[string]string{"app": "web"}
			w := &Workload{Ref: Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}}
			w.Template.Labels = web
			inv := &Inventory{Workloads: append(test.proxies, w), Others: Objects{}}
			inv.Net.Services = append(test.doors, service("web", corev1.ServiceTypeClusterIP, web))
			for _, u := range append(test.others, custom(t, toWeb[test.route])) {
				inv.Others.Add(&Object{Ref: Ref{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}, Content: u})
			}
			if got := inv.ExposedBy(w); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestIngressExposure(t *testing.T) {
	className := "edge"
	for _, test := range []struct {
		name        string
		controller  string
		annotations map[string]string
		address     string
		want        Reachability
	}{
		{"ALB by default", "ingress.k8s.aws/alb", nil, "", NetworkOnly},
		{"ALB to the internet", "ingress.k8s.aws/alb", map[string]string{"alb.ingress.kubernetes.io/scheme": "internet-facing"}, "", FromInternet},
		{"a public address", "k8s.io/ingress-nginx", nil, "203.0.113.7", FromInternet},
		{"a private address", "k8s.io/ingress-nginx", nil, "10.1.2.3", NetworkOnly},
		{"a controller that was not read", "k8s.io/ingress-nginx", nil, "", PerhapsInternet},
	} {
		t.Run(test.name, func(t *testing.T) {
			class := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: className}, Spec: networkingv1.IngressClassSpec{Controller: test.controller}}
			inv := &Inventory{Others: Objects{KindIngressClass: {{Ref: Ref{Name: className}, Content: class}}}}
			in := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Annotations: test.annotations}, Spec: networkingv1.IngressSpec{IngressClassName: &className}}
			if test.address != "" {
				in.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: test.address}}
			}
			if got := inv.IngressExposure(in); got.Reachability != test.want {
				t.Errorf("got %s (%s), want %s", got.Reachability, got.Why, test.want)
			}
		})
	}
}

func TestIngressControllerOf(t *testing.T) {
	for _, test := range []struct {
		class      string
		annotation string
		want       Controller
	}{
		{"nginx", "", IngressNginx},
		{"nginx", "nginx.org/mergeable-ingress-type", F5Nginx},
		{"nginx", "nginx.ingress.kubernetes.io/auth-url", IngressNginx},
		{"alb", "nginx.ingress.kubernetes.io/auth-url", AWSALB},
		{"", "traefik.ingress.kubernetes.io/router.tls", Traefik},
		{"edge", "", ""},
		{"", "", ""},
	} {
		in := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{test.annotation: "x"}}}
		if test.class != "" {
			in.Spec.IngressClassName = &test.class
		}
		if got := (&Inventory{}).IngressControllerOf(in); got != test.want {
			t.Errorf("class %q with %q: got %q, want %q", test.class, test.annotation, got, test.want)
		}
	}
}

func TestProxiesOfTheWholeCluster(t *testing.T) {
	w := &Workload{Ref: Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "infra", Name: "proxy"}}
	w.Template.Spec.Containers = []corev1.Container{{Image: "traefik:v3"}}
	inv := &Inventory{}
	if len(inv.Proxies()) != 0 {
		t.Fatal("nothing was read")
	}
	inv.Whole = &Inventory{Workloads: []*Workload{w}}
	if got := inv.Proxies(); len(got) != 1 || got[0].Controller != Traefik {
		t.Errorf("got %v, want the proxy of a namespace that is not in scope", got)
	}
}
