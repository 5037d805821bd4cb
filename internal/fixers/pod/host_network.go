package pod

import (
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HostNetwork reports pods in the network of their node.
var HostNetwork = &harden.Fixer{
	ID:       "host-network",
	Title:    "pod shares the network of its node",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS baseline: host namespaces", "CIS 5.2.5", "CIS EKS 4.2.4", "NSA pod security enforcement", "ATT&CK T1611", "ATT&CK T1040", "ATT&CK MS-TA9013", "ATT&CK MS-TA9018", "Trivy KSV-0009", "Kubescape C-0041"),
	Reads:    harden.ReadsNothing,
	Check:    checkHostNetwork,
	Fix:      proposing("set hostNetwork: false", fixHostNetwork),
	Doc: `**Fields** ` + "`hostNetwork`" + ` of the pod spec.

**Allowed** unset or ` + "`false`" + `.

The pod uses the network interfaces of the node. It reaches everything that listens on the node's localhost, such as the kubelet and agents without a password, and the metadata service of the cloud
with the node's own identity. NetworkPolicies do not apply to it. With NET_RAW it reads what the other pods of the node send.

**Fix** hostNetwork: false. A person has to decide: the pod gets an address of its own, and whoever reached it at a port of the node needs a Service. Network plugins and some
node agents cannot do without.

Port numbers: in a pod with hostNetwork the API sets hostPort to containerPort. Those are part of this finding, and the fix takes them away as well, or the node's ports would stay taken.

**Traps** The defaulted hostPort stands in the templates of servers before 1.28 and only in Pods after that (kubernetes/kubernetes#117689). dnsPolicy stays ClusterFirst, which in a pod with hostNetwork means the
node's resolver, unless it is ClusterFirstWithHostNet: after the fix the pod asks the cluster's DNS.

A Windows host process container must use the host's network: there the finding waits for windows-host-process.
`,
}

func checkHostNetwork(p *harden.Pass) {
	if !p.Pod.PodLevel || !p.Pod.Spec.HostNetwork {
		return
	}
	f := harden.Finding{
		Field:  p.Pod.Field("hostNetwork"),
		Reason: "uses the network of the node",
		Detail: "hostNetwork is true: NetworkPolicies do not apply, and the node's localhost and the cloud's metadata service are within reach.",
	}
	if hostProcess(p) {
		f.BlockedBy = WindowsHostProcess.ID
		f.Detail += " The API demands it for host process containers."
	}
	p.Report(f)
}

// hostProcess reports whether a container is a Windows host process, as the pod
// or the container itself says.
func hostProcess(p *harden.Pass) bool {
	return isHostProcess(podSecurity(p).WindowsOptions) || slices.ContainsFunc(p.Pod.Containers(), func(c harden.Container) bool {
		return isHostProcess(security(c).WindowsOptions)
	})
}

func fixHostNetwork(p *harden.Pass, f *harden.Finding) []harden.Fix {
	fix := harden.Fix{
		Title: "give the pod a network of its own", Class: harden.Review,
		Evidence: []harden.Claim{
			missing("E-PORTS", "Nobody looked who reaches the pod at ports of its node."),
			missing("E-PROC", "Nobody looked into the running containers: do they use the node's interfaces or its localhost?"),
		},
		Warning: "Whoever reaches the pod at a port of its node cannot do so any more, and agents that serve their node stop to.",
		Changes: []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"hostNetwork": false})},
	}
	for _, c := range p.Pod.Containers() {
		for _, port := range c.Ports {
			if port.HostPort == 0 || port.HostPort != port.ContainerPort {
				continue
			}
			if ambiguousPort(c, port) {
				return []harden.Fix{{Title: fix.Title, Class: harden.Review, Evidence: fix.Evidence, Warning: fix.Warning, Manual: "Set hostNetwork: false and take away each hostPort. " + ambiguousAdvice(c, port)}}
			}
			fix.Changes = append(fix.Changes, withoutHostPort(f.Object, c, port))
		}
	}
	if f.BlockedBy == WindowsHostProcess.ID {
		fix = after(fixWindowsHostProcess(p, f)[0], fix)
	}
	return []harden.Fix{fix}
}
