package netpol

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A foreignPolicy is a policy of a network engine. It is known whom it selects
// and isolates, as far as that can be told, not whom it admits.
type foreignPolicy struct {
	ref     harden.Ref
	title   string
	selects func(*class) (tri, string)
	keys    []string // labels of pods that it asks for
	// touches says that it has a say in the direction.
	touches [2]bool
	// isolates says that what nothing admits is denied.
	isolates [2]tri
	// additive: it takes nothing away that a NetworkPolicy admits.
	additive [2]bool
}

// API groups of engines' policies.
const (
	ciliumGroup       = "cilium.io"
	calicoGroup       = "crd.projectcalico.org"
	calicoServedGroup = "projectcalico.org"
	antreaGroup       = "crd.antrea.io"
)

// readForeign compiles the policies that are no NetworkPolicies.
func (w *World) readForeign() {
	for _, u := range w.inv.Net.Policies {
		switch groupOf(u.GetAPIVersion()) {
		case policyGroup:
			switch u.GetKind() {
			case adminKind, baselineKind, clusterKind:
				if p, baseline := readTier(u); baseline {
					w.baseline = append(w.baseline, p)
				} else {
					w.admin = append(w.admin, p)
				}
			}
		case ciliumGroup:
			w.foreign = append(w.foreign, readCilium(u)...)
		case calicoGroup, calicoServedGroup:
			w.foreign = append(w.foreign, readCalico(u)...)
		case antreaGroup:
			w.foreign = append(w.foreign, readAntrea(u)...)
		}
	}
	sortTier(w.admin)
	sortTier(w.baseline)
	slices.SortStableFunc(w.foreign, func(a, b *foreignPolicy) int {
		return cmp.Or(cmp.Compare(a.ref.Kind, b.ref.Kind), cmp.Compare(a.ref.Namespace, b.ref.Namespace), cmp.Compare(a.ref.Name, b.ref.Name))
	})
}

func newForeign(u *unstructured.Unstructured) *foreignPolicy {
	title := u.GetKind() + " "
	if ns := u.GetNamespace(); ns != "" {
		title += ns + "/"
	}
	p := &foreignPolicy{ref: refOf(u), title: title + u.GetName()}
	switch groupOf(u.GetAPIVersion()) {
	case calicoGroup, calicoServedGroup:
		p.title = "Calico " + p.title
	case antreaGroup:
		p.title = "Antrea " + p.title
	}
	return p
}

// cannotTell makes it one that may select anybody (of its namespace) and say anything.
func (p *foreignPolicy) cannotTell(why string) *foreignPolicy {
	ns := p.ref.Namespace
	p.selects = func(c *class) (tri, string) {
		if ns != "" && c.space.name != ns {
			return no, ""
		}
		return maybe, why
	}
	p.touches, p.isolates, p.additive = [2]bool{true, true}, [2]tri{maybe, maybe}, [2]bool{}
	return p
}

func decode(u *unstructured.Unstructured, into any) error {
	return runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into)
}

func malformed(err error) string { return "it is malformed: " + harden.OneLine(err.Error()) }

// What is read of a policy of Cilium (cilium.io/v2).
type (
	ciliumObject struct {
		Spec  *ciliumSpec  `json:"spec"`
		Specs []ciliumSpec `json:"specs"`
	}
	ciliumSpec struct {
		EndpointSelector  *metav1.LabelSelector `json:"endpointSelector"`
		NodeSelector      *metav1.LabelSelector `json:"nodeSelector"`
		Ingress           []any                 `json:"ingress"`
		IngressDeny       []any                 `json:"ingressDeny"`
		Egress            []any                 `json:"egress"`
		EgressDeny        []any                 `json:"egressDeny"`
		EnableDefaultDeny struct {
			Ingress *bool `json:"ingress"`
			Egress  *bool `json:"egress"`
		} `json:"enableDefaultDeny"`
	}
)

