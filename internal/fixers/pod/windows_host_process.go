package pod

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// WindowsHostProcess finds Windows containers that are processes of the node.
var WindowsHostProcess = &harden.Fixer{
	ID:       "windows-host-process",
	Title:    "runs as a process of the Windows node",
	Area:     harden.AreaPod,
	Severity: harden.Critical,
	Subject:  harden.SubjectPod,
	Doc: `
A HostProcess container is no container: it is a process of the Windows node.

Fields:

    spec.securityContext.windowsOptions.hostProcess
    spec.containers[].securityContext.windowsOptions.hostProcess   (init and ephemeral containers too)

Allowed: unset or false.

**Why it matters.** Such a process sees the file system, the network and the devices
of the node and runs under an account of the node, often SYSTEM. Taking it over is
taking the node over. It is what privileged is on Linux.

**The fix.** hostProcess becomes false wherever the pod says true, in one change: the
API server wants the same value at the pod and at all of its containers.

**Traps.** An agent that manages the node (CNI, storage, logs, metrics) stops working
without it, and nothing short of it gives such an agent what it needs. A
runAsUserName such as NT AUTHORITY\SYSTEM exists on the node only, so the
container does not start under it otherwise. hostNetwork: true, which HostProcess
demands, is of no use to ordinary Windows pods and should go as well.
`,
	Refs:  refs("PSS baseline: HostProcess", "CIS 5.2.11", "Trivy KSV-0103", "Kubescape C-0202"),
	Reads: harden.ReadsNothing,
	Check: checkWindowsHostProcess,
	Fix:   proposing("set windowsOptions.hostProcess: false", fixWindowsHostProcess),
}

func isHostProcess(o *corev1.WindowsSecurityContextOptions) bool {
	return o != nil && isTrue(o.HostProcess)
}

func checkWindowsHostProcess(p *harden.Pass) {
	const field = "securityContext.windowsOptions.hostProcess"
	if p.Pod.PodLevel && isHostProcess(podSecurity(p).WindowsOptions) {
		p.Report(harden.Finding{
			Field:  p.Pod.Field(field),
			Reason: "the pod is a HostProcess pod",
			Detail: "windowsOptions.hostProcess of the pod is true: all of its containers are processes of the node.",
		})
	}
	for _, c := range p.Pod.Containers() {
		if isHostProcess(security(c).WindowsOptions) {
			p.Report(harden.Finding{
				Container: c.Ref, Field: c.Field + "." + field,
				Reason: "is a process of the node",
				Detail: "windowsOptions.hostProcess is true: the container is a process of the node.",
			})
		}
	}
}

func fixWindowsHostProcess(p *harden.Pass, f *harden.Finding) []harden.Fix {
	off := map[string]any{"windowsOptions": map[string]any{"hostProcess": false}}
	spec := map[string]any{}
	if isHostProcess(podSecurity(p).WindowsOptions) {
		spec["securityContext"] = off
	}
	for _, c := range p.Pod.Containers() {
		if isHostProcess(security(c).WindowsOptions) && c.Ref.Kind != harden.EphemeralContainer {
			list, _ := spec[c.Ref.List()].([]any)
			spec[c.Ref.List()] = append(list, map[string]any{"name": c.Name, "securityContext": off})
		}
	}
	claims := []harden.Claim{missing("E-PROC", "Nobody looked at what the processes do on the node.")}
	return []harden.Fix{{
		Title:    "set hostProcess: false in the whole pod",
		Class:    harden.ClassOf(harden.Evidence, claims...),
		Evidence: claims,
		Changes:  []harden.Change{harden.SetPodSpec(f.Object, spec)},
		Warning:  "A process that manages the node, or runs under an account of the node, stops working.",
	}}
}
