package netpol_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// shrink takes away what it can while the world still fails.
func shrink(w *world, fails func(*world) bool) *world {
	for again := true; again; {
		again = false
		for n := 0; ; n++ {
			next := w.clone()
			if !next.cut(n) {
				break
			}
			if fails(next) {
				w, again = next, true
				n--
			}
		}
	}
	return w
}

func (w *world) clone() *world {
	next := &world{IPv6: w.IPv6}
	for _, ns := range w.Namespaces {
		next.Namespaces = append(next.Namespaces, ns.DeepCopy())
	}
	for _, p := range w.Pods {
		next.Pods = append(next.Pods, p.DeepCopy())
	}
	for _, p := range w.Policies {
		next.Policies = append(next.Policies, p.DeepCopy())
	}
	return next
}

// cut takes the nth thing away that can be, large ones first; false: there are
// not so many.
func (w *world) cut(n int) bool {
	at := cutter{left: n}
	cutItem(&at, &w.Policies)
	cutItem(&at, &w.Pods)
	for i, ns := range w.Namespaces {
		if w.empty(ns.Name) && at.now() {
			w.Namespaces = slices.Delete(w.Namespaces, i, i+1)
			break
		}
	}
	for _, p := range w.Policies {
		cutItem(&at, &p.Spec.Ingress)
		cutItem(&at, &p.Spec.Egress)
		cutItem(&at, &p.Spec.PolicyTypes)
		for i := range p.Spec.Ingress {
			cutPeers(&at, &p.Spec.Ingress[i].From)
			cutPorts(&at, &p.Spec.Ingress[i].Ports)
		}
		for i := range p.Spec.Egress {
			cutPeers(&at, &p.Spec.Egress[i].To)
			cutPorts(&at, &p.Spec.Egress[i].Ports)
		}
		cutSelector(&at, &p.Spec.PodSelector)
	}
	for _, p := range w.Pods {
		cutMap(&at, p.Labels)
		for i := range p.Spec.Containers {
			cutItem(&at, &p.Spec.Containers[i].Ports)
		}
	}
	for _, ns := range w.Namespaces {
		cutMap(&at, ns.Labels)
	}
	return at.done
}

func (w *world) empty(namespace string) bool {
	return !slices.ContainsFunc(w.Pods, func(p *corev1.Pod) bool { return p.Namespace == namespace }) &&
		!slices.ContainsFunc(w.Policies, func(p *networkingv1.NetworkPolicy) bool { return p.Namespace == namespace })
}

// cutter counts down to the one thing that is taken away.
type cutter struct {
	left int
	done bool
}

func (c *cutter) now() bool {
	if c.done {
		return false
	}
	c.done = c.left == 0
	c.left--
	return c.done
}

func cutItem[T any](at *cutter, list *[]T) {
	for i := range *list {
		if at.now() {
			*list = slices.Delete(*list, i, i+1)
			return
		}
	}
}

func cutMap(at *cutter, m map[string]string) {
	for _, k := range []string{"app", "tier", "env", corev1.LabelMetadataName} {
		if _, ok := m[k]; ok && k != corev1.LabelMetadataName && at.now() {
			delete(m, k)
			return
		}
	}
}

func cutPeers(at *cutter, peers *[]networkingv1.NetworkPolicyPeer) {
	cutItem(at, peers)
	for i := range *peers {
		p := &(*peers)[i]
		if p.IPBlock != nil {
			cutItem(at, &p.IPBlock.Except)
		}
		if p.PodSelector != nil && p.NamespaceSelector != nil {
			if at.now() {
				p.PodSelector = nil
			} else if at.now() {
				p.NamespaceSelector = nil
			}
		}
		for _, s := range []*metav1.LabelSelector{p.PodSelector, p.NamespaceSelector} {
			if s != nil {
				cutSelector(at, s)
			}
		}
	}
}

func cutPorts(at *cutter, ports *[]networkingv1.NetworkPolicyPort) {
	cutItem(at, ports)
	for i := range *ports {
		p := &(*ports)[i]
		switch {
		case p.EndPort != nil && at.now():
			p.EndPort = nil
		case p.EndPort == nil && p.Port != nil && at.now():
			p.Port = nil
		case p.Protocol != nil && at.now():
			p.Protocol = nil
		}
	}
}

func cutSelector(at *cutter, s *metav1.LabelSelector) {
	for _, k := range []string{"app", "tier", "env"} {
		if _, ok := s.MatchLabels[k]; ok && at.now() {
			delete(s.MatchLabels, k)
		}
	}
	for i, r := range s.MatchExpressions {
		// Exists stays before the NotIn that needs it.
		next := slices.IndexFunc(s.MatchExpressions, func(o metav1.LabelSelectorRequirement) bool {
			return o.Key == r.Key && o.Operator == metav1.LabelSelectorOpNotIn
		})
		if (r.Operator != metav1.LabelSelectorOpExists || next < 0) && at.now() {
			s.MatchExpressions = slices.Delete(s.MatchExpressions, i, i+1)
			return
		}
	}
}

// objects are the world as manifests.
func (w *world) objects() [][]byte {
	var out [][]byte
	add := func(o any) {
		text, err := yaml.Marshal(o)
		if err != nil {
			text = []byte("# " + err.Error() + "\n")
		}
		out = append(out, text)
	}
	for _, ns := range w.Namespaces {
		ns = ns.DeepCopy()
		ns.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}
		add(ns)
	}
	for _, p := range w.Pods {
		add(p)
	}
	for _, p := range w.Policies {
		add(p)
	}
	return out
}

// A world that fails because of one rule shrinks to that rule.
func TestShrink(t *testing.T) {
	guilty := func(w *world) bool {
		return slices.ContainsFunc(w.Policies, func(p *networkingv1.NetworkPolicy) bool {
			return slices.ContainsFunc(p.Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool {
				return slices.ContainsFunc(r.To, func(p networkingv1.NetworkPolicyPeer) bool { return p.IPBlock != nil && len(p.IPBlock.Except) > 0 })
			})
		})
	}
	found := 0
	for seed := range uint64(300) {
		w := newSource(seed).world()
		if !guilty(w) {
			continue
		}
		found++
		small := shrink(w, guilty)
		if len(small.Pods) > 0 || len(small.Namespaces) != 1 || len(small.Policies) != 1 {
			t.Fatalf("world %d: not small:\n%s", seed, small.yaml())
		}
		spec := small.Policies[0].Spec
		if len(spec.Ingress) > 0 || len(spec.Egress) != 1 || len(spec.Egress[0].To) != 1 || len(spec.Egress[0].Ports) > 0 || len(spec.Egress[0].To[0].IPBlock.Except) != 1 {
			t.Fatalf("world %d: not small:\n%s", seed, small.yaml())
		}
	}
	if found == 0 {
		t.Error("no world was shrunk")
	}
}
