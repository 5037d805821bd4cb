// Package fixtest runs one fixer over objects that are written as YAML, for the
// tests of fixers.
package fixtest

import (
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Now is the time of every inventory made here.
var Now = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// An Option changes the inventory before a fixer sees it.
type Option func(*harden.Inventory)

// Minor sets the minor version of the cluster; without it the version is unknown.
func Minor(minor int) Option {
	return func(i *harden.Inventory) { i.Cluster.Minor = minor }
}

// Live makes the inventory one of a cluster; without it the objects are from a file.
func Live() Option {
	return func(i *harden.Inventory) {
		i.Cluster.Server, i.Cluster.Context = "https://127.0.0.1:6443", "test"
		for _, w := range i.Workloads {
			w.Ref.Source = harden.Source{}
		}
		i.NetworkPolicySources = nil
		for _, list := range i.Others {
			for _, o := range list {
				o.Ref.Source = harden.Source{}
			}
		}
	}
}

// Unreadable says that a resource could not be read in any namespace.
func Unreadable(resource, why string) Option {
	return func(i *harden.Inventory) {
		i.Unread = append(i.Unread, harden.Unread{Resource: resource, Why: why})
	}
}

// Image says what is known about an image on the default platform.
func Image(reference string, facts harden.ImageFacts) Option {
	return func(i *harden.Inventory) {
		if i.Images == nil {
			i.Images = map[harden.ImageKey]*harden.ImageFacts{}
		}
		i.Images[harden.ImageKey{Reference: reference, Platform: harden.DefaultPlatform}] = &facts
	}
}

// Run lists what the fixer finds in the objects.
func Run(t testing.TB, fixer *harden.Fixer, yaml string, opts ...Option) []*harden.Finding {
	t.Helper()
	var findings []*harden.Finding
	for _, p := range check(fixer, Load(t, yaml, opts...)) {
		findings = append(findings, p.Findings...)
	}
	return findings
}

// Only is Run where exactly one finding is expected.
func Only(t testing.TB, fixer *harden.Fixer, yaml string, opts ...Option) *harden.Finding {
	t.Helper()
	findings := Run(t, fixer, yaml, opts...)
	if len(findings) != 1 {
		t.Fatalf("%s: got %d findings, want 1: %v", fixer.ID, len(findings), Reasons(findings))
	}
	return findings[0]
}

// Fixes lists the fixes of the only finding, best first.
func Fixes(t testing.TB, fixer *harden.Fixer, yaml string, opts ...Option) []harden.Fix {
	t.Helper()
	all := AllFixes(t, fixer, yaml, opts...)
	if len(all) != 1 {
		t.Fatalf("%s: got %d findings, want 1", fixer.ID, len(all))
	}
	return all[0]
}

// AllFixes lists the fixes of each finding, in the order of Run.
func AllFixes(t testing.TB, fixer *harden.Fixer, yaml string, opts ...Option) [][]harden.Fix {
	t.Helper()
	var fixes [][]harden.Fix
	for _, p := range check(fixer, Load(t, yaml, opts...)) {
		for _, f := range p.Findings {
			if fixer.Fix == nil {
				fixes = append(fixes, nil)
				continue
			}
			fixes = append(fixes, fixer.Fix(p, f))
		}
	}
	return fixes
}

// NotApplicable reports whether the fixer has nothing to say about any of the objects.
func NotApplicable(t testing.TB, fixer *harden.Fixer, yaml string, opts ...Option) bool {
	t.Helper()
	passes := check(fixer, Load(t, yaml, opts...))
	for _, p := range passes {
		if !p.IsNotApplicable() {
			return false
		}
	}
	return len(passes) > 0
}

// Reasons tells findings apart in messages: FIXER OBJECT CONTAINER REASON.
func Reasons(findings []*harden.Finding) []string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, f.Fixer.ID+" "+f.Object.String()+" "+f.Container.String()+" "+f.Reason)
	}
	return lines
}
