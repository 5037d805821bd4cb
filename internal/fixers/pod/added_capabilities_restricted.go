package pod

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AddedCapabilitiesRestricted reports added capabilities that the baseline
// accepts and the restricted level does not.
var AddedCapabilitiesRestricted = &harden.Fixer{
	ID:       "added-capabilities-restricted",
	Title:    "container adds capabilities",
	Area:     harden.AreaPod,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS restricted: capabilities", "CIS 5.2.9 (until v1.11)", "NSA pod security enforcement", "ATT&CK T1611", "Trivy KSV-0106", "Kubescape C-0200"),
	Reads:    harden.ReadsNothing,
	Check:    checkAddedCapabilities,
	Fix:      proposing("take the capability out of securityContext.capabilities.add", fixAddedCapabilities),
	Doc: `**Fields** ` + "`securityContext.capabilities.add`" + ` of each container.

**Allowed** nothing, or NET_BIND_SERVICE.

The rule reports the capabilities that Pod Security baseline accepts and restricted does not: AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, SETFCAP, SETGID, SETPCAP,
SETUID, SYS_CHROOT. They do not reach beyond the container by themselves, but they are root's: with them a process opens any file of its file system and becomes any user.
All others are reported by dangerous-capabilities.

**Fix** The list is cut down to NET_BIND_SERVICE, if it was there, or taken away. Where dangerous-capabilities reports the container too, the first fix of both is the same, because a list is
replaced as a whole; a second fix takes only the capabilities of this finding away. A person has to decide: images that start as root and change user themselves, such as the official postgres
and redis, need some of these (docker-library/postgres#649).

**Traps** Without drop ALL the entries usually change nothing, because the default set includes them; with it they are what is left.
A process that is not root does not get an added capability, unless its binary has it as a file capability.
`,
}

func checkAddedCapabilities(p *harden.Pass) {
	for _, c := range linuxContainers(p, anyContainer) {
		if names := capabilityNames(addedCapabilities(c), isRestrictedAdd); len(names) > 0 {
			list := strings.Join(names, ", ")
			p.Report(harden.Finding{
				Container: c.Ref, Field: c.Field + ".securityContext.capabilities.add",
				Reason: "adds " + list,
				Detail: fmt.Sprintf("capabilities.add holds %s; Pod Security restricted accepts NET_BIND_SERVICE only.", list),
			})
		}
	}
}

func fixAddedCapabilities(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	return fewerAdds(f, c, isRestrictedAdd, addClaim)
}
