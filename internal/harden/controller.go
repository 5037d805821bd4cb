package harden

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// A Controller is the program that serves routes: an Ingress, a route of the
// Gateway API, or a custom resource that is alike.
type Controller string

// Controllers; the empty one is not known.
const (
	IngressNginx Controller = "ingress-nginx" // kubernetes/ingress-nginx, not F5's
	AWSALB       Controller = "AWS Load Balancer Controller"
	GKEIngress   Controller = "GKE Ingress"
	Traefik      Controller = "Traefik"
	Kong         Controller = "Kong"
	Contour      Controller = "Contour"
	Istio        Controller = "Istio"
	F5Nginx      Controller = "NGINX Ingress Controller"
	HAProxy      Controller = "HAProxy"
	Cilium       Controller = "Cilium"
	EnvoyGateway Controller = "Envoy Gateway"
	AzureGateway Controller = "Application Gateway Ingress Controller"
	OpenShift    Controller = "OpenShift router"
	Tailscale    Controller = "Tailscale"
)

// controllersByName are the values of spec.controller of IngressClasses, and of
// spec.controllerName of GatewayClasses, by their beginning.
var controllersByName = []struct {
	prefix     string
	controller Controller
}{
	{"k8s.io/ingress-nginx", IngressNginx},
	{"ingress.k8s.aws/alb", AWSALB},
	{"eks.amazonaws.com/alb", AWSALB},
	{"gateway.k8s.aws/", AWSALB},
	{"traefik.io/", Traefik},
	{"ingress-controllers.konghq.com/", Kong},
	{"konghq.com/", Kong},
	{"projectcontour.io/", Contour},
	{"istio.io/", Istio},
	{"nginx.org/", F5Nginx},
	{"haproxy", HAProxy},
	{"cilium.io/", Cilium},
	{"io.cilium/", Cilium},
	{"gateway.envoyproxy.io/", EnvoyGateway},
	{"networking.gke.io/", GKEIngress},
	{"azure/application-gateway", AzureGateway},
	{"openshift.io/", OpenShift},
	{"tailscale.com/", Tailscale},
}

func controllerNamed(name string) Controller {
	for _, known := range controllersByName {
		if strings.HasPrefix(name, known.prefix) {
			return known.controller
		}
	}
	return ""
}

// controllersByClass are names of classes that mean one controller by custom,
// for clusters and files where no IngressClass says it.
var controllersByClass = map[string]Controller{
	"nginx": IngressNginx, "alb": AWSALB, "gce": GKEIngress, "gce-internal": GKEIngress, "traefik": Traefik, "kong": Kong, "contour": Contour, "istio": Istio,
	"haproxy": HAProxy, "cilium": Cilium, "azure-application-gateway": AzureGateway, "azure/application-gateway": AzureGateway, "tailscale": Tailscale,
}

var controllersByAnnotation = []struct {
	prefix     string
	controller Controller
}{
	{"nginx.ingress.kubernetes.io/", IngressNginx},
	{"alb.ingress.kubernetes.io/", AWSALB},
	{"traefik.ingress.kubernetes.io/", Traefik},
	{"nginx.org/", F5Nginx},
	{"konghq.com/", Kong},
	{"projectcontour.io/", Contour},
	{"appgw.ingress.kubernetes.io/", AzureGateway},
	{"networking.gke.io/", GKEIngress},
	{"route.openshift.io/", OpenShift},
}

// ingressClassAnnotation named the class before there was a field.
const ingressClassAnnotation = "kubernetes.io/ingress.class"

// IngressClassOf is the class of an Ingress: its own, or the default one.
func (i *Inventory) IngressClassOf(in *networkingv1.Ingress) (name string, class *networkingv1.IngressClass) {
	name = cmp.Or(ptrString(in.Spec.IngressClassName), in.Annotations[ingressClassAnnotation])
	if name != "" {
		return name, Content[*networkingv1.IngressClass](i.Object(KindIngressClass, "", name))
	}
	for _, class := range All[*networkingv1.IngressClass](i, KindIngressClass) {
		if class.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true" {
			return class.Name, class
		}
	}
	return "", nil
}

