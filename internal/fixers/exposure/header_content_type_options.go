package exposure

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HeaderContentTypeOptions finds sites that let browsers guess what a file is.
var HeaderContentTypeOptions = &harden.Fixer{
	ID:       "header-content-type-options",
	Title:    "lets browsers guess types of content",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    headerKinds,
	Doc: `
Answers of a route have no X-Content-Type-Options: nosniff, as far as the proxy decides.

Fields:

    ingress-nginx: custom-headers with global-allowed-response-headers, add-headers, snippets
    ALB: listener-attributes (routing.http.response.x_content_type_options.header_value)
    Traefik: spec.headers.contentTypeNosniff of Middlewares; Contour: responseHeadersPolicy
    HTTPRoute: filters of type ResponseHeaderModifier; VirtualService: headers.response

Allowed: nosniff.

**Why it matters.** A browser that guesses runs a picture that a user uploaded as a script
of the site.

**The fix.** The proxy sends nosniff. It is safe once an answer has shown that the types
are right; nobody asked, so a person decides.

**Traps.** A site that serves scripts or styles with a wrong type breaks. Only the proxy's
configuration is read: an unknown is reported where the proxy sets others of these headers
and not this one; where it sets none, they are the application's, and header-csp says so.
`,
	Refs:  refs("Kubernetes ingress-nginx: custom headers https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#custom-headers"),
	Reads: harden.InCluster(routeParts...),
	Check: contentTypeOptions.check,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return setHeader(p, f, contentTypeOptions.name, contentTypeOptions.value)
	},
}

var contentTypeOptions = headerRule{name: "X-Content-Type-Options", value: "nosniff", wrong: func(value string) string {
	if strings.EqualFold(strings.TrimSpace(value), "nosniff") {
		return ""
	}
	return "browsers know nosniff only"
}}
