package pod

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// UserNamespace reports pods whose root could be nobody on the node.
var UserNamespace = &harden.Fixer{
	ID:       "user-namespace",
	Title:    "root of the pod is root of the node",
	Area:     harden.AreaPod,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Doc: `
A container of the pod runs as root, and the pod has no user namespace of its own.

Fields:

    spec.hostUsers
    what run-as-non-root reads: runAsUser, runAsNonRoot, the USER of the image
    status.nodeInfo and status.runtimeHandlers of the nodes

Allowed: false; and anything where no container is known to run as root. The rule does
not apply to pods that the API refuses with hostUsers: false: those with hostNetwork,
hostPID, hostIPC or a raw block device.

**Why it matters.** With hostUsers: false user 0 of the pod is an unprivileged user of the
node, and its capabilities count for its own namespaces only: a bug that lets a process
out of its container leaves it without rights there. An image that has to run as root
gets from it most of what another user would give it.

**Severity** is medium where every node that the pod may run on says that it supports it,
and advice otherwise.

**The fix.** hostUsers: false. It is proven where all nodes have a kubelet of 1.33 or
later, a kernel of 6.3 or later and a runtime that says so, and where the file system of
each volume can be mapped: those that the kubelet makes, such as emptyDir and Secrets, can.

**Traps.** NFS and most FUSE file systems cannot be mapped: the pod does not start.
What needs a capability over the node itself (kernel modules, the clock, raw devices)
no longer works. Needs Kubernetes 1.33 by default; stable since 1.36.
`,
	Refs:  refs("ATT&CK T1611", "Kubernetes KEP-127"),
	Reads: harden.ReadsPodStatus,
	Check: func(p *harden.Pass) {
		if !p.Pod.PodLevel || p.Pod.Windows() || keepsHostUsers(p) != "" {
			p.NotApplicable()
			return
		}
		root := rootContainers(p)
		if userNamespace(p) || len(root) == 0 {
			return
		}
		f := harden.Finding{
			Field:  p.Pod.Field("hostUsers"),
			Reason: "root of " + strings.Join(root, ", ") + " is root of the node",
			Detail: fmt.Sprintf("%s as root, and without hostUsers: false user 0 of the pod is user 0 of the node.", whoRuns(root)),
		}
		f.Reason = oneRow(f.Reason)
		if namespaceNodes(p).State == harden.Holds {
			f.Severity, f.SeverityWhy = harden.Medium, "every node that the pod may run on supports user namespaces"
		}
		p.Report(f)
	},
	Fix: proposing("set hostUsers: false", func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		claims := append([]harden.Claim{namespaceNodes(p)}, mappedVolumes(p)...)
		if what := nodeRights(p); what != "" {
			claims = append(claims, dated(p, "E-SPEC", harden.Refutes, p.Inventory.Now, what+", which counts for the namespace of the pod alone then.", ""))
		}
		return []harden.Fix{{
			Title: "give the pod a user namespace of its own", Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
			Changes: []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"hostUsers": false})},
			Warning: "What the containers do as root of the node itself fails with \"Operation not permitted\".",
		}}
	}),
}

// keepsHostUsers says what the API refuses together with hostUsers: false
// (validateHostUsers in pkg/apis/core/validation of Kubernetes 1.37); raw devices
// are accepted behind a feature gate only.
func keepsHostUsers(p *harden.Pass) string {
	spec := p.Pod.Spec
	switch {
	case spec.HostNetwork:
		return "hostNetwork"
	case spec.HostPID:
		return "hostPID"
	case spec.HostIPC:
		return "hostIPC"
	case slices.ContainsFunc(p.Pod.Containers(), func(c harden.Container) bool { return len(c.VolumeDevices) > 0 }):
		return "volumeDevices"
	}
	return ""
}

// rootContainers are the containers that are known to run as root.
func rootContainers(p *harden.Pass) []string {
	var list []string
	for _, c := range p.Pod.Containers() {
		if c.Ref.Kind != harden.EphemeralContainer && userOf(p, c).verdict == verdictRoot {
			list = append(list, c.Name)
		}
	}
	return list
}

// First versions with which a user namespace works without further settings
// (KEP-127; tmpfs can be mapped since Linux 6.3).
const (
	namespaceKubelet = 33
	namespaceKernel  = "6.3"
)

