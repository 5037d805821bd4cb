package exposure

import (
	"strconv"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HeaderHSTS finds sites with TLS that do not tell browsers to insist on it.
var HeaderHSTS = &harden.Fixer{
	ID:       "header-hsts",
	Title:    "does not tell browsers to insist on TLS",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    headerKinds,
	Doc: `
Answers of a route with TLS have no Strict-Transport-Security, or one without effect.

Fields:

    ingress-nginx: hsts and hsts-max-age of its ConfigMap, custom-headers, add-headers, snippets
    ALB: listener-attributes (routing.http.response.strict_transport_security.header_value)
    Traefik: spec.headers of Middlewares; Contour: responseHeadersPolicy
    HTTPRoute: filters of type ResponseHeaderModifier; VirtualService: headers.response

Allowed: max-age above 0. ingress-nginx sends it on hosts with TLS by default, which
counts, unless hsts is "false".

**Why it matters.** The first request of each visit goes out in clear and may be caught.
With the header the browser asks over TLS alone, and lets nobody click a warning away.

**The fix.** The proxy sends max-age=300, without subdomains: browsers remember it, so
begin with five minutes and raise it when nothing broke.

**Traps.** Only the proxy's configuration is read. Where it says nothing, the application
may send the header itself: the finding says that it is not known, and nobody asks. A host
that has parts without TLS breaks. Routes without TLS and Ingresses whose TLS ends in the
pods are passed over.
`,
	Refs:  refs("Kubernetes ingress-nginx: HTTP Strict Transport Security https://kubernetes.github.io/ingress-nginx/user-guide/tls/#http-strict-transport-security"),
	Reads: harden.InCluster(routeParts...),
	Check: hsts.check,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		if known := nginxSettings(p.Inventory); f.Verdict == "gone" && p.Item.Ref.Kind == harden.KindIngress.Kind && len(known) == 1 && known[0].data["hsts"] == "false" {
			return checked("switch HSTS on with max-age=300", "It holds for all hosts with TLS of the controller; browsers remember it.", notSeen,
				data(known[0].ref, map[string]any{"hsts": "true", "hsts-max-age": "300", "hsts-include-subdomains": "false"}))
		}
		return setHeader(p, f, hsts.name, hsts.value)
	},
}

var hsts = headerRule{name: "Strict-Transport-Security", value: "max-age=300", asked: true, tls: true, wrong: func(value string) string {
	for part := range strings.SplitSeq(value, ";") {
		key, age, _ := strings.Cut(strings.TrimSpace(part), "=")
		if !strings.EqualFold(key, "max-age") {
			continue
		}
		if seconds, err := strconv.Atoi(strings.Trim(age, `"`)); err != nil || seconds <= 0 {
			return "its max-age switches it off"
		}
		return ""
	}
	return "it has no max-age"
}}
