package netpol

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// What is read of the cluster-wide kinds, AdminNetworkPolicy and
// BaselineAdminNetworkPolicy of v1alpha1 and ClusterNetworkPolicy of v1alpha2
// (policy.networking.k8s.io), whose fields do not contradict each other.
type (
	tierObject struct {
		Spec *tierSpec `json:"spec"`
	}
	tierSpec struct {
		Tier     string      `json:"tier"`
		Priority *int32      `json:"priority"`
		Subject  tierSubject `json:"subject"`
		Ingress  []tierRule  `json:"ingress"`
		Egress   []tierRule  `json:"egress"`
	}
	tierSubject struct {
		Namespaces *metav1.LabelSelector `json:"namespaces"`
		Pods       *tierPods             `json:"pods"`
	}
	tierPods struct {
		NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`
		PodSelector       metav1.LabelSelector `json:"podSelector"`
	}
	tierRule struct {
		Name      string         `json:"name"`
		Action    string         `json:"action"`
		From      []tierPeer     `json:"from"`
		To        []tierPeer     `json:"to"`
		Ports     []tierPort     `json:"ports"`
		Protocols []tierProtocol `json:"protocols"`
	}
	tierPeer struct {
		Namespaces  *metav1.LabelSelector `json:"namespaces"`
		Pods        *tierPods             `json:"pods"`
		Nodes       *metav1.LabelSelector `json:"nodes"`
		Networks    []string              `json:"networks"`
		DomainNames []string              `json:"domainNames"`
	}
	tierPort struct {
		PortNumber *struct {
			Protocol corev1.Protocol `json:"protocol"`
			Port     int32           `json:"port"`
		} `json:"portNumber"`
		NamedPort *string `json:"namedPort"`
		PortRange *struct {
			Protocol corev1.Protocol `json:"protocol"`
			Start    int32           `json:"start"`
			End      int32           `json:"end"`
		} `json:"portRange"`
	}
	tierProtocol struct {
		TCP                  *tierDestination `json:"tcp"`
		UDP                  *tierDestination `json:"udp"`
		SCTP                 *tierDestination `json:"sctp"`
		DestinationNamedPort string           `json:"destinationNamedPort"`
	}
	tierDestination struct {
		DestinationPort *struct {
			Number int32 `json:"number"`
			Range  *struct {
				Start int32 `json:"start"`
				End   int32 `json:"end"`
			} `json:"range"`
		} `json:"destinationPort"`
	}
)

// Kinds of policy.networking.k8s.io.
const (
	policyGroup     = "policy.networking.k8s.io"
	adminKind       = "AdminNetworkPolicy"
	baselineKind    = "BaselineAdminNetworkPolicy"
	clusterKind     = "ClusterNetworkPolicy"
	firstOfAll      = math.MinInt32 // priority of what cannot be understood
	baselineTier    = "Baseline"
	adminTier       = "Admin"
	onlyOneBaseline = 0 // a cluster has one BaselineAdminNetworkPolicy
)

// readTier compiles a policy and says whether it belongs to the baseline tier.
func readTier(u *unstructured.Unstructured) (p *tierPolicy, baseline bool) {
	p = &tierPolicy{ref: refOf(u), title: u.GetKind() + " " + u.GetName(), priority: firstOfAll}
	var o tierObject
	fields := map[string]any{"spec": u.Object["spec"]}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(fields, &o, true); err != nil {
		p.bad = "it is malformed or newer than is understood here: " + harden.OneLine(err.Error())
		return p, u.GetKind() == baselineKind
	}
	if o.Spec == nil {
		p.bad = "it has no spec"
		return p, u.GetKind() == baselineKind
	}
	switch {
	case u.GetKind() == baselineKind || o.Spec.Tier == baselineTier:
		baseline = true
	case u.GetKind() == clusterKind && o.Spec.Tier != adminTier:
		p.bad = fmt.Sprintf("tier %q is none that is known", harden.OneLine(o.Spec.Tier))
		return p, false
	}
	switch {
	case o.Spec.Priority != nil:
		p.priority = *o.Spec.Priority
	case u.GetKind() == baselineKind:
		p.priority = onlyOneBaseline
	default:
		p.bad = "it has no priority"
		return p, baseline
	}
	if err := p.compile(o.Spec); err != nil {
		p.bad = err.Error()
	}
	return p, baseline
}

func (p *tierPolicy) compile(spec *tierSpec) error {
	switch s := &spec.Subject; {
	case s.Namespaces != nil && s.Pods == nil:
		p.subject = exactPods(s.Namespaces, nil)
	case s.Pods != nil && s.Namespaces == nil:
		p.subject = exactPods(&s.Pods.NamespaceSelector, &s.Pods.PodSelector)
	default:
		return errors.New("its subject is neither namespaces nor pods")
	}
	for d, rules := range [2][]tierRule{spec.Ingress, spec.Egress} {
		for i := range rules {
			r, err := compileTierRule(&rules[i], d)
			if err != nil {
				return fmt.Errorf("%s: %w", r.text(d, i+1), err)
			}
			p.rules[d] = append(p.rules[d], r)
		}
	}
	return nil
}

func exactPods(spaces, pods *metav1.LabelSelector) peerMatch {
	m := compileSpacedPods("", spaces, pods)
	m.exact = true
	return m
}

func compileTierRule(from *tierRule, d int) (rule, error) {
	var r rule
	switch from.Action {
	case "Allow", "Accept":
		r.action = admitted
	case "Deny":
		r.action = refused
	case "Pass":
		r.action = passed
	default:
		return r, fmt.Errorf("action %q is none that is known", harden.OneLine(from.Action))
	}
	peers := from.From
	if d == egress {
		peers = from.To
	}
	for i := range peers {
		r.addTierPeer(&peers[i])
	}
	for _, p := range from.Ports {
		r.ports = append(r.ports, compileTierPort(p))
	}
	for _, p := range from.Protocols {
		r.ports = append(r.ports, p.compile()...)
	}
	return r, nil
}

// addTierPeer fails closed on a peer without a known field, as the API asks for:
// a rule that admits does not match it, and any other denies everything.
func (r *rule) addTierPeer(p *tierPeer) {
	switch {
	case p.Namespaces != nil:
		r.peers = append(r.peers, exactPods(p.Namespaces, nil))
	case p.Pods != nil:
		r.peers = append(r.peers, exactPods(&p.Pods.NamespaceSelector, &p.Pods.PodSelector))
	case p.Nodes != nil:
		s := compileSelector(p.Nodes)
		r.peers = append(r.peers, peerMatch{nodes: &s, exact: true, bad: s.bad})
	case len(p.Networks) > 0:
		m := peerMatch{exact: true}
		for _, cidr := range p.Networks {
			b, bad := compileBlock(cidr, nil)
			m.blocks = append(m.blocks, b)
			m.bad = cmp.Or(m.bad, bad)
		}
		r.peers = append(r.peers, m)
	case len(p.DomainNames) > 0:
		r.peers = append(r.peers, peerMatch{domains: true, exact: true})
	case r.action != admitted:
		r.anyPeer, r.action = true, refused
	}
}

func compileTierPort(p tierPort) portMatch {
	switch {
	case p.PortNumber != nil:
		port := intstr.FromInt32(p.PortNumber.Port)
		return compilePort(protocolOrTCP(p.PortNumber.Protocol), &port, nil)
	case p.PortRange != nil:
		port := intstr.FromInt32(p.PortRange.Start)
		return compilePort(protocolOrTCP(p.PortRange.Protocol), &port, &p.PortRange.End)
	case p.NamedPort != nil:
		return portMatch{name: *p.NamedPort, any: true}
	}
	return portMatch{bad: "a port says nothing"}
}

func protocolOrTCP(p corev1.Protocol) *corev1.Protocol {
	p = cmp.Or(p, corev1.ProtocolTCP)
	return &p
}

func (p *tierProtocol) compile() []portMatch {
	var out []portMatch
	for index, destination := range [protocols]*tierDestination{p.TCP, p.UDP, p.SCTP} {
		if destination == nil {
			continue
		}
		m := portMatch{protocol: index, from: 1, to: maxPort}
		if port := destination.DestinationPort; port != nil {
			switch {
			case port.Range != nil:
				m.from, m.to = port.Range.Start, port.Range.End
			case port.Number > 0:
				m.from, m.to = port.Number, port.Number
			default:
				m.bad = "a port says nothing"
			}
		}
		out = append(out, m)
	}
	if p.DestinationNamedPort != "" {
		out = append(out, portMatch{name: p.DestinationNamedPort, any: true})
	}
	if len(out) == 0 {
		out = append(out, portMatch{bad: "a protocol says nothing"})
	}
	return out
}

func refOf(u *unstructured.Unstructured) harden.Ref {
	return harden.Ref{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName(), UID: u.GetUID()}
}

func groupOf(apiVersion string) string {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return ""
	}
	return group
}
