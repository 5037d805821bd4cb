package exposure

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HeaderReferrerPolicy finds sites that tell others their addresses in full.
var HeaderReferrerPolicy = &harden.Fixer{
	ID:       "header-referrer-policy",
	Title:    "tells other sites its addresses in full",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    headerKinds,
	Doc: `
Answers of a route have no Referrer-Policy, or unsafe-url, as far as the proxy decides.

Fields:

    ingress-nginx: custom-headers with global-allowed-response-headers, add-headers, snippets
    Traefik: spec.headers.referrerPolicy of Middlewares; Contour: responseHeadersPolicy
    HTTPRoute: filters of type ResponseHeaderModifier; VirtualService: headers.response

Allowed: any value but unsafe-url. An ALB cannot send the header: the application must.

**Why it matters.** Addresses hold names, searches and now and then tokens, and go to every
site that a page links to or loads something from.

**The fix.** The proxy sends strict-origin-when-cross-origin, which is what browsers of
today do by themselves. It is safe once an answer has shown that nothing else is sent;
nobody asked, so a person decides.

**Traps.** Only the proxy's configuration is read: an unknown is reported where the proxy
sets others of these headers and not this one; where it sets none, they are the
application's, and header-csp says so.
`,
	Refs:  refs("Kubernetes ingress-nginx: custom headers https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#custom-headers"),
	Reads: harden.InCluster(routeParts...),
	Check: referrerPolicy.check,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return setHeader(p, f, referrerPolicy.name, referrerPolicy.value)
	},
}

var referrerPolicy = headerRule{name: "Referrer-Policy", value: "strict-origin-when-cross-origin", wrong: func(value string) string {
	if v := strings.TrimSpace(value); v == "" || strings.EqualFold(v, "unsafe-url") {
		return "addresses go out in full"
	}
	return ""
}}
