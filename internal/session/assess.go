package session

import (
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Report is how the current snapshot stands against standards, by their names,
// each once; none: against all that fit what is looked at. Rules of the
// configuration are asked too, and those that it switches off are named as such.
func (s *Session) Report(names []string) ([]*compliance.Assessment, error) {
	snap, err := s.snapshotNow("reporting")
	if err != nil {
		return nil, err
	}
	standards, err := standardsOf(names, snap.Inventory)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	rules := s.config.Rules(fixers.Suite())
	s.mu.Unlock()
	var out []*compliance.Assessment
	for _, standard := range standards {
		out = append(out, compliance.Assess(snap.Result, rules, standard))
	}
	return out, nil
}

func standardsOf(names []string, inv *harden.Inventory) ([]*compliance.Standard, error) {
	if len(names) == 0 {
		return compliance.Fitting(inv), nil
	}
	var all []*compliance.Standard
	for _, name := range names {
		found, err := compliance.Find(name, inv)
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all, nil
}
