package exposure

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressAnnotationInjection finds values that break out of the place in nginx's
// configuration that they are written to.
var IngressAnnotationInjection = &harden.Fixer{
	ID:       "ingress-annotation-injection",
	Title:    "breaks out into the configuration of the proxy",
	Area:     harden.AreaExposure,
	Severity: harden.Critical,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress},
	Doc: `
An annotation or path of an Ingress holds characters that end a directive of nginx.

Fields:

    metadata.annotations of nginx.ingress.kubernetes.io: auth-url, auth-signin, auth-tls-match-cn,
        mirror-target, mirror-host, rewrite-target, server-alias, app-root, upstream-vhost,
        permanent-redirect, temporal-redirect, proxy-ssl-name, x-forwarded-prefix
    spec.rules[].http.paths[].path

Not allowed: control characters such as line breaks, semicolons and braces (but repetitions
in regular expressions such as {1,3}), and # in values that hold no URL.

**Why it matters.** Controllers before 1.11.5 and 1.12.1 write these values unchecked into
the configuration that they try out: a crafted Ingress, or only a request to the admission
webhook, runs code in the controller, which reads all Secrets (CVE-2025-1974 with
CVE-2025-1097, 1098 and 24514; CVE-2025-24513). Such a value is seldom a typing error.

**The fix.** The annotation is removed. Look first who wrote it, and when: it may be the
trace of an attack.

**Traps.** A regular expression with braces that are no repetition is legal in server-alias
when it begins with ~, and is passed over there.
`,
	Refs:  refs("Trivy KCV-0093", "ATT&CK T1190"),
	Reads: harden.InCluster(harden.KindIngressClass),
	Check: checkIngressAnnotationInjection,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		if f.Field == "spec.rules" {
			return manual("correct the path", fmt.Sprintf("Write the path of Ingress %s/%s anew without such characters, after finding out who wrote it (kubectl get --show-managed-fields, the audit log).", p.Object.Namespace, p.Object.Name))
		}
		return draft("remove the annotation", "Find out first who wrote it: it may be the trace of an attack. What the annotation did for the program is gone.",
			harden.RemoveFrom(p.Object, fieldpath.MakePathOrDie("metadata", "annotations", f.Discriminator)))
	},
}

// writtenRaw are the annotations whose values get into the configuration; true: they hold URLs, in which # is legal.
var writtenRaw = map[string]bool{
	"auth-url": true, "auth-signin": true, "app-root": true, "permanent-redirect": true, "temporal-redirect": true, "mirror-target": true,
	"auth-tls-match-cn": false, "mirror-host": false, "rewrite-target": false, "server-alias": false, "upstream-vhost": false, "proxy-ssl-name": false, "x-forwarded-prefix": false,
}

var repetition = regexp.MustCompile(`\{\d+(,\d*)?\}`)

// breaksOut names the character that ends a directive of nginx, or "".
func breaksOut(value string, url bool) string {
	for _, r := range repetition.ReplaceAllString(value, "") {
		switch {
		case unicode.IsControl(r):
			return fmt.Sprintf("the control character %U", r)
		case strings.ContainsRune(";{}", r), r == '#' && !url:
			return fmt.Sprintf("the character %q", r)
		}
	}
	return ""
}

func checkIngressAnnotationInjection(p *harden.Pass) {
	in := ingressOf(p)
	if in == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(in.Annotations)) {
		short, ok := strings.CutPrefix(key, nginxPrefix)
		url, raw := writtenRaw[short]
		value := in.Annotations[key]
		if !ok || !raw || short == "server-alias" && strings.HasPrefix(strings.TrimSpace(value), "~") && !strings.ContainsAny(value, ";\n\r") {
			continue
		}
		if what := breaksOut(value, url); what != "" {
			p.Report(harden.Finding{
				Discriminator: key, Field: annotationField(key), Reason: short + " holds " + what, Detail: fmt.Sprintf("%s is %s: %s ends a directive of nginx.", key, quoted(value), what),
			})
		}
	}
	if p.Inventory.IngressControllerOf(in) != harden.IngressNginx {
		return
	}
	for _, rule := range in.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, path := range rule.HTTP.Paths {
			if what := breaksOut(path.Path, false); what != "" {
				p.Report(harden.Finding{
					Discriminator: "path " + rule.Host + path.Path, Field: "spec.rules", Reason: "path holds " + what, Detail: fmt.Sprintf("The path %s holds %s, which ends a directive of nginx.", quoted(path.Path), what),
				})
			}
		}
	}
}
