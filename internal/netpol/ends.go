package netpol

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ends are the parts of a peer.
type ends struct {
	all []*end
	// alike: the peer stands for pods that are replicas of each other. All parts
	// must get one answer for there to be one.
	alike bool
	why   string // why there are none
}

// ends takes a peer apart. Opening says that it opens the connection.
func (w *World) ends(p harden.Peer, opening bool) ends {
	e := w.partsOf(p, opening)
	w.read(e.all)
	return e
}

func (w *World) partsOf(p harden.Peer, opening bool) ends {
	switch p.Kind {
	case harden.PeerWorkload:
		g := w.pods.group(p.Workload)
		if g == nil {
			return ends{why: p.Workload.Long() + " was not read"}
		}
		return ends{all: g.ends(), alike: true}
	case harden.PeerNamespace:
		return ends{all: w.podsOf(p.Namespace)}
	case harden.PeerInternet:
		return ends{all: w.cut(internet, notInternet)}
	case harden.PeerPrivate:
		return ends{all: w.cut(private, w.known())}
	case harden.PeerMetadata:
		return ends{all: w.addressEnds(atoms([]netip.Prefix{metadata4, metadata6}, nil, w.used.cuts, families{true, w.family.v6}))}
	case harden.PeerAddress:
		prefix, err := netip.ParsePrefix(p.CIDR)
		if err != nil {
			return ends{why: harden.OneLine(p.CIDR) + " is no block of addresses"}
		}
		return ends{all: w.addressEnds(atoms([]netip.Prefix{prefix.Masked()}, nil, w.used.cuts, families{true, true}))}
	case harden.PeerNodes:
		return ends{all: w.nodeEnds(opening)}
	case harden.PeerLoadBalancer:
		return ends{all: slices.Concat(w.nodeEnds(false), w.cut(private, w.known()), w.cut(internet, notInternet))}
	case harden.PeerAPIServer:
		return ends{all: w.serverEnds(opening)}
	case harden.PeerDNS:
		return ends{all: w.dnsEnds()}
	}
	return ends{why: "nothing is known about " + p.String()}
}

