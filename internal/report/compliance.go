package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Compliance is what the writers of a compliance report need.
type Compliance struct {
	Result      *harden.Result
	Assessments []*compliance.Assessment
	Version     string // of the program
}

// listed is how many findings of a control are listed in texts; JSON and HTML have all.
const listed = 10

// statusWords are for people.
func statusWords(s compliance.Status) string {
	switch s {
	case compliance.NotApplicable:
		return "not applicable"
	case compliance.Hidden:
		return "not visible"
	}
	return string(s)
}

// tally is the counts of an assessment in words.
func tally(a *compliance.Assessment) string {
	var parts []string
	for _, s := range compliance.Statuses() {
		if n := a.Counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, statusWords(s)))
		}
	}
	return strings.Join(parts, ", ")
}

// Text writes the report for a terminal.
func (c *Compliance) Text(w io.Writer) error {
	buffered := bufio.NewWriter(w)
	out := &errWriter{w: buffered}
	for i, a := range c.Assessments {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s (%s): %s\n", a.Standard.Title, a.Standard.ID, tally(a))
		for _, section := range a.Sections {
			fmt.Fprintf(out, "\n  %s\n", section.Name())
			textSection(out, section)
		}
	}
	if unread := c.Result.Inventory.Unread; len(unread) > 0 {
		fmt.Fprintln(out)
		writeUnread(out, unread)
	}
	if out.err != nil {
		return out.err
	}
	return buffered.Flush()
}

func textSection(w io.Writer, section compliance.SectionVerdict) {
	width := 0
	for _, v := range section.Verdicts {
		width = max(width, len(v.Control.ID))
	}
	said := ""
	for _, v := range section.Verdicts {
		fmt.Fprintf(w, "    %-14s  %-*s  %s\n", strings.ToUpper(statusWords(v.Status)), width, v.Control.ID, v.Control.Title)
		// A reason that holds for many controls is said once.
		if v.Why != "" && v.Why != said {
			fmt.Fprintf(w, "      %s\n", harden.OneLine(v.Why))
		}
		said = v.Why
		g := grouped(v)
		for _, line := range g.First {
			fmt.Fprintf(w, "      - %s: %s\n", harden.OneLine(line.Object), harden.OneLine(line.Text))
		}
		if n := len(g.Rest); n > 0 {
			fmt.Fprintf(w, "      and %d more; -o json and -o html have all\n", n)
		}
	}
}

// Markdown writes the report as a page.
func (c *Compliance) Markdown(w io.Writer) error {
	buffered := bufio.NewWriter(w)
	out := &errWriter{w: buffered}
	fmt.Fprint(out, "# Compliance\n\n| standard |")
	for _, s := range compliance.Statuses() {
		fmt.Fprintf(out, " %s |", statusWords(s))
	}
	fmt.Fprint(out, "\n| --- |", strings.Repeat(" --- |", len(compliance.Statuses())), "\n")
	for _, a := range c.Assessments {
		fmt.Fprintf(out, "| %s |", escapeMarkdown(a.Standard.Title))
		for _, s := range compliance.Statuses() {
			fmt.Fprintf(out, " %d |", a.Counts[s])
		}
		fmt.Fprintln(out)
	}
	for _, a := range c.Assessments {
		fmt.Fprintf(out, "\n## %s\n", escapeMarkdown(a.Standard.Title))
		for _, section := range a.Sections {
			fmt.Fprintf(out, "\n### %s\n\n| control | status | title | what is behind it |\n| --- | --- | --- | --- |\n", escapeMarkdown(section.Name()))
			for _, v := range section.Verdicts {
				fmt.Fprintf(out, "| %s | %s | %s | %s |\n", escapeMarkdown(v.Control.ID), statusWords(v.Status), escapeMarkdown(v.Control.Title), markdownBehind(v))
			}
		}
	}
	markdownUnread(out, c.Result.Inventory.Unread)
	if out.err != nil {
		return out.err
	}
	return buffered.Flush()
}

func markdownBehind(v compliance.Verdict) string {
	var parts []string
	if v.Why != "" {
		parts = append(parts, escapeMarkdown(v.Why))
	}
	g := grouped(v)
	for _, line := range g.First {
		parts = append(parts, escapeMarkdown(line.Object+": "+line.Text))
	}
	if n := len(g.Rest); n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(parts, "<br>")
}

// A behind is one object with what a control found on it.
type behind struct {
	Object string
	Text   string
	Fails  bool
}

// behinds are the objects of a control: those that are listed everywhere, and the rest.
type behinds struct{ First, Rest []behind }

