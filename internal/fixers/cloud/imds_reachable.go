// Package cloud holds the fixers for what a cloud gives to whoever is on its nodes.
package cloud

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/network"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/propose"
)

// IMDSReachable finds workloads that can ask the metadata service of the cloud.
var IMDSReachable = &harden.Fixer{
	ID:       "imds-reachable",
	Title:    "may ask the cloud's metadata service for the node's credentials",
	Area:     harden.AreaCloud,
	Severity: harden.High,
	Subject:  harden.SubjectWorkload,
	Doc: `
The pods can connect to the address at which the cloud hands out the credentials of
the node.

Fields:

    spec.egress of all policies that select the pods
    spec.providerID of the nodes, which names the cloud

Allowed: policies that isolate the pods for egress and admit no metadata address:
169.254.169.254 on most clouds, fd00:ec2::254 besides on AWS, 100.100.100.200 on Alibaba
Cloud, 169.254.42.42 on Scaleway. Without egress isolation the address is reachable.

**Why it matters.** The role of a node may pull images, attach volumes and network
interfaces, and often read buckets. One request from any container, by an attacker or by a
server-side request forgery in a web application, brings its credentials.

**The fix.** For pods that no policy isolates, the egress policy of the workload is drafted
from the flows that it needs, without the metadata address. Where an ipBlock admits the
address, a draft leaves it out with "except"; it is a review, since a program may get its
own credentials there. The other half is done at the nodes and cannot be seen from
here: on AWS http tokens required and a hop limit of 1.

**Traps.** The hop limit of the nodes is not in the API, so it is not known whether it
stops the pods. On EKS clusters with IPv6 the way to 169.254.169.254 does not pass the
enforcement of policies: the finding stays whatever they say. GKE's
Workload Identity answers in the place of the metadata service and hands out no node
credentials: where all nodes have it the finding is one lower. Pods on the host's
network always reach it, and are not judged here. Without a cloud (kind, bare metal) and for files, which do
not tell where they will run, the rule does not apply. Where policies may not be read
the verdict is unknown, and nodes that may not be read leave the cloud unknown.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "ATT&CK", ID: "T1552.005"},
		{Standard: "ATT&CK", ID: "MS-TA9033"},
		{Standard: "Kubescape", ID: "C-0052"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods, harden.KindNamespace, harden.KindNetworkPolicy, harden.OtherPolicies, harden.KindService).AndInCluster(harden.NetLists),
	Check: checkIMDSReachable,
	Fix:   fixIMDSReachable,
}

// linkLocal is where most clouds have their metadata service.
const linkLocal = "169.254.169.254/32"

// services are the addresses of metadata services by the provider in a node's providerID.
var services = map[string][]string{
	"aws":          {linkLocal, "fd00:ec2::254/128"},
	"gce":          {linkLocal},
	"azure":        {linkLocal},
	"openstack":    {linkLocal},
	"digitalocean": {linkLocal},
	"hcloud":       {linkLocal},
	"linode":       {linkLocal},
	"vultr":        {linkLocal},
	"oci":          {linkLocal},
	"ibm":          {linkLocal},
	"exoscale":     {linkLocal},
	"alicloud":     {"100.100.100.200/32"},
	"scaleway":     {"169.254.42.42/32"},
}

// addresses are those of the cloud's metadata service that pods may have a way to.
func addresses(e harden.Engine) []string {
	all := slices.Clone(services[e.Provider])
	return slices.DeleteFunc(all, func(cidr string) bool {
		// Pods without IPv6 do not reach the IPv6 address. The other one is reached from IPv6 pods too.
		return netip.MustParsePrefix(cidr).Addr().Is6() && e.IPv4 && !e.IPv6
	})
}

// passesBy reports whether the way to the metadata service goes around the
// enforcement of policies: EKS gives IPv6 pods an IPv4 way out through the node.
func passesBy(e harden.Engine) bool {
	return e.Provider == "aws" && e.IPv6 && !e.IPv4
}

func checkIMDSReachable(p *harden.Pass) {
	e := p.Inventory.Net.Engine
	all := addresses(e)
	unknownCloud := e.Provider == "" && p.Inventory.Live() && p.Inventory.Unreadable("nodes", "") != ""
	if p.Pod.Spec.HostNetwork || len(all) == 0 && !unknownCloud {
		p.NotApplicable()
		return
	}
	f := harden.Finding{Field: "NetworkPolicies"}
	if unknownCloud {
		if network.Isolated(p, harden.Egress).State == harden.ReachDenied {
			all = []string{linkLocal}
		}
		f.Status, f.Verdict = harden.StatusUnknown, "unknown"
		f.Reason = "whether there is a metadata service is not known"
		f.Detail = "The nodes could not be read, so that the cloud is not known: " + strings.TrimRight(p.Inventory.Unreadable("nodes", ""), ". ") + "."
		if d := reach(p, all); len(all) > 0 && d.Reach == harden.ReachDenied {
			return
		}
		p.Report(f)
		return
	}
	d := reach(p, all)
	switch {
	case passesBy(e):
		f.Verdict, f.Reason = "ipv6", "policies do not stop the metadata service on EKS with IPv6"
		f.Detail = "The pods have IPv6 addresses and reach IPv4 through the node, past the enforcement of policies: 169.254.169.254 answers them whatever policies say."
	case d.Reach == harden.ReachDenied:
		return
	case d.Reach == harden.ReachUnknown:
		f.Status, f.Verdict = harden.StatusUnknown, "unknown"
		f.Reason = "whether it may ask the metadata service is not known"
		f.Detail = fmt.Sprintf("Whether its policies admit the metadata service is not known: %s.", strings.TrimRight(harden.OneLine(d.Why), ". "))
	default:
		f.Verdict, f.Reason = "reachable", "its egress to the metadata service is open"
		f.Detail = fmt.Sprintf("Its pods may connect to %s: %s.", strings.Join(plain(all), " and "), strings.TrimRight(harden.OneLine(d.Why), ". "))
	}
	if f.Status == harden.StatusFail {
		f.Detail += " Whether the nodes refuse requests that come from pods (on AWS, a hop limit of 1) cannot be seen from here."
		down := network.Idle(p.Workload)
		if down == "" && workloadIdentity(p.Inventory) {
			down = "GKE's metadata server answers on all nodes in the place of the cloud's"
		}
		network.Weigh(&f, p.Fixer.Severity, "", down)
	}
	p.Report(f)
}

// reach is whether the pods may connect to one of the addresses.
func reach(p *harden.Pass, all []string) harden.Decision {
	if iso := network.Isolated(p, harden.Egress); iso.State != harden.ReachDenied {
		why := iso.Why
		if iso.State == harden.ReachAllowed && why == "" {
			why = "no policy isolates them for egress"
		}
		return harden.Decision{Reach: iso.State, Why: why}
	}
	best := harden.Decision{Reach: harden.ReachDenied}
	for _, cidr := range all {
		to := harden.Peer{Kind: harden.PeerAddress, CIDR: cidr}
		switch d := network.Decide(p.Inventory, harden.WorkloadPeer(p.Object), to, harden.Port{Protocol: corev1.ProtocolTCP, Number: 80}); d.Reach {
		case harden.ReachAllowed:
			return d
		case harden.ReachUnknown:
			best = d
		}
	}
	return best
}

func plain(cidrs []string) []string {
	var out []string
	for _, c := range cidrs {
		address, _, _ := strings.Cut(c, "/")
		out = append(out, address)
	}
	return out
}

// workloadIdentity reports whether GKE's metadata server is on every node.
func workloadIdentity(inv *harden.Inventory) bool {
	return inv.Net.Engine.Provider == "gce" && len(inv.Nodes) > 0 && !slices.ContainsFunc(inv.Nodes, func(n *corev1.Node) bool {
		return n.Labels["iam.gke.io/gke-metadata-server-enabled"] != "true"
	})
}

const atTheNodes = "On AWS, require session tokens and set the hop limit to 1 in the launch template or node class (httpTokens: required, httpPutResponseHopLimit: 1), " +
	"and give workloads that use AWS a role of their own (EKS Pod Identity or IRSA) first."

func fixIMDSReachable(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if fix, ok := network.OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	switch {
	case f.Verdict == "ipv6":
		return []harden.Fix{{Title: "close the metadata service at the nodes", Class: harden.Review, Manual: atTheNodes}}
	case network.Isolated(p, harden.Egress).State == harden.ReachAllowed:
		return propose.Fixes(p.Inventory, p.Object.Namespace, p.Object, harden.Egress)
	}
	return narrow(p)
}

// narrow leaves the metadata addresses out of the blocks that contain them, in
// the policies that select the pods.
func narrow(p *harden.Pass) []harden.Fix {
	fix := harden.Fix{
		Title: "leave the metadata address out of what is admitted", Class: harden.Review,
		Evidence: []harden.Claim{{Code: "E-FLOWS", State: harden.Missing, Text: "Nobody looked whether a program gets its credentials from the metadata service."}},
		Warning:  "Programs that use the node's credentials lose them, those of other pods that the same policies select too.",
	}
	by := []string{}
	for _, policy := range netpol.Of(p.Inventory).Selecting(p.Object) {
		edited, touched := except(policy, addresses(p.Inventory.Net.Engine))
		if !touched {
			continue
		}
		if change, ok := network.SetRules(p.Inventory.NetworkPolicyRef(policy), edited, harden.Egress); ok {
			fix.Changes = append(fix.Changes, change)
			by = append(by, policy.Name)
		}
	}
	if len(fix.Changes) == 0 {
		d := reach(p, addresses(p.Inventory.Net.Engine))
		return []harden.Fix{{
			Title: fix.Title, Class: harden.Review,
			Manual: fmt.Sprintf("What admits it is %s: replace the rule by one that names its destinations, or by an ipBlock with except. %s", strings.TrimRight(harden.OneLine(d.Why), ". "), atTheNodes),
		}}
	}
	fix.Title += " by " + strings.Join(by, ", ")
	return []harden.Fix{fix}
}

// except is the policy with the addresses left out of the blocks of its egress
// rules that contain them.
func except(policy *networkingv1.NetworkPolicy, all []string) (edited *networkingv1.NetworkPolicy, touched bool) {
	edited = policy.DeepCopy()
	for i := range edited.Spec.Egress {
		for _, peer := range edited.Spec.Egress[i].To {
			if peer.IPBlock == nil {
				continue
			}
			block, err := netip.ParsePrefix(peer.IPBlock.CIDR)
			if err != nil {
				continue
			}
			for _, cidr := range all {
				address := netip.MustParsePrefix(cidr).Addr()
				out := slices.ContainsFunc(peer.IPBlock.Except, func(e string) bool {
					x, err := netip.ParsePrefix(e)
					return err == nil && x.Contains(address)
				})
				// An exception has to be smaller than its block.
				if block.Masked().Contains(address) && block.Bits() < address.BitLen() && !out {
					peer.IPBlock.Except = append(peer.IPBlock.Except, cidr)
					touched = true
				}
			}
		}
	}
	return edited, touched
}
