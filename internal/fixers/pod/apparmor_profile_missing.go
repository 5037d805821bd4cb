package pod

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AppArmorProfileMissing reports pods that name no AppArmor profile on nodes that
// have AppArmor.
var AppArmorProfileMissing = &harden.Fixer{
	ID:       "apparmor-profile-missing",
	Title:    "names no AppArmor profile",
	Area:     harden.AreaPod,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Doc: `
A container names no AppArmor profile, and nodes that it may run on have AppArmor.

Fields:

    spec.securityContext.appArmorProfile
    spec.containers[].securityContext.appArmorProfile   (init containers too)
    metadata.annotations['container.apparmor.security.beta.kubernetes.io/<container>']
    status.conditions and status.nodeInfo.osImage of the nodes

Allowed: any profile at the container, at the pod, or in the annotation; Unconfined is the
matter of apparmor-unconfined. The rule does not apply to manifests, to privileged
containers, to clusters before 1.30, and where no node is known to have AppArmor.

**Why it matters.** Runtimes give a container their default profile on such nodes, so that
nothing is missing today. What is written down stays when a runtime is configured
otherwise, and a pod then does not start on a node that would run it without.

**The fix.** appArmorProfile RuntimeDefault, at the pod where nothing else is said. It is proven
where every node says that it has AppArmor: the profile is in force already.

**Traps.** A pod that names a profile is refused by nodes without AppArmor (Red Hat and its
relatives, Amazon Linux, Flatcar): never name one where both kinds exist. Kubelets before
1.31 say "AppArmor enabled" in their Ready condition; later ones do not, and the
distribution has to do for a hint.
`,
	Refs:  refs("NSA hardening with AppArmor", "Kubescape C-0055"),
	Reads: harden.ReadsNothing,
	Check: checkAppArmorMissing,
	Fix:   proposing("set appArmorProfile: RuntimeDefault", fixAppArmorMissing),
}

// appArmorField is the first minor version with the field.
const appArmorField = 30

func checkAppArmorMissing(p *harden.Pass) {
	if !p.Pod.PodLevel || p.Pod.Windows() || !p.Inventory.Live() || !policyAtLeast(p, appArmorField) || !anyAppArmor(p) {
		p.NotApplicable()
		return
	}
	if bare := withoutAppArmor(p); len(bare) > 0 {
		var list []string
		for _, c := range bare {
			list = append(list, c.Name)
		}
		p.Report(harden.Finding{
			Field:  p.Pod.Field("securityContext.appArmorProfile"),
			Reason: oneRow("no AppArmor profile for " + strings.Join(list, ", ")),
			Detail: fmt.Sprintf("Neither the pod nor container %s names an AppArmor profile; the runtime gives its default one.", strings.Join(list, ", ")),
		})
	}
}

func anyAppArmor(p *harden.Pass) bool {
	for _, n := range nodesFor(p) {
		if saysAppArmor(n) || likelyAppArmor(n) {
			return true
		}
	}
	return false
}

// saysAppArmor reports whether the kubelet of the node says that it has AppArmor,
// as those before 1.31 do.
func saysAppArmor(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && strings.Contains(c.Message, "AppArmor enabled") {
			return true
		}
	}
	return false
}

// likelyAppArmor tells the distributions that come with AppArmor switched on.
func likelyAppArmor(n *corev1.Node) bool {
	for _, name := range []string{"Ubuntu", "Debian", "Container-Optimized OS", "SUSE", "openSUSE"} {
		if strings.HasPrefix(n.Status.NodeInfo.OSImage, name) {
			return true
		}
	}
	return false
}

// withoutAppArmor are the containers for which nothing names a profile.
func withoutAppArmor(p *harden.Pass) []harden.Container {
	if podSecurity(p).AppArmorProfile != nil {
		return nil
	}
	var bare []harden.Container
	for _, c := range p.Pod.Containers() {
		if c.Ref.Kind != harden.EphemeralContainer && !isPrivileged(c) && security(c).AppArmorProfile == nil && p.Pod.Meta.Annotations[appArmorAnnotation(c.Name)] == "" {
			bare = append(bare, c)
		}
	}
	return bare
}

func fixAppArmorMissing(p *harden.Pass, f *harden.Finding) []harden.Fix {
	claims := []harden.Claim{seen(p, "E-NODE", "Every node that the pod may run on says that it has AppArmor, where the runtime's default profile is in force already.", "Nodes that are added later, and a runtime with another default.")}
	for _, n := range nodesFor(p) {
		if !saysAppArmor(n) {
			claims = []harden.Claim{missing("E-NODE", fmt.Sprintf("Node %s does not say whether it has AppArmor; without it the pod would not start there.", n.Name))}
			break
		}
	}
	profile := map[string]any{"appArmorProfile": map[string]any{"type": string(corev1.AppArmorProfileTypeRuntimeDefault)}}
	spec := map[string]any{}
	bare := withoutAppArmor(p)
	if len(bare) == len(p.Pod.Containers()) {
		spec["securityContext"] = profile
		if injectedContainers(p) {
			claims = append(claims, missing("E-LIVE", "Live pods hold injected containers, and nobody looked whether they take the pod's profile."))
		}
	} else {
		for _, c := range bare {
			list, _ := spec[c.Ref.List()].([]any)
			spec[c.Ref.List()] = append(list, map[string]any{"name": c.Name, "securityContext": profile})
		}
	}
	return []harden.Fix{{
		Title: "name the runtime's default AppArmor profile", Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
		Changes: []harden.Change{harden.SetPodSpec(f.Object, spec)},
		Warning: "Nodes without AppArmor no longer run the pod.",
	}}
}
