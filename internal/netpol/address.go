package netpol

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// families are the kinds of addresses that a cluster gives to pods.
type families struct{ v4, v6 bool }

func (f families) has(a netip.Addr) bool { return a.Is4() && f.v4 || a.Is6() && f.v6 }

// FamiliesOf tells which kinds of addresses pods get: what a World knows of all of
// them, whatever it is asked.
func FamiliesOf(inv *harden.Inventory) (f struct{ V4, V6 bool }) {
	seen := readFamilies(inv)
	f.V4, f.V6 = seen.v4, seen.v6
	return f
}

// readFamilies believes the engine, else the addresses that were seen; where
// there are none it is IPv4.
func readFamilies(inv *harden.Inventory) families {
	f := families{inv.Net.Engine.IPv4, inv.Net.Engine.IPv6}
	if f.v4 || f.v6 {
		return f
	}
	see := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil {
			f.v4 = f.v4 || a.Is4()
			f.v6 = f.v6 || a.Is6()
		}
	}
	for _, w := range inv.Workloads {
		for _, p := range w.Pods {
			for _, a := range podAddrs(p) {
				see(a.String())
			}
		}
	}
	for _, s := range inv.Net.Services {
		for _, ip := range s.Spec.ClusterIPs {
			see(ip)
		}
		for _, family := range s.Spec.IPFamilies {
			f.v4 = f.v4 || family == corev1.IPv4Protocol
			f.v6 = f.v6 || family == corev1.IPv6Protocol
		}
	}
	if !f.v6 {
		f.v4 = true
	}
	return f
}

func podAddrs(p *corev1.Pod) []netip.Addr {
	var out []netip.Addr
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	add(p.Status.PodIP)
	for _, ip := range p.Status.PodIPs {
		add(ip.IP)
	}
	return out
}

// A block is a set of addresses: a prefix without some others.
type block struct {
	prefix netip.Prefix
	except []netip.Prefix
}

// compileBlock reads an ipBlock. Bits of the host count for nothing.
func compileBlock(cidr string, except []string) (block, string) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return block{}, fmt.Sprintf("%q is no block of addresses", harden.OneLine(cidr))
	}
	b := block{prefix: prefix.Masked()}
	for _, text := range except {
		e, err := netip.ParsePrefix(text)
		if err != nil {
			return block{}, fmt.Sprintf("%q is no block of addresses", harden.OneLine(text))
		}
		b.except = append(b.except, e.Masked())
	}
	return b, ""
}

func (b *block) contains(a netip.Addr) bool {
	return b.prefix.Contains(a) && !slices.ContainsFunc(b.except, func(e netip.Prefix) bool { return e.Contains(a) })
}

// holds says whether the block holds the address that a connection of x has.
// Where x has several, of two families, or none is known, that is open.
func (b *block) holds(x *end, f families) tri {
	if len(x.addrs) == 0 {
		if b.prefix.Bits() > 0 || len(b.except) > 0 || b.prefix.Addr().Is4() != f.v4 || b.prefix.Addr().Is6() != f.v6 {
			return maybe
		}
		return yes
	}
	in := 0
	for _, a := range x.addrs {
		if b.contains(a) {
			in++
		}
	}
	switch in {
	case 0:
		return no
	case len(x.addrs):
		return yes
	}
	return maybe
}

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// Sets of addresses. Special ranges that hold no host to talk to are in neither.
var (
	private     = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
	internet    = prefixes("0.0.0.0/0", "2000::/3")
	notInternet = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
		"224.0.0.0/3")
	metadata4 = netip.MustParsePrefix("169.254.169.254/32")
	metadata6 = netip.MustParsePrefix("fd00:ec2::254/128")
)

// atoms cuts the roots, without the holes, by the prefixes that policies name.
// It returns one address of each part, in order: no policy tells the addresses
// of a part apart.
func atoms(roots, holes, cuts []netip.Prefix, f families) []netip.Addr {
	var out []netip.Addr
	for _, root := range roots {
		if !f.has(root.Addr()) {
			continue
		}
		parts := []netip.Prefix{root}
		for _, c := range slices.Concat(holes, cuts) {
			if root.Overlaps(c) && root.Bits() < c.Bits() {
				parts = append(parts, c)
			}
		}
		slices.SortFunc(parts, netip.Prefix.Compare)
		parts = slices.Compact(parts)
		for i, p := range parts {
			if slices.ContainsFunc(holes, func(h netip.Prefix) bool { return h.Bits() <= p.Bits() && h.Contains(p.Addr()) }) {
				continue
			}
			// Prefixes within p follow it in the order.
			within := parts[i+1:]
			n := 0
			for n < len(within) && p.Contains(within[n].Addr()) {
				n++
			}
			if a, ok := free(p, within[:n]); ok {
				out = append(out, a)
			}
		}
	}
	return out
}

// free is the first address of p that lies in none of the prefixes within it.
func free(p netip.Prefix, within []netip.Prefix) (netip.Addr, bool) {
	if len(within) == 0 {
		return p.Addr(), true
	}
	for _, w := range within {
		if w.Bits() <= p.Bits() {
			return netip.Addr{}, false
		}
	}
	low := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	split := slices.IndexFunc(within, func(w netip.Prefix) bool { return !low.Contains(w.Addr()) })
	if split < 0 {
		split = len(within)
	}
	if a, ok := free(low, within[:split]); ok {
		return a, true
	}
	return free(netip.PrefixFrom(upper(p), p.Bits()+1), within[split:])
}

// upper is the first address of the upper half of p.
func upper(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	bytes[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	a, _ := netip.AddrFromSlice(bytes)
	return a
}
