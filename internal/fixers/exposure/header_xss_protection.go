package exposure

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HeaderXSSProtection tells of a header that does more harm than good.
var HeaderXSSProtection = &harden.Fixer{
	ID:       "header-xss-protection",
	Title:    "switches on a filter that browsers gave up",
	Area:     harden.AreaExposure,
	Severity: harden.Info,
	Subject:  harden.SubjectObject,
	Kinds:    headerKinds,
	Doc: `
The proxy sends X-XSS-Protection with a value that switches the filter on.

Fields:

    ingress-nginx: custom-headers with global-allowed-response-headers, add-headers, snippets
    Traefik: browserXssFilter, customBrowserXSSValue of Middlewares; Contour: responseHeadersPolicy
    HTTPRoute: filters of type ResponseHeaderModifier; VirtualService: headers.response

Allowed: no such header, or 0.

**Why it matters.** Checklists still ask for "1; mode=block". Browsers have removed the
filter, because it could be used to switch off parts of a page and to learn what a page
holds; in old ones it still does so. Both views are known here: a list that asks for the
header is satisfied by 0, and a Content-Security-Policy is what really helps.

**The fix.** The proxy sends 0. It is safe once an answer has shown what is sent; nobody
asked, so a person decides.

**Traps.** What the application sends itself is not seen.
`,
	Refs:  refs("Kubernetes ingress-nginx: custom headers https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#custom-headers"),
	Reads: harden.InCluster(routeParts...),
	Check: checkHeaderXSSProtection,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return setHeader(p, f, xssProtection, "0")
	},
}

const xssProtection = "X-XSS-Protection"

func checkHeaderXSSProtection(p *harden.Pass) {
	set, ok := headersOf(p)
	if !ok {
		p.NotApplicable()
		return
	}
	if h := set[strings.ToLower(xssProtection)]; h.state == headerSet && strings.HasPrefix(strings.TrimSpace(h.value), "1") {
		p.Report(harden.Finding{
			Field: "spec", Verdict: "wrong", Reason: xssProtection + ": " + harden.OneLine(h.value), Detail: xssProtection + " is " + quoted(h.value) + ", by " + h.where + ": use 0, or leave it away.",
		})
	}
}
