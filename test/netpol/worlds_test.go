package netpol_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A world is who is there and which policies hold.
type world struct {
	IPv6       bool
	Namespaces []*corev1.Namespace
	Pods       []*corev1.Pod
	Policies   []*networkingv1.NetworkPolicy
}

// A source draws worlds from few words, so that selectors and objects meet.
type source struct{ *rand.Rand }

func newSource(seed uint64) source { return source{rand.New(rand.NewPCG(seed, 1))} }

func pick[T any](s source, from ...T) T { return from[s.IntN(len(from))] }

// in is true once in n times.
func (s source) in(n int) bool { return s.IntN(n) == 0 }

func (s source) world() *world {
	w := &world{IPv6: s.in(3)}
	for _, name := range []string{"x", "y", "z"}[:1+s.IntN(3)] {
		labels := s.labels()
		labels[corev1.LabelMetadataName] = name
		w.Namespaces = append(w.Namespaces, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	}
	for i := range 2 + s.IntN(4) {
		w.Pods = append(w.Pods, s.pod(w, i))
	}
	for i := range s.IntN(7) {
		w.Policies = append(w.Policies, s.policy(w, i))
	}
	return w
}

func (s source) labels() map[string]string {
	out := map[string]string{}
	for _, key := range []string{"app", "tier", "env"} {
		if !s.in(3) {
			out[key] = pick(s, "a", "b", "c")
		}
	}
	return out
}

func (s source) pod(w *world, i int) *corev1.Pod {
	ip := fmt.Sprintf("10.0.%d.%d", s.IntN(2), 10+i)
	if w.IPv6 {
		ip = fmt.Sprintf("fd00:%d::%x", s.IntN(2), 16+i)
	}
	p := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p%d", i), Namespace: pick(s, w.Namespaces...).Name, Labels: s.labels()},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}, {Name: "d", Image: "i"}}},
		Status:     corev1.PodStatus{PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}},
	}
	type named struct {
		protocol corev1.Protocol
		name     string
	}
	seen := map[named]bool{}
	for range s.IntN(4) {
		port := corev1.ContainerPort{Name: pick(s, "", "web", "dns"), Protocol: s.protocol(), ContainerPort: s.number()}
		key := named{port.Protocol, port.Name}
		if port.Name != "" && seen[key] {
			continue
		}
		seen[key] = true
		c := &p.Spec.Containers[s.IntN(2)]
		c.Ports = append(c.Ports, port)
	}
	return p
}

func (s source) protocol() corev1.Protocol {
	return pick(s, corev1.ProtocolTCP, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
}

func (s source) number() int32 { return pick[int32](s, 53, 80, 81, 8080, 9000) }

func (s source) policy(w *world, i int) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("n%d", i), Namespace: pick(s, w.Namespaces...).Name},
		Spec:       networkingv1.NetworkPolicySpec{PodSelector: *s.selector()},
	}
	in, out := networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress
	p.Spec.PolicyTypes = pick(s, nil, []networkingv1.PolicyType{in}, []networkingv1.PolicyType{out}, []networkingv1.PolicyType{in, out}, []networkingv1.PolicyType{})
	if s.in(2) {
		p.Spec.Ingress, p.Spec.Egress = []networkingv1.NetworkPolicyIngressRule{}, []networkingv1.NetworkPolicyEgressRule{}
	}
	for range s.IntN(3) {
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: s.peers(w), Ports: s.ports()})
	}
	for range s.IntN(3) {
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: s.peers(w), Ports: s.ports()})
	}
	return p
}

func (s source) selector() *metav1.LabelSelector {
	out := &metav1.LabelSelector{}
	if s.in(4) {
		return out
	}
	out.MatchLabels = s.labels()
	for _, key := range []string{"app", "tier", "env"} {
		if s.in(2) {
			delete(out.MatchLabels, key)
		}
	}
	for range s.IntN(2) {
		r := metav1.LabelSelectorRequirement{
			Key:      pick(s, "app", "tier", "env", "none"),
			Operator: pick(s, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist),
		}
		switch r.Operator {
		case metav1.LabelSelectorOpNotIn:
			out.MatchExpressions = append(out.MatchExpressions, metav1.LabelSelectorRequirement{Key: r.Key, Operator: metav1.LabelSelectorOpExists})
			fallthrough
		case metav1.LabelSelectorOpIn:
			r.Values = pick(s, []string{"a"}, []string{"a", "b"}, []string{"c"})
		}
		out.MatchExpressions = append(out.MatchExpressions, r)
	}
	return out
}

func (s source) spaces(w *world) *metav1.LabelSelector {
	if s.in(3) {
		return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: pick(s, w.Namespaces...).Name}}
	}
	return s.selector()
}

func (s source) peers(w *world) []networkingv1.NetworkPolicyPeer {
	var out []networkingv1.NetworkPolicyPeer
	for range s.IntN(4) {
		var p networkingv1.NetworkPolicyPeer
		switch s.IntN(4) {
		case 0:
			p.PodSelector = s.selector()
		case 1:
			p.NamespaceSelector = s.spaces(w)
		case 2:
			p.PodSelector, p.NamespaceSelector = s.selector(), s.spaces(w)
		case 3:
			p.IPBlock = s.block(w)
		}
		out = append(out, p)
	}
	return out
}

// Blocks that overlap, nest and touch; bits of the host are set in some.
var (
	blocks4 = []string{"0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/23", "10.0.0.0/24", "10.0.0.12/24", "10.0.1.0/30", "10.0.0.11/32", "172.16.0.0/12", "172.16.5.9/20", "8.8.8.8/32", "8.0.0.0/7", "128.0.0.0/1"}
	blocks6 = []string{"::/0", "fd00::/8", "fd00:0:0:0::/64", "fd00:1::12/64", "fd00::10/124", "fd00::11/128", "2001:db8::/32", "2001:db8:5::7/48", "2001:db8::1/128", "8000::/1"}
)

func (s source) block(w *world) *networkingv1.IPBlock {
	from := blocks4
	if s.in(4) != w.IPv6 {
		from = blocks6
	}
	b := &networkingv1.IPBlock{CIDR: pick(s, from...)}
	for range s.IntN(3) {
		e := pick(s, from...)
		if narrower(e, b.CIDR) && !slices.Contains(b.Except, e) {
			b.Except = append(b.Except, e)
		}
	}
	return b
}

// narrower reports whether a block lies within another and is not it, which the
// API asks of exceptions.
func narrower(a, b string) bool {
	x, y := netip.MustParsePrefix(a).Masked(), netip.MustParsePrefix(b).Masked()
	return x.Bits() > y.Bits() && y.Contains(x.Addr())
}

func (s source) ports() []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	for range s.IntN(3) {
		var p networkingv1.NetworkPolicyPort
		if !s.in(3) {
			protocol := s.protocol()
			p.Protocol = &protocol
		}
		switch s.IntN(4) {
		case 0, 1:
			port := intstr.FromInt32(s.number())
			p.Port = &port
		case 2:
			port := intstr.FromString(pick(s, "web", "dns", "other"))
			p.Port = &port
		case 3:
			if s.in(2) {
				r := pick(s, [2]int32{79, 81}, [2]int32{53, 53}, [2]int32{1024, 65535}, [2]int32{8080, 9000}, [2]int32{1, 65535})
				port := intstr.FromInt32(r[0])
				p.Port, p.EndPort = &port, &r[1]
			}
		}
		out = append(out, p)
	}
	return out
}
