package flows

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An APIServer is where pods reach the Kubernetes API: Service "kubernetes" in
// namespace "default".
type APIServer struct {
	Endpoints []netip.AddrPort // behind the Service: what most engines see (T63)
	ClusterIP []netip.AddrPort // what engines see that look before the translation
}

// APIServerOf reads it; empty where the Service or its EndpointSlices are not known.
func APIServerOf(inv *harden.Inventory) APIServer {
	var out APIServer
	for _, s := range inv.Net.EndpointSlices {
		if s.Namespace != metav1Default || s.Labels[discoveryv1.LabelServiceName] != "kubernetes" {
			continue
		}
		for _, e := range s.Endpoints {
			for _, a := range parseAddresses(e.Addresses) {
				for _, p := range s.Ports {
					if p.Port != nil && *p.Port > 0 && *p.Port < 1<<16 {
						out.Endpoints = append(out.Endpoints, netip.AddrPortFrom(a, uint16(*p.Port)))
					}
				}
			}
		}
	}
	if s := inv.Net.Service(metav1Default, "kubernetes"); s != nil {
		for _, a := range parseAddresses(append([]string{s.Spec.ClusterIP}, s.Spec.ClusterIPs...)) {
			for _, p := range s.Spec.Ports {
				if p.Port > 0 && p.Port < 1<<16 {
					out.ClusterIP = append(out.ClusterIP, netip.AddrPortFrom(a, uint16(p.Port)))
				}
			}
		}
	}
	for _, all := range []*[]netip.AddrPort{&out.Endpoints, &out.ClusterIP} {
		slices.SortFunc(*all, netip.AddrPort.Compare)
		*all = slices.Compact(*all)
	}
	return out
}

// Ports are those that the API server listens on: 443 and 6443 where nobody knows.
func (a APIServer) Ports() []int32 {
	var out []int32
	for _, e := range a.Endpoints {
		out = append(out, int32(e.Port()))
	}
	if len(out) == 0 {
		return []int32{443, 6443}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (x *index) apiServer() []target {
	var out []target
	for _, p := range APIServerOf(x.inv).Ports() {
		out = append(out, target{peer: harden.Peer{Kind: harden.PeerAPIServer}, port: harden.Port{Protocol: corev1.ProtocolTCP, Number: p}, volatile: volatileAPIServer})
	}
	return out
}

// A DNS is how the pods of a cluster resolve names (T50).
type DNS struct {
	Namespace string
	Selector  map[string]string // of the pods that answer
	Ports     []harden.Port     // that they listen on: 53, and 5353 on OpenShift
	// Addresses are those of NodeLocal DNSCache and of the Service that it stands
	// in for, where it runs: no selector of pods matches them.
	Addresses []netip.Addr
	Service   *corev1.Service // nil: not read, and what is above is what most clusters have
}

// dnsServices are the Services that answer in a cluster, by what makes them.
var dnsServices = []name{{"kube-system", "kube-dns"}, {"openshift-dns", "dns-default"}, {"kube-system", "coredns"}, {"kube-system", "rke2-coredns-rke2-coredns"}}

// DNSOf finds how the cluster resolves names: by Service kube-system/kube-dns or
// its like, its selector and target ports.
func DNSOf(inv *harden.Inventory) DNS { return harden.Derive(inv, findDNS) }

func findDNS(inv *harden.Inventory) DNS {
	d := DNS{
		Namespace: "kube-system", Selector: map[string]string{"k8s-app": "kube-dns"},
		Ports: []harden.Port{{Protocol: corev1.ProtocolTCP, Number: 53}, {Protocol: corev1.ProtocolUDP, Number: 53}},
	}
	for _, n := range dnsServices {
		if s := inv.Net.Service(n.namespace, n.name); s != nil && len(s.Spec.Selector) > 0 {
			d.Service = s
			break
		}
	}
	if s := d.Service; s != nil {
		d.Namespace, d.Selector = s.Namespace, s.Spec.Selector
		if ports := dnsPorts(inv, s); len(ports) > 0 {
			d.Ports = ports
		}
	}
	if local := parseAddresses(inv.Net.Engine.NodeLocalDNS); len(local) > 0 {
		d.Addresses = local
		if d.Service != nil {
			d.Addresses = append(d.Addresses, parseAddresses(append([]string{d.Service.Spec.ClusterIP}, d.Service.Spec.ClusterIPs...))...)
		}
		slices.SortFunc(d.Addresses, netip.Addr.Compare)
		d.Addresses = slices.Compact(d.Addresses)
	}
	return d
}

// dnsPorts are the target ports of those ports of the Service that are DNS.
func dnsPorts(inv *harden.Inventory, s *corev1.Service) []harden.Port {
	var out []harden.Port
	add := func(p harden.Port) {
		if p.Number != 0 && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	for i := range s.Spec.Ports {
		sp := &s.Spec.Ports[i]
		if sp.Port != 53 {
			continue
		}
		protocol := protocolOf(sp.Protocol)
		for _, w := range inv.Workloads {
			if w.Ref.Namespace == s.Namespace && !w.Finished && selector.Matches(labels.Set(w.Template.Labels)) {
				add(harden.Port{Protocol: protocol, Number: TargetPort(sp, w)})
			}
		}
		for _, slice := range inv.Net.EndpointSlices {
			if slice.Namespace == s.Namespace && slice.Labels[discoveryv1.LabelServiceName] == s.Name {
				add(harden.Port{Protocol: protocol, Number: portOf(slice, sp)})
			}
		}
		if !slices.ContainsFunc(out, func(p harden.Port) bool { return p.Protocol == protocol }) {
			add(harden.Port{Protocol: protocol, Number: cmp.Or(sp.TargetPort.IntVal, 53)})
		}
	}
	slices.SortFunc(out, harden.ComparePorts)
	return out
}

// NodeAddresses are the addresses of all nodes that were read, sorted.
func NodeAddresses(inv *harden.Inventory) []netip.Addr {
	var out []netip.Addr
	for _, n := range inv.Nodes {
		for _, a := range n.Status.Addresses {
			if addr, ok := address(a.Address); ok && a.Type == corev1.NodeInternalIP {
				out = append(out, addr)
			}
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}
