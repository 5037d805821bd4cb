package engine

import (
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// A setting is what moves the severity of findings on a workload: by one step at
// most, whatever speaks for it, and never to critical, which says what something
// is and not where.
type setting struct {
	up, down string // why; empty: nothing moves it that way
	// The widest way that leads to the workload: rules look at it too.
	way      string
	exposure harden.Exposure
}

// settingParts are what a setting is made of, besides its workload.
var settingParts = slices.Concat(harden.PartsOfExposure, rbac.Parts)

func settingOf(inv *harden.Inventory, w *harden.Workload) setting {
	var s setting
	s.way, s.exposure = inv.ExposureOf(w)
	switch {
	case w.Finished:
		s.down = "it has ended"
	case w.Replicas != nil && *w.Replicas == 0:
		s.down = "it has no replicas"
	}
	if by := inv.ExposedBy(w); by != "" {
		s.up = "reachable from outside through " + by
	} else if t := rbac.Of(inv).TokenOf(w); t.Mounted && t.Worst() >= harden.High {
		s.up = "its token can " + t.Lines[0].Can
	}
	return s
}

// place moves the severity of a finding. A rule that has moved it knows better.
func (s setting) place(f *harden.Finding) {
	if f.Status != harden.StatusFail || f.SeverityWhy != "" || s.up != "" && s.down != "" {
		return
	}
	switch {
	case s.up != "" && weighs(f.Fixer.Area) && f.Severity >= harden.Low && f.Severity < harden.High:
		f.Severity++
		f.SeverityWhy = s.up
	case s.down != "" && f.Severity > harden.Info:
		f.Severity--
		f.SeverityWhy = s.down
	}
}

// weighs reports whether what is wrong in the area is worse where an attacker
// is nearer: what somebody in the pod may do.
func weighs(a harden.Area) bool { return a == harden.AreaPod || a == harden.AreaIdentity }
