package waivers

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// CheckGiven is an error where nothing can be waived so: a reason or a day is
// missing, the day is over, or it is too far ahead.
func (p *Policy) CheckGiven(w Waiver, now time.Time) error {
	w.Rule = "any"
	if err := w.Check(); err != nil {
		return err
	}
	if w.expired(now) {
		return fmt.Errorf("until is %s, which is over: today is %s", w.Until.Format(dateForm), day(now).Format(dateForm))
	}
	return CheckUntil(w.Until, now, p.MaxDays)
}

// WhyNot is why a finding cannot be waived so wherever that is written, or "".
func WhyNot(f *harden.Finding, w Waiver) string {
	switch {
	case f.Fixer.Area == harden.AreaWaiver:
		return "a finding about a waiver is not waived: correct the waiver, or take it away (kubectl harden unwaive)"
	case f.Status == harden.StatusWaived:
		return fmt.Sprintf("it is waived already, until %s: %s (%s)", f.Excuse.Until.Format(dateForm), f.Excuse.Reason, f.Excuse.Source)
	case f.Status == harden.StatusExpected:
		return "it does not count: it is expected of such a workload: " + f.Excuse.Reason
	case f.Status != harden.StatusFail:
		return "it is not known whether this is wrong, so there is nothing to waive: " + f.Reason
	case max(f.Severity, f.Base) == harden.Critical && !w.AllowCritical:
		return "it is critical, or of a rule that is: that must be allowed on purpose (--allow-critical)"
	}
	return ""
}

// A Given is the annotation that waives one finding.
type Given struct {
	Finding    *harden.Finding
	Carrier    harden.Ref
	Key, Value string
	// Too are findings that it excuses besides those that were asked for.
	Too []*harden.Finding
	// Why says why there is none; empty when there is one.
	Why string
}

// Give makes annotations that waive findings of a result, each as long as its
// facts stay as they are. One of its rule that cannot be read, or that is about
// the same, is replaced; others are left alone.
func (p *Policy) Give(res *harden.Result, findings []*harden.Finding, w Waiver) []Given {
	x := newIndex(res.Inventory, p, true)
	g := &giving{there: map[harden.Key]map[string]string{}, fresh: map[harden.Key]map[string]string{}}
	for _, o := range x.objects {
		g.there[o.ref.Key()] = o.meta.GetAnnotations()
	}
	out := make([]Given, 0, len(findings))
	for _, f := range findings {
		given := Given{Finding: f, Carrier: Carrier(f), Why: WhyNot(f, w)}
		if given.Why == "" {
			given.Why = p.give(&given, g, w)
		}
		if given.Why == "" {
			given.Too = besides(res, x, given, findings)
		}
		out = append(out, given)
	}
	return out
}

// A giving knows which annotations are taken.
type giving struct {
	there, fresh map[harden.Key]map[string]string
}

func (p *Policy) give(given *Given, g *giving, w Waiver) (why string) {
	key := given.Carrier.Key()
	_, known := g.there[key]
	switch {
	case p.ConfigOnly:
		return "annotations waive nothing here: the configuration says trust: config-only; waive it there (--in-config)"
	case !known:
		return "there is no object that could carry an annotation: waive it in the configuration (--in-config)"
	}
	name, value, err := Annotation(given.Finding, w)
	if err != nil {
		return err.Error()
	}
	wanted, err := ParseAnnotation(name, value)
	if err != nil {
		return err.Error()
	}
	if g.fresh[key] == nil {
		g.fresh[key] = map[string]string{}
	}
	given.Key, given.Value = g.name(key, name, value, &wanted), value
	g.fresh[key][given.Key] = value
	return ""
}

// name is the first annotation of the rule that is free on the object: the plain
// one, then .2, .3 and so on.
func (g *giving) name(key harden.Key, plain, value string, wanted *Waiver) string {
	for n := 1; ; n++ {
		name := plain
		if n > 1 {
			name += "." + strconv.Itoa(n)
		}
		if given, ok := g.fresh[key][name]; ok {
			if given == value {
				return name
			}
			continue
		}
		old, taken := g.there[key][name]
		if !taken {
			return name
		}
		is, err := ParseAnnotation(name, old)
		if err != nil || is.Container == wanted.Container && maps.Equal(is.Match, wanted.Match) {
			return name
		}
	}
}

// besides are the findings that the annotation excuses although nobody asked.
func besides(res *harden.Result, x *index, given Given, asked []*harden.Finding) []*harden.Finding {
	w, err := ParseAnnotation(given.Key, given.Value)
	if err != nil {
		return nil
	}
	var too []*harden.Finding
	for _, f := range res.Findings {
		carried := keyOf(f) == given.Carrier.Key() || given.Carrier.Kind == "Namespace" && f.Object.Namespace == given.Carrier.Name
		if !carried || f.Status != harden.StatusFail || f.Fixer.Area == harden.AreaWaiver || w.fits(f, x) != full {
			continue
		}
		if !slices.ContainsFunc(asked, func(a *harden.Finding) bool { return a.ID() == f.ID() }) {
			too = append(too, f)
		}
	}
	return too
}

// For is the waiver, as it stands in a configuration, of just this finding in
// this cluster, as long as the facts stay as they are.
func For(f *harden.Finding, w Waiver, c harden.Cluster) Waiver {
	w.Rule, w.Kind, w.Name, w.Container = f.Fixer.ID, f.Object.Kind, literal(f.Object.Name), f.Container.Name
	w.Namespace, w.Cluster = f.Object.Namespace, c.UID
	if f.Object.Kind == "Namespace" {
		w.Namespace = f.Object.Name
	}
	if w.Cluster == "" {
		w.Cluster = literal(c.Context)
	}
	w.Match = binding(f)
	return w
}
