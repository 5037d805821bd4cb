package network

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

// APIServerEgress finds workloads without a token that may reach the API server.
var APIServerEgress = &harden.Fixer{
	ID:       "netpol-apiserver-egress",
	Title:    "may reach the API server without needing it",
	Area:     harden.AreaNetwork,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
The pods have no token for the API server, and the policies that isolate them let
them connect to it all the same. What no policy isolates is netpol-missing-egress.

Fields:

    spec.egress of all policies that select the pods
    spec.automountServiceAccountToken, of the pods and of their ServiceAccount
    spec.volumes[].projected.sources[].serviceAccountToken

Allowed: policies that do not admit the addresses of the API server; a pod that has a
token is meant to use it.

**Why it matters.** Whoever gets into the container can ask the API server all the same:
what anonymous users may see, which version it is, and whether a token that was found
elsewhere works. A flaw in it needs nothing but the way there.

**The fix.** The rule that admits the API server is named, and a person narrows it.

**Traps.** The address is that of the endpoints of the Service default/kubernetes after
translation, often port 6443, not the ClusterIP and 443. A client may bring
credentials of its own, a kubeconfig in a Secret: then it needs the way. Pods on the
host's network are not subject to policies. Where the ServiceAccount was not read, or
the policies leave it open, the rule has nothing to say, or the verdict is unknown.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1613"},
		{Standard: "NSA", ID: "network policies"},
	},
	Reads: harden.InCluster(harden.KindNamespace, harden.KindNetworkPolicy, harden.KindServiceAccount, harden.Templates, harden.NetLists, harden.OtherPolicies, harden.KindService, harden.Pods),
	Check: checkAPIServerEgress,
	Fix:   fixAPIServerEgress,
}

func checkAPIServerEgress(p *harden.Pass) {
	mounted, known := p.Inventory.MountsToken(p.Workload)
	if p.Pod.Spec.HostNetwork || mounted || !known || Isolated(p, harden.Egress).State == harden.ReachAllowed {
		p.NotApplicable()
		return
	}
	f := harden.Finding{Field: "NetworkPolicies"}
	switch d := toAPIServer(p); d.Reach {
	case harden.ReachDenied:
		return
	case harden.ReachUnknown:
		f.Status, f.Verdict = harden.StatusUnknown, "unknown"
		f.Reason = "whether it may reach the API server is not known"
		f.Detail = fmt.Sprintf("It has no token; whether its policies admit the API server is not known: %s.", sentence(d.Why))
	default:
		f.Verdict, f.Reason = "open", "has no token, and may reach the API server"
		f.Detail = fmt.Sprintf("Its pods have no token for the API server, and may connect to it: %s.", sentence(d.Why)) + enforcement(p.Inventory)
		Weigh(&f, p.Fixer.Severity, "", Idle(p.Workload))
	}
	p.Report(f)
}

// toAPIServer is whether the pods reach any port on which the API server listens.
func toAPIServer(p *harden.Pass) harden.Decision {
	if iso := Isolated(p, harden.Egress); iso.State == harden.ReachUnknown {
		return harden.Decision{Reach: iso.State, Why: iso.Why}
	}
	server := harden.Peer{Kind: harden.PeerAPIServer}
	best := harden.Decision{Reach: harden.ReachDenied}
	for _, port := range serverPorts(p.Inventory) {
		d := Decide(p.Inventory, harden.WorkloadPeer(p.Object), server, port)
		if d.Reach == harden.ReachAllowed {
			return d
		}
		if d.Reach == harden.ReachUnknown {
			best = d
		}
	}
	return best
}

// serverPorts are those of the API server's endpoints, where they were read, else the usual ones.
func serverPorts(inv *harden.Inventory) []harden.Port {
	var ports []harden.Port
	for _, port := range netpol.Of(sight(inv)).Ports(harden.Peer{Kind: harden.PeerAPIServer}) {
		if port.Number != 0 {
			ports = append(ports, port)
		}
	}
	if len(ports) == 0 {
		return []harden.Port{{Protocol: corev1.ProtocolTCP, Number: 443}, {Protocol: corev1.ProtocolTCP, Number: 6443}}
	}
	return ports
}

func fixAPIServerEgress(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	return []harden.Fix{{
		Title: "narrow the rule that admits the API server", Class: harden.Review,
		Manual: fmt.Sprintf("What admits it is %s. Leave the addresses of the API server out of it, with except of an ipBlock, or name the destinations that the pods need.", sentence(toAPIServer(p).Why)),
	}}
}
