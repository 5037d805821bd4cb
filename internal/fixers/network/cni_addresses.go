package network

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// podIdentity are the addresses at which EKS Pod Identity hands out credentials.
var podIdentity = []string{"169.254.170.23", "fd00:ec2::23"}

// shortestMeant is the length from which on a prefix is taken to mean what lies
// in it, and not the world.
const shortestMeant = 8

// checkCilium reports blocks that are meant for what Cilium does not match by address.
func checkCilium(p *harden.Pass) {
	for _, d := range directions {
		for _, s := range blocks(p.NetworkPolicy, d) {
			prefix := netip.MustParsePrefix(s.cidr).Masked()
			if prefix.Bits() < shortestMeant {
				continue
			}
			what, credentials := within(p, prefix)
			if len(what) == 0 {
				continue
			}
			f := harden.Finding{
				Discriminator: string(d) + " " + s.cidr, Field: field(d), Verdict: "ipblock", Reason: fmt.Sprintf("%s: %s is for %s, which Cilium does not match by address", d, s.cidr, what[0]),
				Detail: fmt.Sprintf("In %s lie %s. Cilium knows nodes, pods and the API server by identity: an ipBlock does not match them.", s.cidr, list(what)),
			}
			if credentials {
				Weigh(&f, p.Fixer.Severity, "pods get no credentials from EKS Pod Identity by this rule", "")
			}
			p.Report(f)
		}
	}
}

// A located is an address and whose it is.
type located struct {
	address netip.Addr
	what    string
}

// locations are the addresses of the nodes, pods and services of the cluster
// that were read, in the order of the inventory.
type locations []located

func locationsOf(inv *harden.Inventory) locations {
	return harden.Derive(inv, func(inv *harden.Inventory) locations {
		var all locations
		add := func(address, what string) {
			if a, err := netip.ParseAddr(address); err == nil {
				all = append(all, located{a, what})
			}
		}
		for _, a := range podIdentity {
			add(a, "EKS Pod Identity")
		}
		if server, err := url.Parse(inv.Cluster.Server); err == nil {
			add(server.Hostname(), "the API server")
		}
		for _, n := range inv.Nodes {
			for _, a := range n.Status.Addresses {
				add(a.Address, "node "+n.Name)
			}
		}
		for _, w := range inv.Workloads {
			if w.Template.Spec.HostNetwork {
				continue // its addresses are those of nodes
			}
			for _, pod := range w.Pods {
				for _, ip := range pod.Status.PodIPs {
					add(ip.IP, "pods of "+w.Ref.Long())
				}
			}
		}
		return all
	}, harden.Templates, harden.Pods)
}

// within are those whose addresses lie in a block, and whether pods get
// credentials from one of them.
func within(p *harden.Pass, prefix netip.Prefix) (what []string, credentials bool) {
	for _, l := range locationsOf(sight(p.Inventory)) {
		if prefix.Contains(l.address) && !slices.Contains(what, l.what) {
			what = append(what, l.what)
			credentials = credentials || slices.Contains(podIdentity, l.address.String())
		}
	}
	return what, credentials
}

// checkClientAddress reports ingress by addresses of clients that the pods do not see.
func checkClientAddress(p *harden.Pass) {
	all := blocks(p.NetworkPolicy, harden.Ingress)
	all = slices.DeleteFunc(all, func(s *spread) bool {
		return netip.MustParsePrefix(s.cidr).Bits() == 0 || holdsNodes(p.Inventory, s.cidr)
	})
	if len(all) == 0 {
		return
	}
	for _, w := range subjects(p.Inventory, p.NetworkPolicy) {
		for _, s := range indexOf(p.Inventory).servicesOf(w) {
			opens := s.Spec.Type == corev1.ServiceTypeLoadBalancer || s.Spec.Type == corev1.ServiceTypeNodePort
			if !opens || s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
				continue
			}
			p.Report(harden.Finding{
				Discriminator: "client-address", Field: "spec.ingress", Verdict: "client-address",
				Reason: fmt.Sprintf("Ingress: %s is for clients, and what comes through Service %s has the address of a node", all[0].cidr, s.Name),
				Detail: fmt.Sprintf("Service %s of type %s has externalTrafficPolicy Cluster: nodes forward to %s with their own address as the source, so that the addresses of clients match nothing. "+
					"Some load balancers connect to pods directly; then the source is theirs.", s.Name, s.Spec.Type, w.Ref),
			})
			return
		}
	}
}

// holdsNodes reports whether the block holds the address of a node that was read.
func holdsNodes(inv *harden.Inventory, cidr string) bool {
	prefix, err := netip.ParsePrefix(cidr)
	return err == nil && slices.ContainsFunc(inv.Nodes, func(n *corev1.Node) bool {
		return slices.ContainsFunc(n.Status.Addresses, func(a corev1.NodeAddress) bool {
			ip, err := netip.ParseAddr(a.Address)
			return err == nil && prefix.Contains(ip)
		})
	})
}
