package namespace

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// WebhookFailOpen finds guards that can be walked around.
var WebhookFailOpen = &harden.Fixer{
	ID:       "webhook-fail-open",
	Title:    "policy webhook can be walked around",
	Area:     harden.AreaNamespace,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    webhookKinds,
	Doc: `
A webhook that guards what runs is skipped when it does not answer, or for a label.

Fields:

    webhooks[].failurePolicy
    webhooks[].objectSelector
    webhooks[].namespaceSelector   (keys other than kubernetes.io/metadata.name)

Allowed: failurePolicy Fail, no objectSelector, a namespaceSelector by name. Only webhooks of
policy engines and scanners that are known by name are judged, and only those that are called
for pods or Deployments.

**Why it matters.** With Ignore, whoever makes the webhook slow or kills its pods gets everything
through, and nobody notices. With an objectSelector whoever writes the object decides whether
it is judged. With a namespaceSelector by label it is who may label namespaces: that alone is
low, since it takes a right that few have.

**The fix.** failurePolicy: Fail, for review. For selectors the text says what to change.

**Traps.** With Fail, nothing can be created while the webhook is down: two replicas, a budget, a short
timeout and kube-system left out come first (webhook-blast-radius). Operators that write their
webhooks themselves change it back: set it in their values.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1562.001"},
		{Standard: "Kubescape", ID: "C-0036"},
		{Standard: "Kubescape", ID: "C-0039"},
		{Standard: "Kubernetes", ID: "good practices for webhooks", URL: "https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkWebhookFailOpen,
	Fix:   fixWebhookFailOpen,
}

func checkWebhookFailOpen(p *harden.Pass) {
	judged := false
	for _, h := range hooksOf(p.Item) {
		if !h.isOneOf(policyWords) || !h.guards() {
			continue
		}
		judged = true
		f := harden.Finding{Discriminator: h.name}
		var why []string
		if keys := selectorKeys(h.namespaces); len(keys) > 0 {
			f.Verdict, f.Field, f.Reason = "namespace-label", h.field("namespaceSelector"), "skipped by a label of the namespace"
			f.Severity, f.SeverityWhy = harden.Low, "only who may label namespaces walks around it"
			why = append(why, "Namespaces are chosen by their label "+strings.Join(keys, ", ")+".")
		}
		if keys := selectorKeys(h.objects); len(keys) > 0 {
			f.Verdict, f.Field, f.Reason = "object-label", h.field("objectSelector"), "skipped by a label of the object"
			f.SeverityWhy = ""
			why = append(why, "Objects are chosen by their label "+strings.Join(keys, ", ")+", which who writes them sets.")
		}
		if !h.fails {
			f.Verdict, f.Field, f.Reason = "ignore", h.field("failurePolicy"), "failurePolicy is Ignore"
			f.SeverityWhy = ""
			why = append(why, "When it does not answer in time, everything is let through.")
		}
		if len(why) > 0 {
			f.Detail = harden.OneLine(h.name + ": " + strings.Join(why, " "))
			p.Report(f)
		}
	}
	if !judged {
		p.NotApplicable()
	}
}

// selectorKeys are the labels that a selector asks for and that somebody can change.
func selectorKeys(s *metav1.LabelSelector) []string {
	if s == nil {
		return nil
	}
	var keys []string
	for key := range s.MatchLabels {
		keys = append(keys, key)
	}
	for _, e := range s.MatchExpressions {
		keys = append(keys, e.Key)
	}
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(k string) bool { return k == labelName })
}

func fixWebhookFailOpen(p *harden.Pass, f *harden.Finding) []harden.Fix {
	const title = "let nobody walk around the webhook"
	if f.Verdict == "ignore" {
		return []harden.Fix{{
			Title: title, Class: harden.Review,
			Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"webhooks": []any{map[string]any{"name": f.Discriminator, "failurePolicy": "Fail"}}})},
			Warning: "Nothing that it is called for can be created while it does not answer.",
		}}
	}
	how := "Choose namespaces by kubernetes.io/metadata.name, which nobody can change, in the configuration of what installs the webhook."
	if f.Verdict == "object-label" {
		how = "Take the objectSelector out, and leave objects out by matchConditions or in the policies themselves, by what their writer cannot choose."
	}
	return []harden.Fix{{Title: title, Class: harden.Review, Manual: how}}
}
