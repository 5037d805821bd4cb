package pod

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// DangerousCapabilities reports added capabilities that Pod Security baseline refuses.
var DangerousCapabilities = &harden.Fixer{
	ID:       "dangerous-capabilities",
	Title:    "container adds capabilities beyond the baseline",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS baseline: capabilities", "CIS 5.2.9 (until v1.11)", "NSA pod security enforcement", "ATT&CK T1611", "ATT&CK MS-TA9018", "Trivy KSV-0005", "Trivy KSV-0022", "Trivy KSV-0119", "Trivy KSV-0120", "Kubescape C-0046", "Kubescape C-0200"),
	Reads:    harden.ReadsNothing,
	Check:    checkDangerousCapabilities,
	Fix:      proposing("take the capability out of securityContext.capabilities.add", fixDangerousCapabilities),
	Doc: `**Fields** ` + "`securityContext.capabilities.add`" + ` of each container.

**Allowed** AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT.

Others reach beyond the container. Critical are those that are root on the node in one step: ALL; SYS_ADMIN (mounts), SYS_MODULE (kernel modules), SYS_RAWIO (memory and
ports), DAC_READ_SEARCH (any file of the node), BPF (the kernel itself), and SYS_PTRACE together with hostPID (any process of the node).

They are recognised in any spelling. One of the allowed in another spelling, which Pod Security refuses as well, is found by capability-name-form.

**Fix** The list is cut down to what the restricted level accepts: NET_BIND_SERVICE if it was there. A list is replaced as a whole, so this and added-capabilities-restricted want the
same value. A second fix takes only the capabilities of this finding away. A person has to decide: whoever added a capability had a reason.

**Traps** Network plugins, node agents and device plugins need some of these. Mostly the privileged or dangerous part can move to an init container or to a DaemonSet of its own.
A process that is not root gets an added capability only through a file capability of its binary, because Kubernetes sets no ambient capabilities: often the entry has no effect at all.

SYS_ADMIN together with allowPrivilegeEscalation: false is accepted, CAP_SYS_ADMIN is refused: the API compares the literal.
`,
}

// nodeCapabilities are root on the node in one step.
var nodeCapabilities = []string{capAll, capSysAdmin, "SYS_MODULE", "DAC_READ_SEARCH", "SYS_RAWIO", "BPF"}

func checkDangerousCapabilities(p *harden.Pass) {
	for _, c := range linuxContainers(p, anyContainer) {
		dangerous := capabilityNames(addedCapabilities(c), isDangerousAdd)
		if len(dangerous) == 0 {
			continue
		}
		list := strings.Join(dangerous, ", ")
		f := harden.Finding{
			Container: c.Ref, Field: c.Field + ".securityContext.capabilities.add",
			Reason: "adds " + list,
			Detail: fmt.Sprintf("capabilities.add holds %s, which Pod Security baseline refuses.", list),
		}
		if worst := worstCapability(p, dangerous); worst != "" {
			f.Severity, f.SeverityWhy = harden.Critical, worst
		}
		p.Report(f)
	}
}

// worstCapability says why one of the capabilities is a way out by itself.
func worstCapability(p *harden.Pass, names []string) string {
	for _, n := range names {
		switch name := capabilityName(corev1.Capability(n)); {
		case slices.Contains(nodeCapabilities, name):
			return name + " is as good as root on the node"
		case name == capSysPtrace && p.Pod.Spec.HostPID:
			return "SYS_PTRACE with hostPID reaches every process of the node"
		}
	}
	return ""
}

func fixDangerousCapabilities(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	return fewerAdds(f, c, isDangerousAdd, addClaim)
}

var addClaim = missing("E-PROC", "Nobody looked into the running container: which of its capabilities do the processes use?")
