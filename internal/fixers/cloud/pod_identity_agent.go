package cloud

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PodIdentityAgent finds nodes on which EKS Pod Identity cannot give credentials.
var PodIdentityAgent = &harden.Fixer{
	ID:       "pod-identity-agent",
	Title:    "EKS Pod Identity has no agent on nodes that need it",
	Area:     harden.AreaCloud,
	Severity: harden.Info,
	Subject:  harden.SubjectCluster,
	Doc: `
Pods are told to get their credentials from the agent of EKS Pod Identity, and on their node there is none.

Fields:

    env AWS_CONTAINER_CREDENTIALS_FULL_URI of the live pods
    DaemonSet kube-system/eks-pod-identity-agent and its pods

Allowed: a ready pod of the agent on every node that runs such pods. Nodes of EKS Auto Mode have it built in.

**Why it matters.** Without the agent the pods have no credentials. Somebody will then give them keys, or
rights to the node, in a hurry.

**The fix.** The agent is an add-on of EKS, installed at the cluster on AWS: there is text only.

**Traps.** The agent runs on the host's network and needs the node role to allow
eks-auth:AssumeRoleForPodIdentity. Taints that its DaemonSet does not tolerate keep it from nodes.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "Kubernetes", ID: "EKS Pod Identity agent", URL: "https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html"},
	},
	Reads: harden.InCluster(harden.Templates, harden.Pods, harden.PodStatus),
	Check: checkPodIdentityAgent,
	Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
		return byHand("run the agent on every node",
			"Install or repair the add-on: aws eks create-addon --cluster-name CLUSTER --addon-name eks-pod-identity-agent. Then look at kubectl get daemonset eks-pod-identity-agent -n kube-system, and give it the tolerations of the nodes that it is missing from.", "")
	},
}

const agentName = "eks-pod-identity-agent"

func checkPodIdentityAgent(p *harden.Pass) {
	if !onAWS(p) {
		return
	}
	needed, agents := map[string]bool{}, map[string]bool{}
	for _, w := range p.Inventory.Workloads {
		if w.Ref.Namespace == "kube-system" && w.Ref.Name == agentName {
			for _, pod := range w.Pods {
				agents[pod.Spec.NodeName] = agents[pod.Spec.NodeName] || ready(pod)
			}
			continue
		}
		for _, pod := range running(w) {
			if pod.Spec.NodeName != "" && ownIdentity(&pod.Spec) == "EKS Pod Identity" {
				needed[pod.Spec.NodeName] = true
			}
		}
	}
	for _, n := range p.Inventory.Nodes {
		if autoNode(n) {
			delete(needed, n.Name)
		}
	}
	if len(needed) == 0 {
		p.NotApplicable()
		return
	}
	for _, resource := range []string{"pods", "daemonsets.apps"} {
		if why := p.Inventory.Unreadable(resource, "kube-system"); why != "" {
			p.Unknown(resource + " could not be read: " + why)
			return
		}
	}
	lacking := slices.DeleteFunc(slices.SortedFunc(maps.Keys(needed), strings.Compare), func(node string) bool { return agents[node] })
	if len(lacking) > 0 {
		p.Report(harden.Finding{
			Field: "DaemonSet kube-system/" + agentName, Reason: fmt.Sprintf("no ready agent of EKS Pod Identity on %d nodes", len(lacking)),
			Detail: "Pods on " + some(lacking) + " are told to get their credentials from it.",
		})
	}
}

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
