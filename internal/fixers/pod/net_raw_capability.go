package pod

import (
	"fmt"
	"path"
	"slices"

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
	Refs:     refs("PSS baseline: capabilities", "CIS 5.2.8", "NSA pod security enforcement", "ATT&CK T1557", "ATT&CK MS-TA9036", "Trivy KSV-0119", "Kubescape C-0199"),
	Reads:    harden.ReadsNothing,
	Check:    checkNetRaw,
	Fix:      proposing(`drop "ALL" (or "NET_RAW") in securityContext.capabilities, and add no NET_RAW`, fixNetRaw),
	Doc: `**Fields** ` + "`securityContext.capabilities.drop`" + ` and ` + "`add`" + ` of each container.

**Allowed** NET_RAW or ALL among the dropped, and no NET_RAW among the added.

With raw sockets a container can forge ARP and DNS answers for its neighbours on the same network segment. The default set of Docker and containerd
includes it, for ping.

**Fix** First: drop ALL, as drop-all-capabilities asks for; both then want one and the same list. Second: add NET_RAW to what is dropped, and nothing else. An added NET_RAW is taken away.
It is proven where no raw socket is open and the image has no ping or the like; for the first fix, where drop-all-capabilities is.
An added NET_RAW leaves it to a person, as does a container that nobody looked into.

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
	claims := rawSocketClaims(p, c)
	if drops(c, capAll) {
		return fewerAdds(f, c, isRaw, claims...)
	}
	one := harden.Fix{
		Title: "drop only NET_RAW of " + c.Name, Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
		Warning: "Programs with raw sockets fail, some versions of ping among them.",
	}
	all := dropAllFixes(p, f, c)[0]
	var oneAdds []string
	if adds(c, capNetRaw) {
		oneAdds = addsWithout(c, isRaw)
		all.Title += addsTitle(c, restrictedAdds(c))
		all.Changes = []harden.Change{capabilityLists(f.Object, c, dropAll(c), restrictedAdds(c))}
		all.Class, one.Class = harden.Review, harden.Review // somebody asked for it
	}
	all.Evidence = slices.Concat(claims, all.Evidence)
	all.Class = max(all.Class, harden.ClassOf(harden.Evidence, claims...))
	dropped := capabilityNames(droppedCapabilities(c), anyCapability)
	one.Changes = []harden.Change{capabilityLists(f.Object, c, append(dropped, capNetRaw), oneAdds)}
	return []harden.Fix{all, one}
}

func anyCapability(corev1.Capability) bool { return true }

// rawSocketClaims say whether the container sends raw packets: by the sockets
// that are open, and by the programs that are there to do so.
func rawSocketClaims(p *harden.Pass, c harden.Container) []harden.Claim {
	probes, gap := probesOf(p, c, harden.ProbeSockets)
	if gap != "" {
		return []harden.Claim{ask("E-PROC", gap, "does it have raw sockets open?")}
	}
	claims := []harden.Claim{probeClaim(p, harden.Holds, probes, "No raw or packet socket is open in "+pods(probes)+".", "Sockets that are open for a moment, as those of ping are.")}
	for _, probe := range probes {
		if probe.RawSockets {
			claims[0] = probeClaim(p, harden.Refutes, probes, "A raw or packet socket is open in pod "+probe.Pod+".", "")
		}
	}
	s := starterOf(p, c)
	images, gap := filesOf(p, c)
	if gap != "" {
		return append(claims, ask("E-IMG-FS", gap, "does it have ping or another program that sends raw packets?"))
	}
	for _, i := range images {
		claims = append(claims, rawProgramClaim(p, i, s))
	}
	return claims
}

// rawPrograms send raw packets when somebody starts them.
var rawPrograms = []string{"ping", "ping4", "ping6", "arping", "traceroute", "tcptraceroute", "mtr-packet", "tcpdump", "nmap", "hping3", "clockdiff", "fping", "dumpcap"}

func rawProgramClaim(p *harden.Pass, i known, s starter) harden.Claim {
	var found []string
	for at, file := range i.Files.Programs {
		capable := file.Setuid() || len(file.Capabilities) > 0
		if slices.Contains(rawPrograms, path.Base(at)) && (capable || !s.known || s.root) {
			found = append(found, at)
		}
	}
	slices.Sort(found)
	if len(found) > 0 {
		return imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("Image %s has %s.", i.name, some(found)), "")
	}
	return imageClaim(p, "E-IMG-FS", harden.Holds, []known{i}, fmt.Sprintf("Image %s has no program that is known to send raw packets for its user.", i.name), "Programs that open such sockets by themselves, and busybox.")
}