// IngressControllerOf is who serves an Ingress: by its class, by what the class
// is called, or by whose annotations it has.
func (i *Inventory) IngressControllerOf(in *networkingv1.Ingress) Controller {
	name, class := i.IngressClassOf(in)
	if class != nil {
		return controllerNamed(class.Spec.Controller)
	}
	byClass := controllersByClass[name]
	if byClass != "" && byClass != IngressNginx { // nginx is what F5's class is called as well
		return byClass
	}
	for _, known := range controllersByAnnotation {
		for key := range in.Annotations {
			if strings.HasPrefix(key, known.prefix) && (byClass == "" || known.controller == F5Nginx) {
				return known.controller
			}
		}
	}
	return byClass
}

// proxyImages are the last parts of the paths of images that serve routes.
var proxyImages = []struct {
	suffix     string
	controller Controller
}{
	{"ingress-nginx/controller", IngressNginx},
	{"ingress-nginx/controller-chroot", IngressNginx},
	{"rancher/nginx-ingress-controller", IngressNginx},
	{"bitnami/nginx-ingress-controller", IngressNginx},
	{"bitnamilegacy/nginx-ingress-controller", IngressNginx},
	{"traefik", Traefik},
	{"kong", Kong},
	{"kong-gateway", Kong},
	{"nginx/nginx-ingress", F5Nginx},
	{"haproxytech/kubernetes-ingress", HAProxy},
	{"haproxy-ingress", HAProxy},
}

// ServesRoutes is the controller whose proxies the pods are, by their images and labels; empty for others.
func ServesRoutes(template *corev1.PodTemplateSpec) Controller {
	for _, c := range template.Spec.Containers {
		path := ImagePath(c.Image)
		for _, known := range proxyImages {
			if path == known.suffix || strings.HasSuffix(path, "/"+known.suffix) {
				return known.controller
			}
		}
	}
	l := template.Labels
	switch {
	case l["app.kubernetes.io/name"] == "ingress-nginx" && l["app.kubernetes.io/component"] == "controller":
		return IngressNginx
	case l["istio"] == "ingressgateway", l["gateway.istio.io/managed"] != "" && l["gateway.networking.k8s.io/gateway-name"] != "":
		return Istio
	case l["app.kubernetes.io/name"] == "contour" && l["app.kubernetes.io/component"] == "envoy", l["app"] == "envoy" && hasImage(template, "envoy"):
		return Contour
	case l["gateway.envoyproxy.io/owning-gateway-name"] != "":
		return EnvoyGateway
	}
	return ""
}

func hasImage(template *corev1.PodTemplateSpec, last string) bool {
	return slices.ContainsFunc(template.Spec.Containers, func(c corev1.Container) bool {
		path := ImagePath(c.Image)
		return path == last || strings.HasSuffix(path, "/"+last)
	})
}

// ImagePath is an image reference without tag and digest.
func ImagePath(image string) string {
	path, _, _ := strings.Cut(image, "@")
	if at := strings.LastIndex(path, ":"); at > strings.LastIndex(path, "/") {
		path = path[:at]
	}
	return path
}

// A Proxy is a workload that serves routes.
type Proxy struct {
	Controller Controller
	Workload   *Workload
	Exposure   Exposure // the widest of the Services that select it
	Services   []*corev1.Service
}

type proxies struct{ all []*Proxy }

// Proxies are the workloads that serve routes, in the order of the workloads: of
// the whole cluster where somebody looked at the network, else of what was read.
func (i *Inventory) Proxies() []*Proxy {
	if whole := i.Around(); whole != nil {
		return whole.Proxies()
	}
	return Derive(i, func(i *Inventory) proxies {
		var out proxies
		for _, w := range i.Workloads {
			controller := ServesRoutes(&w.Template)
			if controller == "" {
				continue
			}
			p := &Proxy{Controller: controller, Workload: w}
			for _, s := range i.Net.Services {
				if s.Namespace == w.Ref.Namespace && Selects(s, w) {
					p.Services = append(p.Services, s)
					p.Exposure = wider(p.Exposure, i.ServiceExposure(s))
				}
			}
			if opensNodePorts(&w.Template.Spec) {
				p.Exposure = wider(p.Exposure, nodesExposedOf(i).Exposure)
			}
			out.all = append(out.all, p)
		}
		return out
	}, ProxyWorkloads, KindService).all
}

