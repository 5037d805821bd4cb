package network

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HostNetworkSubject finds policies that select pods on the host's network.
var HostNetworkSubject = &harden.Fixer{
	ID:       "netpol-hostnetwork-subject",
	Title:    "policy selects pods that it does not hold for",
	Area:     harden.AreaNetwork,
	Severity: harden.Low,
	Subject:  harden.SubjectNetworkPolicy,
	Doc: `
The policy is about pods on the network of their node.

Fields:

    spec.podSelector
    spec.hostNetwork of the pods that it selects

Allowed: policies for pods with a network of their own, and those for all pods of a
namespace (an empty podSelector), which mean the others.

**Why it matters.** A pod with hostNetwork has the addresses of its node. Most engines do
not apply policies to it, or only in part, so the policy promises what does not happen:
the pod talks to everybody and everybody to it.

**The fix.** None as a change: take hostNetwork off the pod if it can live without, or
guard the node's network by what the engine has for it. The text names both.

**Traps.** What happens is left to the engine by the API: some treat such pods as the
node, some ignore selectors for them. Such pods are no peers either: a podSelector
does not match the traffic that comes from them.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "network policies"},
		{Standard: "Kubernetes", ID: "NetworkPolicy and hostNetwork pods", URL: "https://kubernetes.io/docs/concepts/services-networking/network-policies/"},
	},
	Reads: harden.InCluster(harden.Templates, harden.KindService),
	Check: checkHostNetworkSubject,
	Fix:   fixHostNetworkSubject,
}

func onHost(p *harden.Pass) []*harden.Workload {
	var all []*harden.Workload
	for _, w := range subjects(p.Inventory, p.NetworkPolicy) {
		if w.Template.Spec.HostNetwork {
			all = append(all, w)
		}
	}
	return all
}

func checkHostNetworkSubject(p *harden.Pass) {
	if selectsAll(&p.NetworkPolicy.Spec.PodSelector) {
		p.NotApplicable()
		return
	}
	if all := onHost(p); len(all) > 0 {
		p.Report(harden.Finding{
			Field: "spec.podSelector", Verdict: "host-network", Reason: "selects " + names(all) + " on the host's network",
			Detail: fmt.Sprintf("%s run with hostNetwork: true. Most engines do not apply policies to such pods, so what this one denies is allowed to them all the same.", names(all)),
		})
	}
}

// hostFirewalls say what an engine has for the network of nodes.
var hostFirewalls = map[string]string{
	harden.EngineCilium: "a CiliumClusterwideNetworkPolicy with a nodeSelector (Cilium's host firewall)",
	harden.EngineCalico: "a HostEndpoint for the nodes with a GlobalNetworkPolicy",
	harden.EngineAntrea: "an Antrea ClusterNetworkPolicy with a nodeSelector",
}

func fixHostNetworkSubject(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	what := hostFirewalls[p.Inventory.Net.Engine.Name]
	if what == "" {
		what = "the firewall of the nodes"
	}
	return []harden.Fix{{
		Title: "take the pods off the host's network, or guard the nodes", Class: harden.Review,
		Manual: fmt.Sprintf("Take hostNetwork off %s if they do not need it: then the policy holds. If they do, restrict their ports with %s.", names(onHost(p)), what),
	}}
}
