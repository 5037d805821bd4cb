package compliance

import (
	"bufio"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// lines are those of a list in testdata, without comments.
func lines(t *testing.T, name string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := s.Text(); !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return all
}

func TestDataIsComplete(t *testing.T) {
	ids := map[string]bool{}
	for _, s := range Standards() {
		if ids[s.ID] || s.Title == "" || len(s.Sections) == 0 {
			t.Errorf("%s: the id must be unique, title and sections must be set", s.ID)
		}
		ids[s.ID] = true
		seen := map[string]bool{}
		for _, c := range s.Controls() {
			if seen[c.ID] {
				t.Errorf("%s: %s occurs twice", s.ID, c.ID)
			}
			seen[c.ID] = true
			if c.Title == "" {
				t.Errorf("%s: %s has no title", s.ID, c.ID)
			}
			if !slices.Contains([]Visibility{Visible, PartlyVisible, NotVisible}, c.Visibility) || c.Visibility != Visible && c.Why == "" {
				t.Errorf("%s: %s is %q and says why: %q", s.ID, c.ID, c.Visibility, c.Why)
			}
			for rule, globs := range c.of {
				for _, glob := range globs {
					if _, err := path.Match(glob, ""); err != nil {
						t.Errorf("%s: %s: %s: %q: %v", s.ID, c.ID, rule, glob, err)
					}
				}
			}
			if notLooked(&harden.Inventory{}, c.Needs) != (c.Needs != "") {
				t.Errorf("%s: %s needs %q, which is not known", s.ID, c.ID, c.Needs)
			}
			for provider := range c.Managed {
				if !slices.Contains([]string{EKS, GKE, AKS}, provider) {
					t.Errorf("%s: %s: unknown provider %q", s.ID, c.ID, provider)
				}
			}
		}
	}
}

// The numbers are those that kube-bench has, version by version.
func TestBenchmarksHaveAllTheirNumbers(t *testing.T) {
	want := map[string][]string{}
	for _, line := range lines(t, "cis.txt") {
		standard, id, _ := strings.Cut(line, " ")
		want[standard] = append(want[standard], id)
	}
	for _, s := range Standards() {
		if len(want[s.ID]) == 0 {
			if s.Family == "cis" || s.Family == "cis-eks" {
				t.Errorf("%s is not in the list", s.ID)
			}
			continue
		}
		var got []string
		for _, c := range s.Controls() {
			got = append(got, c.ID)
		}
		slices.Sort(got)
		slices.Sort(want[s.ID])
		if diff := cmp.Diff(want[s.ID], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.ID, diff)
		}
	}
}

// Rules refer to controls by the numbers of v1.10; the data knows where they went.
func TestNumbersMoveBetweenVersions(t *testing.T) {
	rule := func(standard, id string) *harden.Fixer {
		return &harden.Fixer{ID: "rule", Refs: []harden.Reference{{Standard: standard, ID: id}}}
	}
	for _, test := range []struct {
		standard, reference string
		want                map[string]string // by standard: the control that the rule answers
	}{
		{"CIS", "5.2.9 (until v1.11)", map[string]string{"cis-1.10": "5.2.9", "cis-1.11": "5.2.9", "cis-1.12": ""}},
		{"CIS", "5.2.10 (5.2.9 since v1.12)", map[string]string{"cis-1.10": "5.2.10", "cis-1.11": "5.2.10", "cis-1.12": "5.2.9"}},
		{"CIS", "5.2.11", map[string]string{"cis-1.11": "5.2.11", "cis-1.12": "5.2.10"}},
		{"CIS", "5.2.13", map[string]string{"cis-1.11": "5.2.13", "cis-1.12": "5.2.12"}},
		{"CIS", "5.7.4", map[string]string{"cis-1.10": "5.7.4", "cis-1.11": "5.6.4", "cis-1.12": "5.6.4", "cis-eks-1.7": "4.5.2"}},
		{"CIS", "1.2.30", map[string]string{"cis-1.10": "", "cis-1.11": "1.2.30", "cis-1.12": "1.2.30"}},
		{"CIS", "5.1.13", map[string]string{"cis-eks-1.7": "", "cis-eks-1.8": "4.1.12"}},
		{"CIS EKS", "4.3.2", map[string]string{"cis-eks-1.7": "4.3.2", "cis-1.12": ""}},
	} {
		for _, s := range Standards() {
			want, asked := test.want[s.ID]
			if !asked {
				continue
			}
			got := ""
			for _, c := range s.Controls() {
				if s.AnsweredBy(&c, rule(test.standard, test.reference)) {
					got += c.ID
				}
			}
			if got != want {
				t.Errorf("%s %s answers %q of %s, want %q", test.standard, test.reference, got, s.ID, want)
			}
		}
	}
}