// namespaceNodes says whether all nodes of the pod support user namespaces.
func namespaceNodes(p *harden.Pass) harden.Claim {
	nodes := nodesFor(p)
	if len(nodes) == 0 {
		return missing("E-NODE", "No node of the pod is known: do their kubelets, kernels and runtimes support user namespaces?")
	}
	support := harden.Derive(p.Inventory, namespaceSupport, harden.Frame)
	for _, n := range nodes {
		if why := support[n.Name]; why != "" {
			return dated(p, "E-NODE", harden.Refutes, p.Inventory.Now, fmt.Sprintf("Node %s %s.", n.Name, why), "")
		}
	}
	if p.Pod.Spec.RuntimeClassName != nil {
		return missing("E-NODE", fmt.Sprintf("Whether the runtime class %q supports user namespaces is not known.", *p.Pod.Spec.RuntimeClassName))
	}
	return seen(p, "E-NODE", fmt.Sprintf("Every node that the pod may run on (%d looked at) has a kubelet of 1.%d or later, a kernel of %s or later and a runtime that supports user namespaces.",
		len(nodes), namespaceKubelet, namespaceKernel), "Nodes that are added later.")
}

// lacks says, by node, why it does not support user namespaces; empty where it does.
type lacks map[string]string

func namespaceSupport(i *harden.Inventory) lacks {
	out := lacks{}
	for _, n := range i.Nodes {
		out[n.Name] = withoutNamespaces(n)
	}
	return out
}

func withoutNamespaces(n *corev1.Node) string {
	info := n.Status.NodeInfo
	kubelet, err := version.ParseGeneric(info.KubeletVersion)
	if err != nil || kubelet.Major() == 1 && kubelet.Minor() < namespaceKubelet {
		return fmt.Sprintf("has kubelet %q", info.KubeletVersion)
	}
	kernel, err := version.ParseGeneric(info.KernelVersion)
	if err != nil || kernel.LessThan(version.MustParseGeneric(namespaceKernel)) {
		return fmt.Sprintf("has kernel %q", info.KernelVersion)
	}
	for _, h := range n.Status.RuntimeHandlers {
		if h.Name == "" && h.Features != nil && isTrue(h.Features.UserNamespaces) {
			return ""
		}
	}
	return "does not say that its runtime supports user namespaces"
}

// mappedVolumes say whether the file systems of the volumes can be mapped to
// the users of another namespace.
func mappedVolumes(p *harden.Pass) []harden.Claim {
	var claims []harden.Claim
	for i := range p.Pod.Spec.Volumes {
		v := &p.Pod.Spec.Volumes[i]
		if len(usesOf(p.Pod, v.Name)) == 0 {
			continue
		}
		switch source := volumeSource(v); {
		case v.ConfigMap != nil, v.Secret != nil, v.EmptyDir != nil, v.Projected != nil, v.DownwardAPI != nil:
		case v.NFS != nil:
			claims = append(claims, dated(p, "E-VOL", harden.Refutes, p.Inventory.Now, fmt.Sprintf("Volume %s is NFS, which cannot be mapped: the pod would not start.", v.Name), ""))
		case v.HostPath != nil:
			claims = append(claims, dated(p, "E-VOL", harden.Refutes, p.Inventory.Now, fmt.Sprintf("Volume %s is %s of the node: whoever mounts that works for the node, mostly as its root.", v.Name, cleanHostPath(v.HostPath.Path)), ""))
		default:
			claims = append(claims, missing("E-VOL", fmt.Sprintf("Whether the file system of volume %s (%s) can be mapped is not known: ext4 and xfs can, NFS cannot.", v.Name, source)))
		}
	}
	if claims == nil {
		return []harden.Claim{seen(p, "E-VOL", "The pod mounts nothing but what the kubelet makes itself (emptyDir, Secrets, ConfigMaps …), which can be mapped.", "volumeClaimTemplates and what is injected")}
	}
	return claims
}

// nodeRights says which container has a right that only counts for the node.
func nodeRights(p *harden.Pass) string {
	for _, c := range p.Pod.Containers() {
		switch added := capabilityNames(addedCapabilities(c), isDangerousAdd); {
		case isPrivileged(c):
			return "Container " + c.Name + " is privileged"
		case len(added) > 0:
			return fmt.Sprintf("Container %s adds %s", c.Name, strings.Join(added, ", "))
		}
	}
	return ""
}

func whoRuns(containers []string) string {
	if len(containers) == 1 {
		return "Container " + containers[0] + " runs"
	}
	return "Containers " + strings.Join(containers, ", ") + " run"
}
