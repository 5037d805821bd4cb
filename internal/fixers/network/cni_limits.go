package network

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// CNILimits finds policies that the engine of the cluster does not carry out as written.
var CNILimits = &harden.Fixer{
	ID:       "netpol-cni-limits",
	Title:    "policy meets a limit of the network engine",
	Area:     harden.AreaNetwork,
	Severity: harden.Low,
	Subject:  harden.SubjectNetworkPolicy,
	Doc: `
The API takes the policy, and the engine that enforces it does something else.

Fields:

    spec.podSelector
    spec.ingress, spec.egress

Allowed: what the engine that was recognised can carry out. Looked at are, by verdict:

On the Amazon VPC CNI: duplicate-cidr, one block of addresses in a rule with ports and in
one without, of which only the ports may remain; ports, more than 24 pairs of
port and protocol for one block; bare-pod, pods without an owner, which the agent
passes over; fargate and windows, nodes on which nothing is enforced; headless,
egress to pods behind a headless Service, which is admitted by the addresses of the
pods alone; family, blocks of a family of addresses that the cluster does not
give to pods.

On Cilium: ipblock, a block for nodes, pods, the API server or the credentials of EKS
Pod Identity, which no ipBlock matches there.

On any engine: client-address, ingress by the addresses of clients for pods behind a
Service of type LoadBalancer or NodePort with externalTrafficPolicy Cluster, where the
source that policies see is a node.

**Why it matters.** The policy looks right, tools that read it call it right, and the
traffic is denied, or worse, admitted.

**The fix.** For duplicate blocks the ports are written out, as a review. For the rest
the text says what the engine has instead.

**Traps.** Engines change: what is told here was true of versions of 2026. An engine that
was not recognised has no limits that are known, and the rule does not apply.
It is medium where pods are not isolated at all, or lose their credentials.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "network plugins implement NetworkPolicy", URL: "https://kubernetes.io/docs/concepts/services-networking/network-policies/"},
		{Standard: "CIS EKS", ID: "4.3.1"},
	},
	Reads: harden.InCluster(harden.KindNamespace, harden.Templates, harden.KindService, harden.Pods),
	Check: checkCNILimits,
	Fix:   fixCNILimits,
}

func checkCNILimits(p *harden.Pass) {
	checkClientAddress(p)
	switch p.Inventory.Net.Engine.Name {
	case harden.EngineVPCCNI:
		checkVPC(p)
	case harden.EngineCilium:
		checkCilium(p)
	case "":
		if len(p.Findings) == 0 {
			p.NotApplicable()
		}
	}
}

// remedies say what to do, by verdict.
var remedies = map[string]string{
	"ports":    "Join neighbouring ports to ranges with endPort, or split the block into smaller ones.",
	"bare-pod": "Run the pods by a Deployment or another controller: the VPC CNI's controller follows pods through their owners.",
	"fargate":  "Pods on Fargate can be guarded by security groups for pods alone: select a Fargate profile with them, or run the pods on nodes.",
	"windows":  "Nothing enforces policies on Windows nodes with the VPC CNI: use security groups, or run the pods on Linux.",
	"headless": "Nothing has to be done where clients connect to the addresses of pods. Where a new pod must be reached at once, give the clients a Service with an address.",
	"family":   "Take the blocks out, or give the cluster both families; they have no effect as it is.",
	"ipblock": "Use a CiliumNetworkPolicy: toEntities with host and remote-node for nodes, kube-apiserver for the API server, host for EKS Pod Identity, and selectors (toEndpoints) for pods; " +
		"or set policy-cidr-match-mode to nodes in cilium-config, for nodes alone.",
	"client-address": "Set externalTrafficPolicy to Local so that pods see the client, filter clients at the load balancer (loadBalancerSourceRanges), or admit the addresses of the nodes.",
}

func fixCNILimits(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	if f.Verdict == "duplicate-cidr" {
		return fixDuplicate(p, f)
	}
	return []harden.Fix{{Title: "say it in a way that the engine carries out", Class: harden.Review, Manual: remedies[f.Verdict]}}
}

// list joins texts for people, and bounds how many there are.
func list(all []string) string {
	if len(all) > mostNamed {
		all = append(all[:mostNamed:mostNamed], fmt.Sprintf("and %d more", len(all)-mostNamed))
	}
	return strings.Join(all, ", ")
}
