package compliance

import (
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Status is how a control stands.
type Status string

// Statuses. What could not be judged and what cannot be seen is never Pass.
const (
	Fail          Status = "fail"          // something is wrong that nobody excused
	Unknown       Status = "unknown"       // it could not be judged, or not all of it
	Waived        Status = "waived"        // all that is wrong is waived or expected
	Pass          Status = "pass"          // rules ran and found nothing
	NotApplicable Status = "notApplicable" // nothing in scope is what it is about
	Hidden        Status = "notVisible"    // the Kubernetes API does not show it
)

// Statuses lists all, in the order in which they matter.
func Statuses() []Status { return []Status{Fail, Unknown, Waived, Pass, NotApplicable, Hidden} }

// An Assessment is how an inventory stands against a standard.
type Assessment struct {
	Standard *Standard
	Sections []SectionVerdict
	Counts   map[Status]int // controls
}

// A SectionVerdict is how the controls of a section stand.
type SectionVerdict struct {
	ID, Title string // some standards have titles alone
	Verdicts  []Verdict
}

// Name is id and title.
func (s *SectionVerdict) Name() string { return strings.TrimSpace(s.ID + " " + s.Title) }

// A Verdict is how one control stands.
type Verdict struct {
	Control Control
	Status  Status
	Why     string   // what is not known or seen; for Pass of a control that is partly visible, what the others cannot tell
	Rules   []string // ids of the rules that answer it, in the order of the suite
	// Findings of these rules: failures, then what could not be judged, then what
	// was excused; each in the order of the result.
	Findings []*harden.Finding
}

// Objects are what the failures are about, each once, in order.
func (v *Verdict) Objects() []harden.Ref {
	var refs []harden.Ref
	seen := map[harden.Key]bool{}
	for _, f := range v.Findings {
		if f.Status == harden.StatusFail && !seen[f.Object.Key()] {
			seen[f.Object.Key()] = true
			refs = append(refs, f.Object)
		}
	}
	return refs
}

// Assess judges the result of a suite by a standard.
func Assess(res *harden.Result, suite []*harden.Fixer, s *Standard) *Assessment {
	byRule := map[string][]*harden.Finding{}
	for _, f := range res.Findings {
		byRule[f.Fixer.ID] = append(byRule[f.Fixer.ID], f)
	}
	a := &Assessment{Standard: s, Counts: map[Status]int{}}
	for _, section := range s.Sections {
		out := SectionVerdict{ID: section.ID, Title: section.Title}
		for _, c := range section.Controls {
			v := assess(res, suite, s, c, byRule)
			a.Counts[v.Status]++
			out.Verdicts = append(out.Verdicts, v)
		}
		a.Sections = append(a.Sections, out)
	}
	return a
}

func assess(res *harden.Result, suite []*harden.Fixer, s *Standard, c Control, byRule map[string][]*harden.Finding) Verdict {
	v := Verdict{Control: c}
	seen := map[Status]bool{}
	var open []string // what keeps it from passing
	for _, f := range suite {
		if !s.AnsweredBy(&c, f) {
			continue
		}
		if _, ran := res.Counts[f.ID]; !ran && f.Off {
			continue // advice that nobody asked for
		}
		v.Rules = append(v.Rules, f.ID)
		findings := c.about(f.ID, byRule[f.ID])
		v.Findings = append(v.Findings, findings...)
		if len(findings) < len(byRule[f.ID]) {
			seen[Pass] = true // it ran, and what it found is about other controls
		}
		for status, why := range outcomes(res, f, findings) {
			seen[status] = true
			if why != "" && !slices.Contains(open, why) {
				open = append(open, why)
			}
		}
	}
	slices.SortStableFunc(v.Findings, func(a, b *harden.Finding) int { return rank[a.Status] - rank[b.Status] })
	v.Status, v.Why = decide(res.Inventory, &c, seen, len(v.Rules) > 0)
	if v.Status == Unknown && v.Why == "" {
		slices.Sort(open)
		v.Why = strings.Join(open, "; ")
	}
	return v
}

// rank orders the findings of a control.
var rank = map[harden.Status]int{harden.StatusFail: 0, harden.StatusUnknown: 1, harden.StatusWaived: 2, harden.StatusExpected: 3}

// outcomes are what a rule says, with what keeps it from saying more.
func outcomes(res *harden.Result, f *harden.Fixer, findings []*harden.Finding) map[Status]string {
	out := map[Status]string{}
	for _, finding := range findings {
		switch finding.Status {
		case harden.StatusFail:
			out[Fail] = ""
		case harden.StatusWaived, harden.StatusExpected:
			out[Waived] = ""
		}
	}
	counts, ran := res.Counts[f.ID]
	inv := res.Inventory
	switch {
	case !ran:
		out[Unknown] = f.ID + " is switched off"
	case counts.Unknown > 0:
		out[Unknown] = f.ID + " could not judge everything"
	case inv.Clusterwide && (f.Subject != harden.SubjectCluster || inv.Live()):
	case f.Subject == harden.SubjectCluster && !inv.Live():
		out[Unknown] = f.ID + " judges a cluster, not manifests"
	case ofCluster(f):
		out[Unknown] = f.ID + " judges objects without a namespace: look at all namespaces with -A"
	}
	if counts.Pass > 0 {
		out[Pass] = ""
	}
	return out
}

// ofCluster reports whether a rule judges something that has no namespace.
func ofCluster(f *harden.Fixer) bool {
	if f.Subject == harden.SubjectCluster {
		return true
	}
	for _, kind := range f.Kinds {
		if k, ok := harden.ObjectKindOf(kind); ok && k.Cluster {
			return true
		}
	}
	return false
}

// decide is the status of a control. The reason is empty where the rules have it.
func decide(inv *harden.Inventory, c *Control, seen map[Status]bool, answered bool) (Status, string) {
	provider := c.Managed[Provider(inv)]
	switch {
	case seen[Fail]:
		return Fail, ""
	case c.Visibility == NotVisible:
		if provider != "" {
			return Hidden, provider
		}
		return Hidden, c.Why
	case c.Cluster && inv.Live() && !inv.Clusterwide:
		return Unknown, "it is about the whole cluster: look at all namespaces with -A"
	case provider != "" && !seen[Pass]:
		return Hidden, provider
	case !answered:
		return Unknown, "no rule looks at it"
	case notLooked(inv, c.Needs):
		return Unknown, "not looked at without " + c.Needs
	case seen[Unknown]:
		return Unknown, ""
	case seen[Waived]:
		return Waived, ""
	case seen[Pass]:
		if c.Visibility == PartlyVisible {
			return Pass, c.Why
		}
		return Pass, ""
	case c.Cluster && !inv.Live():
		return Unknown, "manifests do not tell: look at the cluster"
	case c.Absent != "":
		return Hidden, c.Absent
	}
	return NotApplicable, "nothing in scope is what it is about"
}

// notLooked reports whether what a flag looks at is not known.
func notLooked(inv *harden.Inventory, flag string) bool {
	switch flag {
	case "--kubelets":
		return len(inv.Kubelets) == 0
	case "--images":
		return len(inv.Images) == 0
	case "--vulnerabilities":
		return len(inv.Scans) == 0
	}
	return false
}
