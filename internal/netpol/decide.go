package netpol

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Decide says whether a connection from one peer to a port of another may be
// opened. Reach is ReachAllowed and Partly true where that holds for a part of a
// peer that stands for many.
func (w *World) Decide(from, to harden.Peer, port harden.Port) harden.Decision {
	left, right := w.ends(from, true), w.ends(to, false)
	if why := trimmed([]string{left.why, right.why}); why != "" {
		return harden.Decision{Reach: harden.ReachUnknown, Why: why}
	}
	dialed, ok := w.dial(port)
	if !ok {
		return harden.Decision{Reach: harden.ReachUnknown, Why: fmt.Sprintf("policies do not know protocol %q", harden.OneLine(string(port.Protocol)))}
	}
	if from == to && from.Workload.Kind == "Pod" {
		return harden.Decision{Reach: harden.ReachAllowed, Why: "a pod always reaches itself"}
	}
	a := question(&left, &right, func(a, b *end) part {
		var traces [2]trace
		o := w.pair(a, b, dialed, &traces)
		return part{o.reach(), &traces}
	})
	return a.decision()
}

// A part is the answer for one pair of ends.
type part struct {
	reach  harden.Reach
	traces *[2]trace // nil where nobody wants to know why
}

// An answer is what the parts come to.
type answer struct {
	reach  harden.Reach
	partly bool
	differ bool   // parts that had to agree do not
	of     []part // that decide
}

// question asks about every pair of ends. Those of a peer that stands for many
// are taken together: one that is allowed makes it allowed for a part. Those of
// replicas must agree.
func question(left, right *ends, ask func(a, b *end) part) answer {
	result := answer{reach: harden.ReachUnknown}
	first := true
	for i, n := 0, left.step(); i < len(left.all); i += n {
		for j, m := 0, right.step(); j < len(right.all); j += m {
			next := together(left.all[i:i+n], right.all[j:j+m], ask)
			switch {
			case first:
				result, first = next, false
			case result.reach != next.reach || result.partly != next.partly:
				return answer{reach: harden.ReachUnknown, differ: true, of: append(result.of, next.of...)}
			default:
				result.of = append(result.of, next.of...)
			}
		}
	}
	return result
}

// step is how many ends are taken together.
func (e *ends) step() int {
	if e.alike {
		return 1
	}
	return len(e.all)
}

func together(from, to []*end, ask func(a, b *end) part) answer {
	var count [3]int
	var by [3][]part
	for _, a := range from {
		for _, b := range to {
			p := ask(a, b)
			count[p.reach]++
			if p.traces != nil {
				by[p.reach] = append(by[p.reach], p)
			}
		}
	}
	switch {
	case count[harden.ReachAllowed] > 0:
		return answer{reach: harden.ReachAllowed, partly: count[harden.ReachDenied]+count[harden.ReachUnknown] > 0, of: by[harden.ReachAllowed]}
	case count[harden.ReachUnknown] > 0:
		return answer{reach: harden.ReachUnknown, of: by[harden.ReachUnknown]}
	}
	return answer{reach: harden.ReachDenied, of: by[harden.ReachDenied]}
}

