package namespace

import (
	"fmt"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// WebhookBlastRadius finds webhooks that stop the cluster when they stop.
var WebhookBlastRadius = &harden.Fixer{
	ID:       "webhook-blast-radius",
	Title:    "stops the cluster when it does not answer",
	Area:     harden.AreaNamespace,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    webhookKinds,
	Doc: `
A webhook that must answer is needed to start what makes it answer.

Fields:

    webhooks[].failurePolicy, .rules, .namespaceSelector, .objectSelector, .timeoutSeconds
    spec.replicas of the workload behind its Service, PodDisruptionBudgets for it

Allowed: Ignore; or a namespaceSelector that leaves out kube-system and the webhook's own
namespace; or two replicas or more with a budget and at most 10 seconds. Only webhooks that
are called when pods are created are judged, and none with matchConditions, which may leave
out whatever it takes.

**Why it matters.** When its pods are gone (a drain, an upgrade, a node that fails) no pod can be
created, its own and those of DNS and the network included. Somebody has to delete the
webhook by hand to get the cluster back, and with it what it guarded.

**The fix.** For review: the namespaceSelector leaves out the namespaces, as one list with what it
says already.

**Traps.** What runs in a namespace that is left out is not judged: few should be able to create
pods there. Operators that write their webhooks themselves change it back.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0036"},
		{Standard: "Kubernetes", ID: "good practices for webhooks", URL: "https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/"},
	},
	Reads: harden.InCluster(harden.KindNamespace, harden.Scalers, harden.Templates, harden.KindPodDisruptionBudget, harden.KindService, harden.Pods),
	Check: checkWebhookBlastRadius,
	Fix:   fixWebhookBlastRadius,
}

const longTimeout = 10 // seconds; the API server's default

func checkWebhookBlastRadius(p *harden.Pass) {
	judged := false
	for _, h := range hooksOf(p.Item) {
		if !h.fails || h.narrowed || !h.covers("", "pods") {
			continue
		}
		judged = true
		in := h.dangerous(p.Inventory)
		why := h.fragile(p.Inventory)
		if len(in) == 0 || len(why) == 0 {
			continue
		}
		p.Report(harden.Finding{
			Discriminator: h.name, Field: h.field("namespaceSelector"), Reason: "pods of " + strings.Join(in, " and ") + " wait for it",
			Detail: harden.OneLine(fmt.Sprintf("%s: no pod of %s is created while it does not answer, and %s.", h.name, strings.Join(in, " and "), strings.Join(why, ", "))),
		})
	}
	if !judged {
		p.NotApplicable()
	}
}

// dangerous are the namespaces without whose pods it, or the cluster, does not come back.
func (h hook) dangerous(inv *harden.Inventory) []string {
	var out []string
	if h.client.Service != nil && h.calledIn(inv, h.client.Service.Namespace) {
		for _, w := range h.behind(inv) {
			if h.calls(w.Template.Labels) {
				out = append(out, h.client.Service.Namespace)
				break
			}
		}
	}
	if h.objects == nil || len(h.objects.MatchLabels)+len(h.objects.MatchExpressions) == 0 {
		if h.calledIn(inv, metav1.NamespaceSystem) && (len(out) == 0 || out[0] != metav1.NamespaceSystem) {
			out = append(out, metav1.NamespaceSystem)
		}
	}
	return out
}

// fragile says why it may fail to answer.
func (h hook) fragile(inv *harden.Inventory) []string {
	var why []string
	if h.timeout > longTimeout {
		why = append(why, fmt.Sprintf("it has %d seconds for each answer", h.timeout))
	}
	for _, w := range h.behind(inv) {
		least := inv.LeastReplicas(w)
		switch {
		case !w.HasReplicas() || least == 0:
		case least == 1:
			why = append(why, w.Ref.String()+" behind it has one replica")
		case !budgeted(inv, w):
			why = append(why, "no PodDisruptionBudget keeps a pod of "+w.Ref.String()+" behind it")
		}
	}
	return why
}

// budgeted reports whether a budget selects the workload, or that is not known.
func budgeted(inv *harden.Inventory, w *harden.Workload) bool {
	if k, _ := harden.ObjectKindOf(harden.KindPodDisruptionBudget); inv.Unreadable(k.Resource(), w.Ref.Namespace) != "" {
		return true
	}
	for _, o := range inv.InNamespace(harden.KindPodDisruptionBudget, w.Ref.Namespace) {
		pdb := harden.Content[*policyv1.PodDisruptionBudget](o)
		if pdb == nil {
			continue
		}
		if s, err := metav1.LabelSelectorAsSelector(pdb.Spec.Selector); err != nil || w.SelectedBy(s) {
			return true
		}
	}
	return false
}

func fixWebhookBlastRadius(p *harden.Pass, f *harden.Finding) []harden.Fix {
	for _, h := range hooksOf(p.Item) {
		if h.name != f.Discriminator {
			continue
		}
		return []harden.Fix{{
			Title: "leave out the namespaces that it needs itself", Class: harden.Review,
			Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"webhooks": []any{map[string]any{
				"name": h.name, "namespaceSelector": without(h.namespaces, h.dangerous(p.Inventory)),
			}}})},
			Warning: "Pods of these namespaces are not judged any more: let few create pods there.",
		}}
	}
	return nil
}

// without is a selector as a value of JSON, with one more expression that leaves out namespaces by name.
func without(s *metav1.LabelSelector, names []string) map[string]any {
	next := &metav1.LabelSelector{}
	if s != nil {
		next = s.DeepCopy()
	}
	next.MatchExpressions = append(next.MatchExpressions, metav1.LabelSelectorRequirement{Key: labelName, Operator: metav1.LabelSelectorOpNotIn, Values: names})
	return harden.SelectorValue(next)
}
