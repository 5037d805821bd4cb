package pod

import (
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// WindowsPodOSUnset finds Windows pods that do not say that they are.
var WindowsPodOSUnset = &harden.Fixer{
	ID:       "windows-pod-os-unset",
	Title:    "runs on Windows and does not declare it",
	Area:     harden.AreaPod,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
The pod can only run on Windows nodes, but spec.os is unset.

Fields:

    spec.os.name
    spec.nodeSelector, spec.affinity.nodeAffinity   (label kubernetes.io/os)

Allowed: spec.os.name: windows.

**Why it matters.** Pod Security "restricted" asks for settings that exist on Linux
only, and from policy version 1.25 on it spares Windows pods: those that say so in
spec.os. A pod that is only scheduled to Windows is refused. The API server also
cannot reject Linux fields that do nothing on Windows.

**The fix.** spec.os.name becomes windows. The node selector or affinity already
proves that the pod runs nowhere else, so nothing changes for its processes.

**Traps.** With os.name: windows the API server refuses fields of Linux: hostPID,
hostIPC, hostUsers, shareProcessNamespace, user and group ids, fsGroup,
supplementalGroups, sysctls, seccomp, AppArmor, SELinux, and of containers
capabilities, privileged, allowPrivilegeEscalation, readOnlyRootFilesystem and
procMount. Where one is set, even to false, it has to go first. spec.os of a Pod
cannot be changed; that of a template can. runAsNonRoot is valid on both.
`,
	Refs:  refs("PSS restricted: Windows pods", "Kubernetes Pod OS"),
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if !p.Pod.Windows() || !p.Pod.PodLevel {
			p.NotApplicable()
			return
		}
		if p.Pod.WindowsUndeclared() {
			p.Report(harden.Finding{
				Field:  p.Pod.Field("os.name"),
				Reason: "Windows, but spec.os is unset",
				Detail: "The pod is scheduled to Windows nodes. Only spec.os.name: windows spares it the Linux rules of Pod Security \"restricted\".",
			})
		}
	},
	Fix: proposing("set os.name: windows", func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		if fields := linuxFields(p); len(fields) > 0 {
			return []harden.Fix{{
				Title: "remove the Linux fields, then set os.name: windows", Class: harden.Review,
				Evidence: []harden.Claim{{Code: "E-SPEC", State: harden.Refutes, Time: p.Inventory.Now, Text: "The API server refuses on Windows: " + strings.Join(fields, ", ") + "."}},
				Manual:   "Remove " + strings.Join(fields, ", ") + ", which do nothing on Windows, and set os.name: windows in the same change.",
			}}
		}
		claims := []harden.Claim{
			boundToWindows(p),
			seen(p, "E-SPEC", "No field is set that the API server refuses on Windows.", ""),
		}
		if injectedContainers(p) {
			claims = append(claims, missing("E-LIVE", "Live pods hold injected containers, and nobody looked whether they set fields of Linux."))
		}
		return []harden.Fix{{
			Title:    "set os.name: windows",
			Class:    harden.ClassOf(harden.Evidence, claims...),
			Evidence: claims,
			Changes:  []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"os": map[string]any{"name": string(corev1.Windows)}})},
		}}
	}),
}

// boundToWindows tells a pod that can only run on Windows from one that happens to.
func boundToWindows(p *harden.Pass) harden.Claim {
	if harden.NewPodView(p.Pod.Lens, p.Object, p.Pod.Meta, p.Pod.Spec, nil, nil).Windows() {
		return seen(p, "E-SPEC", "The pod can only be scheduled to nodes labelled kubernetes.io/os=windows.", "that the label of a node is right")
	}
	return missing("E-SPEC", "The pod runs on a Windows node, but nothing in it says that it could not run on another.")
}

// linuxFields lists what the API server refuses in a Windows pod, following
// validateWindows in pkg/apis/core/validation of Kubernetes 1.37.
func linuxFields(p *harden.Pass) []string {
	var fields []string
	set := func(field string, value any) {
		v := reflect.ValueOf(value)
		switch {
		case v.Kind() == reflect.Slice && v.Len() == 0, v.IsZero():
		default:
			fields = append(fields, field)
		}
	}
	spec, sc := p.Pod.Spec, podSecurity(p)
	set("hostPID", spec.HostPID)
	set("hostIPC", spec.HostIPC)
	set("hostUsers", spec.HostUsers)
	set("shareProcessNamespace", spec.ShareProcessNamespace)
	set("resources", spec.Resources)
	set("securityContext.appArmorProfile", sc.AppArmorProfile)
	set("securityContext.seLinuxOptions", sc.SELinuxOptions)
	set("securityContext.seLinuxChangePolicy", sc.SELinuxChangePolicy)
	set("securityContext.seccompProfile", sc.SeccompProfile)
	set("securityContext.fsGroup", sc.FSGroup)
	set("securityContext.fsGroupChangePolicy", sc.FSGroupChangePolicy)
	set("securityContext.sysctls", sc.Sysctls)
	set("securityContext.runAsUser", sc.RunAsUser)
	set("securityContext.runAsGroup", sc.RunAsGroup)
	set("securityContext.supplementalGroups", sc.SupplementalGroups)
	set("securityContext.supplementalGroupsPolicy", sc.SupplementalGroupsPolicy)
	for _, c := range p.Pod.Containers() {
		sc, at := security(c), c.Ref.List()+"["+c.Name+"].securityContext."
		set(at+"appArmorProfile", sc.AppArmorProfile)
		set(at+"seLinuxOptions", sc.SELinuxOptions)
		set(at+"seccompProfile", sc.SeccompProfile)
		set(at+"capabilities", sc.Capabilities)
		set(at+"readOnlyRootFilesystem", sc.ReadOnlyRootFilesystem)
		set(at+"privileged", sc.Privileged)
		set(at+"allowPrivilegeEscalation", sc.AllowPrivilegeEscalation)
		set(at+"procMount", sc.ProcMount)
		set(at+"runAsUser", sc.RunAsUser)
		set(at+"runAsGroup", sc.RunAsGroup)
	}
	return fields
}
