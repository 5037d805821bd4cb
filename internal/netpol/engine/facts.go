package engine

import (
	"net/netip"
	"slices"
	"strings"
)

// provider is the prefix of the nodes' providerID, as in aws:///eu-west-1a/i-0.
func (s *Seen) provider() string {
	for _, n := range s.Nodes {
		if p, _, ok := strings.Cut(n.Spec.ProviderID, "://"); ok && p != "" {
			return p
		}
	}
	return ""
}

// families are those of the addresses that pods get.
func (s *Seen) families() (v4, v6 bool) {
	see := func(text string) {
		if p, err := netip.ParsePrefix(text); err == nil {
			v4, v6 = v4 || p.Addr().Is4(), v6 || p.Addr().Is6()
		} else if a, err := netip.ParseAddr(text); err == nil {
			v4, v6 = v4 || a.Is4(), v6 || a.Is6()
		}
	}
	for _, ip := range s.PodIPs {
		see(ip.IP)
	}
	if v4 || v6 {
		return v4, v6
	}
	for _, n := range s.Nodes {
		for _, cidr := range n.Spec.PodCIDRs {
			see(cidr)
		}
	}
	return v4, v6
}

// nodeLocalDNS are the addresses that NodeLocal DNSCache is told to listen on
// (kubernetes/dns, cmd/node-cache; -localip is a list with commas).
func (s *Seen) nodeLocalDNS() []string {
	var out []string
	for i := range s.DaemonSets {
		d := &s.DaemonSets[i]
		c := containerOf(d, "node-cache")
		if c == nil || !runs(d) {
			continue
		}
		list, _ := flag(c, "localip")
		for _, text := range strings.Split(list, ",") {
			if a, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
				out = append(out, a.String())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