// Selects reports whether the Service leads to the pods of the workload. One
// without a selector has its endpoints from somewhere else and selects nothing.
func Selects(s *corev1.Service, w *Workload) bool {
	return s.Namespace == w.Ref.Namespace && len(s.Spec.Selector) > 0 && s.Spec.Type != corev1.ServiceTypeExternalName && matches(s.Spec.Selector, w.Template.Labels)
}

// matches is for every pod with every Service: it makes no selector.
func matches(selector, labels map[string]string) bool {
	for key, value := range selector {
		if own, ok := labels[key]; !ok || own != value {
			return false
		}
	}
	return true
}

// Arg is the value of the first of the flags (such as --configmap) that a container of the proxy is started with.
func (p *Proxy) Arg(flag string) (value string, ok bool) {
	for _, c := range p.Workload.Template.Spec.Containers {
		for _, args := range [][]string{c.Command, c.Args} {
			for n, arg := range args {
				if v, ok := strings.CutPrefix(arg, flag+"="); ok {
					return v, true
				}
				if arg == flag && n+1 < len(args) {
					return args[n+1], true
				}
			}
		}
	}
	return "", false
}

func opensNodePorts(spec *corev1.PodSpec) bool {
	for _, c := range spec.Containers {
		for _, port := range c.Ports {
			if port.HostPort > 0 || spec.HostNetwork {
				return true
			}
		}
	}
	return false
}

// proxyExposure is how far the proxies of a controller reach; those that are
// started for the class alone where there are such.
func (i *Inventory) proxyExposure(controller Controller, class string) Exposure {
	var e Exposure
	found := false
	for _, p := range i.Proxies() {
		if p.Controller != controller {
			continue
		}
		if named, ok := p.Arg("--ingress-class"); ok && class != "" && named != class {
			continue
		}
		e, found = wider(e, p.Exposure), true
	}
	if !found || controller == "" {
		return Exposure{PerhapsInternet, "the Service of its controller is not known"}
	}
	if e.Reachability == ClusterOnly {
		return Exposure{ClusterOnly, "its controller is reached from within the cluster only"}
	}
	e.Why = "its controller " + string(controller) + " is behind it: " + e.Why
	return e
}

// IngressExposure judges from how far an Ingress is reached.
func (i *Inventory) IngressExposure(in *networkingv1.Ingress) Exposure {
	var status []corev1.LoadBalancerIngress
	for _, s := range in.Status.LoadBalancer.Ingress {
		status = append(status, corev1.LoadBalancerIngress{IP: s.IP, Hostname: s.Hostname})
	}
	if e, ok := byStatus(status); ok {
		return e
	}
	name, class := i.IngressClassOf(in)
	switch controller := i.IngressControllerOf(in); controller {
	case AWSALB:
		scheme := in.Annotations["alb.ingress.kubernetes.io/scheme"]
		if params := i.ClassParams(class); params != nil {
			scheme = cmp.Or(Text(params.Object, "spec", "scheme"), scheme) // what an administrator wrote wins
		}
		if scheme == "internet-facing" {
			return Exposure{FromInternet, "its scheme is internet-facing"}
		}
		return Exposure{NetworkOnly, "load balancers of the AWS Load Balancer Controller are internal unless their scheme is internet-facing"}
	case GKEIngress:
		if name == "gce-internal" {
			return Exposure{NetworkOnly, "its class gce-internal is internal"}
		}
		return Exposure{FromInternet, "GKE makes an external load balancer for it"}
	case Tailscale:
		if in.Annotations["tailscale.com/funnel"] == "true" {
			return Exposure{FromInternet, "Tailscale Funnel opens it to the internet"}
		}
		return Exposure{NetworkOnly, "it is reached by a tailnet only"}
	default:
		return i.proxyExposure(controller, name)
	}
}
