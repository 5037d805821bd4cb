package network

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ServicePort finds policies that name the port of a Service instead of that of its pods.
var ServicePort = &harden.Fixer{
	ID:       "netpol-service-port",
	Title:    "policy names the port of a Service, not of its pods",
	Area:     harden.AreaNetwork,
	Severity: harden.Medium,
	Subject:  harden.SubjectNetworkPolicy,
	Doc: `
The policy admits a port that the pods do not listen on: it is the Service's.

Fields:

    spec.ingress[].ports[].port, spec.egress[].ports[].port
    spec.ports[].port and spec.ports[].targetPort of the Services that lead to the pods

Allowed: the port that the pods listen on, which is the targetPort of their Service.
What counts is the port after the Service was translated away.

**Why it matters.** The traffic that the policy was written for is dropped without a
word: the client waits until it times out. Such a rule is often "repaired" by one
that admits everything.

**The fix.** The number becomes that of the pods. It is evidence where all pods that
the rule is about agree on the number, none declares the port that is replaced, and
nobody saw a process listen on it. The list of rules is replaced as a whole.

**Traps.** A rule that names both numbers works, and passes. So does one whose
pods declare the port, or have it as the target of another Service. The VPC CNI sees
the Service's address before it is translated: there the pods' port is added and the
Service's stays. Rules for egress are judged where the pods at the other end were read:
what lies in other namespaces is seen when somebody looked at the network. Rules
without peers, or for blocks of addresses, may be about machines outside, and pass.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0030"},
		{Standard: "Kubernetes", ID: "Service: targetPort", URL: "https://kubernetes.io/docs/concepts/services-networking/service/"},
	},
	Reads: harden.InCluster(harden.KindNamespace, harden.Templates, harden.KindService),
	Check: checkServicePort,
	Fix:   fixServicePort,
}

// A misnamed port is one of a Service, in a rule about its pods.
type misnamed struct {
	protocol corev1.Protocol
	port     int32
	service  string
	targets  []int32 // numbers that the pods listen on, ascending
	pods     []*harden.Workload
}

// destinations are the workloads that a rule's ports are about, as far as they
// were read: those that the policy selects for ingress, the peers for egress.
func destinations(inv *harden.Inventory, policy *networkingv1.NetworkPolicy, d harden.Direction, r rule) []*harden.Workload {
	if d == harden.Ingress {
		return subjects(inv, policy)
	}
	var all []*harden.Workload
	seen := map[*harden.Workload]bool{}
	for _, peer := range r.peers {
		if peer.IPBlock != nil {
			return nil
		}
		for _, w := range peerWorkloads(inv, policy.Namespace, peer) {
			if !seen[w] {
				seen[w] = true
				all = append(all, w)
			}
		}
	}
	return all
}

// A translation is what a Service makes of one of its ports for a workload.
type translation struct {
	protocol corev1.Protocol
	from, to int32
	service  string
}

// translations are those of every workload, and which ports of Services are not
// the ones of some of their pods.
type translations struct {
	of      map[*harden.Workload][]translation
	changed map[harden.Port]bool
}

func translationsOf(inv *harden.Inventory) *translations {
	return harden.Derive(inv, func(inv *harden.Inventory) *translations {
		t := &translations{of: map[*harden.Workload][]translation{}, changed: map[harden.Port]bool{}}
		for _, w := range inv.Workloads {
			for _, s := range indexOf(inv).servicesOf(w) {
				for _, sp := range s.Spec.Ports {
					to, ok := target(sp, w)
					if !ok {
						continue
					}
					t.of[w] = append(t.of[w], translation{protocolOr(sp.Protocol), sp.Port, to, s.Name})
					if to != sp.Port {
						t.changed[harden.Port{Protocol: protocolOr(sp.Protocol), Number: sp.Port}] = true
					}
				}
			}
		}
		return t
	}, workloadsAndServices...)
}

// misnamedIn are the misnamed ports of a rule.
func misnamedIn(inv *harden.Inventory, policy *networkingv1.NetworkPolicy, d harden.Direction, r rule) []misnamed {
	var suspect []misnamed
	for _, port := range r.ports {
		if port.Port == nil || port.Port.StrVal != "" || port.EndPort != nil {
			continue
		}
		m := misnamed{protocol: protocolOf(port), port: port.Port.IntVal}
		if translationsOf(inv).changed[harden.Port{Protocol: m.protocol, Number: m.port}] {
			suspect = append(suspect, m)
		}
	}
	if len(suspect) == 0 {
		return nil // before the pods are looked for, which costs more
	}
	pods := destinations(inv, policy, d, r)
	var found []misnamed
	for _, m := range suspect {
		m.pods = pods
		if m.look(inv) && !slices.ContainsFunc(m.targets, func(t int32) bool { return admits(r.ports, m.protocol, t) }) {
			found = append(found, m)
		}
	}
	return found
}

// look fills in what the Services say; false when the port may well be that of the pods.
func (m *misnamed) look(inv *harden.Inventory) bool {
	all := translationsOf(inv)
	for _, w := range m.pods {
		if declares(w, m.port, m.protocol) {
			return false
		}
		for _, t := range all.of[w] {
			switch {
			case t.protocol != m.protocol:
			case t.to == m.port:
				return false
			case t.from == m.port && !slices.Contains(m.targets, t.to):
				m.targets = append(m.targets, t.to)
				m.service = t.service
			}
		}
	}
	slices.Sort(m.targets)
	return len(m.targets) > 0
}

// admits reports whether one of the ports is the number, or a range with it.
func admits(ports []networkingv1.NetworkPolicyPort, protocol corev1.Protocol, number int32) bool {
	return slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
		switch {
		case protocolOf(p) != protocol:
			return false
		case p.Port == nil:
			return true
		case p.Port.StrVal != "":
			return false
		case p.EndPort != nil:
			return p.Port.IntVal <= number && number <= *p.EndPort
		}
		return p.Port.IntVal == number
	})
}

func checkServicePort(p *harden.Pass) {
	inv := sight(p.Inventory)
	seen := map[string]bool{}
	for _, d := range directions {
		for _, r := range rulesOf(p.NetworkPolicy, d) {
			for _, m := range misnamedIn(inv, p.NetworkPolicy, d, r) {
				id := fmt.Sprintf("%s %s/%d", d, m.protocol, m.port)
				if seen[id] {
					continue
				}
				seen[id] = true
				p.Report(harden.Finding{
					Discriminator: id, Field: field(d), Verdict: "service-port",
					Reason: fmt.Sprintf("%s: port %d is that of Service %s, whose pods listen on %s", d, m.port, m.service, numbers(m.targets)),
					Detail: fmt.Sprintf("Rule %d admits %s port %d. Service %s leads from that port to %s of %s, and policies see the port after that: what the rule was written for is dropped.",
						r.n, m.protocol, m.port, m.service, numbers(m.targets), names(m.pods)),
				})
			}
		}
	}
}

func numbers(all []int32) string {
	var out []string
	for _, n := range all {
		out = append(out, strconv.Itoa(int(n)))
	}
	return strings.Join(out, ", ")
}

func fixServicePort(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	inv := sight(p.Inventory)
	d := directionOf(f)
	before := rulesOf(p.NetworkPolicy, d)
	both := p.Inventory.Net.Engine.Name == harden.EngineVPCCNI
	var of misnamed
	change, ok := editRules(p.Object, p.NetworkPolicy, d, func(n int, _ *[]networkingv1.NetworkPolicyPeer, ports *[]networkingv1.NetworkPolicyPort) {
		for _, m := range misnamedIn(inv, p.NetworkPolicy, d, before[n-1]) {
			if fmt.Sprintf("%s %s/%d", d, m.protocol, m.port) == f.Discriminator {
				of = m
				*ports = renumber(*ports, m, both)
			}
		}
	})
	if !ok || len(of.targets) == 0 {
		return nil
	}
	now := p.Inventory.Now
	claims := []harden.Claim{
		{Code: "E-SLICES", State: harden.Holds, Time: now, Text: fmt.Sprintf("Service %s leads from port %d to %s of %s.", of.service, of.port, numbers(of.targets), names(of.pods))},
		{
			Code: "E-PORTS", State: harden.Holds, Time: now, Text: fmt.Sprintf("No container of them declares port %d.", of.port),
			Limits: "a process may listen on a port that nobody declared",
		},
	}
	if c, ok := listening(p.Inventory, of); ok {
		claims = append(claims, c)
	}
	fix := harden.Fix{Title: fmt.Sprintf("admit port %s instead of %d", numbers(of.targets), of.port), Changes: []harden.Change{change}}
	if both {
		fix.Title = fmt.Sprintf("admit port %s besides %d", numbers(of.targets), of.port)
		fix.Warning = "The VPC CNI sees the address and port of a Service before they are translated, and had gaps where the two ports differ: try the connection afterwards."
	}
	if len(of.targets) > 1 {
		claims = append(claims, harden.Claim{Code: "E-PORTS", State: harden.Refutes, Time: now, Text: "The pods do not listen on the same number: the rule admits all of them to each."})
	}
	fix.Class, fix.Evidence = harden.ClassOf(harden.Evidence, claims...), claims
	return []harden.Fix{fix}
}

// directionOf is the direction that a finding's discriminator begins with.
func directionOf(f *harden.Finding) harden.Direction {
	name, _, _ := strings.Cut(f.Discriminator, " ")
	return harden.Direction(name)
}

// renumber replaces the misnamed port by its targets, or adds them.
func renumber(ports []networkingv1.NetworkPolicyPort, m misnamed, keep bool) []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	done := false
	for _, port := range ports {
		if port.Port == nil || port.Port.StrVal != "" || port.EndPort != nil || port.Port.IntVal != m.port || protocolOf(port) != m.protocol {
			out = append(out, port)
			continue
		}
		if keep {
			out = append(out, port)
		}
		if !done {
			out = append(out, numbered(port.Protocol, m.targets)...)
			done = true
		}
	}
	return out
}

// numbered are ports of a policy; a nil protocol stays away.
func numbered(protocol *corev1.Protocol, all []int32) []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	for _, n := range all {
		number := intstr.FromInt32(n)
		out = append(out, networkingv1.NetworkPolicyPort{Protocol: protocol, Port: &number})
	}
	return out
}

// listening is what looks into the pods say of the port that is replaced.
func listening(inv *harden.Inventory, m misnamed) (harden.Claim, bool) {
	for _, w := range m.pods {
		for _, pod := range w.Pods {
			for _, c := range pod.Spec.Containers {
				probe := inv.Probes[harden.ProbeKey{Pod: pod.UID, Container: c.Name}]
				if probe == nil || !probe.Known {
					continue
				}
				for _, s := range probe.Listeners {
					if s.Port == int(m.port) && strings.EqualFold(s.Protocol, string(m.protocol)) {
						return harden.Claim{Code: "E-PROC", State: harden.Refutes, Time: probe.Time, Text: fmt.Sprintf("In pod %s a process listens on port %d, which nobody declared.", pod.Name, m.port)}, true
					}
				}
			}
		}
	}
	return harden.Claim{}, false
}
