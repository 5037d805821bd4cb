package pod

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/policy"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SELinuxOptionsCustom finds SELinux labels that let a container out of its domain.
var SELinuxOptionsCustom = &harden.Fixer{
	ID:       "selinux-options-custom",
	Title:    "asks for an SELinux domain of its own",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
The pod or a container sets an SELinux type, user or role.

Fields:

    spec.securityContext.seLinuxOptions.{type,user,role}
    spec.containers[].securityContext.seLinuxOptions.{type,user,role}   (init and ephemeral containers too)

Allowed: type unset, container_t, container_init_t, container_kvm_t, and from
Kubernetes 1.31 on container_engine_t; user and role unset. The level may be set.

**Why it matters.** On nodes with SELinux the type decides what a process may touch.
Types such as spc_t ("super privileged container") are not confined at all: a
container under one reaches the files of the node and of other containers.

**The fix.** The values that are not allowed are taken away; the runtime then picks
container_t. The level, which keeps volumes apart, stays.

**Traps.** Such a type is mostly set because the container could not read a
hostPath or a socket without it. Then removing it makes the container fail with
"Permission denied", and the hostPath is the thing to get rid of first. A
container's seLinuxOptions replace the pod's whole. On nodes without SELinux
nothing changes. Windows has no SELinux.
`,
	Refs:  refs("PSS baseline: SELinux", "NSA hardening with SELinux", "Trivy KSV-0025", "Kubescape C-0055"),
	Reads: harden.ReadsNothing,
	Check: checkSELinuxOptions,
	Fix:   proposing("remove the SELinux type, user and role", fixSELinuxOptions),
}

// badSELinuxFields are the fields of o that Pod Security refuses.
func badSELinuxFields(p *harden.Pass, o *corev1.SELinuxOptions) []string {
	if o == nil {
		return nil
	}
	var bad []string
	for _, f := range []struct {
		name string
		only corev1.SELinuxOptions
	}{
		{"type", corev1.SELinuxOptions{Type: o.Type}},
		{"user", corev1.SELinuxOptions{User: o.User}},
		{"role", corev1.SELinuxOptions{Role: o.Role}},
	} {
		if !allowedUpstream(p, policy.CheckSELinuxOptions(), &corev1.PodSecurityContext{SELinuxOptions: &f.only}) {
			bad = append(bad, f.name)
		}
	}
	return bad
}

func checkSELinuxOptions(p *harden.Pass) {
	if p.Pod.Windows() {
		p.NotApplicable()
		return
	}
	report := func(c harden.ContainerRef, field string, o *corev1.SELinuxOptions) {
		bad := badSELinuxFields(p, o)
		if bad == nil {
			return
		}
		values := map[string]string{"type": o.Type, "user": o.User, "role": o.Role}
		var set []string
		for _, b := range bad {
			set = append(set, b+" "+values[b])
		}
		p.Report(harden.Finding{
			Container: c, Field: field + "securityContext.seLinuxOptions",
			Reason: "SELinux " + strings.Join(set, ", "),
			Detail: fmt.Sprintf("seLinuxOptions sets %s; Pod Security \"baseline\" allows only the types of ordinary containers, and neither user nor role.", strings.Join(set, " and ")),
		})
	}
	if p.Pod.PodLevel {
		report(harden.ContainerRef{}, p.Pod.Field("")+".", podSecurity(p).SELinuxOptions)
	}
	for _, c := range p.Pod.Containers() {
		report(c.Ref, c.Field+".", security(c).SELinuxOptions)
	}
}

func fixSELinuxOptions(p *harden.Pass, f *harden.Finding) []harden.Fix {
	options := podSecurity(p).SELinuxOptions
	at := func(field string) harden.Path {
		return harden.PodSpecPath(f.Object, "securityContext", "seLinuxOptions", field)
	}
	if c, ok := p.Pod.Container(f.Container); ok {
		options = security(c).SELinuxOptions
		at = func(field string) harden.Path {
			return harden.ContainerPath(f.Object, c.Ref, "securityContext", "seLinuxOptions", field)
		}
	}
	bad := badSELinuxFields(p, options)
	var paths []harden.Path
	for _, field := range bad {
		paths = append(paths, at(field))
	}
	claims := []harden.Claim{
		missing("E-PROC", "Nobody looked whether the processes use files or sockets that an ordinary container may not touch."),
		missing("E-NODE", "It is not known which nodes have SELinux; on others nothing changes."),
	}
	return []harden.Fix{{
		Title:    "remove the SELinux " + strings.Join(bad, " and "),
		Class:    harden.ClassOf(harden.Evidence, claims...),
		Evidence: claims,
		Changes:  []harden.Change{harden.RemoveFrom(f.Object, paths...)},
		Warning:  "A process that needs files of the node will see \"Permission denied\".",
	}}
}