// readCilium reads a CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy, each
// spec as a policy. A spec isolates in a direction for which it has rules, be
// they empty, unless enableDefaultDeny says otherwise.
func readCilium(u *unstructured.Unstructured) []*foreignPolicy {
	switch u.GetKind() {
	case "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy":
	default:
		return nil
	}
	var o ciliumObject
	if err := decode(u, &o); err != nil {
		return []*foreignPolicy{newForeign(u).cannotTell(malformed(err))}
	}
	specs := o.Specs
	if o.Spec != nil {
		specs = append([]ciliumSpec{*o.Spec}, specs...)
	}
	var out []*foreignPolicy
	for _, s := range specs {
		if s.EndpointSelector == nil {
			continue // for nodes
		}
		p := newForeign(u)
		subject := ciliumSubject(u.GetNamespace(), s.EndpointSelector)
		p.selects = func(c *class) (tri, string) {
			if subject.bad != "" {
				if subject.own != "" && subject.own != c.space.name {
					return no, ""
				}
				return maybe, subject.bad
			}
			return subject.matchesPod(&end{pod: c, isPod: true})
		}
		subject.pods.keys(func(k string) { p.keys = append(p.keys, k) })
		for d, rules := range [2][2][]any{{s.Ingress, s.IngressDeny}, {s.Egress, s.EgressDeny}} {
			p.touches[d] = len(rules[0])+len(rules[1]) > 0
			p.isolates[d] = triOf(p.touches[d])
			p.additive[d] = len(rules[1]) == 0
		}
		for d, set := range [2]*bool{s.EnableDefaultDeny.Ingress, s.EnableDefaultDeny.Egress} {
			if set != nil {
				p.isolates[d] = triOf(*set)
				p.touches[d] = p.touches[d] || *set
			}
		}
		out = append(out, p)
	}
	return out
}

// ciliumSubject turns a selector of identity labels into selectors of namespaces
// and pods.
func ciliumSubject(ns string, s *metav1.LabelSelector) peerMatch {
	const (
		spaceName   = "io.kubernetes.pod.namespace"
		spaceLabels = "io.cilium.k8s.namespace.labels."
	)
	m := peerMatch{isPods: true, own: ns}
	var spaces, pods metav1.LabelSelector
	if ns == "" {
		m.spaces = &selector{}
	}
	add := func(r metav1.LabelSelectorRequirement) {
		key := r.Key
		for _, prefix := range []string{"k8s:", "any:", "k8s.", "any."} {
			if rest, ok := strings.CutPrefix(key, prefix); ok {
				key = rest
				break
			}
		}
		target := &pods
		switch {
		case key == spaceName:
			key, target = corev1.LabelMetadataName, &spaces
		case strings.HasPrefix(key, spaceLabels):
			key, target = strings.TrimPrefix(key, spaceLabels), &spaces
		case strings.Contains(key, ":") || strings.HasPrefix(key, "io.cilium.k8s.") || strings.HasPrefix(key, "reserved."):
			m.bad = fmt.Sprintf("label %s of Cilium's identities is not known here", harden.OneLine(r.Key))
			return
		}
		r.Key = key
		target.MatchExpressions = append(target.MatchExpressions, r)
	}
	for k, v := range s.MatchLabels {
		add(metav1.LabelSelectorRequirement{Key: k, Operator: metav1.LabelSelectorOpIn, Values: []string{v}})
	}
	for _, r := range s.MatchExpressions {
		add(r)
	}
	m.pods = compileSelector(&pods)
	if len(spaces.MatchExpressions) > 0 {
		compiled := compileSelector(&spaces)
		if ns != "" {
			// A namespaced policy selects pods of its namespace whatever else it says.
			own := labelSet{set: map[string]string{corev1.LabelMetadataName: ns}, open: unread}
			if sure, _ := compiled.matches(&own); sure == no {
				m.own = "\x00"
			}
		} else {
			m.spaces = &compiled
		}
	}
	return m
}

// What is read of a policy of Antrea (crd.antrea.io/v1beta1).
type (
	antreaObject struct {
		Spec struct {
			AppliedTo []antreaTarget `json:"appliedTo"`
			Ingress   []antreaRule   `json:"ingress"`
			Egress    []antreaRule   `json:"egress"`
		} `json:"spec"`
	}
	antreaTarget struct {
		PodSelector       *metav1.LabelSelector `json:"podSelector"`
		NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector"`
	}
	antreaRule struct {
		Action    string         `json:"action"`
		AppliedTo []antreaTarget `json:"appliedTo"`
		From      []any          `json:"from"`
		To        []any          `json:"to"`
		Ports     []any          `json:"ports"`
		Protocols []any          `json:"protocols"`
	}
)

