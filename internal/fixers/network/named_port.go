package network

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NamedPort finds named ports of policies that do not mean one number.
var NamedPort = &harden.Fixer{
	ID:       "netpol-named-port",
	Title:    "policy names a port that is not one number",
	Area:     harden.AreaNetwork,
	Severity: harden.Low,
	Subject:  harden.SubjectNetworkPolicy,
	Doc: `
A port of the policy is a name, and the name is looked up in each pod.

Fields:

    spec.ingress[].ports[].port, spec.egress[].ports[].port   (when it is a name)
    spec.containers[].ports[].name of the pods that the rule is about

Allowed: numbers; names that every pod of the rule gives to the same number.

**Why it matters.** A name that no pod has admits nothing, and a name that two pods give
to different numbers opens one port here and another there (verdicts nothing and
different). Whoever renames a port of a container changes what a policy admits, and
nobody sees it in the policy. Some engines have looked names up wrongly
(verdict engine, on the VPC CNI).

**The fix.** The numbers take the place of the name. That is evidence where every
selected pod resolves the name to the same number. Where they differ it is a review, since
each number is then open on all of the pods: a policy for each group of pods is better.
A name that nobody has needs a person.

**Traps.** Names are looked up by protocol too, and in sidecars (init containers with
restartPolicy Always) as in other containers. Rules for egress are judged where the
pods at the other end were read; a policy that selects nothing is passed over.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "NetworkPolicyPort", URL: "https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/"},
	},
	Reads: harden.InCluster(harden.KindNamespace, harden.Templates, harden.KindService),
	Check: checkNamedPort,
	Fix:   fixNamedPort,
}

// A lookup is what a named port of a rule resolves to.
type lookup struct {
	name     string
	protocol corev1.Protocol
	numbers  []int32 // distinct, ascending
	by       []*harden.Workload
	without  []*harden.Workload // have no port of the name
}

func (l lookup) id(d harden.Direction) string {
	return fmt.Sprintf("%s %s/%s", d, l.protocol, harden.OneLine(l.name))
}

func lookups(inv *harden.Inventory, policy *networkingv1.NetworkPolicy, d harden.Direction, r rule) []lookup {
	named := func(p networkingv1.NetworkPolicyPort) bool { return p.Port != nil && p.Port.StrVal != "" }
	if !slices.ContainsFunc(r.ports, named) {
		return nil
	}
	pods := destinations(inv, policy, d, r)
	if len(pods) == 0 {
		return nil
	}
	var all []lookup
	for _, port := range r.ports {
		if !named(port) {
			continue
		}
		l := lookup{name: port.Port.StrVal, protocol: protocolOf(port)}
		for _, w := range pods {
			n, ok := resolve(w, l.name, l.protocol)
			if !ok {
				l.without = append(l.without, w)
				continue
			}
			l.by = append(l.by, w)
			if !slices.Contains(l.numbers, n) {
				l.numbers = append(l.numbers, n)
			}
		}
		slices.Sort(l.numbers)
		all = append(all, l)
	}
	return all
}

func checkNamedPort(p *harden.Pass) {
	inv := sight(p.Inventory)
	seen := map[string]bool{}
	for _, d := range directions {
		for _, r := range rulesOf(p.NetworkPolicy, d) {
			for _, l := range lookups(inv, p.NetworkPolicy, d, r) {
				f := harden.Finding{Discriminator: l.id(d), Field: field(d)}
				name := harden.OneLine(l.name)
				switch {
				case len(l.numbers) == 0:
					f.Verdict, f.Reason = "nothing", fmt.Sprintf("%s: no pod has a %s port called %s", d, l.protocol, name)
					f.Detail = fmt.Sprintf("Rule %d admits the port called %q, and none of %s has one: the rule admits nothing by it.", r.n, name, names(l.without))
				case len(l.numbers) > 1:
					f.Verdict, f.Reason = "different", fmt.Sprintf("%s: %s is %s", d, name, numbers(l.numbers))
					f.Detail = fmt.Sprintf("Rule %d admits the port called %q, which is %s in %s.", r.n, name, numbers(l.numbers), names(l.by))
				case p.Inventory.Net.Engine.Name == harden.EngineVPCCNI:
					f.Verdict, f.Reason = "engine", fmt.Sprintf("%s: %s is a name, use %s", d, name, numbers(l.numbers))
					f.Detail = fmt.Sprintf("Rule %d admits the port called %q, which is %s. Versions of the VPC CNI's controller have looked names up wrongly; a number cannot be.", r.n, name, numbers(l.numbers))
				default:
					continue
				}
				if !seen[f.Discriminator] {
					seen[f.Discriminator] = true
					p.Report(f)
				}
			}
		}
	}
}

func fixNamedPort(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	inv := sight(p.Inventory)
	d := directionOf(f)
	if f.Verdict == "nothing" {
		return []harden.Fix{{
			Title: "name a port that the pods have", Class: harden.Review,
			Manual: fmt.Sprintf("%s Say the number that the pods listen on, or take the port out of the rule.", f.Detail),
		}}
	}
	before := rulesOf(p.NetworkPolicy, d)
	var of lookup
	change, ok := editRules(p.Object, p.NetworkPolicy, d, func(n int, _ *[]networkingv1.NetworkPolicyPeer, ports *[]networkingv1.NetworkPolicyPort) {
		for _, l := range lookups(inv, p.NetworkPolicy, d, before[n-1]) {
			if l.id(d) != f.Discriminator || len(l.numbers) == 0 {
				continue
			}
			of = l
			var out []networkingv1.NetworkPolicyPort
			for _, port := range *ports {
				if port.Port != nil && port.Port.StrVal == l.name && protocolOf(port) == l.protocol {
					out = append(out, numbered(port.Protocol, l.numbers)...)
					continue
				}
				out = append(out, port)
			}
			*ports = out
		}
	})
	if !ok || len(of.numbers) == 0 {
		return nil
	}
	claims := []harden.Claim{{Code: "E-PORTS", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("%q is %s in %s.", of.name, numbers(of.numbers), names(of.by))}}
	fix := harden.Fix{Title: "admit port " + numbers(of.numbers) + " by number", Changes: []harden.Change{change}}
	if len(of.numbers) > 1 {
		claims = append(claims, harden.Claim{Code: "E-PORTS", State: harden.Refutes, Time: p.Inventory.Now, Text: "The pods give the name to different numbers: each would be admitted to all of them."})
		fix.Warning = "Each of the numbers is open on all pods of the rule; a policy for each group of pods keeps them apart."
	}
	if len(of.without) > 0 {
		claims = append(claims, harden.Claim{Code: "E-PORTS", State: harden.Missing, Text: fmt.Sprintf("%s have no port of that name: the number would be admitted to them too.", names(of.without))})
	}
	fix.Class, fix.Evidence = harden.ClassOf(harden.Evidence, claims...), claims
	return []harden.Fix{fix}
}
