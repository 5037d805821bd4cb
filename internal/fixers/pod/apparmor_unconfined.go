package pod

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AppArmorUnconfined finds pods and containers that switch AppArmor off.
var AppArmorUnconfined = &harden.Fixer{
	ID:       "apparmor-unconfined",
	Title:    "switches AppArmor off",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
The pod or a container asks to run without an AppArmor profile.

Fields:

    spec.securityContext.appArmorProfile.type
    spec.containers[].securityContext.appArmorProfile.type   (init and ephemeral containers too)
    metadata.annotations['container.apparmor.security.beta.kubernetes.io/<container>']

Allowed: RuntimeDefault, Localhost, unset; in the annotation runtime/default,
localhost/<profile>, empty, unset. The annotation counts where the container has
no field of its own.

**Why it matters.** On nodes with AppArmor the runtime gives every container a
profile that denies mounts, writes to dangerous files of /proc and /sys, and
tracing of other processes. "Unconfined" gives that up, and with it the layer
that stops most container escapes which start from a capability too many.

**The fix.** The field and the annotation are taken away, so that the profile of the
pod or of the runtime applies again. Naming RuntimeDefault instead would stop the
pod from starting on nodes without AppArmor, while an unset profile runs there.

**Traps.** A process that mounts, or traces others, was set to unconfined on purpose;
a Localhost profile made for it is the better way. A container's field replaces
the pod's whole. A privileged container runs unconfined whatever is set. Pod
Security counts a bad value of the pod even where every container overrides it
(verdict overridden). Windows has no AppArmor.
`,
	Refs:  refs("PSS baseline: AppArmor", "NSA hardening with AppArmor", "Trivy KSV-0002", "Kubescape C-0055"),
	Reads: harden.ReadsNothing,
	Check: checkAppArmorUnconfined,
	Fix:   proposing("remove the unconfined AppArmor profile", fixAppArmorUnconfined),
}

func checkAppArmorUnconfined(p *harden.Pass) {
	if p.Pod.Windows() {
		p.NotApplicable()
		return
	}
	if profile := podSecurity(p).AppArmorProfile; p.Pod.PodLevel && !appArmorFieldOK(profile) {
		f := harden.Finding{
			Field:  p.Pod.Field("securityContext.appArmorProfile.type"),
			Reason: "the pod's AppArmor profile is " + string(profile.Type),
			Detail: "It holds for every container that sets none itself.",
		}
		if appArmorOverridden(p) {
			f.Verdict, f.Severity, f.SeverityWhy = "overridden", harden.Low, "every container sets a profile itself; only Pod Security still objects"
		}
		p.Report(f)
	}
	for _, c := range p.Pod.Containers() {
		profile, annotation := security(c).AppArmorProfile, p.Pod.Meta.Annotations[appArmorAnnotation(c.Name)]
		badField, badAnnotation := !appArmorFieldOK(profile), !appArmorAnnotationOK(annotation)
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".securityContext.appArmorProfile.type", Verdict: "field"}
		switch {
		case badField:
			f.Reason = "AppArmor profile is " + string(profile.Type)
			f.Detail = "The container runs without an AppArmor profile on nodes that have AppArmor."
			if badAnnotation {
				f.Verdict = "field-and-annotation"
			}
		case badAnnotation:
			f.Verdict, f.Field = "annotation", annotationField(p, appArmorAnnotation(c.Name))
			f.Reason = "AppArmor annotation says " + annotation
			f.Detail = fmt.Sprintf("The annotation %s is the old way to set the profile.", appArmorAnnotation(c.Name))
			if profile != nil {
				f.Severity, f.SeverityWhy = harden.Low, "the container's own field wins; only Pod Security still objects"
			}
		default:
			continue
		}
		p.Report(f)
	}
	if p.Pod.PodLevel {
		reportStrayAppArmorAnnotations(p)
	}
}

// reportStrayAppArmorAnnotations finds annotations for containers that do not
// exist: they do nothing, and Pod Security refuses the pod because of them.
func reportStrayAppArmorAnnotations(p *harden.Pass) {
	for _, key := range slices.Sorted(maps.Keys(p.Pod.Meta.Annotations)) {
		name, ok := strings.CutPrefix(key, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix)
		value := p.Pod.Meta.Annotations[key]
		if !ok || appArmorAnnotationOK(value) || slices.ContainsFunc(p.Pod.Containers(), func(c harden.Container) bool { return c.Name == name }) {
			continue
		}
		p.Report(harden.Finding{
			Verdict: "annotation", Discriminator: key, Field: annotationField(p, key),
			Severity: harden.Low, SeverityWhy: "no container has that name; only Pod Security objects",
			Reason: "AppArmor annotation for a container that is not there",
			Detail: fmt.Sprintf("%s is %q, and the pod has no container %q.", key, value, name),
		})
	}
}

func appArmorAnnotation(container string) string {
	return corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix + container
}

func annotationField(p *harden.Pass, key string) string {
	return strings.TrimSuffix(p.Pod.Field(""), "spec") + "metadata.annotations[" + key + "]"
}

func appArmorFieldOK(profile *corev1.AppArmorProfile) bool {
	return profile == nil || profile.Type == corev1.AppArmorProfileTypeRuntimeDefault || profile.Type == corev1.AppArmorProfileTypeLocalhost
}

func appArmorAnnotationOK(value string) bool {
	return value == "" || value == corev1.DeprecatedAppArmorBetaProfileRuntimeDefault ||
		strings.HasPrefix(value, corev1.DeprecatedAppArmorBetaProfileNamePrefix)
}

// appArmorOverridden reports whether no container takes the pod's profile. The
// order is that of the kubelet: field, annotation, pod (pkg/security/apparmor).
func appArmorOverridden(p *harden.Pass) bool {
	for _, c := range p.Pod.Containers() {
		if security(c).AppArmorProfile == nil && p.Pod.Meta.Annotations[appArmorAnnotation(c.Name)] == "" {
			return false
		}
	}
	return true
}

func fixAppArmorUnconfined(p *harden.Pass, f *harden.Finding) []harden.Fix {
	var paths []harden.Path
	switch {
	case f.Discriminator != "":
		paths = append(paths, harden.TemplateFieldPath(f.Object, "metadata", "annotations", f.Discriminator))
	case f.Container.IsZero():
		paths = append(paths, harden.PodSpecPath(f.Object, "securityContext", "appArmorProfile"))
	default:
		if f.Verdict != "annotation" {
			paths = append(paths, harden.ContainerPath(f.Object, f.Container, "securityContext", "appArmorProfile"))
		}
		if f.Verdict != "field" {
			paths = append(paths, harden.TemplateFieldPath(f.Object, "metadata", "annotations", appArmorAnnotation(f.Container.Name)))
		}
	}
	fix := harden.Fix{
		Title:   "remove the unconfined AppArmor profile",
		Changes: []harden.Change{harden.RemoveFrom(f.Object, paths...)},
	}
	if f.SeverityWhy != "" {
		fix.Evidence = []harden.Claim{seen(p, "E-SPEC", "No declared container runs under this setting: "+f.SeverityWhy+".", "containers that are injected later")}
		if f.Container.IsZero() && injectedContainers(p) {
			fix.Evidence = append(fix.Evidence, missing("E-LIVE", "Live pods hold injected containers, and nobody looked whether they take the pod's profile."))
		}
	} else {
		fix.Evidence = []harden.Claim{
			missing("E-PROC", "Nobody looked whether the processes mount, trace or write to /proc and /sys, which the runtime's profile denies."),
			missing("E-NODE", "It is not known which nodes have AppArmor; on others nothing changes."),
		}
		fix.Warning = "A process that needs what the runtime's profile denies will see \"Permission denied\"."
	}
	fix.Class = harden.ClassOf(harden.Evidence, fix.Evidence...)
	return []harden.Fix{fix}
}
