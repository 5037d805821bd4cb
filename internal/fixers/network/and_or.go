package network

import (
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AndOr finds rules that say "or" where "and" was likely meant.
var AndOr = &harden.Fixer{
	ID:       "netpol-and-or",
	Title:    "policy may mean both selectors together",
	Area:     harden.AreaNetwork,
	Severity: harden.Low,
	Subject:  harden.SubjectNetworkPolicy,
	Doc: `
A namespaceSelector and a podSelector stand next to each other as two peers.

Fields:

    spec.ingress[].from[], spec.egress[].to[]

Allowed: one peer with both selectors, which means these pods of those namespaces; or
two peers when all pods of those namespaces are meant, and besides them some pods of
the policy's own namespace.

**Why it matters.** A dash more or less in YAML is the whole difference. With two peers
every pod of the named namespaces gets in, and the podSelector speaks of another
namespace than its author thinks.

**The fix.** The other reading is drafted: both selectors in one peer. It is a review,
for both readings are legal; the network view shows the difference.

**Traps.** "All pods of my own namespace", an empty podSelector, next to a namespace is
what many policies mean, and passes. Where no workload of the policy's own namespace
has the labels, the mistake is likely and the finding says so. Lists of rules are
replaced as a whole.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "network policies"},
		{Standard: "Kubernetes", ID: "behavior of to and from selectors", URL: "https://kubernetes.io/docs/concepts/services-networking/network-policies/"},
	},
	Reads: harden.InCluster(harden.Templates, harden.KindService),
	Check: checkAndOr,
	Fix:   fixAndOr,
}

// split finds two neighbours of which one has a namespaceSelector alone and the
// other a podSelector alone that names something; -1 when there are none.
func split(peers []networkingv1.NetworkPolicyPeer) int {
	onlyNamespaces := func(p networkingv1.NetworkPolicyPeer) bool {
		return p.NamespaceSelector != nil && p.PodSelector == nil && p.IPBlock == nil
	}
	onlyPods := func(p networkingv1.NetworkPolicyPeer) bool {
		return p.PodSelector != nil && p.NamespaceSelector == nil && p.IPBlock == nil && !selectsAll(p.PodSelector)
	}
	for i := 0; i+1 < len(peers); i++ {
		a, b := peers[i], peers[i+1]
		if onlyNamespaces(a) && onlyPods(b) || onlyPods(a) && onlyNamespaces(b) {
			return i
		}
	}
	return -1
}

// parts are the two selectors at a place that split found.
func parts(peers []networkingv1.NetworkPolicyPeer, at int) (namespaces, pods *metav1.LabelSelector) {
	a, b := peers[at], peers[at+1]
	if a.NamespaceSelector == nil {
		a, b = b, a
	}
	return a.NamespaceSelector, b.PodSelector
}

func checkAndOr(p *harden.Pass) {
	for _, d := range directions {
		for _, r := range rulesOf(p.NetworkPolicy, d) {
			at := split(r.peers)
			if at < 0 {
				continue
			}
			namespaces, pods := parts(r.peers, at)
			detail := fmt.Sprintf("Rule %d for %s admits two sets: all pods of the namespaces with %s, and the pods with %s of namespace %s. One peer with both would mean: the pods with %s in the namespaces with %s.",
				r.n, d, say(namespaces), say(pods), p.Object.Namespace, say(pods), say(namespaces))
			if len(inNamespace(p.Inventory, p.NetworkPolicy.Namespace, pods)) == 0 && p.Inventory.Unreadable("pods", p.NetworkPolicy.Namespace) == "" {
				detail += " No workload that was read in its own namespace has these labels, so that is likely what is meant."
			}
			p.Report(harden.Finding{
				Discriminator: string(d) + " " + say(namespaces) + " " + say(pods), Field: field(d), Verdict: "or",
				Reason: fmt.Sprintf("%s: rule %d admits namespaces or pods, perhaps both are meant together", d, r.n), Detail: detail,
			})
		}
	}
}

// say writes a selector for people.
func say(s *metav1.LabelSelector) string {
	if selectsAll(s) {
		return "any labels"
	}
	return harden.OneLine(metav1.FormatLabelSelector(s))
}

func fixAndOr(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	for _, d := range directions {
		change, ok := editRules(p.Object, p.NetworkPolicy, d, func(_ int, peers *[]networkingv1.NetworkPolicyPeer, _ *[]networkingv1.NetworkPolicyPort) {
			at := split(*peers)
			if at < 0 {
				return
			}
			namespaces, pods := parts(*peers, at)
			if string(d)+" "+say(namespaces)+" "+say(pods) != f.Discriminator {
				return
			}
			both := networkingv1.NetworkPolicyPeer{NamespaceSelector: namespaces, PodSelector: pods}
			joined := append([]networkingv1.NetworkPolicyPeer{}, (*peers)[:at]...)
			*peers = append(append(joined, both), (*peers)[at+2:]...)
		})
		if ok && f.Field == field(d) {
			return []harden.Fix{{
				Title: "join the two selectors in one peer", Class: harden.Review, Changes: []harden.Change{change},
				Evidence: []harden.Claim{{Code: "E-SPEC", State: harden.Missing, Text: "Which of the two readings is meant, only its author knows."}},
				Warning:  "Other pods of the named namespaces, and the pods with these labels of the policy's own namespace, are denied from then on.",
			}}
		}
	}
	return nil
}
