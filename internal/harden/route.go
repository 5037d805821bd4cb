package harden

import (
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A Route is an object that leads requests from outside to Services.
type Route struct {
	Kind       schema.GroupKind
	Namespace  string
	Name       string
	Controller Controller // empty where it is not known
	Exposure   Exposure
	Rules      []RouteRule
}

// A RouteRule is one path of a Route.
type RouteRule struct {
	Hosts    []string // none: all
	Path     string   // as written; empty: all
	Exact    bool     // the path alone, not what is below it
	Redirect bool     // it only answers with another place
	Backends []RouteBackend
}

// A RouteBackend is the Service that requests go to.
type RouteBackend struct {
	Namespace, Service string
	Port               string // a number or a name; empty where nothing is said
}

// RouteKinds are the kinds that RouteOf reads.
func RouteKinds() []schema.GroupKind {
	return []schema.GroupKind{KindIngress, KindHTTPRoute, KindGRPCRoute, KindTLSRoute, KindTCPRoute, KindUDPRoute, KindVirtualService, KindIngressRoute, KindHTTPProxy}
}

// RouteOf reads a route; nil for another object, and for a VirtualService of the mesh alone.
func (i *Inventory) RouteOf(content metav1.Object) *Route {
	switch o := content.(type) {
	case *networkingv1.Ingress:
		r := &Route{Kind: KindIngress, Namespace: o.Namespace, Name: o.Name, Controller: i.IngressControllerOf(o), Exposure: i.IngressExposure(o)}
		ingressRules(r, o)
		return r
	case *unstructured.Unstructured:
		kind := o.GroupVersionKind().GroupKind()
		r := &Route{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
		switch kind {
		case KindHTTPRoute, KindGRPCRoute, KindTLSRoute, KindTCPRoute, KindUDPRoute:
			i.gatewayRoute(r, o.Object)
		case KindVirtualService:
			if !i.virtualService(r, o.Object) {
				return nil
			}
		case KindIngressRoute:
			i.ingressRoute(r, o.Object)
		case KindHTTPProxy:
			i.httpProxy(r, o.Object)
		default:
			return nil
		}
		return r
	}
	return nil
}

func ingressRules(r *Route, in *networkingv1.Ingress) {
	add := func(host, path string, exact bool, b *networkingv1.IngressBackend) {
		rule := RouteRule{Path: path, Exact: exact}
		if host != "" {
			rule.Hosts = []string{host}
		}
		if b.Service != nil {
			port := b.Service.Port.Name
			if b.Service.Port.Number != 0 {
				port = strconv.Itoa(int(b.Service.Port.Number))
			}
			rule.Backends = []RouteBackend{{in.Namespace, b.Service.Name, port}}
		}
		r.Rules = append(r.Rules, rule)
	}
	for _, rule := range in.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for n := range rule.HTTP.Paths {
			p := &rule.HTTP.Paths[n]
			add(rule.Host, p.Path, p.PathType != nil && *p.PathType == networkingv1.PathTypeExact, &p.Backend)
		}
	}
	if in.Spec.DefaultBackend != nil {
		add("", "", false, in.Spec.DefaultBackend)
	}
}

func (i *Inventory) gatewayRoute(r *Route, o map[string]any) {
	hosts := Texts(o, "spec", "hostnames")
	for _, rule := range Maps(o, "spec", "rules") {
		out := RouteRule{Hosts: hosts}
		for _, b := range Maps(rule, "backendRefs") {
			if backend, ok := gatewayBackend(b, r.Namespace); ok {
				out.Backends = append(out.Backends, backend)
			}
		}
		for _, f := range Maps(rule, "filters") {
			out.Redirect = out.Redirect || Text(f, "type") == "RequestRedirect"
		}
		matches := Maps(rule, "matches")
		if len(matches) == 0 {
			r.Rules = append(r.Rules, out)
		}
		for _, m := range matches {
			one := out
			one.Path, one.Exact = Text(m, "path", "value"), Text(m, "path", "type") == "Exact"
			r.Rules = append(r.Rules, one)
		}
	}
	r.Exposure = Exposure{ClusterOnly, "it is attached to no Gateway"}
	for _, parent := range Maps(o, "spec", "parentRefs") {
		if kind := Text(parent, "kind"); kind != "" && kind != "Gateway" {
			continue // a Service: the mesh alone
		}
		ns := Text(parent, "namespace")
		if ns == "" {
			ns = r.Namespace
		}
		gateway := Content[*unstructured.Unstructured](i.Object(KindGateway, ns, Text(parent, "name")))
		if gateway == nil {
			r.Exposure = wider(r.Exposure, Exposure{PerhapsInternet, "its Gateway " + ns + "/" + Text(parent, "name") + " is not known"})
			continue
		}
		r.Controller = i.GatewayController(gateway)
		r.Exposure = wider(r.Exposure, i.GatewayExposure(gateway))
	}
}

func gatewayBackend(b map[string]any, namespace string) (RouteBackend, bool) {
	if kind := Text(b, "kind"); kind != "" && kind != "Service" || Text(b, "group") != "" {
		return RouteBackend{}, false
	}
	if ns := Text(b, "namespace"); ns != "" {
		namespace = ns
	}
	return RouteBackend{namespace, Text(b, "name"), number(b["port"])}, Text(b, "name") != ""
}

// virtualService is false for one that only the mesh itself looks at.
func (i *Inventory) virtualService(r *Route, o map[string]any) bool {
	r.Controller = Istio
	outside := false
	for _, gateway := range Texts(o, "spec", "gateways") {
		if gateway == "mesh" {
			continue
		}
		outside = true
		ns, name, ok := strings.Cut(gateway, "/")
		if !ok {
			ns, name = r.Namespace, gateway
		}
		found := Content[*unstructured.Unstructured](i.Object(KindIstioGateway, ns, name))
		if found == nil {
			r.Exposure = wider(r.Exposure, Exposure{PerhapsInternet, "its Gateway " + ns + "/" + name + " is not known"})
			continue
		}
		r.Exposure = wider(r.Exposure, i.IstioGatewayExposure(found))
	}
	hosts := Texts(o, "spec", "hosts")
	for _, part := range []string{"http", "tls", "tcp"} {
		for _, rule := range Maps(o, "spec", part) {
			out := RouteRule{Hosts: hosts, Redirect: Has(rule, "redirect")}
			for _, to := range Maps(rule, "route") {
				if b, ok := hostBackend(Text(to, "destination", "host"), r.Namespace); ok {
					b.Port = number(Field(to, "destination", "port", "number"))
					out.Backends = append(out.Backends, b)
				}
			}
			matches := Maps(rule, "match")
			if len(matches) == 0 {
				r.Rules = append(r.Rules, out)
			}
			for _, m := range matches {
				one := out
				one.Path = Text(m, "uri", "prefix")
				if exact := Text(m, "uri", "exact"); exact != "" {
					one.Path, one.Exact = exact, true
				}
				r.Rules = append(r.Rules, one)
			}
		}
	}
	return outside
}

// hostBackend reads the host of an Istio destination: NAME, NAME.NAMESPACE.svc
// or with the cluster's domain. Other names with dots may be of a ServiceEntry.
func hostBackend(host, namespace string) (RouteBackend, bool) {
	host = strings.TrimSuffix(host, ".cluster.local")
	base, ok := strings.CutSuffix(host, ".svc")
	name, ns, dotted := strings.Cut(base, ".")
	switch {
	case host == "" || strings.Contains(ns, "."):
		return RouteBackend{}, false
	case !dotted:
		return RouteBackend{Namespace: namespace, Service: name}, true
	}
	return RouteBackend{Namespace: ns, Service: name}, ok
}

func (i *Inventory) ingressRoute(r *Route, o map[string]any) {
	r.Controller = Traefik
	r.Exposure = i.proxyExposure(Traefik, "")
	for _, rule := range Maps(o, "spec", "routes") {
		match := Text(rule, "match")
		out := RouteRule{Hosts: matchers(match, "Host"), Backends: services(rule, r.Namespace)}
		paths := matchers(match, "PathPrefix")
		exact := len(paths) == 0
		if exact {
			paths = matchers(match, "Path")
		}
		if len(paths) == 0 {
			r.Rules = append(r.Rules, out)
		}
		for _, path := range paths {
			one := out
			one.Path, one.Exact = path, exact
			r.Rules = append(r.Rules, one)
		}
	}
}

// matchers are the arguments of a function in a rule of Traefik, such as Host(`a`, `b`).
func matchers(rule, function string) []string {
	var out []string
	for rest := rule; ; {
		at := strings.Index(rest, function+"(")
		if at < 0 {
			return out
		}
		negated := strings.HasSuffix(rest[:at], "!")
		inner := rest[at+len(function)+1:]
		end := strings.Index(inner, ")")
		if end < 0 {
			return out
		}
		for arg := range strings.SplitSeq(inner[:end], ",") {
			if arg = strings.Trim(strings.TrimSpace(arg), "`\"'"); arg != "" && !negated {
				out = append(out, arg)
			}
		}
		rest = inner[end:]
	}
}

func (i *Inventory) httpProxy(r *Route, o map[string]any) {
	r.Controller = Contour
	r.Exposure = i.proxyExposure(Contour, "")
	var hosts []string
	if fqdn := Text(o, "spec", "virtualhost", "fqdn"); fqdn != "" {
		hosts = []string{fqdn}
	}
	for _, rule := range Maps(o, "spec", "routes") {
		out := RouteRule{Hosts: hosts, Redirect: Has(rule, "requestRedirectPolicy"), Backends: services(rule, r.Namespace)}
		for _, c := range Maps(rule, "conditions") {
			if prefix := Text(c, "prefix"); prefix != "" {
				out.Path = prefix
			}
			if exact := Text(c, "exact"); exact != "" {
				out.Path, out.Exact = exact, true
			}
		}
		r.Rules = append(r.Rules, out)
	}
	if tcp, ok := Field(o, "spec", "tcpproxy").(map[string]any); ok {
		r.Rules = append(r.Rules, RouteRule{Hosts: hosts, Backends: services(tcp, r.Namespace)})
	}
}

func services(rule map[string]any, namespace string) []RouteBackend {
	var out []RouteBackend
	for _, s := range Maps(rule, "services") {
		if kind := Text(s, "kind"); kind != "" && kind != "Service" {
			continue
		}
		ns := Text(s, "namespace")
		if ns == "" {
			ns = namespace
		}
		out = append(out, RouteBackend{ns, Text(s, "name"), number(s["port"])})
	}
	return out
}
