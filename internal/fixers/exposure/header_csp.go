package exposure

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HeaderCSP finds sites that do not limit what their pages load and run.
var HeaderCSP = &harden.Fixer{
	ID:       "header-csp",
	Title:    "does not limit what its pages load",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    headerKinds,
	Doc: `
Answers of a route have no Content-Security-Policy, as far as the proxy decides.

Fields:

    ingress-nginx: custom-headers with global-allowed-response-headers, add-headers, snippets
    ALB: listener-attributes (routing.http.response.content_security_policy.header_value)
    Traefik: spec.headers of Middlewares; Contour: responseHeadersPolicy
    HTTPRoute: filters of type ResponseHeaderModifier; VirtualService: headers.response

Allowed: any policy. One that only reports is found too, one step milder.

**Why it matters.** It is what still stands between a hole in a page and the session of
its visitor: a script that somebody smuggled in does not run.

**The fix.** Content-Security-Policy-Report-Only: default-src 'self', which breaks nothing
and shows in the console of browsers what a policy would stop. From there a person writes
the policy. A policy that is there is never replaced.

**Traps.** Only the proxy's configuration is read. Where it says nothing, the application
may send the header itself: the finding says that it is not known, once for each route
that the internet may reach. X-Content-Type-Options, X-Frame-Options and Referrer-Policy
are then not known either, and are only reported where the proxy sets some of them. APIs
without pages need no policy: waive the finding there. ingress-nginx compares the names in
custom-headers with global-allowed-response-headers letter by letter; where one is not on
the list none is sent, and the controller answers 503 for the whole Ingress.
`,
	Refs:  refs("Kubernetes ingress-nginx: custom headers https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#custom-headers"),
	Reads: harden.InCluster(routeParts...),
	Check: checkHeaderCSP,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		switch f.Verdict {
		case "report-only":
			return manual("enforce the policy", "When browsers report nothing unexpected any more, send the same value as Content-Security-Policy instead of Content-Security-Policy-Report-Only.")
		case "no-effect", "wrong":
			return setHeader(p, f, csp.name, csp.value)
		}
		return setHeader(p, f, csp.name+"-Report-Only", csp.value)
	},
}

var csp = headerRule{name: "Content-Security-Policy", value: "default-src 'self'", asked: true, wrong: func(value string) string {
	if strings.TrimSpace(value) == "" {
		return "it is empty"
	}
	return ""
}}

func checkHeaderCSP(p *harden.Pass) {
	set, ok := headersOf(p)
	only := set["content-security-policy-report-only"]
	if !ok || only.state != headerSet || set["content-security-policy"].state != headerUnsaid {
		csp.check(p)
		return
	}
	p.Report(harden.Finding{
		Discriminator: "report-only", Field: "spec", Verdict: "report-only", Reason: "policy only reports", Severity: harden.Low, SeverityWhy: "a policy is on trial",
		Detail: "Content-Security-Policy-Report-Only is set, by " + only.where + ": it reports and stops nothing, unless the application sends a policy of its own.",
	})
}
