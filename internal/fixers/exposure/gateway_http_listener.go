package exposure

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// GatewayHTTPListener finds Gateways that serve programs in clear.
var GatewayHTTPListener = &harden.Fixer{
	ID:       "gateway-http-listener",
	Title:    "serves programs in clear",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindGateway},
	Doc: `
A listener for HTTP of a Gateway carries routes that do more than redirect.

Fields:

    spec.listeners[].protocol, name, port
    spec.parentRefs and spec.rules[].filters of the HTTPRoutes that attach to it
    status.addresses, spec.gatewayClassName and the Service of the Gateway

Allowed: a Gateway that the internet is known not to reach; a listener without routes;
routes all of whose rules redirect to https.

**Why it matters.** What goes over the listener is read and changed by whoever is on the
way. A route that names no listener attaches to all, also to that for HTTP, which is
easily overlooked.

**The fix.** By hand, since it takes two objects that belong to different people: the
routes name the HTTPS listener in sectionName, and a route of its own on the HTTP listener
redirects.

**Traps.** Challenges of ACME (cert-manager) come over HTTP: their short-lived routes are
passed over. GRPCRoutes in clear are not looked at.
`,
	Refs:  refs("NSA encryption", "Kubescape C-0266"),
	Reads: harden.InCluster(routeParts...),
	Check: checkGatewayHTTPListener,
	Fix:   fixGatewayHTTPListener,
}

func checkGatewayHTTPListener(p *harden.Pass) {
	gateway := harden.Content[*unstructured.Unstructured](p.Item)
	if gateway == nil {
		return
	}
	e := p.Inventory.GatewayExposure(gateway)
	if !e.Outside() {
		p.NotApplicable()
		return
	}
	if !p.Needs(gateway.GetNamespace(), harden.KindHTTPRoute) {
		return
	}
	for _, l := range harden.Maps(gateway.Object, "spec", "listeners") {
		if harden.Text(l, "protocol") != "HTTP" {
			continue
		}
		var clear []string
		for _, r := range routesOn(p.Inventory, gateway.GetNamespace(), gateway.GetName()) {
			if r.ref.Kind == harden.KindHTTPRoute.Kind && onListener(r, gateway, l) && !onlyRedirects(r.route) {
				clear = append(clear, r.ref.Namespace+"/"+r.ref.Name)
			}
		}
		if len(clear) > 0 {
			name := harden.Text(l, "name")
			p.Report(harden.Finding{
				Discriminator: name, Field: fmt.Sprintf("spec.listeners[%s]", name), Reason: fmt.Sprintf("listener %s: routes in clear", name),
				Detail: fmt.Sprintf("The listener %s for HTTP carries %s, which do more than redirect; %s.", name, namesOf(clear), e.Why),
			})
		}
	}
}

func onListener(r attached, gateway *unstructured.Unstructured, listener map[string]any) bool {
	for _, parent := range harden.Maps(r.route, "spec", "parentRefs") {
		ns := harden.Text(parent, "namespace")
		if ns == "" {
			ns = r.ref.Namespace
		}
		if harden.Text(parent, "name") == gateway.GetName() && ns == gateway.GetNamespace() && attaches(parent, listener) {
			return true
		}
	}
	return false
}

// onlyRedirects reports whether all rules send visitors to https, or the route is one of cert-manager's challenges.
func onlyRedirects(route map[string]any) bool {
	if harden.Text(route, "metadata", "labels", "acme.cert-manager.io/http01-solver") == "true" {
		return true
	}
	rules := harden.Maps(route, "spec", "rules")
	for _, rule := range rules {
		redirects := false
		for _, f := range harden.Maps(rule, "filters") {
			redirects = redirects || harden.Text(f, "type") == "RequestRedirect" && strings.EqualFold(harden.Text(f, "requestRedirect", "scheme"), "https")
		}
		if !redirects {
			return false
		}
	}
	return len(rules) > 0
}

func fixGatewayHTTPListener(p *harden.Pass, f *harden.Finding) []harden.Fix {
	https := ""
	for _, l := range harden.Maps(customOf(p), "spec", "listeners") {
		if harden.Text(l, "protocol") == "HTTPS" && https == "" {
			https = harden.Text(l, "name")
		}
	}
	first := "Add a listener for HTTPS with a certificate to the Gateway. "
	if https != "" {
		first = ""
	} else {
		https = "HTTPS-LISTENER"
	}
	return manual("redirect to HTTPS", fmt.Sprintf("%sIn parentRefs of the routes of Gateway %s/%s set sectionName: %s, and make an HTTPRoute with sectionName: %s whose one rule has the filter "+
		"{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}.", first, p.Object.Namespace, p.Object.Name, https, f.Discriminator))
}
