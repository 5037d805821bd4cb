package secret

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// CertExpiring finds certificates that end soon and are not renewed.
var CertExpiring = &harden.Fixer{
	ID:       "tls-cert-expiring",
	Title:    "has a certificate that ends soon",
	Area:     harden.AreaSecret,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindCertificate},
	Doc: `
A certificate of cert-manager ends within 30 days, and its renewal is overdue.

Fields:

    status.notAfter, status.renewalTime, status.conditions[type=Ready]   (Certificate)

Allowed: one that ends later, or that cert-manager will renew before: its renewalTime
lies ahead and Ready is True. That covers certificates which live for days only. Less
than 7 days are high, up to 30 days medium. The rule reads what cert-manager says of
its certificates; the data of Secrets is not read, so that of others is not known.

**Why it matters.** When it has ended, clients refuse the service, or somebody turns
the verification off to make it work again, and forgets that.

**The fix.** By hand: the text says how to find out why cert-manager does not renew,
and how to make it try at once.

**Traps.** The Secret is new before the pods have read it: some programs need a
restart to serve the new certificate. The clock of the scan is that of this machine.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "encryption"},
	},
	Reads: harden.ReadsNothing,
	Check: checkCertExpiring,
	Fix:   fixCertExpiring,
}

func checkCertExpiring(p *harden.Pass) {
	o := harden.Content[*unstructured.Unstructured](p.Item)
	if o == nil || !p.Inventory.Live() {
		p.NotApplicable()
		return
	}
	end, err := time.Parse(time.RFC3339, text(o, "status", "notAfter"))
	if err != nil {
		p.NotApplicable() // not issued yet
		return
	}
	const day = 24 * time.Hour
	left := end.Sub(p.Now())
	if left >= 30*day {
		return
	}
	renewal, err := time.Parse(time.RFC3339, text(o, "status", "renewalTime"))
	status, _, known := condition(o, "Ready")
	// An hour for the renewal itself.
	if err == nil && p.Now().Before(renewal.Add(time.Hour)) && left > 0 && (!known || status == "True") {
		return
	}
	f := harden.Finding{Field: "status.notAfter", Verdict: "expiring", Detail: "status.notAfter is " + end.UTC().Format(time.RFC3339) + "."}
	switch {
	case left <= 0:
		f.Verdict, f.Reason = "expired", "ended on "+end.UTC().Format(time.DateOnly)
	case left < 7*day:
		f.Reason = fmt.Sprintf("ends in %d days", int(left/day))
	default:
		f.Reason = fmt.Sprintf("ends in %d days", int(left/day))
		f.Severity, f.SeverityWhy = harden.Medium, "it ends in 7 days or more"
	}
	if err == nil {
		f.Detail += " It should have been renewed on " + renewal.UTC().Format(time.DateOnly) + "."
	}
	p.Report(f)
}

func fixCertExpiring(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	return []harden.Fix{{
		Title: "renew the certificate", Class: harden.Review,
		Manual: fmt.Sprintf("kubectl describe certificate %s -n %s and the CertificateRequests and Orders that it names tell why it is not renewed (an issuer that is not ready, a DNS or HTTP challenge that does not pass, a limit of the authority). Then: cmctl renew %s -n %s.",
			p.Object.Name, p.Object.Namespace, p.Object.Name, p.Object.Namespace),
	}}
}
