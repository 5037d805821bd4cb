package resilience

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HPADangling finds autoscalers that scale nothing.
var HPADangling = &harden.Fixer{
	ID:       "hpa-dangling",
	Title:    "autoscaler scales nothing",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    kindsOf(harden.KindHorizontalPodAutoscaler),
	Doc: `
The target of a HorizontalPodAutoscaler does not exist, or what it goes by is not measured.

Fields:

    spec.scaleTargetRef
    status.conditions[AbleToScale], status.conditions[ScalingActive]

Allowed: a target that is there, and metrics that arrive. Only clusters are judged. Targets
of other kinds than Deployment, StatefulSet and ReplicationController are believed to be
there unless the autoscaler says otherwise. ScalingDisabled is no failure: somebody set
replicas to 0.

**Why it matters.** The service does not grow under load, or under attack, though
everybody believes that it does.

**The fix.** A person decides; the text says what to look at.

**Traps.** Just after a target was created its metrics are not there yet.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0300"},
		{Standard: "Kubernetes", ID: "horizontal pod autoscaling", URL: "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale-walkthrough/#appendix-horizontal-pod-autoscaler-status-conditions"},
	},
	Reads: harden.InNamespace(harden.Templates),
	Check: checkHPADangling,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		how := "Correct spec.scaleTargetRef, or delete the autoscaler if its target is gone for good."
		if f.Verdict != "no-target" {
			how = "Look at kubectl describe hpa " + p.Object.Name + " -n " + p.Object.Namespace + ": metrics-server or an adapter has to serve the metric, and targets by use need requests at every container."
		}
		return []harden.Fix{{Title: "give the autoscaler something to scale", Class: harden.Review, Manual: how}}
	},
}

func checkHPADangling(p *harden.Pass) {
	hpa := harden.Content[*autoscalingv2.HorizontalPodAutoscaler](p.Item)
	if !p.Inventory.Live() || hpa == nil {
		p.NotApplicable()
		return
	}
	target := hpa.Spec.ScaleTargetRef
	name := target.Kind + "/" + target.Name
	if why := condition(hpa, autoscalingv2.AbleToScale, "FailedGetScale"); why != "" || missing(p.Inventory, p.Object.Namespace, target) {
		if unread := p.Inventory.UnreadWorkloads(p.Object.Namespace); why == "" && unread != "" {
			p.Unknown(unread + ".")
			return
		}
		p.Report(harden.Finding{Verdict: "no-target", Field: "spec.scaleTargetRef", Reason: "target " + harden.OneLine(name) + " does not exist", Detail: harden.OneLine(fmt.Sprintf("It is to scale %s of namespace %s, which is not there. %s", name, p.Object.Namespace, why))})
		return
	}
	if why := condition(hpa, autoscalingv2.ScalingActive, ""); why != "" {
		p.Report(harden.Finding{Verdict: "no-metrics", Field: "status.conditions[ScalingActive]", Reason: "metrics are not known", Detail: harden.OneLine(why)})
	}
}

// missing reports whether a target of a kind that is read is not there.
func missing(inv *harden.Inventory, namespace string, target autoscalingv2.CrossVersionObjectReference) bool {
	want := harden.Ref{APIVersion: target.APIVersion, Kind: target.Kind, Namespace: namespace, Name: target.Name}.Key()
	switch want.Group + "/" + want.Kind {
	case "apps/Deployment", "apps/StatefulSet", "/ReplicationController":
	default:
		return false
	}
	for _, w := range inv.WorkloadsIn(namespace) {
		if key := w.Ref.Key(); key.Group == want.Group && key.Kind == want.Kind && key.Name == want.Name {
			return false
		}
	}
	return true
}

// condition is what a condition that is false says; "" where it is not, or is for another reason.
func condition(hpa *autoscalingv2.HorizontalPodAutoscaler, kind autoscalingv2.HorizontalPodAutoscalerConditionType, reason string) string {
	for _, c := range hpa.Status.Conditions {
		if c.Type == kind && c.Status == corev1.ConditionFalse && c.Reason != "ScalingDisabled" && (reason == "" || c.Reason == reason) {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}
