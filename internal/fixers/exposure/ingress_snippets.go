package exposure

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressSnippets finds raw configuration of nginx in annotations, and controllers that take it.
var IngressSnippets = &harden.Fixer{
	ID:       "ingress-snippets",
	Title:    "writes into the configuration of the proxy",
	Area:     harden.AreaExposure,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress, harden.KindConfigMap},
	Doc: `
An Ingress carries raw configuration for nginx, or the controller takes such.

Fields:

    metadata.annotations: configuration-snippet, server-snippet, stream-snippet,
        auth-snippet, modsecurity-snippet; nginx.org/location-snippets, server-snippets
    the ConfigMap of ingress-nginx: allow-snippet-annotations, annotations-risk-level,
        strict-validate-path-type

Allowed: no snippets; a controller with allow-snippet-annotations not "true",
annotations-risk-level not Critical and strict-validate-path-type not "false".

**Why it matters.** Whoever may write an Ingress in one namespace runs Lua in the
controller and reads its token, which reads the Secrets of all namespaces
(CVE-2021-25742 and its kin).

**The fix.** The annotation is removed, or the settings of the controller are set to the
safe values. What the snippet did has to be said in other annotations, so a person decides.

**Traps.** Where the controller's ConfigMap does not allow them, snippets have no effect
(the default since 1.9): one step milder. Refused settings stop Ingresses that use them
from being changed.
`,
	Refs:  refs("ATT&CK T1190", "Trivy KCV-0093", "Kubescape C-0059"),
	Reads: harden.InCluster(routeParts...),
	Check: checkIngressSnippets,
	Fix:   fixIngressSnippets,
}

// snippetsOf are the keys of the annotations with raw configuration, sorted.
func snippetsOf(annotations map[string]string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(annotations)), func(key string) bool {
		nginx := strings.HasPrefix(key, nginxPrefix) && strings.HasSuffix(key, "-snippet")
		f5 := strings.HasPrefix(key, "nginx.org/") && strings.HasSuffix(key, "-snippets")
		return !nginx && !f5
	})
}

// safeSettings are the values of the controller's settings that refuse raw configuration.
var safeSettings = []struct{ key, bad, good string }{
	{"allow-snippet-annotations", "true", "false"},
	{"annotations-risk-level", "critical", "High"},
	{"strict-validate-path-type", "false", "true"},
}

func checkIngressSnippets(p *harden.Pass) {
	if p.Item.Ref.Kind == harden.KindConfigMap.Kind {
		data, ok := settingsOf(p)
		if !ok {
			p.NotApplicable()
			return
		}
		for _, s := range safeSettings {
			if strings.EqualFold(data[s.key], s.bad) {
				p.Report(harden.Finding{
					Discriminator: s.key, Field: "data." + s.key, Reason: s.key + ": " + s.bad,
					Detail: fmt.Sprintf("%s is %s: whoever may write an Ingress can put configuration of his own into the controller.", s.key, quoted(data[s.key])),
				})
			}
		}
		return
	}
	in := ingressOf(p)
	if in == nil {
		return
	}
	allowed, known := nginxSetting(p.Inventory, "allow-snippet-annotations")
	for _, key := range snippetsOf(in.Annotations) {
		_, short, _ := strings.Cut(key, "/")
		f := harden.Finding{
			Discriminator: key, Field: annotationField(key), Reason: short,
			Detail: fmt.Sprintf("The annotation %s has %d characters of raw configuration for nginx.", key, len(in.Annotations[key])),
		}
		if known && allowed == "false" && strings.HasPrefix(key, nginxPrefix) {
			f.Severity, f.SeverityWhy = harden.Medium, "the controller does not allow snippets"
		}
		p.Report(f)
	}
}

func fixIngressSnippets(p *harden.Pass, f *harden.Finding) []harden.Fix {
	for _, s := range safeSettings {
		if f.Discriminator == s.key {
			return draft("set "+s.key+" to "+s.good, "Ingresses that need it are refused when somebody changes them, or lose what it did.",
				harden.SetObject(p.Object, map[string]any{"data": map[string]any{s.key: s.good}}))
		}
	}
	return draft("remove the snippet", "What it did is gone: say it with other annotations first.",
		harden.RemoveFrom(p.Object, fieldpath.MakePathOrDie("metadata", "annotations", f.Discriminator)))
}
