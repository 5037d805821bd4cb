package exposure

import (
	"fmt"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// BackendTLS tells of ways from the internet whose last part is in clear.
var BackendTLS = &harden.Fixer{
	ID:       "backend-tls",
	Title:    "goes on to the pods in clear",
	Area:     harden.AreaExposure,
	Severity: harden.Info,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress, harden.KindHTTPRoute},
	Doc: `
TLS ends at the edge of the cluster, and from there to the pods HTTP is in clear.

Fields:

    metadata.annotations['nginx.ingress.kubernetes.io/backend-protocol'], the same of alb.ingress.kubernetes.io
    BackendTLSPolicies of the Gateway API
    appProtocol and names of the ports of the Service
    labels and annotations of the namespace and the pods that put them into a mesh

Allowed: backend-protocol HTTPS or GRPCS; passthrough; a BackendTLSPolicy for the Service;
appProtocol or port name https; pods in the mesh of Istio or Linkerd. Routes that the
internet is known not to reach, and those without TLS, are passed over.

**Why it matters.** It is advice: whoever reads along on the network of the nodes sees what
visitors send. Rules for card payments and the like ask for encryption all the way.

**The fix.** By hand: the program must serve TLS, or a mesh must do so for it.

**Traps.** A network plugin that encrypts between nodes (WireGuard, IPsec) does much of the
same and is not seen here.
`,
	Refs:  refs("NSA encryption"),
	Reads: harden.InCluster(routeAndBackendParts...),
	Check: checkBackendTLS,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return manual("encrypt up to the pods", fmt.Sprintf("Let the pods behind %s %s/%s serve TLS and say so (backend-protocol: HTTPS, a BackendTLSPolicy), or put them into a mesh with mutual TLS.", p.Object.Kind, p.Object.Namespace, p.Object.Name))
	},
}

func checkBackendTLS(p *harden.Pass) {
	if in := harden.Content[*networkingv1.Ingress](p.Item); in != nil {
		if ingressOf(p) == nil {
			return
		}
		if !hasTLS(p.Inventory, in) {
			p.NotApplicable()
			return
		}
		protocol := in.Annotations[nginxPrefix+"backend-protocol"] + in.Annotations[albPrefix+"backend-protocol"]
		if in.Annotations[nginxPrefix+"ssl-passthrough"] == "true" || strings.HasSuffix(strings.ToUpper(protocol), "S") {
			return
		}
	}
	r := p.Inventory.RouteOf(p.Item.Content)
	if r == nil || !r.Exposure.Outside() || r.Kind == harden.KindHTTPRoute && !overHTTPS(p.Inventory, customOf(p), r.Namespace) {
		p.NotApplicable()
		return
	}
	var clear []string
	for _, rule := range r.Rules {
		for _, b := range rule.Backends {
			if !encrypted(p.Inventory, b) {
				clear = append(clear, b.Service)
			}
		}
	}
	if len(clear) > 0 {
		p.Report(harden.Finding{Field: "spec", Reason: "in clear to " + clear[0], Detail: fmt.Sprintf("From the proxy to the pods of Service %s nothing is known to encrypt.", clear[0])})
	}
}

// encrypted reports whether the way to the backend is known to be encrypted, or not known at all.
func encrypted(inv *harden.Inventory, b harden.RouteBackend) bool {
	s := inv.Net.Service(b.Namespace, b.Service)
	if s == nil {
		return true
	}
	port := targetOf(s, b.Port)
	if port == nil || port.Port == 443 || strings.HasPrefix(port.Name, "https") || port.AppProtocol != nil && strings.Contains(strings.ToLower(*port.AppProtocol), "https") {
		return true
	}
	if s.Annotations["traefik.ingress.kubernetes.io/service.serversscheme"] == "https" {
		return true
	}
	for _, policy := range harden.All[*unstructured.Unstructured](inv, harden.KindBackendTLSPolicy) {
		for _, target := range harden.Maps(policy.Object, "spec", "targetRefs") {
			if policy.GetNamespace() == s.Namespace && harden.Text(target, "kind") == "Service" && harden.Text(target, "name") == s.Name {
				return true
			}
		}
	}
	return inMesh(inv, s.Namespace, behind(inv, s))
}

func inMesh(inv *harden.Inventory, namespace string, workloads []*harden.Workload) bool {
	if ns := inv.Namespaces[namespace]; ns != nil {
		if ns.Labels["istio-injection"] == "enabled" || ns.Labels["istio.io/rev"] != "" || ns.Labels["istio.io/dataplane-mode"] == "ambient" || ns.Annotations["linkerd.io/inject"] == "enabled" {
			return true
		}
	}
	for _, w := range workloads {
		if w.Template.Labels["sidecar.istio.io/inject"] == "true" || w.Template.Annotations["linkerd.io/inject"] == "enabled" {
			return true
		}
	}
	return false
}