func (a *answer) decision() harden.Decision {
	d := harden.Decision{Reach: a.reach, Partly: a.partly}
	var rules []said
	var texts []string
	for _, p := range a.of {
		said, text := p.because()
		rules = append(rules, said...)
		texts = append(texts, text)
	}
	for _, s := range sortSaid(rules) {
		if !slices.Contains(d.By, s.rule) {
			d.By = append(d.By, s.rule)
		}
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	if more := len(texts) - shown; more > 0 {
		texts = append(texts[:shown], fmt.Sprintf("and %d more reasons", more))
	}
	d.Why = strings.Join(texts, "; ")
	switch {
	case a.differ:
		d.Why = "its pods differ: " + d.Why
	case a.partly:
		d.Why = "a part of it: " + d.Why
	}
	return d
}

// because names the rules that decide, and says it in words: egress before ingress.
func (p *part) because() ([]said, string) {
	var rules []said
	var texts []string
	for _, d := range [2]int{egress, ingress} {
		t := &p.traces[d]
		switch p.reach {
		case harden.ReachAllowed:
			rules = append(rules, t.admits...)
			texts = append(texts, list(t.admits))
		case harden.ReachDenied:
			if !t.refuses {
				continue
			}
			if len(t.denies) > 0 {
				rules = append(rules, t.denies...)
				texts = append(texts, list(t.denies)+" denies it")
				continue
			}
			rules = append(rules, t.isolates...)
			texts = append(texts, list(t.isolates)+verb(len(unique(t.isolates)))+strings.ToLower(string(directions[d]))+" and no rule admits it")
		case harden.ReachUnknown:
			rules = append(rules, t.isolates...)
			texts = append(texts, t.opens...)
		}
	}
	text := trimmed(texts)
	if text == "" {
		text = "no policy isolates it"
	}
	return rules, text
}

func verb(n int) string {
	if n == 1 {
		return " isolates "
	}
	return " isolate "
}

func unique(all []said) []said { return sortSaid(slices.Clone(all)) }

// shown bounds how many policies, and how many reasons, are told in words.
const shown = 3

func list(all []said) string {
	var texts []string
	for _, s := range unique(all) {
		texts = append(texts, s.text)
	}
	if more := len(texts) - shown; more > 0 {
		texts = append(texts[:shown], fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, ", ")
}

// Isolation is whether policies restrict the pods of a workload in a direction.
type Isolation struct {
	// State is ReachDenied when every pod of the workload is isolated (what no
	// rule admits is denied), ReachAllowed when one is not, ReachUnknown when it
	// cannot be told.
	State harden.Reach
	By    []harden.Ref // policies that isolate, or may
	Why   string       // for people
}

// Isolated tells whether the pods of the workload are isolated, by policies of
// any kind.
func (w *World) Isolated(workload harden.Ref, d harden.Direction) Isolation {
	g := w.pods.group(workload)
	if g == nil {
		return Isolation{State: harden.ReachUnknown, Why: workload.Long() + " was not read"}
	}
	result := Isolation{State: harden.ReachDenied}
	var whys []string
	for _, c := range g.classes {
		next := w.isolatedClass(c, directionIndex(d))
		switch {
		case next.State == harden.ReachAllowed && result.State != harden.ReachAllowed:
			result, whys = next, nil
		case next.State == harden.ReachUnknown && result.State == harden.ReachDenied:
			result, whys = next, nil
		case next.State == result.State:
			result.By = append(result.By, next.By...)
		default:
			continue
		}
		whys = append(whys, next.Why)
	}
	result.Why = trimmed(whys)
	slices.SortFunc(result.By, func(a, b harden.Ref) int {
		return strings.Compare(a.Kind+"\x00"+a.Namespace+"\x00"+a.Name, b.Kind+"\x00"+b.Namespace+"\x00"+b.Name)
	})
	result.By = slices.Compact(result.By)
	return result
}

// isolatedClass asks the tiers in their order, then the engine's policies.
func (w *World) isolatedClass(c *class, d int) Isolation {
	isolated := func(ref harden.Ref, title string) Isolation {
		return Isolation{State: harden.ReachDenied, By: []harden.Ref{ref}, Why: title}
	}
	open := Isolation{State: harden.ReachAllowed, Why: "no policy isolates it"}
	may := Isolation{State: harden.ReachUnknown}
	var mays []string
	note := func(ref harden.Ref, title, why string) {
		may.By = append(may.By, ref)
		mays = append(mays, title+": "+why)
	}
	if why := c.space.blind; why != "" {
		mays = append(mays, why)
	}
	decided := fell
	for _, p := range w.admin {
		o := fell
		if !c.host {
			o = p.isolation(d, c, w.family)
		}
		if o == refused {
			return isolated(p.ref, p.title)
		}
		if o == admitted {
			open.Why, decided = p.title+" admits everything", o
			break
		}
		if o == passed {
			break
		}
		if o != fell {
			note(p.ref, p.title, orSubject(p.bad))
		}
	}
	if decided == fell {
		if i, ok := w.isolatedByStandard(c, d, note); ok {
			return i
		}
		for _, p := range w.foreign {
			if !p.touches[d] || p.isolates[d] == no {
				continue
			}
			switch sure, why := p.selects(c); {
			case sure == yes && p.isolates[d] == yes && !c.host:
				return isolated(p.ref, p.title)
			case sure != no && c.host:
				note(p.ref, p.title, onHostNetwork)
			case sure != no:
				note(p.ref, p.title, orSubject(why))
			}
		}
		for _, p := range w.baseline {
			o := fell
			if !c.host {
				o = p.isolation(d, c, w.family)
			}
			if o == refused {
				return isolated(p.ref, p.title)
			}
			if o == admitted || o == passed {
				break
			}
			if o != fell {
				note(p.ref, p.title, orSubject(p.bad))
			}
		}
	}
	for _, u := range w.unseen {
		if u.namespace == "" || u.namespace == c.space.name {
			mays = append(mays, u.why)
		}
	}
	if len(mays) > 0 {
		may.Why = trimmed(mays)
		return may
	}
	return open
}

const onHostNetwork = "whether policies select pods on the host network is up to the engine"

func orSubject(why string) string {
	if why == "" {
		return "whether it isolates these pods is not known"
	}
	return why
}

// isolatedByStandard asks NetworkPolicies, and notes those that may isolate.
func (w *World) isolatedByStandard(c *class, d int, note func(harden.Ref, string, string)) (Isolation, bool) {
	result := Isolation{State: harden.ReachDenied}
	var titles []said
	for _, s := range w.selecting(c, d) {
		switch {
		case c.host:
			note(s.policy.ref, s.policy.title, onHostNetwork)
		case s.sure == yes:
			result.By = append(result.By, s.policy.ref)
			titles = append(titles, said{harden.PolicyRule{Policy: s.policy.ref}, s.policy.title})
		default:
			note(s.policy.ref, s.policy.title, s.why)
		}
	}
	result.Why = list(titles)
	return result, len(result.By) > 0
}
