package netpol

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An end is a part of a peer about which no policy can say two things.
type end struct {
	pod   *class   // nil for what is no pod
	on    []string // nodes that its pods run on, sorted
	isPod bool     // a reading of pod on the host network as a pod like others
	// isNode says that it has the address of a node.
	isNode bool
	node   *node // which, where that is known and one
	own    bool  // the node that the pods at the other end run on, each its own
	addrs  []netip.Addr
	// asPod and asNode are what a pod on the host network may be taken for.
	asPod, asNode *end
	seen          int32 // the port that the engine sees instead of the one that was asked for; 0: that one
}

// onHost reports whether it is a pod that shares the network of its node.
func (x *end) onHost() bool { return x.pod != nil && x.pod.host }

// outcome is the set of what may happen.
type outcome uint8

const (
	admitted outcome = 1 << iota
	refused
	passed // nothing was said
)

// reach is the one thing that may happen, or unknown.
func (o outcome) reach() harden.Reach {
	switch o {
	case admitted:
		return harden.ReachAllowed
	case refused:
		return harden.ReachDenied
	}
	return harden.ReachUnknown
}

// A selection is a policy that selects, or may select, a class in a direction.
type selection struct {
	policy *policy
	sure   tri
	why    string // for maybe
}

// selections are the policies of the class's namespace that isolate it.
func (w *World) selections(c *class) [2][]selection {
	var out [2][]selection
	for _, p := range w.policies[c.space.name] {
		sure, why := p.selects(c)
		if sure == no {
			continue
		}
		for d := range out {
			if p.isolates[d] {
				out[d] = append(out[d], selection{p, sure, why})
			}
		}
	}
	return out
}

func (w *World) selecting(c *class, d int) []selection {
	if c.id >= 0 {
		return w.selected[c.id][d]
	}
	return w.selections(c)[d]
}

// A trace collects what decides. It is nil where nobody wants to know.
type trace struct {
	admits   []said
	denies   []said // rules that deny
	isolates []said
	opens    []string // what makes the answer unknown
	refuses  bool     // nothing else can come of this side
}

// said is a rule of a policy, with its words.
type said struct {
	rule harden.PolicyRule
	text string
}

func (t *trace) admit(ref harden.Ref, title string, r *rule, d, n int) {
	if t != nil {
		t.admits = append(t.admits, said{harden.PolicyRule{Policy: ref, Direction: directions[d], Rule: n}, title + ", " + r.text(d, n)})
	}
}

func (t *trace) deny(ref harden.Ref, title string, r *rule, d, n int) {
	if t != nil {
		t.denies = append(t.denies, said{harden.PolicyRule{Policy: ref, Direction: directions[d], Rule: n}, title + ", " + r.text(d, n)})
	}
}

func (t *trace) isolate(ref harden.Ref, title string, d int) {
	if t != nil {
		t.isolates = append(t.isolates, said{harden.PolicyRule{Policy: ref, Direction: directions[d]}, title})
	}
}

func (t *trace) merge(other *trace) {
	t.admits = append(t.admits, other.admits...)
	t.denies = append(t.denies, other.denies...)
	t.isolates = append(t.isolates, other.isolates...)
	t.opens = append(t.opens, other.opens...)
	t.refuses = t.refuses || other.refuses
}

func (t *trace) open(parts ...string) {
	if t != nil {
		t.opens = append(t.opens, strings.Join(parts, ""))
	}
}

// pair evaluates both sides of a connection, each into a trace of its own. Pods on
// the host network are read as pods and as nodes, and the engine reads all in one
// way. The documentation of NetworkPolicies leaves it to the engine ("NetworkPolicy
// and hostNetwork pods"), so where the readings differ the answer is unknown.
func (w *World) pair(from, to *end, port dialed, traces *[2]trace) outcome {
	if to.seen != 0 {
		port.number = to.seen
	}
	if !from.onHost() && !to.onHost() {
		return w.both(from, to, port, traces)
	}
	asPods := w.both(from.asPod, to.asPod, port, traces)
	var other *[2]trace
	if traces != nil {
		other = &[2]trace{}
	}
	asNodes := w.both(from.asNode, to.asNode, port, other)
	if asPods == asNodes {
		if traces == nil {
			return asPods
		}
		for d := range other {
			traces[d].merge(&other[d])
		}
		return asPods
	}
	if traces != nil {
		traces[ingress].open("whether policies see pods on the host network as pods or as their node is up to the engine")
	}
	return asPods | asNodes
}

// read prepares what pods on the host network may be taken for.
func (w *World) read(all []*end) {
	for _, x := range all {
		if !x.onHost() {
			x.asPod, x.asNode = x, x
			continue
		}
		node := &end{isNode: true, addrs: x.addrs}
		if len(x.on) == 1 {
			node.node = w.node(x.on[0])
		}
		pod := *x
		pod.isPod, pod.node = true, node.node
		x.asPod, x.asNode = &pod, node
	}
}

// both evaluates egress and ingress: a connection needs the leave of both.
func (w *World) both(from, to *end, port dialed, traces *[2]trace) outcome {
	var out, in *trace
	if traces != nil {
		out, in = &traces[egress], &traces[ingress]
	}
	left := w.side(egress, from, to, to, port, out)
	if left == refused && traces == nil {
		return refused
	}
	right := w.side(ingress, to, from, to, port, in)
	if traces != nil {
		out.refuses, in.refuses = left == refused, right == refused
	}
	switch {
	case left == refused || right == refused:
		return refused
	case left == admitted && right == admitted:
		return admitted
	}
	return admitted | refused
}

