package pod

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NetRawCapability reports containers that may send raw packets.
var NetRawCapability = &harden.Fixer{
	ID:       "net-raw-capability",
	Title:    "container may send raw packets (NET_RAW)",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS baseline: capabilities", "CIS 5.2.8", "NSA pod security enforcement", "ATT&CK T1557", "Trivy KSV-0119", "Kubescape C-0199"),
	Check:    checkNetRaw,
	Fix:      proposing(`drop "ALL" (or "NET_RAW") in securityContext.capabilities, and add no NET_RAW`, fixNetRaw),
	Doc: `**Fields** ` + "`securityContext.capabilities.drop`" + ` and ` + "`add`" + ` of each container.

**Allowed** NET_RAW or ALL among the dropped, and no NET_RAW among the added.

With raw sockets a container can forge ARP and DNS answers for its neighbours on the same network segment. The default set of Docker and containerd
includes it, for ping.

**Fix** First: drop ALL, as drop-all-capabilities asks for; both then want one and the same list. Second: add NET_RAW to what is dropped, and nothing else. An added NET_RAW is taken away.
A person has to decide: nobody looked whether the container has raw sockets open, or uses ping.

**Traps** Letter case does not matter to the runtime, the prefix CAP_ does: containerd looks for CAP_CAP_NET_RAW then. ping works without the capability where the sysctl
net.ipv4.ping_group_range allows its group, which containerd does from 2.0 on.

CRI-O does not give NET_RAW by default; the rule reports what is declared. It does not apply to privileged containers and to Windows.
`,
}

func checkNetRaw(p *harden.Pass) {
	for _, c := range linuxContainers(p, unprivileged) {
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".securityContext.capabilities"}
		switch {
		case adds(c, capNetRaw) && !drops(c, capNetRaw):
			f.Reason, f.Detail = "adds NET_RAW", "capabilities.add holds NET_RAW."
		case !drops(c, capNetRaw) && !drops(c, capAll):
			f.Reason, f.Detail = "keeps NET_RAW", "Neither NET_RAW nor ALL is dropped, and the default set of Docker and containerd includes NET_RAW."
		default:
			continue
		}
		p.Report(f)
	}
}

func fixNetRaw(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	isRaw := func(a corev1.Capability) bool { return capabilityName(a) == capNetRaw }
	claim := missing("E-PROC", "Nobody looked into the running container: does it have raw sockets open?")
	if drops(c, capAll) {
		return fewerAdds(f, c, isRaw, claim)
	}
	all := harden.Fix{
		Title: "drop all capabilities of " + c.Name + ", NET_RAW among them", Class: harden.Review,
		Evidence: append([]harden.Claim{claim}, capabilityClaims(c)...),
		Warning:  "Any process that uses a default capability fails, not only those with raw sockets.",
	}
	one := harden.Fix{
		Title: "drop only NET_RAW of " + c.Name, Class: harden.Review, Evidence: []harden.Claim{claim},
		Warning: "Programs with raw sockets fail, some versions of ping among them.",
	}
	var allAdds, oneAdds []string
	if adds(c, capNetRaw) {
		allAdds, oneAdds = restrictedAdds(c), addsWithout(c, isRaw)
		all.Title += addsTitle(c, allAdds)
	}
	dropped := capabilityNames(droppedCapabilities(c), anyCapability)
	all.Changes = []harden.Change{capabilityLists(f.Object, c, dropAll(c), allAdds)}
	one.Changes = []harden.Change{capabilityLists(f.Object, c, append(dropped, capNetRaw), oneAdds)}
	return []harden.Fix{all, one}
}

func anyCapability(corev1.Capability) bool { return true }
