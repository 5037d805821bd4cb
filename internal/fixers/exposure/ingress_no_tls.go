package exposure

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressNoTLS finds hosts that are served in clear.
var IngressNoTLS = &harden.Fixer{
	ID:       "ingress-no-tls",
	Title:    "serves hosts without TLS",
	Area:     harden.AreaExposure,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress},
	Doc: `
A host of an Ingress is served over plain HTTP only.

Fields:

    spec.rules[].host, spec.defaultBackend
    spec.tls[].hosts
    metadata.annotations of the controller, its ConfigMap, arguments and Service

Allowed: an entry of spec.tls that covers the host; a certificate in the controller's own
way: certificate-arn or an HTTPS listener of an ALB (of any Ingress of its group), managed
and pre-shared certificates of GKE, a router with TLS of Traefik, a default certificate
or passthrough of ingress-nginx, TLS that the load balancer before the controller ends.

**Why it matters.** Passwords, cookies and data are read and changed by whoever is on the
way: a wireless network, a provider, a box in the middle. Browsers call the site insecure.

**The fix.** Where there is exactly one ClusterIssuer of cert-manager, an entry of spec.tls
and the annotation that makes cert-manager issue the certificate; for an ALB, an HTTPS
listener with redirect. The list is replaced as a whole, with the entries that it has.

**Traps.** The issuer must be able to prove that it owns the name, so DNS must lead here
already. An Ingress that is known to be internal is one step milder. The short-lived
Ingresses with which cert-manager answers challenges are passed over.
`,
	Refs:  refs("CIS EKS 5.4.5", "NSA encryption", "Kubescape C-0263", "Kubescape C-0231", "ATT&CK T1040"),
	Reads: harden.InCluster(routeParts...),
	Check: checkIngressNoTLS,
	Fix:   fixIngressNoTLS,
}

func checkIngressNoTLS(p *harden.Pass) {
	in := ingressOf(p)
	if in == nil {
		return
	}
	hosts := withoutTLS(in)
	if len(hosts) == 0 || endsTLS(p.Inventory, in) != "" {
		return
	}
	f := harden.Finding{
		Field: "spec.tls", Reason: "no TLS for " + namesOf(hosts),
		Detail: fmt.Sprintf("No entry of spec.tls covers %s, and nothing else is known to end TLS for it.", namesOf(hosts)),
	}
	if e := p.Inventory.IngressExposure(in); !e.Outside() {
		f.Severity, f.SeverityWhy = harden.Medium, "it is not reached from the internet: "+e.Why
	}
	p.Report(f)
}

// namesOf lists hosts for people.
func namesOf(hosts []string) string {
	var out []string
	for _, h := range hosts {
		if h == "" {
			h = "hosts that no rule names"
		}
		out = append(out, harden.OneLine(h))
	}
	if len(out) > 3 {
		out = append(out[:3], fmt.Sprintf("%d more", len(out)-3))
	}
	return strings.Join(out, ", ")
}

func fixIngressNoTLS(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	in := harden.Content[*networkingv1.Ingress](p.Item)
	hosts := withoutTLS(in)
	if p.Inventory.IngressControllerOf(in) == harden.AWSALB {
		return draft("listen for HTTPS", "Certificate Manager must have a certificate for each host: without one the load balancer is not changed at all.",
			annotate(p, map[string]any{albPrefix + "listen-ports": `[{"HTTP": 80}, {"HTTPS": 443}]`, albPrefix + "ssl-redirect": "443"}))
	}
	issuer := onlyIssuer(p.Inventory)
	named := !slices.ContainsFunc(hosts, func(h string) bool { return h == "" || strings.HasPrefix(h, "*") })
	if issuer == "" || !named {
		return manual("give its hosts a certificate", fmt.Sprintf("Add an entry to spec.tls of Ingress %s/%s with hosts: %s and the name of a Secret of type kubernetes.io/tls, keeping the entries that are there; "+
			"with cert-manager, the annotation cert-manager.io/cluster-issuer makes the Secret.", in.Namespace, in.Name, namesOf(hosts)))
	}
	secret := in.Name + "-tls"
	if p.Inventory.Object(harden.KindSecret, in.Namespace, secret) != nil {
		secret = in.Name + "-edge-tls"
	}
	tls := tlsList(in)
	entry := map[string]any{"secretName": secret, "hosts": anys(hosts)}
	change := annotate(p, map[string]any{"cert-manager.io/cluster-issuer": issuer})
	change.Set.Object["spec"] = map[string]any{"tls": append(tls, entry)}
	return draft("let cert-manager issue a certificate", "Until the certificate is issued the controller shows one that browsers do not trust; DNS of the hosts must lead here already.", change)
}

// tlsList is spec.tls as it is, to be carried whole.
func tlsList(in *networkingv1.Ingress) []any {
	var out []any
	for _, tls := range in.Spec.TLS {
		entry := map[string]any{}
		if tls.SecretName != "" {
			entry["secretName"] = tls.SecretName
		}
		if len(tls.Hosts) > 0 {
			entry["hosts"] = anys(tls.Hosts)
		}
		out = append(out, entry)
	}
	return out
}

// onlyIssuer is the name of the one ClusterIssuer of the cluster, or "".
func onlyIssuer(inv *harden.Inventory) string {
	if issuers := inv.Others[harden.KindClusterIssuer]; len(issuers) == 1 {
		return issuers[0].Ref.Name
	}
	return ""
}
