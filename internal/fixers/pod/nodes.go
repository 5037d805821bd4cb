package pod

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// nodesFor are the nodes on which the pod may run, as far as its nodeSelector
// tells. Cordoned nodes are among them: they come back.
func nodesFor(p *harden.Pass) []*corev1.Node {
	selector := labels.SelectorFromSet(p.Pod.Spec.NodeSelector)
	var nodes []*corev1.Node
	for _, n := range p.Inventory.Nodes {
		if n.Labels[corev1.LabelOSStable] != string(corev1.Windows) && selector.Matches(labels.Set(n.Labels)) {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// allRun reports whether every node of the pod is so, by its container runtime,
// and names one that is not. It is not so where no node is known.
func allRun(p *harden.Pass, so func(runtime string) bool) (other string, all bool) {
	nodes := nodesFor(p)
	for _, n := range nodes {
		if runtime := n.Status.NodeInfo.ContainerRuntimeVersion; !so(runtime) {
			if runtime == "" {
				runtime = "an unknown runtime"
			}
			return fmt.Sprintf("node %s runs %s", n.Name, runtime), false
		}
	}
	return "", len(nodes) > 0
}

const containerd = "containerd://"

func isContainerd(runtime string) bool { return strings.HasPrefix(runtime, containerd) }

// isContainerd2 tells containerd 2.0 and later.
func isContainerd2(runtime string) bool {
	v, err := version.ParseGeneric(strings.TrimPrefix(runtime, containerd))
	return isContainerd(runtime) && err == nil && v.Major() >= 2
}

func isOldContainerd(runtime string) bool {
	v, err := version.ParseGeneric(strings.TrimPrefix(runtime, containerd))
	return isContainerd(runtime) && err == nil && v.Major() < 2
}

// portSysctl is the first port that any user may bind. It is namespaced, and
// among the sysctls that Pod Security baseline accepts.
const portSysctl = "net.ipv4.ip_unprivileged_port_start"

// anyUserBinds says whether any user may bind the port in this pod, and why.
// containerd sets the sysctl to 0 from 2.0 on (enable_unprivileged_ports in
// internal/cri/config), but not in the network of the node; CRI-O does not
// (cri-o/cri-o#10050).
func anyUserBinds(p *harden.Pass, port int32) harden.Claim {
	for _, s := range podSecurity(p).Sysctls {
		if first, err := strconv.Atoi(s.Value); s.Name == portSysctl && err == nil {
			claim := seen(p, "E-SPEC", fmt.Sprintf("The pod sets %s to %d: any user may bind port %d.", portSysctl, first, port), "")
			if int(port) < first {
				claim.State, claim.Text = harden.Refutes, fmt.Sprintf("The pod sets %s to %d, so port %d is not for every user.", portSysctl, first, port)
			}
			return claim
		}
	}
	switch other, all := allRun(p, isContainerd2); {
	case p.Pod.Spec.HostNetwork:
		return missing("E-NODE", fmt.Sprintf("Nobody looked at the sysctls of the nodes, whose network the pod uses: may its user bind port %d without NET_BIND_SERVICE?", port))
	case all:
		return seen(p, "E-NODE", fmt.Sprintf("Every node that the pod may run on has containerd 2.0 or later, where any user may bind port %d.", port),
			"A containerd that is configured with enable_unprivileged_ports = false, and nodes that are added later.")
	case other != "":
		return dated(p, "E-NODE", harden.Refutes, p.Inventory.Now, fmt.Sprintf("Of the nodes that the pod may run on, %s: only containerd 2.0 and later let any user bind port %d.", other, port), "")
	}
	return missing("E-PORTS", fmt.Sprintf("Nobody looked at the nodes: may its user bind port %d without NET_BIND_SERVICE there?", port))
}

// kubeletsFilter says whether the kubelets of all nodes of the pod give it the
// runtime's seccomp profile by default, where that is known.
func kubeletsFilter(p *harden.Pass) (claim harden.Claim, ok bool) {
	if len(p.Inventory.Kubelets) == 0 {
		return harden.Claim{}, false
	}
	nodes := nodesFor(p)
	claim = seen(p, "E-KUBELET", fmt.Sprintf("The kubelet of every node that the pod may run on (%d looked at) has seccompDefault: true, which is RuntimeDefault where nothing is said.", len(nodes)),
		"Nodes that are added later.")
	for _, n := range nodes {
		k := p.Inventory.Kubelets[n.Name]
		if k == nil || !k.Known || !k.SeccompDefault || p.Older(k.Time, procLimit) {
			return harden.Claim{}, false
		}
		if !k.Time.IsZero() && k.Time.Before(claim.Time) {
			claim.Time = k.Time
		}
	}
	return claim, len(nodes) > 0
}

// rangeAnnotation holds the user ids that OpenShift gives the pods of a namespace.
const rangeAnnotation = "openshift.io/sa.scc.uid-range"

// usersAreGiven reports whether the cluster gives pods their user and group
// ids (OpenShift's security context constraints): a fix must name none.
func usersAreGiven(p *harden.Pass) bool {
	if p.Inventory.Cluster.OpenShift {
		return true
	}
	ns := p.Inventory.Namespaces[p.Object.Namespace]
	return ns != nil && ns.Annotations[rangeAnnotation] != ""
}
