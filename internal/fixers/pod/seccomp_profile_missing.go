package pod

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SeccompProfileMissing reports pods that leave the system call filter to the node.
var SeccompProfileMissing = &harden.Fixer{
	ID:       "seccomp-profile-missing",
	Title:    "no system call filter is asked for",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS restricted: seccomp", "CIS 5.7.2 (5.6.2 since v1.12)", "NSA seccomp", "ATT&CK T1611", "Trivy KSV-0030", "Kubescape C-0210", "Kubescape C-0055"),
	Reads:    harden.ReadsNothing,
	Check:    checkSeccompMissing,
	Fix:      proposing("set seccompProfile.type: RuntimeDefault", fixSeccompMissing),
	Doc: `**Fields** ` + "`securityContext.seccompProfile.type`" + ` of the pod and of each container; the container's profile replaces the pod's as a whole.

**Allowed** RuntimeDefault or Localhost, for each container or inherited from the pod.

Kubernetes runs containers without a system call filter unless the pod, or the kubelet's seccompDefault, asks for one. Docker alone would have filtered them. The runtime's default profile
refuses some dozens of calls that ordinary programs do not make and that attacks on the kernel do.

Where no container says anything there is one finding, for the pod; otherwise one for each container that has no profile.

**Fix** RuntimeDefault at the pod when no container sets a profile, else at the container. It is safe where all processes were seen with a filter (Seccomp: 2), and where the kubelets of all nodes
have seccompDefault: true; then the finding is low. It is proven where the images hold no browser, image builder, debugger, eBPF tool or io_uring library, and the containers were looked into while they ran.
Otherwise a person decides.

**Traps** Browsers with a sandbox of their own, image builders (buildkit, podman, Docker in Docker), debuggers and eBPF tools make refused calls. io_uring is refused by the default profile of containerd 2.0
and later (containerd/containerd#9320, cloudnative-pg/cloudnative-pg#10446). An old libseccomp on the node breaks new C libraries: pthread_create fails (kyverno/policy-reporter#358).
Legacy annotations do not count: Pod Security looks at the fields since 1.19.

It does not apply to privileged containers, which run without a filter whatever stands here, and to Windows.
`,
}

func checkSeccompMissing(p *harden.Pass) {
	var lacking []harden.Container
	for _, c := range linuxContainers(p, unprivileged) {
		if effectiveSeccomp(p, c) == nil && unconfinedAnnotation(p, c) == "" {
			lacking = append(lacking, c)
		}
	}
	if len(lacking) == 0 {
		return
	}
	_, filtered := kubeletsFilter(p)
	report := func(f harden.Finding) {
		if filtered {
			f.Severity, f.SeverityWhy = harden.Low, "every kubelet filters by default (seccompDefault): declare it, so that it holds elsewhere too"
		}
		p.Report(f)
	}
	if p.Pod.PodLevel && noSeccompOwn(p) {
		var names []string
		for _, c := range lacking {
			names = append(names, c.Name)
		}
		report(harden.Finding{
			Field:  p.Pod.Field("securityContext.seccompProfile"),
			Reason: "no system call filter is asked for",
			Detail: fmt.Sprintf("Neither the pod nor a container sets seccompProfile: unless the kubelet has seccompDefault, nothing filters the system calls of %s.", strings.Join(names, ", ")),
		})
		return
	}
	for _, c := range lacking {
		report(harden.Finding{
			Container: c.Ref, Field: c.Field + ".securityContext.seccompProfile",
			Reason: "no system call filter is asked for",
			Detail: "Neither the container nor the pod sets seccompProfile: unless the kubelet has seccompDefault, nothing filters its system calls.",
		})
	}
}

func noSeccompOwn(p *harden.Pass) bool {
	for _, c := range p.Pod.Containers() {
		if security(c).SeccompProfile != nil || unconfinedAnnotation(p, c) != "" {
			return false
		}
	}
	return true
}

func fixSeccompMissing(p *harden.Pass, f *harden.Finding) []harden.Fix {
	profile := map[string]any{"seccompProfile": map[string]any{"type": string(corev1.SeccompProfileTypeRuntimeDefault)}}
	fix := harden.Fix{Warning: seccompWarning}
	var concerned []harden.Container
	if c, ok := p.Pod.Container(f.Container); ok {
		concerned = []harden.Container{c}
		fix.Title = "filter the system calls of " + c.Name
		fix.Changes = []harden.Change{harden.SetSecurityContext(f.Object, c.Ref, profile)}
	} else {
		concerned = slices.DeleteFunc(slices.Clone(p.Pod.Containers()), isPrivileged)
		fix.Title = "filter the system calls of the pod"
		fix.Changes = []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"securityContext": profile})}
	}
	var best harden.Class
	fix.Evidence, best = seccompClaims(p, concerned)
	if f.Container.IsZero() && injectedContainers(p) && best != harden.Safe {
		fix.Evidence = append(fix.Evidence, missing("E-LIVE", "Nobody looked into the containers that are injected into the pod, which inherit its profile."))
	}
	if best == harden.Safe {
		fix.Warning = ""
	}
	fix.Class = harden.ClassOf(best, fix.Evidence...)
	return []harden.Fix{fix}
}
