// Package pod holds the fixers for the pod spec: what a container may do to the
// kernel, the node and itself.
package pod

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// podSecurity is the pod's securityContext, empty where it has none.
func podSecurity(p *harden.Pass) *corev1.PodSecurityContext {
	if sc := p.Pod.Spec.SecurityContext; sc != nil {
		return sc
	}
	return &corev1.PodSecurityContext{}
}

// security is the container's own securityContext, empty where it has none.
func security(c harden.Container) *corev1.SecurityContext {
	if c.SecurityContext != nil {
		return c.SecurityContext
	}
	return &corev1.SecurityContext{}
}

// effectiveRunAsNonRoot is the container's value, else the pod's, else nil.
func effectiveRunAsNonRoot(p *harden.Pass, c harden.Container) *bool {
	if own := security(c).RunAsNonRoot; own != nil {
		return own
	}
	return podSecurity(p).RunAsNonRoot
}

// effectiveRunAsUser is the container's value, else the pod's, else nil: the
// image decides.
func effectiveRunAsUser(p *harden.Pass, c harden.Container) *int64 {
	if own := security(c).RunAsUser; own != nil {
		return own
	}
	return podSecurity(p).RunAsUser
}

// effectiveSeccomp is the container's profile, which replaces the pod's as a
// whole, else the pod's, else nil: the node decides.
func effectiveSeccomp(p *harden.Pass, c harden.Container) *corev1.SeccompProfile {
	if own := security(c).SeccompProfile; own != nil {
		return own
	}
	return podSecurity(p).SeccompProfile
}

// effectiveRunAsUserName is the Windows user, merged per field with the
// container's value first; empty: the image decides.
func effectiveRunAsUserName(p *harden.Pass, c harden.Container) string {
	if o := security(c).WindowsOptions; o != nil && o.RunAsUserName != nil {
		return *o.RunAsUserName
	}
	if o := podSecurity(p).WindowsOptions; o != nil && o.RunAsUserName != nil {
		return *o.RunAsUserName
	}
	return ""
}

func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }
func isZero(n *int64) bool { return n != nil && *n == 0 }

func isPrivileged(c harden.Container) bool { return isTrue(security(c).Privileged) }

// linuxContainers are the containers that a rule about Linux fields judges.
// Where there are none the rule does not apply, and it says so.
func linuxContainers(p *harden.Pass, judged func(harden.Container) bool) []harden.Container {
	var containers []harden.Container
	if !p.Pod.Windows() {
		for _, c := range p.Pod.Containers() {
			if judged(c) {
				containers = append(containers, c)
			}
		}
	}
	if len(containers) == 0 {
		p.NotApplicable()
	}
	return containers
}

func anyContainer(harden.Container) bool { return true }

func unprivileged(c harden.Container) bool { return !isPrivileged(c) }

// policyAtLeast reports whether Pod Security admission of the cluster judges by
// the policy of 1.MINOR or a later one. An unknown version counts as the newest.
func policyAtLeast(p *harden.Pass, minor int) bool {
	return p.Inventory.Cluster.Minor == 0 || p.Inventory.Cluster.Minor >= minor
}

// userNamespace reports whether the pod asks for a user namespace, in which
// root is no root of the node (KEP-127).
func userNamespace(p *harden.Pass) bool { return isFalse(p.Pod.Spec.HostUsers) }

// userNamespaceRelaxes reports whether Pod Security accepts root in this pod:
// since policy version 1.35 hostUsers: false lifts runAsNonRoot, runAsUser and
// the baseline's procMount (pod-security-admission/policy), and nothing else.
func userNamespaceRelaxes(p *harden.Pass) bool {
	return userNamespace(p) && policyAtLeast(p, 35)
}

// injectedContainers reports whether live pods of the workload hold containers
// that the template does not: they would inherit a pod-level field too.
func injectedContainers(p *harden.Pass) bool {
	if p.Workload == nil || p.Workload.Ref.Kind == "Pod" {
		return false
	}
	declared := map[string]bool{}
	for _, c := range p.Workload.Template.Spec.InitContainers {
		declared[c.Name] = true
	}
	for _, c := range p.Workload.Template.Spec.Containers {
		declared[c.Name] = true
	}
	for _, pod := range p.Workload.Pods {
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			if !declared[c.Name] {
				return true
			}
		}
	}
	return false
}
