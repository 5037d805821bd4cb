package network

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

var directions = []harden.Direction{harden.Ingress, harden.Egress}

// A rule is one rule of a policy, of either direction. Its slices are those of the policy.
type rule struct {
	n     int // counts from 1
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

// rulesOf are the rules of the policy for a direction that it isolates.
func rulesOf(policy *networkingv1.NetworkPolicy, d harden.Direction) []rule {
	var rules []rule
	switch {
	case !netpol.Isolates(policy, d):
	case d == harden.Ingress:
		for i, r := range policy.Spec.Ingress {
			rules = append(rules, rule{i + 1, r.From, r.Ports})
		}
	default:
		for i, r := range policy.Spec.Egress {
			rules = append(rules, rule{i + 1, r.To, r.Ports})
		}
	}
	return rules
}

func allowsAll(policy *networkingv1.NetworkPolicy, d harden.Direction) bool {
	return slices.ContainsFunc(rulesOf(policy, d), rule.isOpen)
}

// isOpen reports whether the rule admits everything.
func (r rule) isOpen() bool { return len(r.peers) == 0 && len(r.ports) == 0 }

// field is the path of the rule for people.
func field(d harden.Direction) string { return "spec." + strings.ToLower(string(d)) }

// protocolOf is the protocol of a port of a policy, TCP where it names none.
func protocolOf(p networkingv1.NetworkPolicyPort) corev1.Protocol {
	if p.Protocol == nil || *p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return *p.Protocol
}

// matches reports whether a selector matches. A malformed one, which no server
// accepts, matches nothing.
func matches(s *metav1.LabelSelector, set map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(set))
}

func selectsAll(s *metav1.LabelSelector) bool {
	return s != nil && len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0
}

// subjects are the workloads that the policy selects, by their templates.
func subjects(inv *harden.Inventory, policy *networkingv1.NetworkPolicy) []*harden.Workload {
	return inNamespace(inv, policy.Namespace, &policy.Spec.PodSelector)
}

func inNamespace(inv *harden.Inventory, namespace string, s *metav1.LabelSelector) []*harden.Workload {
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil || selector.Empty() && s == nil {
		return nil
	}
	var all []*harden.Workload
	for _, w := range indexOf(inv).workloads[namespace] {
		if selector.Matches(labels.Set(w.Template.Labels)) {
			all = append(all, w)
		}
	}
	return all
}

// peerWorkloads are the workloads that a peer of a policy selects, as far as
// they were read; none for blocks of addresses.
func peerWorkloads(inv *harden.Inventory, namespace string, peer networkingv1.NetworkPolicyPeer) []*harden.Workload {
	if peer.IPBlock != nil || peer.PodSelector == nil && peer.NamespaceSelector == nil {
		return nil
	}
	pods := peer.PodSelector
	if pods == nil {
		pods = &metav1.LabelSelector{}
	}
	if peer.NamespaceSelector == nil {
		return inNamespace(inv, namespace, pods)
	}
	var all []*harden.Workload
	for _, name := range inv.Scope {
		if ns := inv.Namespaces[name]; ns != nil && matches(peer.NamespaceSelector, namespaceLabels(ns)) {
			all = append(all, inNamespace(inv, name, pods)...)
		}
	}
	return all
}

// namespaceLabels are the labels of a namespace with the one that the API server adds.
func namespaceLabels(ns *corev1.Namespace) map[string]string {
	if _, ok := ns.Labels[corev1.LabelMetadataName]; ok {
		return ns.Labels
	}
	all := map[string]string{corev1.LabelMetadataName: ns.Name}
	for k, v := range ns.Labels {
		all[k] = v
	}
	return all
}

// SetRules is the change that makes the rules of one direction those of the
// policy. The lists are atomic, so that the whole one is set.
func SetRules(target harden.Ref, policy *networkingv1.NetworkPolicy, d harden.Direction) (harden.Change, bool) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(policy)
	if err != nil {
		return harden.Change{}, false
	}
	name := strings.ToLower(string(d))
	list, found, err := unstructured.NestedSlice(object, "spec", name)
	if err != nil || !found {
		return harden.Change{}, false
	}
	return harden.SetObject(target, map[string]any{"spec": map[string]any{name: list}}), true
}

// editRules is SetRules of a copy in which edit changed the ports and peers of
// rules; it is called with the number of each.
func editRules(target harden.Ref, policy *networkingv1.NetworkPolicy, d harden.Direction, edit func(n int, peers *[]networkingv1.NetworkPolicyPeer, ports *[]networkingv1.NetworkPolicyPort)) (harden.Change, bool) {
	policy = policy.DeepCopy()
	if d == harden.Ingress {
		for i := range policy.Spec.Ingress {
			edit(i+1, &policy.Spec.Ingress[i].From, &policy.Spec.Ingress[i].Ports)
		}
	} else {
		for i := range policy.Spec.Egress {
			edit(i+1, &policy.Spec.Egress[i].To, &policy.Spec.Egress[i].Ports)
		}
	}
	return SetRules(target, policy, d)
}

// containerPorts are the ports that the containers declare which run beside each
// other: apps and sidecars.
func containerPorts(w *harden.Workload) []corev1.ContainerPort {
	var all []corev1.ContainerPort
	for _, c := range w.Template.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			all = append(all, c.Ports...)
		}
	}
	for _, c := range w.Template.Spec.Containers {
		all = append(all, c.Ports...)
	}
	return all
}

func protocolOr(p corev1.Protocol) corev1.Protocol {
	if p == "" {
		return corev1.ProtocolTCP
	}
	return p
}

// resolve is the number of a named port of the workload.
func resolve(w *harden.Workload, name string, protocol corev1.Protocol) (number int32, ok bool) {
	for _, p := range containerPorts(w) {
		if p.Name == name && protocolOr(p.Protocol) == protocol {
			return p.ContainerPort, true
		}
	}
	return 0, false
}

func declares(w *harden.Workload, number int32, protocol corev1.Protocol) bool {
	return slices.ContainsFunc(containerPorts(w), func(p corev1.ContainerPort) bool {
		return p.ContainerPort == number && protocolOr(p.Protocol) == protocol
	})
}

// target is the port of the workload that a port of a Service leads to.
func target(port corev1.ServicePort, w *harden.Workload) (number int32, ok bool) {
	if name := port.TargetPort.StrVal; name != "" {
		return resolve(w, name, protocolOr(port.Protocol))
	}
	if port.TargetPort.IntVal != 0 {
		return port.TargetPort.IntVal, true
	}
	return port.Port, port.Port != 0
}

// mostNamed bounds how many objects a text names.
const mostNamed = 5

// names lists workloads for people.
func names(workloads []*harden.Workload) string {
	var out []string
	for i, w := range workloads {
		if i == mostNamed {
			out = append(out, fmt.Sprintf("and %d more", len(workloads)-mostNamed))
			break
		}
		out = append(out, harden.OneLine(w.Ref.String()))
	}
	return strings.Join(out, ", ")
}

func trimStop(s string) string { return strings.TrimRight(s, ". ") }
