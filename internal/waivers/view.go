package waivers

import (
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Views are all waivers with what each does to a result that was settled by this
// policy: those of the configuration as they are written, then those of
// annotations in the order of their objects.
func (p *Policy) Views(res *harden.Result) []harden.WaiverView {
	s, original := p.again(res)
	var views []harden.WaiverView
	for _, w := range s.config {
		views = append(views, s.view(w, original, s.inQuestion(w)))
	}
	first := len(views)
	for _, w := range s.x.inOrder() {
		views = append(views, s.view(w, original, true))
	}
	for _, bad := range s.x.invalid {
		v := viewOf(&bad.waiver, bad.at)
		v.State, v.Why = harden.WaiverInvalid, bad.why
		views = append(views, v)
	}
	slices.SortStableFunc(views[first:], func(a, b harden.WaiverView) int { return compareRefs(a.Object, b.Object) })
	return views
}

// Excuses are the findings of a result, settled by whatever policy, that this one
// excuses.
func (p *Policy) Excuses(res *harden.Result) []*harden.Finding {
	s, original := p.again(res)
	var out []*harden.Finding
	for _, f := range s.res.Findings {
		if f.Status == harden.StatusWaived {
			out = append(out, original[f])
		}
	}
	return out
}

// again settles copies of the findings as they were before somebody waived them.
// Original tells of which finding each is a copy.
func (p *Policy) again(res *harden.Result) (s *settling, original map[*harden.Finding]*harden.Finding) {
	copied := &harden.Result{Inventory: res.Inventory, Counts: map[string]harden.Counts{}}
	for id, n := range res.Counts {
		n.Fail, n.Waived = n.Fail+n.Waived, 0
		copied.Counts[id] = n
	}
	original = map[*harden.Finding]*harden.Finding{}
	for _, f := range res.Findings {
		if f.Fixer.Area == harden.AreaWaiver {
			continue
		}
		c := *f
		if c.Status == harden.StatusWaived {
			c.Status, c.Excuse = harden.StatusFail, nil
		}
		copied.Findings = append(copied.Findings, &c)
		original[&c] = f
	}
	s = p.settling(copied)
	for _, f := range copied.Findings {
		s.finding(f)
	}
	return s, original
}

func (s *settling) view(w *Waiver, original map[*harden.Finding]*harden.Finding, inQuestion bool) harden.WaiverView {
	v := viewOf(w, w.at)
	u := s.of(w)
	about := u.excused
	switch rule, _, reason, detail := s.wrong(w); {
	case rule == Expired:
		v.State, v.Why, about = harden.WaiverExpired, reason, u.full
	case len(u.excused) > 0:
		v.State = harden.WaiverHolds
	case !inQuestion:
		v.State, v.Why = harden.WaiverUnjudged, "it is about objects that were not looked at"
	case rule == Invalid:
		v.State, v.Why = harden.WaiverInvalid, detail
	case rule == Unused:
		v.State, v.Why = harden.WaiverUnused, detail
	case len(u.full) > 0:
		v.State, v.Why = harden.WaiverUnused, "what it is about does not count anyway"
	default:
		v.State, v.Why = harden.WaiverUnjudged, fmt.Sprintf("the rule %s judged nothing here", w.Rule)
	}
	for _, f := range about {
		v.Findings = append(v.Findings, original[f])
	}
	return v
}

func viewOf(w *Waiver, at place) harden.WaiverView {
	v := harden.WaiverView{Rule: w.Rule, Reason: w.Reason, Until: w.Until, By: w.By, Ticket: w.Ticket, Source: w.Source}
	if at.object.Kind != ConfigKind {
		v.Object, v.Annotation = at.object, Prefix+at.id
	}
	return v
}