// podsOf are the pods of a namespace, and where it has none a pod of which
// nothing is known.
func (w *World) podsOf(namespace string) []*end {
	var out []*end
	for _, workload := range w.inv.Workloads {
		if workload.Ref.Namespace != namespace || workload.Finished {
			continue
		}
		for _, e := range w.pods.group(workload.Ref).ends() {
			if !slices.ContainsFunc(out, func(o *end) bool { return o.pod == e.pod && slices.Equal(o.on, e.on) }) {
				out = append(out, e)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, &end{pod: w.unknownPod(namespace)})
	}
	return out
}

// cut are the parts of some blocks of addresses.
func (w *World) cut(roots, holes []netip.Prefix) []*end {
	return w.addressEnds(atoms(roots, holes, w.used.cuts, w.family))
}

func (w *World) addressEnds(all []netip.Addr) []*end {
	out := make([]*end, len(all))
	for i, a := range all {
		n := w.nodeAt(a)
		out[i] = &end{addrs: []netip.Addr{a}, node: n, isNode: n != nil}
	}
	return out
}

// known are the addresses that policies name one by one and that belong to
// pods, nodes or Services.
func (w *World) known() []netip.Prefix {
	out := []netip.Prefix{metadata6}
	for _, c := range w.used.cuts {
		if c.IsSingleIP() && w.pods.taken[c.Addr()] {
			out = append(out, c)
		}
	}
	return out
}

// nodeEnds are the addresses of the nodes, or one that is not known; opening
// adds the node that the pods at the other end run on.
func (w *World) nodeEnds(opening bool) []*end {
	var out []*end
	if opening {
		out = append(out, &end{isNode: true, own: true})
	}
	for _, n := range w.nodes {
		for _, a := range n.addrs {
			if w.family.has(a) {
				out = append(out, &end{isNode: true, node: n, addrs: []netip.Addr{a}})
			}
		}
	}
	if len(w.nodes) == 0 {
		out = append(out, &end{isNode: true})
	}
	return out
}

// serverEnds are the addresses of the API server. Who the API server is when it
// calls is not known where a cloud runs it behind tunnels.
func (w *World) serverEnds(opening bool) []*end {
	var addrs []netip.Addr
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil && w.family.has(a) && !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	for _, s := range w.serverSlices() {
		for _, e := range s.Endpoints {
			for _, a := range e.Addresses {
				add(a)
			}
		}
	}
	if provider := w.inv.Net.Engine.Provider; len(addrs) == 0 || opening && (provider == "gce" || provider == "azure") {
		return []*end{{}}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	out := w.addressEnds(addrs)
	if s := w.inv.Net.Service(corev1.NamespaceDefault, kubernetes); s != nil && w.seesServices() && !opening && len(s.Spec.Ports) > 0 {
		for _, ip := range s.Spec.ClusterIPs {
			if a, err := netip.ParseAddr(ip); err == nil {
				out = append(out, &end{addrs: []netip.Addr{a}, seen: s.Spec.Ports[0].Port})
			}
		}
	}
	return out
}

// kubernetes is the Service of the API server, in namespace default.
const kubernetes = "kubernetes"

func (w *World) serverSlices() []*discoveryv1.EndpointSlice {
	var out []*discoveryv1.EndpointSlice
	for _, s := range w.inv.Net.EndpointSlices {
		if s.Namespace == corev1.NamespaceDefault && (s.Labels[discoveryv1.LabelServiceName] == kubernetes || s.Name == kubernetes) {
			out = append(out, s)
		}
	}
	return out
}

// seesServices reports whether the engine judges a connection by the address of
// the Service, before it is translated.
func (w *World) seesServices() bool { return w.inv.Net.Engine.Name == harden.EngineVPCCNI }

// The Service of the cluster's DNS, and the labels of its pods by convention.
const (
	kubeDNS   = "kube-dns"
	dnsLabel  = "k8s-app"
	openShift = "openshift-dns"
)

// dnsService finds the Service of the cluster's DNS, or nil.
func (w *World) dnsService() *corev1.Service {
	if s := w.inv.Net.Service(openShift, "dns-default"); s != nil {
		return s
	}
	if s := w.inv.Net.Service(metav1.NamespaceSystem, kubeDNS); s != nil {
		return s
	}
	for _, s := range w.inv.Net.Services {
		if s.Namespace == metav1.NamespaceSystem && s.Labels[dnsLabel] == kubeDNS {
			return s
		}
	}
	return nil
}

// dnsPods are the classes of the pods that serve DNS, as far as they were read.
func (w *World) dnsPods() []*end {
	s := w.dnsService()
	namespace, selected := metav1.NamespaceSystem, labels.Set{dnsLabel: kubeDNS}
	if s != nil && len(s.Spec.Selector) > 0 {
		namespace, selected = s.Namespace, s.Spec.Selector
	}
	var out []*end
	for _, workload := range w.inv.Workloads {
		if workload.Ref.Namespace == namespace && labels.SelectorFromSet(selected).Matches(labels.Set(workload.Template.Labels)) {
			out = append(out, w.pods.group(workload.Ref).ends()...)
		}
	}
	return out
}

// dnsEnds are the pods that serve DNS, be they made up after the convention, and
// the addresses of a cache on the nodes.
func (w *World) dnsEnds() []*end {
	out := w.dnsPods()
	if len(out) == 0 {
		namespace, set := metav1.NamespaceSystem, map[string]string{dnsLabel: kubeDNS}
		if s := w.dnsService(); s != nil && len(s.Spec.Selector) > 0 {
			namespace, set = s.Namespace, s.Spec.Selector
		}
		out = []*end{{pod: &class{
			id: -1, space: w.space(namespace), labels: labelSet{set: set, open: unread, why: "the pods of DNS were not read"},
			named: map[portName][]int32{{1, "dns"}: {53}, {0, "dns-tcp"}: {53}},
		}}}
	}
	for _, text := range w.inv.Net.Engine.NodeLocalDNS {
		if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, &end{addrs: []netip.Addr{a}, isNode: w.inv.Net.Engine.Name == harden.EngineCilium})
		}
	}
	return out
}

// trimmed joins what is said, each thing once.
func trimmed(all []string) string {
	var out []string
	for _, s := range all {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, "; ")
}
