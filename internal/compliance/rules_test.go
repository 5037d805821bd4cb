package compliance

import (
	"maps"
	"path"
	"slices"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// What the data names exists, so that a renamed rule does not silently answer nothing.
func TestDataNamesRulesThatExist(t *testing.T) {
	suite := fixers.Suite()
	for _, s := range Standards() {
		for _, c := range s.Controls() {
			for _, glob := range slices.Concat(c.rules, c.not, slices.Collect(maps.Keys(c.of))) {
				if !slices.ContainsFunc(suite, func(f *harden.Fixer) bool { ok, _ := path.Match(glob, f.ID); return ok }) {
					t.Errorf("%s: %s names %q, and there is no such rule", s.ID, c.ID, glob)
				}
			}
		}
	}
}
