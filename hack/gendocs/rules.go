package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// rulePages writes docs/rules/: a page for each rule and an index. What is there
// of rules that are gone is removed.
func rulePages(dir string, suite []*harden.Fixer) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range suite {
		if err := os.WriteFile(filepath.Join(dir, f.ID+".md"), rulePage(f), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "README.md"), ruleIndex(suite), 0o644)
}

func rulePage(f *harden.Fixer) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\nThis page is generated from the rule by `make generate`; `kubectl harden explain %s` prints the same.\n\n", f.ID, f.ID)
	fmt.Fprintf(&b, "%s.\n\n| severity | area | fix | default |\n| --- | --- | --- | --- |\n| %s | %s | %s | %s |\n\n%s\n", sentence(f.Title), f.Severity, f.Area, fixOf(f), onOff(f), strings.TrimSpace(f.Doc))
	if len(f.Refs) > 0 {
		b.WriteString("\n## References\n\n")
	}
	for _, r := range f.Refs {
		fmt.Fprintf(&b, "- %s\n", referenceLink(r))
	}
	return b.Bytes()
}

// sentence is a sentence fragment with the first letter of a sentence.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// fixOf is what can be told of the fixes of a rule without a finding: whether
// there are any. The class of each is decided by its evidence.
func fixOf(f *harden.Fixer) string {
	if f.Fix == nil {
		return "detection only"
	}
	return "yes"
}

func onOff(f *harden.Fixer) string {
	if f.Off {
		return "off"
	}
	return "on"
}

// referenceLink is a reference with a link, where the standard has a page for it.
func referenceLink(r harden.Reference) string {
	text := r.Standard + " " + r.ID
	if url := cmp.Or(r.URL, referenceURL(r)); url != "" {
		return "[" + text + "](" + url + ")"
	}
	return text
}

func referenceURL(r harden.Reference) string {
	id := compliance.ReferenceID(r)
	switch {
	case r.Standard == "PSS":
		return "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
	case r.Standard == "Kubescape":
		return "https://hub.armosec.io/docs/" + strings.ToLower(id)
	case r.Standard == "ATT&CK" && strings.HasPrefix(id, "T"):
		return "https://attack.mitre.org/techniques/" + strings.ReplaceAll(id, ".", "/") + "/"
	case r.Standard == "ATT&CK":
		return "https://microsoft.github.io/Threat-Matrix-for-Kubernetes/"
	}
	return ""
}

// areas in the order of the index, with what they are about.
var areas = []struct {
	area harden.Area
	name string
}{
	{harden.AreaPod, "Pods and containers"},
	{harden.AreaImage, "Images"},
	{harden.AreaNetwork, "Network policies"},
	{harden.AreaIdentity, "Service accounts and RBAC"},
	{harden.AreaSecret, "Secrets and certificates"},
	{harden.AreaExposure, "Services, ingresses and gateways"},
	{harden.AreaCloud, "Cloud and nodes"},
	{harden.AreaResilience, "Resources and availability"},
	{harden.AreaNamespace, "Namespaces, policies and governance"},
	{harden.AreaControlPlane, "Control plane"},
	{harden.AreaWaiver, "Waivers"},
}

func ruleIndex(suite []*harden.Fixer) []byte {
	sorted := slices.SortedFunc(slices.Values(suite), func(a, b *harden.Fixer) int {
		return cmp.Or(-cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.ID, b.ID))
	})
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Rules\n\nThis page is generated from the %d rules by `make generate`; `kubectl harden explain` lists the same.\n\n", len(suite))
	b.WriteString("By area:\n\n")
	for _, a := range areas {
		fmt.Fprintf(&b, "- [%s](#%s)\n", a.name, anchor(a.name))
	}
	b.WriteString("\nBy standard:\n\n")
	for _, s := range indexed() {
		fmt.Fprintf(&b, "- [%s](#%s)\n", s.Title, anchor(s.Title))
	}
	b.WriteString("\nBy fix: [with a fix](#with-a-fix), [detection only](#detection-only), [off by default](#off-by-default)\n")
	for _, a := range areas {
		fmt.Fprintf(&b, "\n## %s\n\n| rule | severity | fix | what is wrong |\n| --- | --- | --- | --- |\n", a.name)
		for _, f := range sorted {
			if f.Area == a.area {
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", ruleLink(f), f.Severity, fixOf(f), f.Title)
			}
		}
	}
	for _, s := range indexed() {
		byStandard(&b, s, suite)
	}
	b.WriteString(`
## With a fix

The class of a fix is told by each finding, since its evidence decides: safe (it cannot change what a process may do),
evidence (it is safe, and that was looked at) or review (a person decides). A rule with a fix may still have findings that
only a person can repair; then the fix is a text that says how.

`)
	ruleList(&b, sorted, func(f *harden.Fixer) bool { return f.Fix != nil })
	b.WriteString("\n## Detection only\n\n")
	ruleList(&b, sorted, func(f *harden.Fixer) bool { return f.Fix == nil })
	b.WriteString("\n## Off by default\n\nAdvice that many do not want. The configuration switches it on.\n\n")
	ruleList(&b, sorted, func(f *harden.Fixer) bool { return f.Off })
	return b.Bytes()
}

// indexed are the standards of the index: of those that replace each other the newest.
func indexed() []*compliance.Standard {
	last := map[string]*compliance.Standard{}
	for _, s := range compliance.Standards() {
		last[s.Family] = s
	}
	var all []*compliance.Standard
	for _, s := range compliance.Standards() {
		if last[s.Family] == s || s.References == "" {
			all = append(all, s)
		}
	}
	return all
}

func byStandard(b *bytes.Buffer, s *compliance.Standard, suite []*harden.Fixer) {
	fmt.Fprintf(b, "\n## %s\n\n| control | title | visible | rules |\n| --- | --- | --- | --- |\n", s.Title)
	for _, c := range s.Controls() {
		var rules []string
		for _, f := range suite {
			if s.AnsweredBy(&c, f) {
				rules = append(rules, ruleLink(f))
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", c.ID, c.Title, c.Visibility, cmp.Or(strings.Join(rules, ", "), c.Why))
	}
}

func ruleList(b *bytes.Buffer, sorted []*harden.Fixer, has func(*harden.Fixer) bool) {
	for _, f := range sorted {
		if has(f) {
			fmt.Fprintf(b, "- %s: %s\n", ruleLink(f), f.Title)
		}
	}
}

func ruleLink(f *harden.Fixer) string { return "[" + f.ID + "](" + f.ID + ".md)" }

// anchor is that of a heading, as code hosts make it.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, heading)
}
