package pod

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SeccompUnconfined reports pods and containers that turn the system call filter off.
var SeccompUnconfined = &harden.Fixer{
	ID:       "seccomp-unconfined",
	Title:    "system call filter is turned off",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS baseline: seccomp", "CIS 5.7.2 (5.6.2 since v1.12)", "NSA seccomp", "ATT&CK T1611", "Trivy KSV-0104", "Kubescape C-0210", "Kubescape C-0055"),
	Reads:    harden.ReadsNothing,
	Check:    checkSeccompUnconfined,
	Fix:      proposing("set seccompProfile.type: RuntimeDefault", fixSeccompUnconfined),
	Doc: `**Fields** ` + "`securityContext.seccompProfile.type`" + ` of the pod and of each container; the container's profile replaces the pod's as a whole.

**Allowed** RuntimeDefault, Localhost, or unset. The pod's value counts even where every container overrides it.

Unconfined lets a process call everything that the kernel offers, also the parts where most ways out of a container were found. It undoes a default that the node may have.

**Fix** RuntimeDefault in the same place. A person has to decide: somebody turned the filter off for a reason, and nobody looked for it. Browsers with a sandbox of their own, image builders, debuggers and
programs that load eBPF need calls that the default profile refuses; a Localhost profile that adds just those is the better answer. Where every container overrides the pod's
Unconfined the change has no effect on them, and is proven.

**Traps** io_uring is refused by the default profile of containerd 2.0 and later (containerd/containerd#9320). An old libseccomp on the node breaks new C libraries: pthread_create fails.
A privileged container runs without a filter whatever stands here; the value is reported, with less weight, because Pod Security refuses it.
The annotations of Kubernetes before 1.19 have no meaning since 1.27; on older servers an unconfined one counts where the field is unset.
It does not apply to Windows.
`,
}

func checkSeccompUnconfined(p *harden.Pass) {
	containers := linuxContainers(p, anyContainer)
	if len(containers) == 0 {
		return
	}
	if own := podSecurity(p).SeccompProfile; p.Pod.PodLevel && isUnconfined(own) {
		f := harden.Finding{
			Field:  p.Pod.Field("securityContext.seccompProfile.type"),
			Reason: fmt.Sprintf("the pod's system calls are not filtered: %s", own.Type),
			Detail: fmt.Sprintf("securityContext.seccompProfile.type of the pod is %q, and holds for every container without a profile of its own.", own.Type),
		}
		if everySeccompOwn(p) {
			f.Severity, f.SeverityWhy = harden.Low, "every container has a profile of its own"
		}
		p.Report(f)
	}
	for _, c := range containers {
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".securityContext.seccompProfile.type"}
		if own := security(c).SeccompProfile; isUnconfined(own) {
			f.Reason = fmt.Sprintf("system calls are not filtered: %s", own.Type)
			f.Detail = fmt.Sprintf("securityContext.seccompProfile.type of the container is %q.", own.Type)
		} else if key := unconfinedAnnotation(p, c); key != "" {
			f.Reason = "system calls are not filtered: an annotation says unconfined"
			f.Detail = fmt.Sprintf("The annotation %s is %q, which servers before 1.27 obey where the field is unset.", key, p.Pod.Meta.Annotations[key])
		} else {
			continue
		}
		if isPrivileged(c) {
			f.Severity, f.SeverityWhy = harden.Low, "the container is privileged and has no filter anyway"
		}
		p.Report(f)
	}
}

// isUnconfined reports a profile that Pod Security refuses: Unconfined, or a type that it does not know.
func isUnconfined(profile *corev1.SeccompProfile) bool {
	return profile != nil && profile.Type != corev1.SeccompProfileTypeRuntimeDefault && profile.Type != corev1.SeccompProfileTypeLocalhost
}

func everySeccompOwn(p *harden.Pass) bool {
	for _, c := range p.Pod.Containers() {
		if security(c).SeccompProfile == nil {
			return false
		}
	}
	return true
}

// unconfinedAnnotation is the legacy annotation that turns the filter off for
// the container; empty where there is none or where it has no meaning any more.
func unconfinedAnnotation(p *harden.Pass, c harden.Container) string {
	if policyAtLeast(p, 27) || effectiveSeccomp(p, c) != nil {
		return ""
	}
	for _, key := range []string{corev1.SeccompContainerAnnotationKeyPrefix + c.Name, corev1.SeccompPodAnnotationKey} {
		if value, ok := p.Pod.Meta.Annotations[key]; ok {
			if value == "unconfined" {
				return key
			}
			return ""
		}
	}
	return ""
}

func fixSeccompUnconfined(p *harden.Pass, f *harden.Finding) []harden.Fix {
	profile := map[string]any{"seccompProfile": map[string]any{"type": string(corev1.SeccompProfileTypeRuntimeDefault)}}
	fix := harden.Fix{Class: harden.Review, Warning: seccompWarning}
	if c, ok := p.Pod.Container(f.Container); ok {
		fix.Evidence = unfilteredClaims(p, c)
		fix.Title = "filter the system calls of " + c.Name
		change := harden.SetSecurityContext(f.Object, c.Ref, profile)
		if key := unconfinedAnnotation(p, c); key != "" {
			change.Remove = []harden.Path{harden.TemplateFieldPath(f.Object, "metadata", "annotations", key)}
		}
		fix.Changes = []harden.Change{change}
	} else {
		fix.Title = "filter the system calls of the pod"
		fix.Changes = []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"securityContext": profile})}
		if everySeccompOwn(p) && !injectedContainers(p) {
			fix.Evidence = []harden.Claim{seen(p, "E-SPEC", "Every container has a profile of its own, which replaces the pod's.", "A container that is injected later inherits the pod's value.")}
			fix.Warning, fix.Class = "", harden.Evidence
		} else {
			for _, c := range p.Pod.Containers() {
				if security(c).SeccompProfile == nil && !isPrivileged(c) {
					fix.Evidence = append(fix.Evidence, unfilteredClaims(p, c)...)
				}
			}
		}
	}
	return []harden.Fix{fix}
}

const seccompWarning = "A program that makes a call outside the runtime's default profile gets EPERM or ENOSYS: image builders, browsers with a sandbox, eBPF, ptrace and io_uring users."
