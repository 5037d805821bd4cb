package namespace

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// LimitRange finds namespaces that give no defaults to containers that ask for nothing.
var LimitRange = &harden.Fixer{
	ID:       "limit-range",
	Title:    "gives no limits to containers without any",
	Area:     harden.AreaNamespace,
	Severity: harden.Low,
	Subject:  harden.SubjectNamespace,
	Doc: `
No LimitRange has defaults for containers.

Fields:

    LimitRange spec.limits[type=Container].default, .defaultRequest

Allowed: a default or a defaultRequest for Container. Namespaces of the cluster itself and of
vendors are not looked at, nor in files those whose Namespace is not among them. One without
workloads is info.

**Why it matters.** A container whose author forgot limits runs without any. With a LimitRange it
gets those of the namespace, and a quota does not refuse it.

**The fix.** A draft for review: its numbers are small ones to begin with. It changes no pod that
runs, and every pod that is made from then on.

**Traps.** A container that needs more than the default, and did not say so, is killed at its next
start. Look at what your workloads use before you create it. One that requests more memory than
the default limit, and has no limit, is refused: the draft leaves room for those that are there.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "resource policies"},
		{Standard: "Trivy", ID: "KSV-0039"},
		{Standard: "Kubernetes", ID: "limit ranges", URL: "https://kubernetes.io/docs/concepts/policy/limit-range/"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.KindLimitRange),
	Check: func(p *harden.Pass) {
		if bounded(p, harden.KindLimitRange, hasDefaults) {
			return
		}
		reportUnbounded(p, harden.Finding{Reason: "no defaults for containers", Detail: "No LimitRange has a default or a defaultRequest for containers: one that says nothing gets nothing."})
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		ref := harden.Ref{APIVersion: "v1", Kind: "LimitRange", Namespace: p.NamespaceName, Name: harden.OwnName("defaults")}
		return []harden.Fix{{
			Title: "give defaults to containers", Class: harden.Review,
			Changes: []harden.Change{harden.CreateObject(ref, map[string]any{"spec": map[string]any{"limits": []any{map[string]any{
				"type": string(corev1.LimitTypeContainer), "default": map[string]any{"memory": enough(p)}, "defaultRequest": map[string]any{"cpu": "100m", "memory": "128Mi"},
			}}}})},
			Warning: "New pods whose containers say nothing get these numbers, and one that needs more memory is killed: set them to what yours use.",
		}}
	},
}

func hasDefaults(o *harden.Object) bool {
	r := harden.Content[*corev1.LimitRange](o)
	if r == nil {
		return false
	}
	for _, l := range r.Spec.Limits {
		if l.Type == corev1.LimitTypeContainer && len(l.Default)+len(l.DefaultRequest) > 0 {
			return true
		}
	}
	return false
}

// enough is a default limit for memory that no request of a template exceeds.
func enough(p *harden.Pass) string {
	limit := resource.MustParse("512Mi")
	for _, w := range p.Inventory.WorkloadsIn(p.NamespaceName) {
		view := harden.NewPodView(harden.Declared, w.Ref, &w.Template.ObjectMeta, &w.Template.Spec, nil, nil)
		for _, c := range view.Containers() {
			if _, has := c.Resources.Limits[corev1.ResourceMemory]; !has {
				limit = most(limit, c.Resources.Requests[corev1.ResourceMemory])
			}
		}
	}
	return limit.String()
}
