package fixers

import (
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func TestSuiteIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Suite() {
		t.Run(f.ID, func(t *testing.T) {
			if seen[f.ID] {
				t.Error("the id occurs twice")
			}
			seen[f.ID] = true
			if !kebab.MatchString(f.ID) || len(f.ID) > 45 {
				t.Error("the id must be kebab-case of at most 45 characters")
			}
			if f.Title == "" || strings.HasSuffix(f.Title, ".") {
				t.Errorf("the title %q must be a sentence fragment", f.Title)
			}
			if f.Area == "" || (f.Check == nil) != (f.Subject == harden.SubjectFinding) || len(f.Refs) == 0 {
				t.Error("area, check and references must be set")
			}
			for _, r := range f.Refs {
				if r.Standard == "" || r.ID == "" {
					t.Errorf("reference %+v needs a standard and an id", r)
				}
			}
			if lines := strings.Count(strings.TrimSpace(f.Doc), "\n"); lines < 5 {
				t.Errorf("the documentation has %d lines", lines+1)
			}
			if f.Fix == nil && !strings.Contains(strings.ToLower(f.Doc), "detection only") {
				t.Error(`without a Fix the documentation must say why it is "detection only"`)
			}
		})
	}
}
