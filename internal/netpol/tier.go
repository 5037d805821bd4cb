package netpol

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// action is what a rule of a cluster-wide policy does, as an outcome.
type action = outcome

// fell says that no rule of a policy matched.
const fell outcome = 8

// A tierPolicy is a compiled policy of the Network Policy API's cluster-wide
// kinds. Its rules count in their order, and the first that matches decides.
type tierPolicy struct {
	ref      harden.Ref
	title    string
	priority int32
	subject  peerMatch
	rules    [2][]rule
	bad      string // why it cannot be understood; it may then say anything about anybody
}

// tier evaluates the policies of a tier. Of several policies with one priority
// the API lets any decide.
func (w *World) tier(policies []*tierPolicy, d int, subject, peer, dst *end, port dialed, t *trace) outcome {
	if subject.onHost() {
		return passed // the API leaves pods on the host network out
	}
	var result outcome
	for i := 0; i < len(policies); {
		var level outcome
		ends := false
		first := i
		for ; i < len(policies) && policies[i].priority == policies[first].priority; i++ {
			o := w.tierPolicyOutcome(policies[i], d, subject, peer, dst, port, t)
			if level&^fell != 0 && o&^fell != 0 && level&^fell != o&^fell {
				t.open(policies[first].title, " and others of priority ", fmt.Sprint(policies[first].priority), " disagree: the API lets any of them decide")
			}
			level |= o
			ends = ends || o&fell == 0
		}
		result |= level &^ fell
		if ends {
			return result
		}
	}
	return result | passed
}

func (w *World) tierPolicyOutcome(p *tierPolicy, d int, subject, peer, dst *end, port dialed, t *trace) outcome {
	if p.bad != "" {
		t.open(p.title, ": ", p.bad)
		return admitted | refused | passed | fell
	}
	if len(p.rules[d]) == 0 {
		return fell
	}
	sure, why := p.subject.matchesPod(subject)
	if sure == no {
		return fell
	}
	var result outcome
	for i := range p.rules[d] {
		r := &p.rules[d][i]
		m, because := w.ruleMatches(r, peer, dst, port)
		if m == no {
			continue
		}
		result |= r.action
		if m == maybe || sure == maybe {
			if t != nil {
				t.open(p.title, ", ", r.text(d, i+1), ": ", cmp.Or(because, why))
			}
			if m == maybe {
				continue
			}
		} else if result == r.action {
			switch r.action {
			case admitted:
				t.admit(p.ref, p.title, r, d, i+1)
			case refused:
				t.deny(p.ref, p.title, r, d, i+1)
			}
		}
		if sure == maybe {
			result |= fell
		}
		return result
	}
	return result | fell
}

// isolation tells what the tier does with all that come: refused where it denies
// every pod (ingress, where only pods can be named) or every address (egress),
// admitted where it lets everything through, else passed.
func (p *tierPolicy) isolation(d int, c *class, f families) outcome {
	sure, _ := p.subject.matchesPod(&end{pod: c})
	switch {
	case p.bad != "" || sure == maybe && len(p.rules[d]) > 0:
		return admitted | refused | passed
	case sure == no:
		return fell
	}
	for i := range p.rules[d] {
		if p.rules[d][i].everything(d, f) {
			return p.rules[d][i].action
		}
	}
	return fell
}

func (r *rule) everything(d int, f families) bool {
	if len(r.ports) > 0 {
		return false
	}
	if r.anyPeer {
		return true
	}
	var seen families
	for i := range r.peers {
		m := &r.peers[i]
		if d == ingress && m.isPods && m.bad == "" && m.spaces != nil && m.spaces.everything() && m.pods.everything() {
			return true
		}
		for _, b := range m.blocks {
			if b.prefix.IsValid() && b.prefix.Bits() == 0 && len(b.except) == 0 {
				seen.v4 = seen.v4 || b.prefix.Addr().Is4()
				seen.v6 = seen.v6 || b.prefix.Addr().Is6()
			}
		}
	}
	return (seen.v4 || !f.v4) && (seen.v6 || !f.v6)
}

func sortTier(all []*tierPolicy) {
	slices.SortStableFunc(all, func(a, b *tierPolicy) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.ref.Kind, b.ref.Kind), cmp.Compare(a.ref.Name, b.ref.Name))
	})
}
