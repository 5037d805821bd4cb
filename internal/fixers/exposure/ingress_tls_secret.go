package exposure

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressTLSSecret finds certificates that are not there, are of the wrong kind,
// are for other hosts or have expired.
var IngressTLSSecret = &harden.Fixer{
	ID:       "ingress-tls-secret",
	Title:    "names a certificate that does not serve",
	Area:     harden.AreaExposure,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress},
	Doc: `
The Secret that an entry of spec.tls names cannot be the certificate of its hosts.

Fields:

    spec.tls[].secretName, spec.tls[].hosts
    the Secret's type (never its data)
    spec.dnsNames and status.notAfter of the Certificate of cert-manager that makes it

Allowed: a Secret of type kubernetes.io/tls, or Opaque with tls.crt and tls.key. Names and
expiry are compared where a Certificate of cert-manager tells them; else nobody looks into
the Secret and nothing is said about them.

**Why it matters.** The controller serves a certificate of its own making instead, which
no client should trust: people learn to click warnings away, and programs are set up not
to verify.

**The fix.** By hand: make or renew the certificate.

**Traps.** An ALB takes no Secrets, and is passed over. In files the Secret may be made by
something else, so a missing one is only reported in a live cluster.
`,
	Refs:  refs("Kubescape C-0263"),
	Reads: harden.InCluster(routeAndBackendParts...),
	Check: checkIngressTLSSecret,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return manual("make or renew the certificate", fmt.Sprintf("Make Secret %s/%s of type kubernetes.io/tls with a certificate for the hosts of the entry, or let cert-manager do so: kubectl describe certificate -n %s tells what keeps it.",
			p.Object.Namespace, f.Discriminator, p.Object.Namespace))
	},
}

func checkIngressTLSSecret(p *harden.Pass) {
	in := ingressOf(p)
	if in == nil || len(in.Spec.TLS) == 0 || p.Inventory.IngressControllerOf(in) == harden.AWSALB {
		p.NotApplicable()
		return
	}
	if !p.Needs(in.Namespace, harden.KindSecret) {
		return
	}
	seen := map[string]bool{}
	for _, tls := range in.Spec.TLS {
		if tls.SecretName == "" || seen[tls.SecretName] {
			continue
		}
		seen[tls.SecretName] = true
		if reason, detail := wrongSecret(p, in.Namespace, tls.SecretName, tls.Hosts); reason != "" {
			p.Report(harden.Finding{Discriminator: tls.SecretName, Field: "spec.tls", Reason: reason, Detail: detail})
		}
	}
}

// wrongSecret tells why the Secret cannot be the certificate of the hosts, or nothing.
func wrongSecret(p *harden.Pass, namespace, name string, hosts []string) (reason, detail string) {
	inv := p.Inventory
	certificate := certificateOf(inv, namespace, name)
	secret := harden.Content[*harden.SecretMeta](inv.Object(harden.KindSecret, namespace, name))
	switch {
	case secret == nil && !inv.Live():
	case secret == nil && certificate != nil:
		return "Secret " + name + " is not issued yet", fmt.Sprintf("cert-manager has not made Secret %s yet: Certificate %s is not ready.", name, certificate.GetName())
	case secret == nil:
		return "Secret " + name + " is missing", fmt.Sprintf("There is no Secret %s in namespace %s: the controller serves a certificate of its own making.", name, namespace)
	case !isTLS(secret):
		return "Secret " + name + " is no certificate", fmt.Sprintf("Secret %s is of type %s: no certificate is read from it.", name, harden.OneLine(string(secret.Type)))
	}
	if certificate == nil {
		return "", ""
	}
	if until, err := time.Parse(time.RFC3339, harden.Text(certificate.Object, "status", "notAfter")); err == nil && p.Older(until, 0) {
		return "certificate expired", fmt.Sprintf("The certificate in Secret %s expired on %s.", name, until.UTC().Format(time.DateOnly))
	}
	names := append(harden.Texts(certificate.Object, "spec", "dnsNames"), harden.Text(certificate.Object, "spec", "commonName"))
	for _, host := range hosts {
		if !slices.ContainsFunc(names, func(n string) bool { return n != "" && covers(n, host) }) {
			return "certificate is not for " + harden.OneLine(host), fmt.Sprintf("Certificate %s, which makes Secret %s, is not for %s.", certificate.GetName(), name, harden.OneLine(host))
		}
	}
	return "", ""
}

func isTLS(s *harden.SecretMeta) bool {
	switch s.Type {
	case corev1.SecretTypeTLS, "":
		return true
	case corev1.SecretTypeOpaque:
		return len(s.Keys) == 0 || slices.Contains(s.Keys, corev1.TLSCertKey) && slices.Contains(s.Keys, corev1.TLSPrivateKeyKey)
	}
	return false
}

type certificates map[[2]string]*unstructured.Unstructured

// certificateOf is the Certificate of cert-manager that makes the Secret, or nil.
func certificateOf(inv *harden.Inventory, namespace, secret string) *unstructured.Unstructured {
	return harden.Derive(inv, func(inv *harden.Inventory) certificates {
		out := certificates{}
		for _, c := range harden.All[*unstructured.Unstructured](inv, harden.KindCertificate) {
			out[[2]string{c.GetNamespace(), harden.Text(c.Object, "spec", "secretName")}] = c
		}
		return out
	}, harden.KindCertificate)[[2]string{namespace, secret}]
}
