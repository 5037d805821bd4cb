package compliance

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Every id that a rule refers to exists in the standard that it names.
func TestReferencesExist(t *testing.T) {
	known := map[string]func(id string) bool{
		"Trivy":     oneOf(lines(t, "trivy.txt")),
		"Kubescape": oneOf(lines(t, "kubescape.txt")),
		"ATT&CK":    oneOf(slices.Concat(techniques(t), lines(t, "threat-matrix.txt"))),
		// Pages and features: there is no list of them.
		"Kubernetes": func(string) bool { return true },
	}
	for _, s := range Standards() {
		if s.References != "" && known[s.References] == nil {
			known[s.References] = func(id string) bool { return controlled(s.References, id) }
		}
	}
	for _, f := range fixers.Suite() {
		for _, r := range f.Refs {
			exists, ok := known[r.Standard]
			switch {
			case !ok:
				t.Errorf("%s refers to %q, which is no standard that is known", f.ID, r.Standard+" "+r.ID)
			case !exists(ReferenceID(r)):
				t.Errorf("%s refers to %q, which does not exist", f.ID, r.Standard+" "+r.ID)
			}
		}
	}
}

func TestUnknownReferencesAreSeen(t *testing.T) {
	for _, r := range []harden.Reference{{Standard: "CIS", ID: "5.6.1"}, {Standard: "PSS", ID: "baseline: nothing"}, {Standard: "NSA", ID: "weather"}} {
		if controlled(r.Standard, r.ID) {
			t.Errorf("%s %s exists", r.Standard, r.ID)
		}
	}
	if oneOf(techniques(t))("T9999") || !oneOf(techniques(t))("T1611") {
		t.Error("T9999 is a technique, or T1611 is none")
	}
}

// controlled reports whether a standard has a control to which rules refer so.
func controlled(standard, id string) bool {
	for _, s := range Standards() {
		if s.References != standard {
			continue
		}
		for _, c := range s.Controls() {
			if slices.Contains(c.references, id) {
				return true
			}
		}
	}
	return false
}

func oneOf(list []string) func(string) bool {
	set := map[string]bool{}
	for _, id := range list {
		set[id] = true
	}
	return func(id string) bool { return set[id] }
}

// techniques are the ids of ATT&CK, without the word for the container matrix.
func techniques(t *testing.T) []string {
	all := lines(t, "attack.txt")
	for i, line := range all {
		all[i], _, _ = strings.Cut(line, " ")
	}
	return all
}
