package waivers

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Policy says which waivers hold.
type Policy struct {
	Waivers    []Waiver        // of the configuration, checked
	ConfigOnly bool            // annotations of objects say nothing
	MaxDays    int             // how many days ahead an annotation may reach; 0: MaxDays
	Rules      []*harden.Fixer // all that there are, switched off or not
	// Redact takes secrets out of what people wrote; nil: there is none.
	Redact func(string) string
}

func (p *Policy) clean(s string) string {
	if p.Redact != nil {
		s = p.Redact(s)
	}
	return s
}

// Settle excuses the findings that are waived, corrects the counts, and adds
// findings about waivers that do not hold. What is excused is a copy in the place of
// the finding. The order of Findings is the caller's.
func (p *Policy) Settle(res *harden.Result) {
	s := p.settling(res)
	for i, f := range res.Findings {
		if !s.concerns(f) {
			continue
		}
		c := *f // others hold the finding as it was
		if s.finding(&c); c.Status == harden.StatusFail {
			s.hint(&c)
		}
		if c != *f {
			res.Findings[i] = &c
		}
	}
	s.report()
}

// concerns reports whether a waiver or a marker of another tool may be about the
// finding. Most of a cluster's many findings are none's concern.
func (s *settling) concerns(f *harden.Finding) bool {
	return len(s.config) > 0 && len(s.ofRule(f.Fixer.ID)) > 0 || len(s.x.annotated)+len(s.x.namespaces) > 0 && len(s.x.onObject(f)) > 0 ||
		len(s.x.foreign) > 0 && len(s.x.foreign[keyOf(f)]) > 0
}

func (p *Policy) settling(res *harden.Result) *settling {
	s := &settling{Policy: p, res: res, x: newIndex(res.Inventory, p, len(p.Waivers) > 0), byRule: map[string][]*Waiver{}, uses: map[*Waiver]*uses{}}
	s.config = make([]*Waiver, len(p.Waivers))
	for i := range p.Waivers {
		w := p.Waivers[i]
		w.Reason, w.By, w.Ticket = p.clean(w.Reason), p.clean(w.By), p.clean(w.Ticket)
		s.config[i] = &w
	}
	return s
}

type settling struct {
	*Policy
	res    *harden.Result
	x      *index
	config []*Waiver
	byRule map[string][]*Waiver // of config, by rule
	uses   map[*Waiver]*uses
}

// uses are what a waiver met.
type uses struct {
	full     []*harden.Finding // those that it is about, whether it excuses them or not
	excused  []*harden.Finding // those of them that it excuses
	other    *harden.Finding   // the first that it would be about if its facts were these
	critical *harden.Finding   // the first that it may not excuse
}

func (s *settling) of(w *Waiver) *uses {
	if s.uses[w] == nil {
		s.uses[w] = &uses{}
	}
	return s.uses[w]
}

func (s *settling) finding(f *harden.Finding) {
	for _, w := range s.ofRule(f.Fixer.ID) {
		s.try(w, f)
	}
	for _, w := range s.x.onObject(f) {
		s.try(w, f)
	}
}

// ofRule are the waivers of the configuration that are about a rule.
func (s *settling) ofRule(id string) []*Waiver {
	list, known := s.byRule[id]
	if !known {
		for _, w := range s.config {
			if is(w.Rule, id) {
				list = append(list, w)
			}
		}
		s.byRule[id] = list
	}
	return list
}

func (s *settling) try(w *Waiver, f *harden.Finding) {
	switch w.fits(f, s.x) {
	case otherwise:
		return
	case about:
		if u := s.of(w); u.other == nil && f.Status == harden.StatusFail {
			u.other = f
		}
		return
	}
	u := s.of(w)
	u.full = append(u.full, f)
	if f.Status != harden.StatusFail || w.expired(s.res.Inventory.Now) {
		return
	}
	if max(f.Severity, f.Base) == harden.Critical && !w.AllowCritical {
		if u.critical == nil {
			u.critical = f
		}
		return
	}
	f.Status, f.Excuse = harden.StatusWaived, w.excuse()
	u.excused = append(u.excused, f)
	n := s.res.Counts[f.Fixer.ID]
	n.Fail--
	n.Waived++
	s.res.Counts[f.Fixer.ID] = n
}

