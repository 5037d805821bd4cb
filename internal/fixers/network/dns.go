package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
)

const dnsPort = 53

// leaving is a world in which nothing keeps anybody out of the namespace of DNS:
// what the policies there say is not for those to repair who ask.
type leaving struct{ *netpol.World }

func leavingOf(inv *harden.Inventory) leaving {
	return harden.Derive(inv, func(inv *harden.Inventory) leaving {
		dns := flows.DNSOf(inv).Namespace
		open := inv.Fresh()
		open.NetworkPolicies = map[string][]*networkingv1.NetworkPolicy{}
		for ns, policies := range inv.NetworkPolicies {
			if ns != dns {
				open.NetworkPolicies[ns] = policies
			}
		}
		open.Unread = slices.DeleteFunc(slices.Clone(inv.Unread), func(u harden.Unread) bool { return u.Resource == harden.NetworkPolicies && u.Namespace == dns })
		if !slices.Contains(open.Scope, dns) {
			open.Scope = append(slices.Clone(open.Scope), dns)
		}
		return leaving{netpol.New(open)}
	})
}

// dnsReach is whether the pods may ask DNS by a protocol, and what decides. Where
// NodeLocal DNSCache runs they ask its addresses, and no other.
func dnsReach(inv *harden.Inventory, from harden.Peer, protocol corev1.Protocol) harden.Decision {
	dns := flows.DNSOf(inv)
	world := leavingOf(inv).World
	if from.Namespace == dns.Namespace {
		world = netpol.Of(inv)
	}
	best := harden.Decision{Reach: harden.ReachDenied, Why: "it does not answer over " + string(protocol)}
	ask := func(to harden.Peer, port int32, what string) (allowed bool) {
		d := world.Decide(from, to, harden.Port{Protocol: protocol, Number: port})
		if d.Reach != harden.ReachDenied || best.Reach == harden.ReachDenied {
			best = d
			best.Why = what + d.Why
		}
		return d.Reach == harden.ReachAllowed
	}
	// Which of its addresses a pod asks is up to the kubelet's configuration: one that is admitted is enough.
	for _, address := range dns.Addresses {
		if ask(harden.Peer{Kind: harden.PeerAddress, CIDR: netip.PrefixFrom(address, address.BitLen()).String()}, dnsPort, "NodeLocal DNSCache at "+address.String()+": ") {
			return best
		}
	}
	if len(dns.Addresses) > 0 {
		return best
	}
	for _, port := range numbersOf(dns, protocol) {
		if ask(harden.Peer{Kind: harden.PeerDNS}, port, "") {
			break
		}
	}
	return best
}

// numbersOf are the ports on which DNS answers over a protocol.
func numbersOf(dns flows.DNS, protocol corev1.Protocol) []int32 {
	var all []int32
	for _, p := range dns.Ports {
		if p.Protocol == protocol {
			all = append(all, p.Number)
		}
	}
	return all
}

// dnsClaim says what was seen of where DNS runs.
func dnsClaim(inv *harden.Inventory) harden.Claim {
	dns := flows.DNSOf(inv)
	if dns.Service == nil {
		return harden.Claim{
			Code: "E-SLICES", State: harden.Missing,
			Text: "Nobody looked where the cluster's DNS runs: its usual place is taken, pods with the label k8s-app=kube-dns of kube-system. Look at the network to know it.",
		}
	}
	var ports, local []string
	for _, p := range dns.Ports {
		ports = append(ports, p.String())
	}
	for _, a := range dns.Addresses {
		local = append(local, a.String())
	}
	text := fmt.Sprintf("Service %s/%s is the cluster's DNS; its pods listen on %s.", dns.Service.Namespace, dns.Service.Name, strings.Join(ports, " and "))
	if len(local) > 0 {
		text += " NodeLocal DNSCache answers at " + strings.Join(local, " and ") + "."
	}
	return harden.Claim{Code: "E-SLICES", State: harden.Holds, Time: inv.Now, Text: text}
}
