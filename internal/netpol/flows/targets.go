package flows

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A target is what a connection ends at.
type target struct {
	peer     harden.Peer
	port     harden.Port
	host     string // where the peer lies outside of the cluster
	volatile string
}

// A servicePort selects ports of a Service.
type servicePort struct {
	number int32  // 0: any
	name   string // empty: any
}

func (p servicePort) matches(sp *corev1.ServicePort) bool {
	switch {
	case p.name != "":
		return sp.Name == p.name
	case p.number != 0:
		return sp.Port == p.number
	}
	return true
}

const (
	volatileAPIServer = "addresses of the API server change when control planes are replaced"
	volatileEndpoints = "the addresses stand in EndpointSlices that somebody keeps by hand"
	volatileHost      = "a policy cannot name hosts, and the addresses behind the name may change"
)

// targets are what stands behind a port of a Service, at the ports that the
// processes listen on (T49, T62). It is nothing where the Service has no such port.
func (x *index) targets(s *corev1.Service, want servicePort) []target {
	if s.Namespace == metav1Default && s.Name == "kubernetes" {
		return x.apiServer()
	}
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return x.externalName(s, want)
	}
	workloads := x.selected(s.Namespace, s.Spec.Selector)
	var out []target
	for i := range s.Spec.Ports {
		sp := &s.Spec.Ports[i]
		if !want.matches(sp) {
			continue
		}
		protocol := protocolOf(sp.Protocol)
		if len(workloads) == 0 {
			out = append(out, x.endpoints(s, sp)...)
			continue
		}
		for _, w := range workloads {
			number := TargetPort(sp, w)
			if number == 0 {
				number = x.slicePort(s, sp)
			}
			out = append(out, target{peer: harden.WorkloadPeer(w.Ref), port: harden.Port{Protocol: protocol, Number: number}})
		}
	}
	if len(out) == 0 && want.number != 0 && s.Spec.ClusterIP == corev1.ClusterIPNone {
		// Clients of a headless Service get the addresses of pods and may use any port (T65).
		for _, w := range workloads {
			out = append(out, target{peer: harden.WorkloadPeer(w.Ref), port: harden.Port{Protocol: corev1.ProtocolTCP, Number: want.number}})
		}
	}
	return out
}

const metav1Default = "default"

// TargetPort is the number that a Service sends to, at the pods of a workload; 0
// where the pods give the name to no port.
func TargetPort(sp *corev1.ServicePort, w *harden.Workload) int32 {
	switch {
	case sp.TargetPort.Type == intstr.String && sp.TargetPort.StrVal != "":
		return namedPort(w, sp.TargetPort.StrVal, protocolOf(sp.Protocol))
	case sp.TargetPort.IntVal != 0:
		return sp.TargetPort.IntVal
	}
	return sp.Port
}

// slicePort is the number of a port as the EndpointSlices of the Service know it.
func (x *index) slicePort(s *corev1.Service, sp *corev1.ServicePort) int32 {
	for _, slice := range x.slices[name{s.Namespace, s.Name}] {
		if p := portOf(slice, sp); p != 0 {
			return p
		}
	}
	return 0
}

func portOf(slice *discoveryv1.EndpointSlice, sp *corev1.ServicePort) int32 {
	for _, p := range slice.Ports {
		if p.Port != nil && (p.Name == nil && sp.Name == "" || p.Name != nil && *p.Name == sp.Name) && (p.Protocol == nil || *p.Protocol == protocolOf(sp.Protocol)) {
			return *p.Port
		}
	}
	return 0
}

// endpoints are the addresses that EndpointSlices give for a Service without
// workloads of ours behind it.
func (x *index) endpoints(s *corev1.Service, sp *corev1.ServicePort) []target {
	var out []target
	for _, slice := range x.slices[name{s.Namespace, s.Name}] {
		port := harden.Port{Protocol: protocolOf(sp.Protocol), Number: portOf(slice, sp)}
		for _, e := range slice.Endpoints {
			for _, a := range e.Addresses {
				addr, ok := address(a)
				if !ok {
					continue // of type FQDN, which nothing translates
				}
				t := target{peer: x.peerOf(addr), port: port, volatile: volatileEndpoints}
				if t.peer.Kind == harden.PeerInternet {
					t.peer = blockOf(addr)
				}
				if t.peer.Kind == harden.PeerWorkload {
					t.volatile = ""
				}
				if t.peer.Kind != "" && !slices.Contains(out, t) {
					out = append(out, t)
				}
			}
		}
	}
	return out
}

func (x *index) externalName(s *corev1.Service, want servicePort) []target {
	if other := x.service(s.Spec.ExternalName, s.Namespace); other != nil && other.Spec.Type != corev1.ServiceTypeExternalName {
		return x.targets(other, want)
	}
	ports := []int32{want.number}
	if want.number == 0 {
		ports = nil
		for i := range s.Spec.Ports {
			if want.matches(&s.Spec.Ports[i]) {
				ports = append(ports, s.Spec.Ports[i].Port)
			}
		}
	}
	if len(ports) == 0 {
		ports = []int32{443}
	}
	var out []target
	for _, p := range ports {
		out = append(out, hostTarget(s.Spec.ExternalName, harden.Port{Protocol: corev1.ProtocolTCP, Number: p}))
	}
	return out
}

// hostTarget is a name outside of the cluster: on the internet, or at private
// addresses where the name says so.
func hostTarget(host string, port harden.Port) target {
	t := target{peer: harden.Peer{Kind: harden.PeerInternet}, port: port, host: host, volatile: volatileHost}
	if privateName(host) {
		t.peer.Kind = harden.PeerPrivate
	}
	return t
}

// Metadata are the addresses of the metadata services of clouds: AWS, Google,
// Azure and most others at 169.254.169.254, AWS over IPv6 at fd00:ec2::254.
var metadata = parseAddresses([]string{"169.254.169.254", "fd00:ec2::254"})

// peerOf is who has an address; zero for the loopback and addresses of nobody.
func (x *index) peerOf(a netip.Addr) harden.Peer {
	switch {
	case !a.IsValid() || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast():
		return harden.Peer{}
	case slices.Contains(metadata, a):
		return harden.Peer{Kind: harden.PeerMetadata}
	case x.pods[a] != nil:
		return harden.WorkloadPeer(x.pods[a].Ref)
	case x.api[a]:
		return harden.Peer{Kind: harden.PeerAPIServer}
	case x.nodes[a]:
		return harden.Peer{Kind: harden.PeerNodes}
	case private(a):
		return blockOf(a)
	}
	return harden.Peer{Kind: harden.PeerInternet}
}

func private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || carrierGrade.Contains(a)
}

// carrierGrade is RFC 6598, which clouds use for pods and nodes.
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

func blockOf(a netip.Addr) harden.Peer {
	return harden.Peer{Kind: harden.PeerAddress, CIDR: netip.PrefixFrom(a, a.BitLen()).String()}
}

// atAddress are what a connection to an address ends at, through Services.
func (x *index) atAddress(a netip.Addr, port harden.Port) []target {
	if s := x.services[a]; s != nil {
		return slices.DeleteFunc(x.targets(s, servicePort{number: port.Number}), func(t target) bool {
			return t.port.Protocol != port.Protocol
		})
	}
	p := x.peerOf(a)
	if p.Kind == "" || slices.Contains(x.nodeLocal, a) {
		return nil
	}
	t := target{peer: p, port: port}
	if p.Kind == harden.PeerAPIServer {
		t.volatile = volatileAPIServer
	}
	return []target{t}
}
