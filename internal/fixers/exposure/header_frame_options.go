package exposure

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HeaderFrameOptions finds sites that others may put into a frame.
var HeaderFrameOptions = &harden.Fixer{
	ID:       "header-frame-options",
	Title:    "lets other sites put it into a frame",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    headerKinds,
	Doc: `
Answers of a route have neither X-Frame-Options nor a Content-Security-Policy with
frame-ancestors, as far as the proxy decides.

Fields:

    ingress-nginx: custom-headers with global-allowed-response-headers, add-headers, snippets
    ALB: listener-attributes (routing.http.response.x_frame_options.header_value)
    Traefik: frameDeny, customFrameOptionsValue of Middlewares; Contour: responseHeadersPolicy
    HTTPRoute: filters of type ResponseHeaderModifier; VirtualService: headers.response

Allowed: DENY, SAMEORIGIN; frame-ancestors in the policy. Browsers ignore ALLOW-FROM.

**Why it matters.** A page of an attacker lays the site invisibly over a button of its own,
and the visitor clicks where he did not mean to.

**The fix.** The proxy sends SAMEORIGIN. A person decides, for applications that partners
embed stop working.

**Traps.** Only the proxy's configuration is read: an unknown is reported where the proxy
sets others of these headers and not this one; where it sets none, they are the
application's, and header-csp says so.
`,
	Refs:  refs("Kubernetes ingress-nginx: custom headers https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#custom-headers"),
	Reads: harden.InCluster(routeParts...),
	Check: frameOptions.check,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return setHeader(p, f, frameOptions.name, frameOptions.value)
	},
}

var frameOptions = headerRule{name: "X-Frame-Options", value: "SAMEORIGIN", instead: "content-security-policy", part: "frame-ancestors", wrong: func(value string) string {
	switch strings.ToUpper(strings.TrimSpace(value)) {
	case "DENY", "SAMEORIGIN":
		return ""
	}
	return "browsers know DENY and SAMEORIGIN only"
}}
