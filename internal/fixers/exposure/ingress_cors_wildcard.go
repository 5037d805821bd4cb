package exposure

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressCORSWildcard finds routes that let every site act for their visitors.
var IngressCORSWildcard = &harden.Fixer{
	ID:       "ingress-cors-wildcard",
	Title:    "lets every site use its visitors' sessions",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress, harden.KindHTTPRoute, harden.KindVirtualService, harden.KindMiddleware, harden.KindHTTPProxy},
	Doc: `
Cross-origin requests are allowed from everywhere, with credentials.

Fields:

    metadata.annotations['nginx.ingress.kubernetes.io/enable-cors'], cors-allow-origin, cors-allow-credentials
    spec.rules[].filters[].cors of an HTTPRoute
    spec.http[].corsPolicy of a VirtualService
    spec.headers.accessControlAllowOriginList, accessControlAllowCredentials of a Traefik Middleware
    spec.virtualhost.corsPolicy of an HTTPProxy

Allowed: origins by name; every origin without credentials, which is right for a public API.

**Why it matters.** With both, a page of an attacker reads what the program shows to its
visitor, and acts in his name.

**The fix.** For ingress-nginx the credentials are switched off. Naming the origins is
better, and only people know them.

**Traps.** ingress-nginx allows every origin and credentials by default as soon as
enable-cors is true. A pattern such as .* is a star as well.
`,
	Refs:  refs("Kubernetes ingress-nginx: enable CORS https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#enable-cors"),
	Reads: harden.InCluster(harden.KindIngress),
	Check: checkIngressCORSWildcard,
	Fix:   fixIngressCORSWildcard,
}

func checkIngressCORSWildcard(p *harden.Pass) {
	field := ""
	if p.Item.Ref.Kind == harden.KindIngress.Kind {
		in := ingressOf(p)
		if in == nil {
			return
		}
		a := in.Annotations
		origin := a[nginxPrefix+"cors-allow-origin"]
		if a[nginxPrefix+"enable-cors"] == "true" && a[nginxPrefix+"cors-allow-credentials"] != "false" && (origin == "" || isStar(strings.Split(origin, ","))) {
			field = annotationField(nginxPrefix + "cors-allow-origin")
		}
	} else {
		field = openCORS(customOf(p))
	}
	if field != "" {
		p.Report(harden.Finding{Field: field, Reason: "every origin, with credentials", Detail: "Pages of every site may make requests with the visitor's credentials and read the answers (" + field + ")."})
	}
}

// isStar reports whether the list lets in every origin.
func isStar(origins []string) bool {
	return slices.ContainsFunc(origins, func(o string) bool { o = strings.TrimSpace(o); return o == "*" || o == ".*" })
}

// openCORS is the field of a custom resource that lets in every origin with credentials, or "".
func openCORS(o map[string]any) string {
	for _, rule := range harden.Maps(o, "spec", "rules") {
		for _, f := range harden.Maps(rule, "filters") {
			if harden.Field(f, "cors", "allowCredentials") == true && isStar(harden.Texts(f, "cors", "allowOrigins")) {
				return "spec.rules.filters.cors"
			}
		}
	}
	for _, rule := range harden.Maps(o, "spec", "http") {
		origins := harden.Texts(rule, "corsPolicy", "allowOrigin")
		for _, m := range harden.Maps(rule, "corsPolicy", "allowOrigins") {
			origins = append(origins, harden.Text(m, "exact"), harden.Text(m, "regex"))
		}
		if harden.Field(rule, "corsPolicy", "allowCredentials") == true && isStar(origins) {
			return "spec.http.corsPolicy"
		}
	}
	if harden.Field(o, "spec", "headers", "accessControlAllowCredentials") == true &&
		isStar(append(harden.Texts(o, "spec", "headers", "accessControlAllowOriginList"), harden.Texts(o, "spec", "headers", "accessControlAllowOriginListRegex")...)) {
		return "spec.headers.accessControlAllowOriginList"
	}
	if harden.Field(o, "spec", "virtualhost", "corsPolicy", "allowCredentials") == true && isStar(harden.Texts(o, "spec", "virtualhost", "corsPolicy", "allowOrigin")) {
		return "spec.virtualhost.corsPolicy"
	}
	return ""
}

func fixIngressCORSWildcard(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if p.Item.Ref.Kind == harden.KindIngress.Kind {
		return draft("allow no credentials", "Pages of other sites that use the visitor's session stop working: name them in cors-allow-origin instead.",
			annotate(p, map[string]any{nginxPrefix + "cors-allow-credentials": "false"}))
	}
	return manual("name the origins", fmt.Sprintf("In %s of %s %s/%s list the origins that need credentials, or allow none.", f.Field, p.Object.Kind, p.Object.Namespace, p.Object.Name))
}
