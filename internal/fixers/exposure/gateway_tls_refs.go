package exposure

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// GatewayTLSRefs finds listeners whose certificate cannot be had.
var GatewayTLSRefs = &harden.Fixer{
	ID:       "gateway-tls-refs",
	Title:    "names a certificate that it cannot have",
	Area:     harden.AreaExposure,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindGateway},
	Doc: `
A listener with TLS has no certificate, one that is not there, or one of another namespace
that no ReferenceGrant gives it.

Fields:

    spec.listeners[].tls.{mode,certificateRefs,options}
    status.listeners[].conditions of type ResolvedRefs
    spec.from and spec.to of ReferenceGrants

Allowed: Secrets of the Gateway's namespace; those of others with a grant from Gateway to
Secret; listeners with options instead of references, and those that pass TLS through.

**Why it matters.** The listener serves nothing, or a certificate that no client should
trust. A reference without grant that works anyway shows a controller that does not keep
namespaces apart.

**The fix.** By hand: make the Secret, correct the reference, or grant it.

**Traps.** In files a missing Secret or grant may be somewhere else: only a listener
without any reference is reported there. References to other kinds are not followed.
`,
	Refs:  refs("Kubernetes Gateway API: TLS configuration https://gateway-api.sigs.k8s.io/guides/tls/"),
	Reads: harden.InCluster(harden.KindReferenceGrant, harden.KindSecret),
	Check: checkGatewayTLSRefs,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return manual("give the listener its certificate", fmt.Sprintf("Make the Secret (kubernetes.io/tls) that %s of Gateway %s/%s names, or correct the reference; for a Secret of another namespace make a ReferenceGrant there "+
			"from Gateways of %s to that one Secret by name.", f.Field, p.Object.Namespace, p.Object.Name, p.Object.Namespace))
	},
}

func checkGatewayTLSRefs(p *harden.Pass) {
	gateway := harden.Content[*unstructured.Unstructured](p.Item)
	if gateway == nil {
		return
	}
	ends := false
	for _, l := range harden.Maps(gateway.Object, "spec", "listeners") {
		protocol := harden.Text(l, "protocol")
		if protocol != "HTTPS" && protocol != "TLS" || harden.Text(l, "tls", "mode") == "Passthrough" {
			continue
		}
		ends = true
		name := harden.Text(l, "name")
		if why := unresolved(p.Inventory, gateway, l); why != "" {
			p.Report(harden.Finding{
				Discriminator: name, Field: fmt.Sprintf("spec.listeners[%s].tls.certificateRefs", name), Reason: fmt.Sprintf("listener %s: %s", name, why),
				Detail: fmt.Sprintf("The listener %s ends TLS, but: %s.", name, why),
			})
		}
	}
	if !ends {
		p.NotApplicable()
	}
}

// unresolved says why the listener has no certificate, or "".
func unresolved(inv *harden.Inventory, gateway *unstructured.Unstructured, l map[string]any) string {
	for _, status := range harden.Maps(gateway.Object, "status", "listeners") {
		if harden.Text(status, "name") != harden.Text(l, "name") {
			continue
		}
		for _, c := range harden.Maps(status, "conditions") {
			if harden.Text(c, "type") == "ResolvedRefs" && harden.Text(c, "status") == "False" {
				return "the controller could not resolve the references (" + harden.OneLine(harden.Text(c, "reason")) + ")"
			}
		}
	}
	references := harden.Maps(l, "tls", "certificateRefs")
	if len(references) == 0 && !harden.Has(l, "tls", "options") {
		return "no certificate is named"
	}
	for _, r := range references {
		if kind := harden.Text(r, "kind"); kind != "" && kind != "Secret" || harden.Text(r, "group") != "" || !inv.Live() {
			continue
		}
		ns, name := harden.Text(r, "namespace"), harden.Text(r, "name")
		if ns == "" {
			ns = gateway.GetNamespace()
		}
		if ns != gateway.GetNamespace() && inv.Listed(harden.KindReferenceGrant) && covered(inv, ns) && !granted(inv, gateway.GetNamespace(), ns, name) {
			return fmt.Sprintf("no ReferenceGrant gives it Secret %s/%s", ns, name)
		}
		if covered(inv, ns) && inv.Unreadable("secrets", ns) == "" && inv.Object(harden.KindSecret, ns, name) == nil {
			return fmt.Sprintf("there is no Secret %s/%s", ns, name)
		}
	}
	return ""
}

// granted reports whether a grant lets Gateways of a namespace use the Secret.
func granted(inv *harden.Inventory, from, namespace, secret string) bool {
	for _, o := range inv.InNamespace(harden.KindReferenceGrant, namespace) {
		u := harden.Content[*unstructured.Unstructured](o)
		if u == nil {
			continue
		}
		gives, takes := false, false
		for _, f := range harden.Maps(u.Object, "spec", "from") {
			takes = takes || harden.Text(f, "kind") == "Gateway" && harden.Text(f, "namespace") == from
		}
		for _, to := range harden.Maps(u.Object, "spec", "to") {
			name := harden.Text(to, "name")
			gives = gives || harden.Text(to, "kind") == "Secret" && (name == "" || name == secret)
		}
		if gives && takes {
			return true
		}
	}
	return false
}