// side evaluates what the policies about one end, the subject, say of the other.
func (w *World) side(d int, subject, peer, dst *end, port dialed, t *trace) outcome {
	if subject.pod == nil || subject.onHost() && !subject.isPod {
		return admitted
	}
	if d == ingress && isOwnNode(peer, subject) {
		return admitted
	}
	if why := subject.pod.space.blind; why != "" {
		t.open(why)
		return admitted | refused
	}
	result, standard := w.tier(w.admin, d, subject, peer, dst, port, t), passed
	if result&passed != 0 {
		standard = w.standard(d, subject, peer, dst, port, t)
		result = result&^passed | standard
	}
	if result&passed != 0 {
		result = result&^passed | w.tier(w.baseline, d, subject, peer, dst, port, t)
	}
	if result&passed != 0 {
		result = result&^passed | admitted
	}
	return w.besides(result, standard, d, subject.pod, t)
}

// isOwnNode reports whether the peer is the node that the pods run on: the
// kubelet's probes come from there, and no policy keeps them out.
func isOwnNode(peer, subject *end) bool {
	if subject.onHost() || !peer.isNode {
		return false
	}
	return peer.own || peer.node != nil && len(subject.on) == 1 && subject.on[0] == peer.node.name
}

// standard evaluates NetworkPolicies. It passes where none isolates the subject.
func (w *World) standard(d int, subject, peer, dst *end, port dialed, t *trace) outcome {
	selections := w.selecting(subject.pod, d)
	if len(selections) == 0 {
		return passed
	}
	best, isolated := no, false // of policies that select for sure
	every, some := yes, no      // of those that may select
	for _, s := range selections {
		m := w.policyAdmits(s.policy, d, peer, dst, port, t)
		if s.sure == yes {
			isolated = true
			best = max(best, m)
			t.isolate(s.policy.ref, s.policy.title, d)
		} else {
			every, some = min(every, m), max(some, m)
			t.open(s.policy.title, ": ", s.why)
		}
		if best == yes && t == nil {
			break
		}
	}
	switch {
	case best == yes:
		return admitted
	case isolated && best == no && some == no:
		return refused
	case isolated:
		return admitted | refused
	case every == yes:
		return admitted | passed
	}
	return admitted | refused | passed
}

// policyAdmits says whether a rule of the policy matches.
func (w *World) policyAdmits(p *policy, d int, peer, dst *end, port dialed, t *trace) tri {
	best := no
	for i := range p.rules[d] {
		r := &p.rules[d][i]
		m, why := w.ruleMatches(r, peer, dst, port)
		best = max(best, m)
		switch {
		case m == yes && t == nil:
			return yes
		case m == yes:
			t.admit(p.ref, p.title, r, d, i+1)
		case m == maybe && t != nil:
			t.open(p.title, ", ", r.text(d, i+1), ": ", why)
		}
	}
	return best
}

func (w *World) ruleMatches(r *rule, peer, dst *end, port dialed) (tri, string) {
	ports, why := portsMatch(r.ports, dst, port)
	if ports == no || r.anyPeer {
		return ports, why
	}
	best, because := no, ""
	for i := range r.peers {
		m, text := w.peerMatches(&r.peers[i], peer)
		if m > best {
			best, because = m, text
		}
		if m == yes {
			break
		}
	}
	if best == maybe {
		why = because
	}
	return min(ports, best), why
}

const (
	podsInBlocks = "whether an ipBlock matches pods is up to the engine"
	unknownAddr  = "the address is not known"
)

// peerMatches says whether an item of from or to is about the end.
func (w *World) peerMatches(m *peerMatch, x *end) (tri, string) {
	if m.bad != "" {
		return maybe, m.bad
	}
	if m.isPods {
		return m.matchesPod(x)
	}
	best, why := no, ""
	if m.nodes != nil && (x.isNode || x.onHost()) {
		best, why = maybe, "which node it is is not known"
		if x.node != nil {
			best, why = m.nodes.matches(&x.node.labels)
		}
	}
	if m.domains && x.pod == nil && !x.isNode {
		best, why = maybe, "it names hosts, whose addresses are not known"
	}
	for i := range m.blocks {
		in := m.blocks[i].holds(x, w.family)
		because := unknownAddr
		if !m.exact {
			switch {
			case x.pod == nil && !x.isNode:
			case w.inv.Net.Engine.Name == harden.EngineCilium:
				in = no
			case x.pod != nil && !x.pod.host:
				in, because = min(in, maybe), podsInBlocks
			}
		}
		if in > best {
			best, why = in, because
		}
	}
	return best, why
}

// matchesPod evaluates the selectors of a peer. The pods of cluster-wide
// policies, which have no namespace of their own, are never those on the host network.
func (m *peerMatch) matchesPod(x *end) (tri, string) {
	if x.pod == nil || x.pod.host && (!x.isPod || m.exact) {
		return no, ""
	}
	spaces, why := triOf(m.own == x.pod.space.name), ""
	if m.spaces != nil {
		spaces, why = m.spaces.matches(&x.pod.space.labels)
	}
	if spaces == no {
		return no, ""
	}
	pods, because := m.pods.matches(&x.pod.labels)
	if pods == maybe {
		why = because
	}
	return min(spaces, pods), why
}

// sortSaid orders rules by policy, direction (egress first) and number, and drops doubles.
func sortSaid(all []said) []said {
	slices.SortFunc(all, func(a, b said) int {
		return cmp.Or(
			cmp.Compare(a.rule.Direction, b.rule.Direction),
			cmp.Compare(a.rule.Policy.Kind, b.rule.Policy.Kind),
			cmp.Compare(a.rule.Policy.Namespace, b.rule.Policy.Namespace),
			cmp.Compare(a.rule.Policy.Name, b.rule.Policy.Name),
			cmp.Compare(a.rule.Rule, b.rule.Rule),
		)
	})
	return slices.Compact(all)
}
