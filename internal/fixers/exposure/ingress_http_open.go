package exposure

import (
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressHTTPOpen finds hosts with TLS that answer over plain HTTP as well.
var IngressHTTPOpen = &harden.Fixer{
	ID:       "ingress-http-open",
	Title:    "answers over plain HTTP beside TLS",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress},
	Doc: `
An Ingress has TLS, but plain HTTP is not sent on to it.

Fields:

    metadata.annotations['nginx.ingress.kubernetes.io/ssl-redirect'], force-ssl-redirect
    metadata.annotations['alb.ingress.kubernetes.io/listen-ports'], ssl-redirect
    metadata.annotations['kubernetes.io/ingress.allow-http']
    the ConfigMap of ingress-nginx: ssl-redirect, force-ssl-redirect

Allowed: a redirect (what ingress-nginx does by default where there is TLS), or no port
for HTTP.

**Why it matters.** The first request of a visitor goes out in clear, with cookies that
are not marked secure, and whoever is on the way can keep him there.

**The fix.** The annotation that redirects. It is safe once a request has shown that HTTPS
works; nobody asked, so a person decides.

**Traps.** Clients that cannot follow a redirect, such as those that POST webhooks, break.
For Traefik, Kong and others the redirect is in their own configuration, which is not
read: the rule does not apply to them.
`,
	Refs:  refs("NSA encryption"),
	Reads: harden.InCluster(routeParts...),
	Check: checkIngressHTTPOpen,
	Fix:   fixIngressHTTPOpen,
}

func checkIngressHTTPOpen(p *harden.Pass) {
	in := ingressOf(p)
	if in == nil {
		return
	}
	if !hasTLS(p.Inventory, in) {
		p.NotApplicable()
		return
	}
	a := in.Annotations
	report := func(key, reason string) {
		p.Report(harden.Finding{Field: annotationField(key), Reason: reason, Detail: "The Ingress serves TLS, and plain HTTP is answered and not redirected: " + reason + "."})
	}
	switch p.Inventory.IngressControllerOf(in) {
	case harden.IngressNginx:
		key := nginxPrefix + "ssl-redirect"
		force, _ := nginxSetting(p.Inventory, "force-ssl-redirect")
		global, _ := nginxSetting(p.Inventory, "ssl-redirect")
		switch {
		case a[nginxPrefix+"force-ssl-redirect"] == "true", a[nginxPrefix+"force-ssl-redirect"] == "" && force == "true":
		case a[key] == "false":
			report(key, "ssl-redirect is false")
		case a[key] == "" && global == "false":
			report(key, "ssl-redirect is false in the controller's ConfigMap")
		}
	case harden.AWSALB:
		if lb := albOf(p.Inventory, in); lb.http && lb.https && !lb.redirect {
			report(albPrefix+"ssl-redirect", "its load balancer listens for HTTP without ssl-redirect")
		}
	case harden.GKEIngress:
		if !strings.EqualFold(a[allowHTTP], "false") && a["networking.gke.io/v1beta1.FrontendConfig"] == "" {
			report(allowHTTP, "GKE answers HTTP unless told otherwise")
		}
	default:
		p.NotApplicable()
	}
}

const allowHTTP = "kubernetes.io/ingress.allow-http"

func fixIngressHTTPOpen(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	const missing = "Nobody has seen that the hosts answer over HTTPS with a certificate that clients trust."
	in := harden.Content[*networkingv1.Ingress](p.Item)
	key, value := nginxPrefix+"force-ssl-redirect", "true"
	switch p.Inventory.IngressControllerOf(in) {
	case harden.AWSALB:
		key, value = albPrefix+"ssl-redirect", "443"
	case harden.GKEIngress:
		return checked("close the port for HTTP", "Clients that begin with HTTP get no answer any more.", missing, annotate(p, map[string]any{allowHTTP: "false"}))
	}
	return checked("redirect HTTP to HTTPS", "Clients that do not follow redirects break.", missing, annotate(p, map[string]any{key: value}))
}
