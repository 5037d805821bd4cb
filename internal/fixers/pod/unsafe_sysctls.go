package pod

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/policy"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// UnsafeSysctls finds kernel settings that reach beyond the pod.
var UnsafeSysctls = &harden.Fixer{
	ID:       "unsafe-sysctls",
	Title:    "changes kernel settings that are not known to be safe",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
The pod sets a sysctl that is not on the list of safe ones.

Fields:

    spec.securityContext.sysctls[].name

Allowed: kernel.shm_rmid_forced, net.ipv4.ip_local_port_range,
net.ipv4.tcp_syncookies, net.ipv4.ping_group_range,
net.ipv4.ip_unprivileged_port_start; from Kubernetes 1.27 on
net.ipv4.ip_local_reserved_ports; from 1.29 on net.ipv4.tcp_keepalive_time,
tcp_fin_timeout, tcp_keepalive_intvl and tcp_keepalive_probes; from 1.32 on
net.ipv4.tcp_rmem and tcp_wmem; from 1.37 on net.ipv4.tcp_slow_start_after_idle
and tcp_notsent_lowat. The version of the cluster decides.

**Why it matters.** A safe sysctl belongs to the pod alone. Others may take memory
from the node without being counted, disturb other pods, or switch off a
protection of the kernel.

**The fix.** The unsafe settings leave the list; the safe ones stay. The list has one
owner: it is replaced as a whole.

**Traps.** The kubelet starts such a pod only if --allowed-unsafe-sysctls names the
setting, otherwise the pod ends as SysctlForbidden. So a pod that runs was wanted
by somebody: databases and proxies ask for larger queues and buffers, and may be
slower without. Pods on the host's network cannot set net sysctls. Windows has
none.
`,
	Refs:  refs("PSS baseline: sysctls", "Trivy KSV-0026", "Kubescape C-0055"),
	Reads: harden.ReadsNothing,
	Check: checkUnsafeSysctls,
	Fix:   proposing("remove the unsafe sysctls", fixUnsafeSysctls),
}

func checkUnsafeSysctls(p *harden.Pass) {
	if p.Pod.Windows() || !p.Pod.PodLevel {
		p.NotApplicable()
		return
	}
	if _, unsafe := splitSysctls(p); len(unsafe) > 0 {
		p.Report(harden.Finding{
			Field:  p.Pod.Field("securityContext.sysctls"),
			Reason: "sets " + strings.Join(unsafe, ", "),
			Detail: fmt.Sprintf("Not on the list of safe sysctls: %s. Kubelets start the pod only if their --allowed-unsafe-sysctls names them.", strings.Join(unsafe, ", ")),
		})
	}
}

// splitSysctls parts the pod's list into what may stay, as a patch says it, and the names of what may not.
func splitSysctls(p *harden.Pass) (safe []any, unsafe []string) {
	for _, s := range podSecurity(p).Sysctls {
		if allowedUpstream(p, policy.CheckSysctls(), &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{{Name: s.Name}}}) {
			safe = append(safe, map[string]any{"name": s.Name, "value": s.Value})
		} else {
			unsafe = append(unsafe, s.Name)
		}
	}
	return safe, unsafe
}

func fixUnsafeSysctls(p *harden.Pass, f *harden.Finding) []harden.Fix {
	safe, unsafe := splitSysctls(p)
	change := harden.RemoveFrom(f.Object, harden.PodSpecPath(f.Object, "securityContext", "sysctls"))
	if len(safe) > 0 {
		change = harden.SetPodSpec(f.Object, map[string]any{"securityContext": map[string]any{"sysctls": safe}})
	}
	claims := []harden.Claim{missing("E-PROC", "Nobody looked whether the processes depend on "+strings.Join(unsafe, ", ")+".")}
	return []harden.Fix{{
		Title:    "remove " + strings.Join(unsafe, ", "),
		Class:    harden.ClassOf(harden.Evidence, claims...),
		Evidence: claims,
		Changes:  []harden.Change{change},
		Warning:  "The pod gets the kernel's default for these settings: it may be slower, or refuse to start if it checks them.",
	}}
}
