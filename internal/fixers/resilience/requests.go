package resilience

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A resourceRule finds containers that say nothing about a resource.
type resourceRule struct {
	name  corev1.ResourceName
	limit bool // the limit is asked for, not the request
}

func (r resourceRule) field() string {
	if r.limit {
		return "resources.limits." + string(r.name)
	}
	return "resources.requests." + string(r.name)
}

// says reports whether the resource is spoken of. The API server makes a limit
// the request too where there is none.
func (r resourceRule) says(resources corev1.ResourceRequirements) bool {
	set := func(list corev1.ResourceList) bool {
		q, ok := list[r.name]
		return ok && !q.IsZero()
	}
	return set(resources.Limits) || !r.limit && set(resources.Requests)
}

func (r resourceRule) saysForPod(spec *corev1.PodSpec) bool {
	return spec.Resources != nil && r.says(*spec.Resources)
}

func (r resourceRule) check(p *harden.Pass) {
	if r.saysForPod(p.Pod.Spec) {
		return
	}
	what, word := "request", "ask for"
	if r.limit {
		what, word = "limit", "bound"
	}
	for _, c := range p.Pod.Containers() {
		if c.Ref.Kind != harden.AppContainer && c.Ref.Kind != harden.SidecarContainer || r.says(c.Resources) {
			continue
		}
		f := harden.Finding{
			Container: c.Ref, Field: c.Field + "." + r.field(),
			Reason: fmt.Sprintf("no %s %s", r.name, what),
			Detail: fmt.Sprintf("Neither the container nor the pod %ss %s (%s).", word, r.name, r.field()),
		}
		if !r.limit {
			f.Detail = fmt.Sprintf("Neither the container nor the pod has a request for %s, or a limit that would stand in for it.", r.name)
		}
		if n, all := r.supplied(p, c.Ref); all {
			f.Severity, f.SeverityWhy = harden.Info, "supplied at admission"
			f.Detail = fmt.Sprintf("The template has no %s for %s, and every live pod has one (%d looked at): a LimitRange, a webhook or an autoscaler supplies it.", what, r.name, n)
		}
		p.Report(f)
	}
}

// supplied reports whether all live pods, of which there are n, have what their template lacks.
func (r resourceRule) supplied(p *harden.Pass, ref harden.ContainerRef) (n int, all bool) {
	if p.Pod.Lens != harden.Declared || p.Object.Kind == "Pod" {
		return 0, false
	}
	for _, pod := range p.Workload.Pods {
		live := harden.NewPodView(harden.Effective, p.Object, &pod.ObjectMeta, &pod.Spec, nil, nil)
		c, ok := live.Container(ref)
		if !ok || !r.saysForPod(&pod.Spec) && !r.says(c.Resources) {
			return 0, false
		}
	}
	return len(p.Workload.Pods), len(p.Workload.Pods) > 0
}

// measure is what to do where only measuring tells the number.
func (r resourceRule) measure(p *harden.Pass, f *harden.Finding, title, how, warning string) []harden.Fix {
	if instead, ok := f.OutOfReach(title); ok {
		return []harden.Fix{instead}
	}
	fix := harden.Fix{Title: title, Class: harden.Review, Manual: how, Warning: warning}
	if s := p.Inventory.ScalerOf(harden.VerticalPodAutoscaler, p.Workload.Ref); s != nil {
		fix.Manual = s.Ref.String() + " sets the resources of these pods: say in its spec.resourcePolicy what it controls, and give it bounds."
	}
	return []harden.Fix{fix}
}
