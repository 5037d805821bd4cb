package engine

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// admitted compares what a template declares with what its live pods got: what
// admission supplied is info, and what admission spoilt is found on the Pod. Only
// the rules about pods are compared; others look at live pods themselves. It
// returns the findings with which those of the template are to be replaced, and
// whether there was something to compare.
func (e *Engine) admitted(inv *harden.Inventory, s subject, fixers []int, declared []*harden.Finding) (more []*harden.Finding, compared bool) {
	pods := s.workload.Current()
	if s.of != harden.SubjectPod || s.view.Lens != harden.Declared || s.workload.Ref.Kind == "Pod" || len(pods) == 0 ||
		!slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return mutated(&s.workload.Template.Spec, &p.Spec) }) {
		return nil, false
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	seen := map[spot]int{} // in how many pods
	for _, pod := range pods {
		for _, f := range e.effective(inv, s, fixers, pod) {
			at := spotOf(f)
			if seen[at]++; seen[at] == 1 && !slices.ContainsFunc(declared, func(d *harden.Finding) bool { return spotOf(d) == at }) {
				f.Detail += " The template of " + s.workload.Ref.String() + " does not say so: it was changed at admission."
				more = append(more, f)
			}
		}
	}
	for _, f := range declared {
		if f.Status == harden.StatusFail && f.Fixer.Area == harden.AreaPod && f.Fixer.Subject == harden.SubjectPod && seen[spotOf(f)] == 0 && f.Severity > harden.Info {
			f.Severity, f.SeverityWhy = harden.Info, "supplied at admission"
			f.Detail += fmt.Sprintf(" Every live pod of this template has it otherwise (%d looked at): a webhook or an admission policy supplies it, and in another namespace or cluster the pod would lack it.", len(pods))
		}
	}
	return more, true
}

// A spot is where a finding lies, whatever the object.
type spot struct {
	fixer, discriminator string
	container            harden.ContainerRef
}

func spotOf(f *harden.Finding) spot { return spot{f.Fixer.ID, f.Discriminator, f.Container} }

// effective is what the rules about pods find on a live Pod, in what its template declares.
func (e *Engine) effective(inv *harden.Inventory, s subject, fixers []int, pod *corev1.Pod) []*harden.Finding {
	declared := map[string]bool{}
	for _, c := range s.view.Containers() {
		declared[c.Ref.Name] = true
	}
	ref := harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID}
	view := harden.NewPodView(harden.Effective, ref, &pod.ObjectMeta, &pod.Spec, func(c harden.ContainerRef) bool { return declared[c.Name] }, inv.Nodes)
	var out []*harden.Finding
	for _, i := range fixers {
		f := e.Suite[i]
		if f.Area != harden.AreaPod || f.Subject != harden.SubjectPod {
			continue
		}
		p := &harden.Pass{Inventory: inv, Settings: e.Settings, Fixer: f, Object: ref, Workload: s.workload, Pod: view}
		f.Check(p)
		out = append(out, slices.DeleteFunc(p.Findings, func(x *harden.Finding) bool { return x.Status != harden.StatusFail })...)
	}
	return out
}

// mutated reports whether a pod has another security context than its template,
// where most of what admission changes lies.
func mutated(template, pod *corev1.PodSpec) bool {
	if !sameContext(template.SecurityContext, pod.SecurityContext) || !equality.Semantic.DeepEqual(template.HostUsers, pod.HostUsers) {
		return true
	}
	contexts := map[string]*corev1.SecurityContext{}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		contexts[c.Name] = c.SecurityContext
	}
	return slices.ContainsFunc(slices.Concat(template.InitContainers, template.Containers), func(c corev1.Container) bool {
		other, ok := contexts[c.Name]
		return ok && !equality.Semantic.DeepEqual(c.SecurityContext, other)
	})
}

// sameContext takes an empty context for none: the server makes one.
func sameContext(a, b *corev1.PodSecurityContext) bool {
	if a == nil {
		a = &corev1.PodSecurityContext{}
	}
	if b == nil {
		b = &corev1.PodSecurityContext{}
	}
	return equality.Semantic.DeepEqual(a, b)
}