// grouped are the objects behind a verdict, each with its rules once, in the
// order of the findings.
func grouped(v compliance.Verdict) behinds {
	type key struct {
		object harden.Key
		status harden.Status
	}
	at := map[key]int{}
	rules := map[key]map[string]bool{}
	var all []behind
	for _, f := range v.Findings {
		k := key{f.Object.Key(), f.Status}
		i, known := at[k]
		if !known {
			i = len(all)
			at[k], rules[k] = i, map[string]bool{}
			b := behind{Object: f.Object.Long(), Fails: f.Status == harden.StatusFail}
			if src := f.Object.Source.String(); src != "" {
				b.Object += " (" + src + ")"
			}
			if !b.Fails {
				b.Text = f.Status.String() + " "
			}
			all = append(all, b)
		}
		if rules[k][f.Fixer.ID] {
			continue
		}
		if len(rules[k]) > 0 {
			all[i].Text += ", "
		}
		all[i].Text += f.Fixer.ID
		rules[k][f.Fixer.ID] = true
	}
	n := min(listed, len(all))
	return behinds{all[:n], all[n:]}
}

type complianceDoc struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Time       *time.Time        `json:"time,omitempty"`
	Context    string            `json:"context,omitempty"`
	Server     string            `json:"server,omitempty"`
	Version    string            `json:"serverVersion,omitempty"`
	Provider   string            `json:"provider,omitempty"`
	Namespaces []string          `json:"namespaces"`
	All        bool              `json:"allNamespaces"`
	Standards  []standardDoc     `json:"standards"`
	Findings   []complianceFound `json:"findings"`
	NotChecked []unreadDoc       `json:"notChecked"`
}

type standardDoc struct {
	ID       string                    `json:"id"`
	Title    string                    `json:"title"`
	Version  string                    `json:"version"`
	Counts   map[compliance.Status]int `json:"counts"`
	Controls []controlVerdictDoc       `json:"controls"`
}

type controlVerdictDoc struct {
	ID         string                `json:"id"`
	Section    string                `json:"section"`
	Title      string                `json:"title"`
	Status     compliance.Status     `json:"status"`
	Why        string                `json:"why,omitempty"`
	Visibility compliance.Visibility `json:"visibility"`
	Rules      []string              `json:"rules"`
	Findings   []string              `json:"findings"` // identities
}

// A complianceFound is a finding that some control names.
type complianceFound struct {
	Identity  string          `json:"identity"`
	ID        string          `json:"id"`
	Severity  harden.Severity `json:"severity"`
	Status    harden.Status   `json:"status"`
	Object    objectDoc       `json:"object"`
	Container string          `json:"container,omitempty"`
	Field     string          `json:"field,omitempty"`
	Reason    string          `json:"reason"`
	Excuse    *excuseDoc      `json:"excuse,omitempty"`
}

// JSON writes a ComplianceReport. Controls name findings by their identity, so
// that each is there once, however many controls it is behind.
func (c *Compliance) JSON(w io.Writer) error {
	inv := c.Result.Inventory
	doc := complianceDoc{
		APIVersion: APIVersion, Kind: "ComplianceReport",
		Context: inv.Cluster.Context, Server: inv.Cluster.Server, Version: inv.Cluster.Version, Provider: compliance.Provider(inv),
		Namespaces: append([]string{}, inv.Scope...), All: inv.Clusterwide,
		Standards: []standardDoc{}, Findings: []complianceFound{}, NotChecked: unreadDocs(inv.Unread),
	}
	if !inv.Now.IsZero() {
		now := inv.Now.UTC()
		doc.Time = &now
	}
	named := map[*harden.Finding]bool{}
	for _, a := range c.Assessments {
		doc.Standards = append(doc.Standards, standardOf(a, named))
	}
	for _, f := range c.Result.Findings {
		if named[f] {
			doc.Findings = append(doc.Findings, complianceFound{
				Identity: f.ID(), ID: f.Fixer.ID, Severity: f.Severity, Status: f.Status, Object: objectOf(f.Object),
				Container: f.Container.String(), Field: f.Field, Reason: f.Reason, Excuse: excuseOf(f.Excuse),
			})
		}
	}
	return writeJSON(w, doc)
}

func standardOf(a *compliance.Assessment, named map[*harden.Finding]bool) standardDoc {
	doc := standardDoc{ID: a.Standard.ID, Title: a.Standard.Title, Version: a.Standard.Version, Counts: map[compliance.Status]int{}, Controls: []controlVerdictDoc{}}
	for _, s := range compliance.Statuses() {
		doc.Counts[s] = a.Counts[s]
	}
	for _, section := range a.Sections {
		for _, v := range section.Verdicts {
			control := controlVerdictDoc{
				ID: v.Control.ID, Section: section.Name(), Title: v.Control.Title, Status: v.Status, Why: v.Why, Visibility: v.Control.Visibility,
				Rules: append([]string{}, v.Rules...), Findings: []string{},
			}
			for _, f := range v.Findings {
				named[f] = true
				control.Findings = append(control.Findings, f.ID())
			}
			doc.Controls = append(doc.Controls, control)
		}
	}
	return doc
}
