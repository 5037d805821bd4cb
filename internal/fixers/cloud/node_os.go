package cloud

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NodeOS finds nodes with an operating system that was not made for containers.
var NodeOS = &harden.Fixer{
	ID:       "node-os",
	Title:    "nodes run an operating system that was not made for containers alone",
	Area:     harden.AreaCloud,
	Severity: harden.Info,
	Subject:  harden.SubjectCluster,
	Doc: `
Nodes run a general operating system.

Fields:

    status.nodeInfo.osImage of the nodes

Allowed: Bottlerocket, Container-Optimized OS, Flatcar, Talos, Fedora CoreOS, Red Hat Enterprise Linux CoreOS,
and other systems with a read-only image. There is one finding per operating system.

**Why it matters.** A system that holds what a node needs and nothing more, on a read-only disk, has
fewer packages to patch, no shell for who breaks out of a container, and is updated as a whole.

**The fix.** Another image for the node group or node class: there is text only.

**Traps.** It is advice. Agents that are installed on the node, and not as pods, do not run there. Windows
nodes, nodes of Fargate, and clusters whose nodes are containers (kind, k3d) are not judged.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "hardening"},
		{Standard: "Kubescape", ID: "C-0226"},
	},
	Reads: harden.ReadsNothing,
	Check: checkNodeOS,
	Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
		return byHand("run nodes on a system made for containers",
			"Choose such an image for new node groups (on EKS: Bottlerocket, by ami type or Karpenter's amiSelectorTerms alias bottlerocket@VERSION; on GKE: cos_containerd) and move the workloads there.",
			"What relies on packages, shells or writable paths of the nodes does not work there.")
	},
}

// containerSystems begin the names of systems that were made for containers, in lower case.
var containerSystems = []string{
	"bottlerocket", "container-optimized os", "flatcar", "talos", "fedora coreos", "fedora linux coreos", "red hat enterprise linux coreos",
	"red hat coreos", "openshift", "opensuse microos", "sle micro", "suse linux micro", "kairos", "rancheros", "k3os", "photon os/container",
}

func checkNodeOS(p *harden.Pass) {
	systems := map[string][]string{}
	for _, n := range p.Inventory.Nodes {
		system := n.Status.NodeInfo.OSImage
		if system == "" || fargateNode(n) || containerNode(n) || n.Status.NodeInfo.OperatingSystem == "windows" || n.Labels[corev1.LabelOSStable] == "windows" {
			continue
		}
		systems[system] = append(systems[system], n.Name)
	}
	if len(systems) == 0 {
		p.NotApplicable()
		return
	}
	for _, system := range slices.Sorted(maps.Keys(systems)) {
		lower := strings.ToLower(system)
		if slices.ContainsFunc(containerSystems, func(s string) bool { return strings.HasPrefix(lower, s) }) {
			continue
		}
		slices.Sort(systems[system])
		p.Report(harden.Finding{
			Discriminator: harden.OneLine(system), Field: "status.nodeInfo.osImage", Reason: fmt.Sprintf("%d nodes run %s", len(systems[system]), harden.OneLine(system)),
			Detail: fmt.Sprintf("%s run %s.", some(systems[system]), harden.OneLine(system)),
		})
	}
}

// containerNode reports whether the node is a container on somebody's machine.
func containerNode(n *corev1.Node) bool {
	return strings.HasPrefix(n.Spec.ProviderID, "kind://") || strings.HasPrefix(n.Name, "k3d-") || n.Labels["minikube.k8s.io/name"] != ""
}
