package compliance

import (
	"path"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Standard is one version of a catalogue of controls.
type Standard struct {
	ID      string // such as cis-1.12, as --standard takes it
	Family  string // such as cis: the newest or the fitting one of it is meant
	Title   string
	Version string
	// References is the word by which rules refer to the standard, see
	// harden.Reference; empty where the data alone names the rules.
	References string
	Provider   string // the managed service that it is about: eks; empty: any cluster
	Live       bool   // it says nothing about manifests
	Sections   []Section
	from, to   int // minor versions of the server that it is for; 0: no limit
	minors     bool
}

// A Section is a chapter of a standard.
type Section struct {
	ID, Title string
	Controls  []Control
}

// A Control is one thing that a standard asks for.
type Control struct {
	ID, Title  string
	Visibility Visibility
	Why        string            // what cannot be seen, and why; set unless Visibility is Visible
	Managed    map[string]string // by provider (eks, gke, aks): why it is not visible there, or what the provider has instead
	Cluster    bool              // what it is about lies outside of one namespace
	Needs      string            // the flag without which it is not looked at; empty: none
	Absent     string            // why it is not visible in a cluster where nothing is what it is about; empty: then it does not apply
	references []string          // ids by which rules refer to it
	like       []string          // ids of the CIS Kubernetes Benchmark
	rules      []string          // globs of rules besides those that refer to it
	not        []string          // rules that refer to it and do not answer it
	of         map[string][]string
}

// about are those of a rule's findings that are about the control.
func (c *Control) about(rule string, findings []*harden.Finding) []*harden.Finding {
	globs, limited := c.of[rule]
	if !limited {
		return findings
	}
	var kept []*harden.Finding
	for _, f := range findings {
		if f.Status == harden.StatusUnknown || slices.ContainsFunc(globs, func(glob string) bool { return matches(glob, f) }) {
			kept = append(kept, f)
		}
	}
	return kept
}

func matches(glob string, f *harden.Finding) bool {
	for _, text := range []string{f.Discriminator, f.Verdict, f.Reason, f.Object.Name} {
		if ok, _ := path.Match(glob, text); ok { // a test matches all globs
			return true
		}
	}
	return false
}

// Visibility says how much of a control the Kubernetes API shows.
type Visibility string

// Visibilities.
const (
	Visible       Visibility = "yes"
	PartlyVisible Visibility = "partly"
	NotVisible    Visibility = "no"
)

// Controls are those of all sections.
func (s *Standard) Controls() []Control {
	var all []Control
	for _, section := range s.Sections {
		all = append(all, section.Controls...)
	}
	return all
}

// cis is the word for the benchmark that others build upon.
const cis = "CIS"

// AnsweredBy reports whether what the rule finds says something about the control.
func (s *Standard) AnsweredBy(c *Control, f *harden.Fixer) bool {
	if slices.Contains(c.not, f.ID) {
		return false
	}
	for _, glob := range c.rules {
		if ok, _ := path.Match(glob, f.ID); ok { // a test matches all globs
			return true
		}
	}
	return slices.ContainsFunc(f.Refs, func(r harden.Reference) bool {
		id := ReferenceID(r)
		return s.References != "" && r.Standard == s.References && slices.Contains(c.references, id) ||
			r.Standard == cis && slices.Contains(c.like, id)
	})
}

// ReferenceID is the id of a reference without what is said about it in brackets.
func ReferenceID(r harden.Reference) string {
	id, _, _ := strings.Cut(r.ID, " (")
	return id
}
