package exposure

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressDangling finds rules that lead nowhere.
var IngressDangling = &harden.Fixer{
	ID:       "ingress-dangling",
	Title:    "leads to a Service that is not there",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress},
	Doc: `
The backend of an Ingress is a Service that does not exist, or a port that it does not have.

Fields:

    spec.rules[].http.paths[].backend.service.{name,port}
    spec.defaultBackend.service
    spec.ports of the Service

Allowed: Services of the same namespace with that port; backends that are resources; names
of actions of an ALB (port use-annotation).

**Why it matters.** The host still leads here, certificate and all. Whoever may make a
Service of that name gets its visitors.

**The fix.** By hand: make the Service, or take the rule and the DNS name away.

**Traps.** Only a port of a Service that is there is judged in files: a missing Service may
be in another file.
`,
	Refs:  refs("Kubescape C-0298"),
	Reads: harden.InCluster(routeParts...),
	Check: checkDangling,
	Fix:   fixDangling,
}

// RouteDangling finds routes that lead nowhere.
var RouteDangling = &harden.Fixer{
	ID:       "route-dangling",
	Title:    "leads to a Service that is not there",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds: []schema.GroupKind{
		harden.KindHTTPRoute, harden.KindGRPCRoute, harden.KindTLSRoute, harden.KindTCPRoute, harden.KindUDPRoute,
		harden.KindVirtualService, harden.KindIngressRoute, harden.KindHTTPProxy,
	},
	Doc: `
A route of the Gateway API, of Istio, Traefik or Contour leads to a Service that does not
exist, or to a port that it does not have.

Fields:

    spec.rules[].backendRefs of HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute
    spec.http[].route[].destination of a VirtualService
    spec.routes[].services of an IngressRoute or HTTPProxy

Allowed: Services with that port; backends of other kinds; destinations of a VirtualService
with names that are not the cluster's.

**Why it matters.** The host still leads here, certificate and all. Whoever may make a
Service of that name gets its visitors; until then they get errors.

**The fix.** By hand: make the Service, or take the rule and the DNS name away.

**Traps.** Only a port of a Service that is there is judged in files: a missing Service may
be in another file. Routes of the mesh alone are passed over.
`,
	Refs:  refs("Kubescape C-0302"),
	Reads: harden.InCluster(routeParts...),
	Check: checkDangling,
	Fix:   fixDangling,
}

func checkDangling(p *harden.Pass) {
	if p.Item.Ref.Kind == harden.KindIngress.Kind && ingressOf(p) == nil {
		return
	}
	r := p.Inventory.RouteOf(p.Item.Content)
	if r == nil {
		p.NotApplicable()
		return
	}
	seen := map[string]bool{}
	for _, rule := range r.Rules {
		for _, b := range rule.Backends {
			at := b.Namespace + "/" + b.Service + ":" + b.Port
			if seen[at] || b.Port == "use-annotation" || b.Service == "" {
				continue
			}
			seen[at] = true
			if p.Inventory.Live() && p.Inventory.Unreadable(harden.Services, b.Namespace) != "" {
				p.Needs(b.Namespace, harden.KindService)
				return
			}
			if reason := missing(p.Inventory, b); reason != "" {
				p.Report(harden.Finding{
					Discriminator: at, Field: "spec", Reason: reason, Detail: fmt.Sprintf("%s %s leads to %s: %s.", p.Object.Kind, p.Object.Name, harden.OneLine(at), reason),
				})
			}
		}
	}
}

// missing tells what of the backend is not there, or "".
func missing(inv *harden.Inventory, b harden.RouteBackend) string {
	s := inv.Net.Service(b.Namespace, b.Service)
	switch {
	case s == nil && inv.Live() && covered(inv, b.Namespace):
		return "no Service " + harden.OneLine(b.Service)
	case s == nil || b.Port == "" || s.Spec.Type == corev1.ServiceTypeExternalName:
		return ""
	}
	for _, port := range s.Spec.Ports {
		if port.Name == b.Port || strconv.Itoa(int(port.Port)) == b.Port {
			return ""
		}
	}
	return fmt.Sprintf("Service %s has no port %s", b.Service, harden.OneLine(b.Port))
}

// covered reports whether the namespace was read.
func covered(inv *harden.Inventory, namespace string) bool {
	if inv.Clusterwide {
		return true
	}
	for _, ns := range inv.Scope {
		if ns == namespace {
			return true
		}
	}
	return false
}

func fixDangling(p *harden.Pass, f *harden.Finding) []harden.Fix {
	service, _, _ := strings.Cut(f.Discriminator, ":")
	return manual("make the Service or take the rule away", fmt.Sprintf("Make Service %s with that port, or remove the rule from %s %s/%s, and the DNS name if nothing else is behind it.",
		harden.OneLine(service), p.Object.Kind, p.Object.Namespace, p.Object.Name))
}
