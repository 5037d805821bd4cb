package secret

import (
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// WeakKey finds certificates that prove little.
var WeakKey = &harden.Fixer{
	ID:       "tls-weak-key",
	Title:    "serves a certificate that proves little",
	Area:     harden.AreaSecret,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindCertificate},
	Doc: `
A certificate of cert-manager has a short key, or an Ingress serves one that signs itself.

Fields:

    spec.privateKey.algorithm, spec.privateKey.size, spec.issuerRef   (Certificate)
    spec.selfSigned   (Issuer, ClusterIssuer)
    spec.tls[].secretName   (Ingress)

Allowed: RSA from 2048 bits, ECDSA and Ed25519; a self-signed certificate that no
Ingress serves, such as that of an authority of one's own. Only what cert-manager's
resources say is looked at: the data of Secrets is not read, so that other
certificates, and signatures by SHA-1, are not seen.

**Why it matters.** A short key can be computed. A certificate that signs itself tells
nobody whom they speak to: users learn to click the warning away, and clients to turn
verification off, so that anybody on the way can sit in between.

**The fix.** By hand: a longer key in spec.privateKey, or an issuer that clients trust.

**Traps.** With rotationPolicy: Never a new size is refused until the Secret is
deleted. What pins the old certificate has to learn the new one first.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "encryption"},
	},
	Reads: harden.InCluster(harden.KindClusterIssuer, harden.KindIngress, harden.KindIssuer),
	Check: checkWeakKey,
	Fix:   fixWeakKey,
}

func checkWeakKey(p *harden.Pass) {
	o := harden.Content[*unstructured.Unstructured](p.Item)
	if o == nil {
		p.NotApplicable()
		return
	}
	algorithm := text(o, "spec", "privateKey", "algorithm")
	size, known, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "privateKey", "size")
	if bits := integer(size); known && (algorithm == "" || algorithm == "RSA") && bits > 0 && bits < 2048 {
		p.Report(harden.Finding{Discriminator: "size", Field: "spec.privateKey.size", Verdict: "short key", Reason: fmt.Sprintf("RSA key of %d bits", bits), Detail: fmt.Sprintf("spec.privateKey.size is %d; 2048 is the least for RSA.", bits)})
	}
	if by := servedBy(p.Inventory, p.Object.Namespace, text(o, "spec", "secretName")); by != "" && selfSigned(p.Inventory, o) {
		p.Report(harden.Finding{Discriminator: "self-signed", Field: "spec.issuerRef", Verdict: "self-signed", Reason: by + " serves a self-signed certificate", Detail: "The issuer of the certificate is self-signed, and " + by + " serves it."})
	}
}

func integer(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

// selfSigned reports whether the issuer is one that lets certificates sign
// themselves; an issuer that was not read is none.
func selfSigned(inv *harden.Inventory, cert *unstructured.Unstructured) bool {
	name := text(cert, "spec", "issuerRef", "name")
	issuer := inv.Object(harden.KindIssuer, cert.GetNamespace(), name)
	if text(cert, "spec", "issuerRef", "kind") == harden.KindClusterIssuer.Kind {
		issuer = inv.Object(harden.KindClusterIssuer, "", name)
	}
	o := harden.Content[*unstructured.Unstructured](issuer)
	if o == nil {
		return false
	}
	_, ok, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "selfSigned")
	return ok
}

// servedBy is the Ingress that serves the Secret, or "".
func servedBy(inv *harden.Inventory, namespace, secret string) string {
	for _, o := range inv.InNamespace(harden.KindIngress, namespace) {
		in := harden.Content[*networkingv1.Ingress](o)
		if in != nil && slices.ContainsFunc(in.Spec.TLS, func(t networkingv1.IngressTLS) bool { return t.SecretName == secret && secret != "" }) {
			return o.Ref.String()
		}
	}
	return ""
}

func fixWeakKey(_ *harden.Pass, f *harden.Finding) []harden.Fix {
	if f.Discriminator == "size" {
		return []harden.Fix{{Title: "make a longer key", Class: harden.Review, Manual: "Set spec.privateKey to {algorithm: ECDSA, size: 256} or {algorithm: RSA, size: 2048} or more, with rotationPolicy: Always."}}
	}
	return []harden.Fix{{
		Title: "take an issuer that clients trust", Class: harden.Review,
		Manual: "Point spec.issuerRef at an issuer whose authority the clients of this host trust: ACME for hosts of the internet, a CA of your own for others, whose certificate every client has.",
	}}
}