// report adds what is to be said about the waivers themselves.
func (s *settling) report() {
	for _, bad := range s.x.invalid {
		s.add(Invalid, bad.at, "invalid", "waives nothing: "+bad.why, "The annotation is no waiver, so the findings count: "+bad.why+".")
	}
	for _, w := range s.config {
		if s.inQuestion(w) {
			s.judge(w)
		}
	}
	for _, w := range s.x.inOrder() {
		s.judge(w)
	}
}

func (s *settling) judge(w *Waiver) {
	if !s.about(w) {
		s.count(Unused, func(n *harden.Counts) { n.Pass++ })
	}
}

// about reports what is wrong with a waiver, if anything is.
func (s *settling) about(w *Waiver) bool {
	rule, verdict, reason, detail := s.wrong(w)
	if rule != nil {
		s.add(rule, w.at, verdict, reason, detail)
	}
	return rule != nil
}

// wrong is what is wrong with a waiver: the rule that says so, and its words. The
// rule is nil where nothing is.
func (s *settling) wrong(w *Waiver) (rule *harden.Fixer, verdict, reason, detail string) {
	u := s.of(w)
	switch {
	case w.expired(s.res.Inventory.Now):
		detail = fmt.Sprintf("It held until %s: %s.", w.Until.Format(dateForm), w.Reason)
		if len(u.full) == 0 {
			detail += " Nothing is left that it would excuse: take it away."
		} else {
			detail += fmt.Sprintf(" Findings that it is about, which count again: %d. Repair them, or decide anew.", len(u.full))
		}
		return Expired, "expired", fmt.Sprintf("waiver of %s expired on %s", w.Rule, w.Until.Format(dateForm)), detail
	case u.critical != nil:
		return Invalid, "critical", "waiver of " + w.Rule + " does not allow for what is critical",
			fmt.Sprintf("%s of %s is critical. To waive it all the same, add allow-critical, set to true.", u.critical.Fixer.ID, u.critical.Object)
	case len(u.full) > 0 || !s.judged(w):
		return nil, "", "", ""
	case u.other != nil:
		return Unused, "facts-changed", "waiver of " + w.Rule + " is about other facts",
			fmt.Sprintf("It says %s; %s of %s has %s. Somebody has to look whether the reason still holds: %s.", w.facts(w.Match), u.other.Fixer.ID, u.other.Object, w.facts(u.other.Facts()), w.Reason)
	}
	return Unused, "unused", "waiver of " + w.Rule + " excuses nothing", "Nothing is found that it would excuse: take it away. It was given because: " + w.Reason + "."
}

// inQuestion reports whether a waiver of the configuration is about what was
// looked at. One for other clusters, namespaces and files is left alone.
func (s *settling) inQuestion(w *Waiver) bool {
	if !w.fitsCluster(s.x.cluster) {
		return false
	}
	if w.Cluster != "" && s.res.Inventory.Clusterwide {
		return true
	}
	for _, o := range s.x.objects {
		if w.fitsObject(o.ref, func() map[string]string { return s.x.labels[o.ref.Key()] }, s.x.cluster) && (w.Namespace != "" || w.Name != "" || len(w.Labels) > 0 || s.res.Inventory.Clusterwide) {
			return true
		}
	}
	return false
}

// judged reports whether a rule of the waiver was able to judge everything: where
// evidence is missing, nobody knows whether there is something to excuse.
func (s *settling) judged(w *Waiver) bool {
	known := false
	for _, rule := range s.Rules {
		if !is(w.Rule, rule.ID) {
			continue
		}
		n := s.res.Counts[rule.ID]
		if rule.Area == harden.AreaImage && n.NotApplicable > 0 {
			return false // an image that nobody looked into
		}
		known = known || n.Pass+n.Fail+n.Unknown+n.Waived+n.Expected > 0
	}
	return known
}

func (s *settling) add(rule *harden.Fixer, at place, verdict, reason, detail string) {
	if _, runs := s.res.Counts[rule.ID]; !runs {
		return
	}
	s.res.Findings = append(s.res.Findings, &harden.Finding{
		Fixer: rule, Object: at.object, Workload: at.workload, Discriminator: at.id, Field: at.field, Verdict: verdict,
		Severity: rule.Severity, Base: rule.Severity, Reason: reason, Detail: detail,
	})
	s.count(rule, func(n *harden.Counts) { n.Fail++ })
}

func (s *settling) count(rule *harden.Fixer, change func(*harden.Counts)) {
	n, runs := s.res.Counts[rule.ID]
	if !runs {
		return
	}
	change(&n)
	s.res.Counts[rule.ID] = n
}
