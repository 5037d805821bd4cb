package exposure

import (
	"fmt"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// headerKinds are the routes over which browsers come.
var headerKinds = []schema.GroupKind{harden.KindIngress, harden.KindHTTPRoute, harden.KindVirtualService, harden.KindIngressRoute, harden.KindHTTPProxy}

// A headerRule is a response header that a route should have. What the proxy's
// configuration says decides. Where it says nothing the application may send the
// header itself, so that nothing is known; nobody asks it.
type headerRule struct {
	name  string
	value string // what the fix sets
	wrong func(value string) string
	// asked: an unknown is reported for every route from outside. The others are
	// reported only where the proxy sets some of the headers: six unknowns for
	// each route would tell no more than one.
	asked bool
	tls   bool // it means nothing without TLS
	// instead is another header that does the same, with the part of its value that does so.
	instead, part string
}

func (r headerRule) check(p *harden.Pass) {
	set, ok := headersOf(p)
	route := p.Inventory.RouteOf(p.Item.Content)
	if !ok || route == nil || r.tls && !servesTLS(p) {
		p.NotApplicable()
		return
	}
	if other := set[r.instead]; r.instead != "" && other.state == headerSet && strings.Contains(other.value, r.part) {
		return
	}
	f := harden.Finding{Field: "spec"}
	if p.Item.Ref.Kind == harden.KindIngress.Kind {
		f.Field = "metadata.annotations"
	}
	switch h := set[strings.ToLower(r.name)]; h.state {
	case headerSet:
		why := r.wrong(h.value)
		if why == "" {
			return
		}
		f.Verdict, f.Reason = "wrong", why
		f.Detail = fmt.Sprintf("%s is %s, by %s: %s.", r.name, quoted(h.value), h.where, why)
	case headerGone:
		f.Verdict, f.Reason, f.Detail = "gone", "no "+r.name, fmt.Sprintf("Answers have no %s: %s.", r.name, h.where)
	case headerIdle:
		f.Verdict, f.Reason, f.Detail = "no-effect", r.name+" has no effect", fmt.Sprintf("%s is meant to be set and is not: %s.", r.name, h.where)
	default:
		if !route.Exposure.Outside() || !r.asked && !set.any() {
			p.NotApplicable()
			return
		}
		f.Status, f.Reason = harden.StatusUnknown, r.name+" not known"
		f.Detail = fmt.Sprintf("The configuration of the proxy does not set %s for this route. Whether the application sends it was not looked at: curl -sI shows it.", r.name)
	}
	p.Report(f)
}

// servesTLS reports whether the route of the pass is served over TLS.
func servesTLS(p *harden.Pass) bool {
	if in := harden.Content[*networkingv1.Ingress](p.Item); in != nil {
		return hasTLS(p.Inventory, in)
	}
	o := customOf(p)
	switch p.Item.Ref.GroupVersionKind().GroupKind() {
	case harden.KindHTTPRoute:
		return overHTTPS(p.Inventory, o, p.Object.Namespace)
	case harden.KindVirtualService:
		return istioTLS(p.Inventory, o, p.Object.Namespace)
	case harden.KindHTTPProxy:
		return harden.Has(o, "spec", "virtualhost", "tls")
	}
	return harden.Has(o, "spec", "tls")
}

func istioTLS(inv *harden.Inventory, o map[string]any, namespace string) bool {
	for _, gateway := range harden.Texts(o, "spec", "gateways") {
		ns, name, ok := strings.Cut(gateway, "/")
		if !ok {
			ns, name = namespace, gateway
		}
		if u := harden.Content[*unstructured.Unstructured](inv.Object(harden.KindIstioGateway, ns, name)); u != nil {
			for _, server := range harden.Maps(u.Object, "spec", "servers") {
				if harden.Text(server, "port", "protocol") == "HTTPS" {
					return true
				}
			}
		}
	}
	return false
}

func text(n int64) string { return strconv.FormatInt(n, 10) }
