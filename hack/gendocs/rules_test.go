package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var (
	links    = regexp.MustCompile(`\]\(([^)]*)\)`)
	headings = regexp.MustCompile(`(?m)^## (.*)$`)
)

func TestRulePagesAndTheirIndex(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rules")
	stale := filepath.Join(dir, "a-rule-that-is-gone.md")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	suite := fixers.Suite()
	if err := rulePages(dir, suite); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("the page of a rule that is gone is still there")
	}
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	index := string(text)
	anchors := map[string]bool{}
	for _, h := range headings.FindAllStringSubmatch(index, -1) {
		anchors["#"+anchor(h[1])] = true
	}
	for _, link := range links.FindAllStringSubmatch(index, -1) {
		if strings.HasPrefix(link[1], "#") {
			if !anchors[link[1]] {
				t.Errorf("the index has no heading for %s", link[1])
			}
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, link[1])); err != nil {
			t.Error(err)
		}
	}
	for _, f := range suite {
		page, err := os.ReadFile(filepath.Join(dir, f.ID+".md"))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(string(page), strings.TrimSpace(f.Doc)) || !strings.Contains(string(page), sentence(f.Title)) {
			t.Errorf("the page of %s lacks its title or documentation", f.ID)
		}
		if n := strings.Count(index, "| "+ruleLink(f)+" | "); n != 1 {
			t.Errorf("the index by area has %s %d times", f.ID, n)
		}
	}
}

func TestReferencesLink(t *testing.T) {
	for _, test := range []struct {
		reference harden.Reference
		want      string
	}{
		{harden.Reference{Standard: "ATT&CK", ID: "T1552.005"}, "[ATT&CK T1552.005](https://attack.mitre.org/techniques/T1552/005/)"},
		{harden.Reference{Standard: "CIS", ID: "5.2.7"}, "CIS 5.2.7"},
		{harden.Reference{Standard: "Kubernetes", ID: "Pod OS", URL: "https://kubernetes.io/x"}, "[Kubernetes Pod OS](https://kubernetes.io/x)"},
	} {
		if got := referenceLink(test.reference); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
