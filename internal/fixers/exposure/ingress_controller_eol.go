package exposure

import (
	"fmt"
	"strconv"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressControllerEOL finds ingress-nginx, which nobody maintains any more.
var IngressControllerEOL = &harden.Fixer{
	ID:       "ingress-controller-eol",
	Title:    "ingress controller gets no more fixes",
	Area:     harden.AreaExposure,
	Severity: harden.High,
	Subject:  harden.SubjectWorkload,
	Doc: `
A workload runs ingress-nginx of the Kubernetes project, which is retired.

Fields:

    spec.template.spec.containers[].image
    spec.template.metadata.labels['app.kubernetes.io/name']
    webhooks of ValidatingWebhookConfigurations that lead to its namespace

Allowed: any controller that is maintained. The NGINX Ingress Controller of F5
(nginx/nginx-ingress) is another program.

**Why it matters.** The project gave it up: after March 2026 there are no releases and no
security fixes, for a program that is on the internet and reads the Secrets of the
cluster. Versions with CVE-2025-1974 (before 1.11.5, and 1.12.0) hand the controller to
any pod that reaches its admission webhook: one step worse.

**The fix.** By hand, since no patch helps: the text says how to migrate.

**Traps.** Vendors keep branches of their own with fixes; then waive the finding. Routes,
headers and annotations differ from controller to controller: migrate host by host.
`,
	Refs:  refs("Kubescape C-0292", "NSA upgrading and application security practices", "ATT&CK T1190"),
	Reads: harden.InCluster(harden.KindValidatingWebhookConfiguration),
	Check: checkIngressControllerEOL,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return manual("migrate to a controller that is maintained", "Install a controller that is maintained, best one of the Gateway API, beside this one; convert the Ingresses (ingress2gateway writes most of the routes), "+
			"move DNS host by host, then remove ingress-nginx. Until then use its last release, allow only the API server to reach its admission webhook by a NetworkPolicy, and let nobody write Ingresses who need not.")
	},
}

func checkIngressControllerEOL(p *harden.Pass) {
	w := p.Workload
	switch harden.ServesRoutes(&w.Template) {
	case harden.IngressNginx:
	case "":
		p.NotApplicable()
		return
	default:
		return
	}
	f := harden.Finding{Field: p.Pod.Field("containers"), Reason: "ingress-nginx is retired", Detail: "ingress-nginx gets no more releases and no security fixes after March 2026."}
	if by := webhookIn(p.Inventory, w.Ref.Namespace); by != "" {
		f.Detail += fmt.Sprintf(" Its admission webhook (%s) tries out what it is sent: only the API server should reach it.", by)
	}
	for _, c := range w.Template.Spec.Containers {
		if version, ok := versionOf(c.Image); ok && strings.Contains(c.Image, "controller") && hasCVE20251974(version) {
			f.Severity, f.SeverityWhy = harden.Critical, fmt.Sprintf("version %d.%d.%d has CVE-2025-1974", version[0], version[1], version[2])
		}
	}
	p.Report(f)
}

func webhookIn(inv *harden.Inventory, namespace string) string {
	for _, c := range harden.All[*admissionregistrationv1.ValidatingWebhookConfiguration](inv, harden.KindValidatingWebhookConfiguration) {
		for _, webhook := range c.Webhooks {
			if s := webhook.ClientConfig.Service; s != nil && s.Namespace == namespace && strings.Contains(s.Name, "nginx") {
				return c.Name
			}
		}
	}
	return ""
}

// versionOf is the version that the tag of an image says, such as v1.11.3.
func versionOf(image string) (version [3]int, ok bool) {
	reference, _, _ := strings.Cut(image, "@")
	tag := strings.TrimPrefix(strings.TrimPrefix(reference, harden.ImagePath(image)), ":")
	tag, _, _ = strings.Cut(strings.TrimPrefix(tag, "v"), "-")
	parts := strings.Split(tag, ".")
	if len(parts) != 3 {
		return version, false
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			return version, false
		}
		version[i] = n
	}
	return version, true
}

// hasCVE20251974 goes by the advisory: all before 1.11.5, and 1.12.0.
func hasCVE20251974(v [3]int) bool {
	if v[0] != 1 {
		return v[0] < 1
	}
	return v[1] < 11 || v[1] == 11 && v[2] < 5 || v[1] == 12 && v[2] < 1
}
