package namespace

import (
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PolicyNotEnforcing finds policies that only report.
var PolicyNotEnforcing = &harden.Fixer{
	ID:       "policy-not-enforcing",
	Title:    "policy reports and refuses nothing",
	Area:     harden.AreaNamespace,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    append([]schema.GroupKind{harden.KindConstraint, harden.KindPolicyException}, policyKinds...),
	Doc: `
A policy sees what is wrong and lets it through, or leaves nearly everything out.

Fields:

    Kyverno spec.rules[].validate.failureAction, .exclude; spec.validationFailureAction,
    spec.admission; PolicyException spec.match
    ValidatingPolicy, ImageValidatingPolicy spec.validationActions
    ValidatingAdmissionPolicyBinding spec.validationActions
    constraints of Gatekeeper spec.enforcementAction, spec.scopedEnforcementActions
    Kubewarden spec.mode

Allowed: Enforce, Deny, deny, protect. Wrong are Audit (which is Kyverno's default for a
ClusterPolicy), Warn, warn, dryrun, monitor, admission: false, and an exclusion or exception
for all namespaces ("*"). Policies that only change or create objects are not looked at.

**Why it matters.** Reports are read for a week after they were set up. Meanwhile everybody believes
that such pods cannot be created.

**The fix.** The action becomes the refusing one where one field says it, for review. Where it stands
in a list, or an exclusion is too broad, the text says what to change.

**Traps.** Look at what the reports say first: all that they list is refused from then on, at the next
restart of a pod. A policy may be in audit because it is being tried.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.2.1"},
		{Standard: "Kubernetes", ID: "validation actions", URL: "https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#validation-actions"},
	},
	Reads: harden.InCluster(harden.Templates, harden.Pods, harden.KindNamespace, harden.AnyObject),
	Check: checkPolicyNotEnforcing,
	Fix:   fixPolicyNotEnforcing,
}

func checkPolicyNotEnforcing(p *harden.Pass) {
	if b := harden.Content[*admissionregistrationv1.ValidatingAdmissionPolicyBinding](p.Item); b != nil {
		actions := b.Spec.ValidationActions
		if !slices.Contains(actions, admissionregistrationv1.Deny) {
			p.Report(harden.Finding{Verdict: "audit", Field: "spec.validationActions", Reason: fmt.Sprintf("actions are %v", actions), Detail: "Without Deny a violation is warned of or written down, and let through."})
		}
		return
	}
	u := harden.Content[*unstructured.Unstructured](p.Item)
	if u == nil {
		p.NotApplicable()
		return
	}
	text := func(fields ...string) string {
		s, _, _ := unstructured.NestedString(u.Object, fields...)
		return harden.OneLine(s)
	}
	switch gk := p.Object.GroupVersionKind().GroupKind(); {
	case gk == harden.KindKyvernoClusterPolicy || gk == harden.KindKyvernoPolicy:
		checkKyverno(p, u)
	case gk == harden.KindPolicyException:
		match, _, _ := unstructured.NestedMap(u.Object, "spec", "match")
		if everywhere(match) {
			p.Report(harden.Finding{Verdict: "exception", Field: "spec.match", Reason: "exception for all namespaces", Detail: "It matches namespaces \"*\": nobody is held to the policies that it names."})
		}
	case gk == harden.KindValidatingPolicy || gk == harden.KindImageValidatingPolicy:
		actions, found, _ := unstructured.NestedStringSlice(u.Object, "spec", "validationActions")
		if found && len(actions) > 0 && !slices.Contains(actions, "Deny") {
			p.Report(harden.Finding{Verdict: "audit", Field: "spec.validationActions", Reason: harden.OneLine(fmt.Sprintf("actions are %v", actions)), Detail: "Without Deny a violation is warned of or written down, and let through."})
		}
	case gk.Group == harden.ConstraintGroup:
		switch action := text("spec", "enforcementAction"); {
		case action == "dryrun" || action == "warn":
			p.Report(harden.Finding{Verdict: "audit", Field: "spec.enforcementAction", Reason: "enforcementAction is " + action, Detail: "A violation is let through."})
		case action == "scoped" && !scopedDenies(u):
			p.Report(harden.Finding{Verdict: "scoped", Field: "spec.scopedEnforcementActions", Reason: "no scoped action is deny", Detail: "None of its scoped enforcement actions is deny: a violation is let through."})
		}
	case text("spec", "mode") == "monitor": // Kubewarden
		p.Report(harden.Finding{Verdict: "audit", Field: "spec.mode", Reason: "mode is monitor", Detail: "A violation is written down, and let through."})
	}
}

// checkKyverno judges the rules that validate: the action is that of the rule,
// else that of the policy, else Audit.
func checkKyverno(p *harden.Pass, u *unstructured.Unstructured) {
	rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
	whole, _, _ := unstructured.NestedString(u.Object, "spec", "validationFailureAction")
	var audits, open []string
	validates, ofRule := 0, false
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		if rule["validate"] == nil {
			continue
		}
		validates++
		name, _ := rule["name"].(string)
		own, _, _ := unstructured.NestedString(rule, "validate", "failureAction")
		ofRule = ofRule || own != ""
		action := own
		if action == "" {
			action = whole
		}
		if !strings.EqualFold(action, "Enforce") {
			audits = append(audits, harden.OneLine(name))
		}
		exclude, _, _ := unstructured.NestedMap(rule, "exclude")
		if everywhere(exclude) {
			open = append(open, harden.OneLine(name))
		}
	}
	if validates == 0 {
		p.NotApplicable()
		return
	}
	if admission, found, _ := unstructured.NestedBool(u.Object, "spec", "admission"); found && !admission {
		p.Report(harden.Finding{Verdict: "background", Field: "spec.admission", Reason: "admission is false", Detail: "It only scans what is there, and refuses nothing."})
		return
	}
	if len(audits) > 0 {
		f := harden.Finding{Verdict: "audit", Field: "spec.validationFailureAction", Discriminator: "action", Reason: fmt.Sprintf("%d of %d rules in Audit", len(audits), validates), Detail: "These rules report and let through: " + few(audits) + "."}
		if ofRule {
			f.Verdict, f.Field = "rules", "spec.rules[].validate.failureAction"
		}
		p.Report(f)
	}
	if len(open) > 0 {
		p.Report(harden.Finding{Verdict: "exclude", Field: "spec.rules[].exclude", Discriminator: "exclude", Reason: "excludes all namespaces", Detail: "These rules leave out namespaces \"*\": " + few(open) + "."})
	}
}

// everywhere reports whether a match or exclude block of Kyverno has an item that
// is for the resources of all namespaces, whatever their names, and whoever asks.
func everywhere(block map[string]any) bool {
	items := []any{block}
	for _, key := range []string{"any", "all"} {
		list, _, _ := unstructured.NestedSlice(block, key)
		items = append(items, list...)
	}
	for _, i := range items {
		item, _ := i.(map[string]any)
		resources, _, _ := unstructured.NestedMap(item, "resources")
		namespaces, _, _ := unstructured.NestedStringSlice(resources, "namespaces")
		if slices.Contains(namespaces, "*") && resources["names"] == nil && resources["name"] == nil && resources["selector"] == nil && resources["namespaceSelector"] == nil &&
			item["subjects"] == nil && item["roles"] == nil && item["clusterRoles"] == nil {
			return true
		}
	}
	return false
}

func scopedDenies(u *unstructured.Unstructured) bool {
	list, _, _ := unstructured.NestedSlice(u.Object, "spec", "scopedEnforcementActions")
	return slices.ContainsFunc(list, func(item any) bool {
		m, _ := item.(map[string]any)
		return m["action"] == "deny"
	})
}

func fixPolicyNotEnforcing(p *harden.Pass, f *harden.Finding) []harden.Fix {
	const title = "let the policy refuse"
	if f.Verdict == "audit" {
		spec := map[string]any{}
		switch f.Field {
		case "spec.validationFailureAction":
			spec["validationFailureAction"] = "Enforce"
		case "spec.enforcementAction":
			spec["enforcementAction"] = "deny"
		case "spec.mode":
			spec["mode"] = "protect"
		case "spec.validationActions":
			// A set of Deny and Warn together is refused; Audit may stay.
			spec["validationActions"] = []any{"Deny"}
			if strings.Contains(f.Reason, "Warn") {
				spec = nil
			}
		}
		if spec != nil {
			return []harden.Fix{{
				Title: title, Class: harden.Review, Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"spec": spec})},
				Warning: "All that it reports now is refused when it is created again: look at the reports first.",
			}}
		}
	}
	how := map[string]string{
		"audit":      "Say Deny in spec.validationActions in the place of Warn.",
		"rules":      "Set validate.failureAction: Enforce at each of the rules, in the source of the policy.",
		"scoped":     "Give one of spec.scopedEnforcementActions the action deny, for the webhook.",
		"background": "Take spec.admission: false out, after a look at what the reports say.",
		"exclude":    "Name the namespaces that have to be left out, in the place of \"*\".",
		"exception":  "Name the workloads and namespaces that need it, in the place of \"*\", or delete the exception.",
	}[f.Verdict]
	return []harden.Fix{{Title: title, Class: harden.Review, Manual: how}}
}