// readAntrea reads a NetworkPolicy or ClusterNetworkPolicy of Antrea. These
// isolate by rules that drop: one that drops all in a direction is isolation,
// and others may amount to it.
func readAntrea(u *unstructured.Unstructured) []*foreignPolicy {
	switch u.GetKind() {
	case "NetworkPolicy", "ClusterNetworkPolicy":
	default:
		return nil
	}
	p := newForeign(u)
	var o antreaObject
	if err := decode(u, &o); err != nil {
		return []*foreignPolicy{p.cannotTell(malformed(err))}
	}
	var targets []peerMatch
	add := func(all []antreaTarget) {
		for _, t := range all {
			spaces := t.NamespaceSelector
			if p.ref.Namespace == "" && spaces == nil {
				spaces = &metav1.LabelSelector{}
			}
			m := compileSpacedPods(p.ref.Namespace, spaces, t.PodSelector)
			if t.PodSelector == nil && t.NamespaceSelector == nil {
				m.bad = "what it is applied to is not known here"
			}
			m.pods.keys(func(k string) { p.keys = append(p.keys, k) })
			targets = append(targets, m)
		}
	}
	add(o.Spec.AppliedTo)
	for d, rules := range [2][]antreaRule{o.Spec.Ingress, o.Spec.Egress} {
		for _, r := range rules {
			add(r.AppliedTo)
			p.touches[d] = true
			if r.Action != "Drop" && r.Action != "Reject" {
				continue
			}
			all := len(r.From)+len(r.To)+len(r.Ports)+len(r.Protocols) == 0 && len(r.AppliedTo) == 0
			p.isolates[d] = max(p.isolates[d], maybe)
			if all {
				p.isolates[d] = yes
			}
		}
	}
	p.selects = func(c *class) (tri, string) {
		best, why := no, ""
		for i := range targets {
			m, because := maybe, targets[i].bad
			if because == "" {
				m, because = targets[i].matchesPod(&end{pod: c, isPod: true})
			}
			if m > best {
				best, why = m, because
			}
		}
		return best, why
	}
	return []*foreignPolicy{p}
}

// unseen says that policies of a kind could not be read.
type unseen struct{ namespace, why string }

// policyResources are the resources whose objects are policies, by group.
var policyResources = map[string][]string{
	ciliumGroup:       {"ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"},
	calicoGroup:       {"networkpolicies", "globalnetworkpolicies"},
	calicoServedGroup: {"networkpolicies", "globalnetworkpolicies"},
	antreaGroup:       {"networkpolicies", "clusternetworkpolicies"},
	policyGroup:       {"adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies"},
}

func readUnseen(inv *harden.Inventory) []unseen {
	var out []unseen
	for _, u := range inv.Unread {
		resource, group, _ := strings.Cut(u.Resource, ".")
		if slices.Contains(policyResources[group], resource) {
			out = append(out, unseen{u.Namespace, u.Resource + " could not be read: " + u.Why})
		}
	}
	return out
}

// besides adds what policies of engines, and those that could not be read, may
// make of an outcome. Standard is what NetworkPolicies say by themselves.
func (w *World) besides(result, standard outcome, d int, c *class, t *trace) outcome {
	for _, p := range w.foreign {
		if !p.touches[d] {
			continue
		}
		sure, why := p.selects(c)
		if sure == no {
			continue
		}
		more := admitted | refused
		if p.additive[d] {
			more = admitted
			if p.isolates[d] != no && standard != admitted {
				more |= refused
			}
		}
		if result|more == result {
			continue
		}
		result |= more
		t.open(p.title, ": ", cmp.Or(why, "whom it admits is not evaluated"))
	}
	for _, u := range w.unseen {
		if u.namespace == "" || u.namespace == c.space.name {
			result |= admitted | refused
			t.open(u.why)
		}
	}
	return result
}
