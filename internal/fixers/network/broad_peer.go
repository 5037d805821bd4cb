package network

import (
	"fmt"
	"net/netip"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// BroadPeer finds policies that admit whole worlds.
var BroadPeer = &harden.Fixer{
	ID:       "netpol-broad-peer",
	Title:    "policy admits far more than one peer",
	Area:     harden.AreaNetwork,
	Severity: harden.Low,
	Subject:  harden.SubjectNetworkPolicy,
	Doc: `
A peer of the policy stands for every namespace or for every address.

Fields:

    spec.ingress[].from[].namespaceSelector, spec.egress[].to[].namespaceSelector
    spec.ingress[].from[].ipBlock, spec.egress[].to[].ipBlock

Allowed: a namespaceSelector that names something, or one that is empty beside a
podSelector that names something; blocks of addresses of a certain size; for egress
the whole internet where "except" leaves out the metadata address and the private
ranges. For ingress every address is allowed where a Service of type LoadBalancer or
NodePort, or an Ingress, leads to the pods: that is the edge.

**Why it matters.** 0.0.0.0/0 in an egress rule contains the metadata service of the
cloud, which hands out the node's credentials, and every machine of the private
network. An empty namespaceSelector lets the pod of every tenant in.

**The fix.** For egress a draft leaves out the metadata address and the private ranges
with "except"; it is a review, since a private machine may be what the rule is for. For
the rest a person names the peers; the text says what to look at.

**Traps.** Halves of the internet (0.0.0.0/1 and 128.0.0.0/1) are no better than the
whole. Every namespace on port 53 alone is how many write access to DNS, and passes.
An ipBlock never matches pods on Cilium, and pods' addresses on other engines only by
accident: for those use selectors. Where Services or Ingresses may not be read,
whether pods are an edge is unknown. It is medium where the metadata service of a cloud
is among what is admitted.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "network policies"},
		{Standard: "Trivy", ID: "KSV-0038"},
	},
	Reads: harden.InCluster(harden.Templates, harden.KindService),
	Check: checkBroadPeer,
	Fix:   fixBroadPeer,
}

func checkBroadPeer(p *harden.Pass) {
	seen := map[string]bool{}
	report := func(f harden.Finding) {
		if !seen[f.Discriminator] {
			seen[f.Discriminator] = true
			p.Report(f)
		}
	}
	for _, d := range directions {
		for _, r := range rulesOf(p.NetworkPolicy, d) {
			for _, peer := range r.peers {
				switch {
				case peer.IPBlock != nil:
					if f := broadBlock(p, d, r, peer.IPBlock); f != nil {
						report(*f)
					}
				case selectsAll(peer.NamespaceSelector) && (peer.PodSelector == nil || selectsAll(peer.PodSelector)) && !dnsOnly(r.ports):
					report(harden.Finding{
						Discriminator: string(d) + " namespaces", Field: field(d), Verdict: "all-namespaces", Reason: fmt.Sprintf("%s: rule %d admits the pods of all namespaces", d, r.n),
						Detail: fmt.Sprintf("Rule %d for %s has a namespaceSelector that is empty and no podSelector: every pod of the cluster is meant, those of other tenants included.", r.n, d),
					})
				}
			}
		}
	}
}

// dnsOnly reports whether all ports are that of DNS.
func dnsOnly(ports []networkingv1.NetworkPolicyPort) bool {
	for _, p := range ports {
		if p.Port == nil || p.Port.IntValue() != 53 || p.EndPort != nil {
			return false
		}
	}
	return len(ports) > 0
}

func broadBlock(p *harden.Pass, d harden.Direction, r rule, block *networkingv1.IPBlock) *harden.Finding {
	prefix, err := netip.ParsePrefix(block.CIDR)
	if err != nil || prefix.Bits() > 1 {
		return nil
	}
	f := &harden.Finding{Discriminator: string(d) + " " + block.CIDR, Field: field(d)}
	if d == harden.Egress {
		lacking := reached(prefix, block.Except)
		if len(lacking) == 0 {
			return nil
		}
		f.Verdict, f.Reason = "any-address", fmt.Sprintf("%s: rule %d admits %s with %s", d, r.n, block.CIDR, lacking[0].what)
		var all []string
		for _, l := range lacking {
			all = append(all, l.cidr+" ("+l.what+")")
		}
		f.Detail = fmt.Sprintf("Rule %d admits %s, and no except leaves out %s.", r.n, block.CIDR, strings.Join(all, ", "))
		if cloud := p.Inventory.Net.Engine.Provider; lacking[0].metadata && cloud != "" {
			f.Severity, f.SeverityWhy = harden.Medium, "the nodes are in a cloud ("+harden.OneLine(cloud)+"), whose metadata service is among what is admitted"
		}
		return f
	}
	f.Verdict, f.Reason = "any-address", fmt.Sprintf("%s: rule %d admits every address", d, r.n)
	f.Detail = fmt.Sprintf("Rule %d admits %s, and nothing leads from outside of the cluster to %s.", r.n, block.CIDR, whom(p))
	for _, w := range subjects(p.Inventory, p.NetworkPolicy) {
		if p.Inventory.ExposedBy(w) != "" {
			return nil
		}
	}
	for _, resource := range []string{harden.Services, harden.Ingresses} {
		if why := p.Inventory.Unreadable(resource, p.NetworkPolicy.Namespace); why != "" {
			f.Status, f.Verdict = harden.StatusUnknown, "unknown"
			f.Reason = fmt.Sprintf("%s: whether %s is for an edge is not known", d, block.CIDR)
			f.Detail = fmt.Sprintf("Rule %d admits %s; whether something leads from outside of the cluster to the pods is not known: %s could not be read (%s).", r.n, block.CIDR, resource, sentence(why))
			return f
		}
	}
	return f
}

// An inner block should not be among what a rule for the internet admits.
type inner struct {
	cidr, what string
	metadata   bool
}

// inners are the metadata address (first, it is what is named) and the private ranges of
// RFC 1918 and RFC 4193; the IPv6 metadata address of AWS lies within the latter.
var inners = []inner{
	{"169.254.169.254/32", "the metadata address", true},
	{"10.0.0.0/8", "private addresses", false},
	{"172.16.0.0/12", "private addresses", false},
	{"192.168.0.0/16", "private addresses", false},
	{"fc00::/7", "private addresses and the metadata address", true},
}

// reached are the inner blocks of a prefix that no exception covers.
func reached(prefix netip.Prefix, except []string) []inner {
	var lacking []inner
	for _, i := range inners {
		block := netip.MustParsePrefix(i.cidr)
		if !contains(prefix, block) {
			continue
		}
		covered := false
		for _, e := range except {
			out, err := netip.ParsePrefix(e)
			covered = covered || err == nil && contains(out, block)
		}
		if !covered {
			lacking = append(lacking, i)
		}
	}
	return lacking
}

// contains reports whether all of the inner prefix lies within the outer.
func contains(outer, inner netip.Prefix) bool {
	return outer.Addr().Is4() == inner.Addr().Is4() && outer.Bits() <= inner.Bits() && outer.Masked().Contains(inner.Addr())
}

func fixBroadPeer(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	direction, what, _ := strings.Cut(f.Discriminator, " ")
	if direction == string(harden.Ingress) || what == "namespaces" {
		return []harden.Fix{{
			Title: "name the peers", Class: harden.Review,
			Manual: fmt.Sprintf("In %s of NetworkPolicy %s/%s, say who is meant: a namespaceSelector by kubernetes.io/metadata.name with a podSelector, or the addresses "+
				"that clients really come from. The network view shows who needs to reach %s.", f.Field, p.Object.Namespace, p.Object.Name, whom(p)),
			Warning: "Peers that nobody named are denied from then on.",
		}}
	}
	prefix, err := netip.ParsePrefix(what)
	if err != nil {
		return nil
	}
	change, ok := editRules(p.Object, p.NetworkPolicy, harden.Egress, func(_ int, peers *[]networkingv1.NetworkPolicyPeer, _ *[]networkingv1.NetworkPolicyPort) {
		for i := range *peers {
			if block := (*peers)[i].IPBlock; block != nil && block.CIDR == what {
				for _, l := range reached(prefix, block.Except) {
					block.Except = append(block.Except, l.cidr)
				}
			}
		}
	})
	if !ok {
		return nil
	}
	return []harden.Fix{{
		Title: "leave out the metadata address and private ranges", Class: harden.Review, Changes: []harden.Change{change},
		Evidence: []harden.Claim{{Code: "E-FLOWS", State: harden.Missing, Text: "Nobody looked whether " + whom(p) + " connect to private addresses by this rule."}},
		Warning:  "Machines of the private network, pods and Services that only this rule admits are denied from then on.",
	}}
}
