package pod

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ImageDefaultContext reports containers about whose rights nothing is said.
var ImageDefaultContext = &harden.Fixer{
	ID:       "image-default-context",
	Title:    "says nothing about the rights of the container",
	Area:     harden.AreaPod,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Off:      true,
	Refs:     refs("Trivy KSV-0118", "Kubescape C-0211"),
	Doc: `
Neither the pod nor the container has a securityContext with anything in it.

Fields:

    spec.securityContext
    spec.containers[].securityContext   (init and ephemeral containers too)

Allowed: any field at one of the two.

**Why it matters.** What nobody writes down is up to the image, the runtime and the node: a
user that is root, fourteen capabilities, and a file system that can be written.

Detection only: the rules about the single fields say what is missing, and repair it.

**Traps.** The rule is off unless it is switched on. That a context is there says nothing
about what is in it.
`,
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if !empty(p.Pod.Spec.SecurityContext) {
			return
		}
		for _, c := range p.Pod.Containers() {
			if empty(c.SecurityContext) {
				p.Report(harden.Finding{
					Container: c.Ref, Field: c.Field + ".securityContext",
					Reason: "no securityContext", Detail: "Neither the pod nor the container says anything in its securityContext.",
				})
			}
		}
	},
}

func empty[T corev1.PodSecurityContext | corev1.SecurityContext](context *T) bool {
	return context == nil || reflect.ValueOf(*context).IsZero()
}
