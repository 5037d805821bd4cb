package netpol

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// protocols is how many protocols policies know.
const protocols = 3

func protocolIndex(p corev1.Protocol) (int, bool) {
	switch p {
	case corev1.ProtocolTCP, "":
		return 0, true
	case corev1.ProtocolUDP:
		return 1, true
	case corev1.ProtocolSCTP:
		return 2, true
	}
	return 0, false
}

// A portMatch is one port of a rule: a range of numbers, or a name that stands
// for another number in every pod.
type portMatch struct {
	protocol int
	any      bool // of all protocols; for names of ClusterNetworkPolicies
	from, to int32
	name     string
	bad      string
}

// maxPort is the last port number.
const maxPort = 65535

// compilePort reads a port of a NetworkPolicy: all ports of the protocol where
// none is given, TCP where no protocol is.
func compilePort(protocol *corev1.Protocol, port *intstr.IntOrString, endPort *int32) portMatch {
	m := portMatch{from: 1, to: maxPort}
	if protocol != nil {
		index, ok := protocolIndex(*protocol)
		if !ok {
			return portMatch{bad: fmt.Sprintf("protocol %q is none that policies know", harden.OneLine(string(*protocol)))}
		}
		m.protocol = index
	}
	switch {
	case port == nil && endPort != nil:
		return portMatch{bad: "endPort stands without port"}
	case port == nil:
		return m
	case port.Type == intstr.String && endPort != nil:
		return portMatch{bad: "endPort stands beside a named port"}
	case port.Type == intstr.String:
		m.name, m.from, m.to = port.StrVal, 0, 0
		return m
	}
	m.from, m.to = port.IntVal, port.IntVal
	if endPort != nil {
		m.to = *endPort
	}
	if m.from < 1 || m.to > maxPort || m.to < m.from {
		return portMatch{bad: fmt.Sprintf("ports %d to %d are no range", m.from, m.to)}
	}
	return m
}

// matches says whether a connection to the port of dst is one to this port.
// Names mean what the pod that is connected to declares; nothing else has names.
func (m *portMatch) matches(dst *end, port dialed) (tri, string) {
	switch {
	case m.bad != "":
		return maybe, m.bad
	case m.name == "":
		return triOf(m.protocol == port.protocol && m.from <= port.number && port.number <= m.to), ""
	case !m.any && m.protocol != port.protocol:
		return no, ""
	case dst.pod == nil:
		return no, ""
	}
	numbers := dst.pod.named[portName{port.protocol, m.name}]
	switch {
	case numbers == nil && dst.pod.labels.open == unread:
		return maybe, "the ports of its pods are not known"
	case !slices.Contains(numbers, port.number):
		return no, ""
	case len(numbers) > 1:
		return maybe, fmt.Sprintf("port name %s stands for several numbers in one pod", m.name)
	}
	return yes, ""
}

func portsMatch(all []portMatch, dst *end, port dialed) (tri, string) {
	if len(all) == 0 {
		return yes, ""
	}
	result, why := no, ""
	for i := range all {
		m, because := all[i].matches(dst, port)
		if m == yes {
			return yes, ""
		}
		if m > result {
			result, why = m, because
		}
	}
	return result, why
}

// dialed is the port of a question, its protocol as an index.
type dialed struct {
	protocol int
	number   int32
}

// dial turns the port that nobody declared into a number that no rule names.
func (w *World) dial(p harden.Port) (dialed, bool) {
	index, ok := protocolIndex(p.Protocol)
	if p.Number == 0 {
		return dialed{index, w.undeclared[index]}, ok
	}
	return dialed{index, p.Number}, ok
}

type portName struct {
	protocol int
	name     string
}

// namedPorts are the numbers that a pod gives to names, by protocol and name.
// A name that two containers of a pod use has two numbers.
func namedPorts(spec *corev1.PodSpec) map[portName][]int32 {
	var out map[portName][]int32
	declared(spec, func(p corev1.ContainerPort) {
		index, ok := protocolIndex(p.Protocol)
		if p.Name == "" || !ok {
			return
		}
		if out == nil {
			out = map[portName][]int32{}
		}
		at := portName{index, p.Name}
		if !slices.Contains(out[at], p.ContainerPort) {
			out[at] = append(out[at], p.ContainerPort)
		}
	})
	return out
}

// declared visits the ports of containers and sidecars.
func declared(spec *corev1.PodSpec, visit func(corev1.ContainerPort)) {
	for i := range spec.InitContainers {
		if p := spec.InitContainers[i].RestartPolicy; p == nil || *p != corev1.ContainerRestartPolicyAlways {
			continue
		}
		for _, p := range spec.InitContainers[i].Ports {
			visit(p)
		}
	}
	for i := range spec.Containers {
		for _, p := range spec.Containers[i].Ports {
			visit(p)
		}
	}
}
