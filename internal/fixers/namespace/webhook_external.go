package namespace

import (
	"net"
	"net/url"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// WebhookExternal finds webhooks by which somebody else sees or changes what is created.
var WebhookExternal = &harden.Fixer{
	ID:       "webhook-external",
	Title:    "sends what is created to somebody else",
	Area:     harden.AreaNamespace,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    webhookKinds,
	Doc: `
Objects go through a server outside of the cluster, or through a webhook that nobody knows.

Fields:

    webhooks[].clientConfig.url, .service
    webhooks[].rules: pods, secrets   (of mutating webhooks)

Allowed: a Service of the cluster (by service, or by a URL that ends in .svc or
.svc.cluster.local), and localhost, which is the control plane itself: providers run theirs so.
A mutating webhook that is called for Secrets and is not known by name is medium, one for pods
low: meshes, injectors, policy engines and providers are known.

**Why it matters.** Whoever answers a webhook reads each object that it is called for, Secrets
included, and with a mutating one writes what he likes into it: a container, an image, a
volume. It outlives the change of every password.

**The fix.** Detection only: whether it is meant, only its owners know. The text says how to find them.

**Traps.** A name is no proof: see what answers behind it. Some products of security vendors are
services outside of the cluster by design: waive those.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1546"},
		{Standard: "ATT&CK", ID: "MS-TA9015"},
		{Standard: "ATT&CK", ID: "MS-TA9011"},
		{Standard: "Kubescape", ID: "C-0039"},
	},
	Reads: harden.ReadsNothing,
	Check: checkWebhookExternal,
	Fix:   byHand("find out whose webhook it is", "See who made it (metadata.managedFields, labels, kubectl describe) and what answers. If nobody knows it, delete the configuration, keep a copy, and look through what was created since. A service of yours belongs into the cluster, behind a Service."),
}

func checkWebhookExternal(p *harden.Pass) {
	for _, h := range hooksOf(p.Item) {
		f := harden.Finding{Discriminator: h.name}
		switch {
		case h.client.URL != nil && !inside(*h.client.URL):
			f.Verdict, f.Field, f.Reason = "url", h.field("clientConfig.url"), "answered outside of the cluster"
			f.Detail = harden.OneLine("Each object that it is called for is sent to " + host(*h.client.URL) + ".")
		case !h.mutates || h.isOneOf(mutatorWords):
			continue
		case h.covers("", "secrets"):
			f.Verdict, f.Field, f.Reason = "unknown", h.field("rules"), "unknown webhook changes Secrets"
			f.Severity, f.SeverityWhy = harden.Medium, "it is answered in the cluster; only its name is not known here"
			f.Detail = harden.OneLine("It is called for Secrets, and answered by " + h.service() + ".")
		case h.covers("", "pods"):
			f.Verdict, f.Field, f.Reason = "unknown", h.field("rules"), "unknown webhook changes pods"
			f.Severity, f.SeverityWhy = harden.Low, "it is answered in the cluster; only its name is not known here"
			f.Detail = harden.OneLine("It is called for pods, and answered by " + h.service() + ".")
		default:
			continue
		}
		p.Report(f)
	}
}

// inside reports whether the URL leads to a Service, or to the machine of the API server.
func inside(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	name := strings.TrimSuffix(u.Hostname(), ".")
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback() || name == "localhost" || strings.HasSuffix(name, ".svc") || strings.HasSuffix(name, ".svc.cluster.local")
}

// host is the host of a URL: the rest may hold a credential.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "a URL that cannot be read"
	}
	return u.Host
}
