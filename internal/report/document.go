package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// The documents below are the stable machine-readable face: fields are added,
// never renamed or removed within one APIVersion.

type scanReport struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Summary    scanSummary   `json:"summary"`
	Findings   []findingDoc  `json:"findings"`
	NotChecked []unreadDoc   `json:"notChecked"`
	Rules      []ruleSummary `json:"rules"`
}

type scanSummary struct {
	Context    string         `json:"context,omitempty"`
	Server     string         `json:"server,omitempty"`
	Version    string         `json:"serverVersion,omitempty"`
	Namespaces []string       `json:"namespaces"`
	Objects    int            `json:"objects"`
	Workloads  int            `json:"workloads"`
	Findings   int            `json:"findings"`
	Unknown    int            `json:"unknown"`
	Waived     int            `json:"waived"`
	Expected   int            `json:"expected"`
	Baseline   *baselineDoc   `json:"baseline,omitempty"`
	BySeverity map[string]int `json:"bySeverity"`
}

type baselineDoc struct {
	Known   int `json:"known"`
	NotSeen int `json:"notSeen"`
}

type findingDoc struct {
	ID        string          `json:"id"`
	Identity  string          `json:"identity"`
	Title     string          `json:"title"`
	Area      harden.Area     `json:"area"`
	Severity  harden.Severity `json:"severity"`
	Base      harden.Severity `json:"baseSeverity"`
	Moved     string          `json:"severityWhy,omitempty"`
	Status    harden.Status   `json:"status"`
	Verdict   string          `json:"verdict,omitempty"`
	Object    objectDoc       `json:"object"`
	Workload  *objectDoc      `json:"workload,omitempty"`
	Container string          `json:"container,omitempty"`
	Field     string          `json:"field,omitempty"`
	Lens      harden.Lens     `json:"lens"`
	Reason    string          `json:"reason"`
	Detail    string          `json:"detail,omitempty"`
	BlockedBy string          `json:"blockedBy,omitempty"`
	Excuse    *excuseDoc      `json:"excuse,omitempty"`
	Known     bool            `json:"known,omitempty"`
	Fixes     []fixDoc        `json:"fixes"`
}

type excuseDoc struct {
	Reason string `json:"reason"`
	Until  string `json:"until,omitempty"` // YYYY-MM-DD
	By     string `json:"by,omitempty"`
	Ticket string `json:"ticket,omitempty"`
	Source string `json:"source,omitempty"`
}

type objectDoc struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	Source     string `json:"source,omitempty"`
}

type fixDoc struct {
	Title    string       `json:"title"`
	Class    harden.Class `json:"class"`
	Evidence []claimDoc   `json:"evidence"`
	Patch    []patchDoc   `json:"patch"`
	Manual   string       `json:"manual,omitempty"`
	Warning  string       `json:"warning,omitempty"`
}

type claimDoc struct {
	Code   string            `json:"code"`
	State  harden.ClaimState `json:"state"`
	Text   string            `json:"text"`
	Limits string            `json:"limits,omitempty"`
	Time   *time.Time        `json:"time,omitempty"`
}

type patchDoc struct {
	Verb   harden.Verb                `json:"verb"`
	Target objectDoc                  `json:"target"`
	Set    *unstructured.Unstructured `json:"set,omitempty"`
	Remove []string                   `json:"remove,omitempty"`
}

type unreadDoc struct {
	What      string `json:"what"`
	Namespace string `json:"namespace,omitempty"`
	Why       string `json:"why"`
}

type ruleSummary struct {
	ID            string `json:"id"`
	Pass          int    `json:"pass"`
	Fail          int    `json:"fail"`
	Unknown       int    `json:"unknown"`
	NotApplicable int    `json:"notApplicable"`
	Waived        int    `json:"waived"`
	Expected      int    `json:"expected"`
}

// JSON writes a ScanReport. The findings, of which there may be a great many,
// are written one by one.
func (s *Scan) JSON(w io.Writer) error {
	var text bytes.Buffer
	if err := writeJSON(&text, s.document()); err != nil {
		return err
	}
	const list = `"findings": [` // in no string of the document: quotes are escaped there
	head, tail, _ := strings.Cut(text.String(), list)
	buffered := bufio.NewWriter(w)
	out := &errWriter{w: buffered}
	fmt.Fprint(out, head, list)
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("    ", "  ")
	for i, f := range s.Findings {
		text.Reset()
		if err := enc.Encode(s.finding(f)); err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		fmt.Fprint(out, "\n    ")
		_, _ = out.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n"))) // out keeps the error
	}
	if len(s.Findings) > 0 {
		fmt.Fprint(out, "\n  ")
	}
	fmt.Fprint(out, tail)
	if out.err != nil {
		return out.err
	}
	return buffered.Flush()
}

// YAML writes a ScanReport.
func (s *Scan) YAML(w io.Writer) error {
	doc := s.document()
	for _, f := range s.Findings {
		doc.Findings = append(doc.Findings, s.finding(f))
	}
	return writeYAML(w, doc)
}

// document is the report without its findings.
func (s *Scan) document() scanReport {
	inv := s.Result.Inventory
	c := s.counts()
	doc := scanReport{
		APIVersion: APIVersion, Kind: "ScanReport",
		Summary: scanSummary{
			Context: inv.Cluster.Context, Server: inv.Cluster.Server, Version: inv.Cluster.Version,
			Namespaces: append([]string{}, inv.Scope...), Objects: inv.Objects, Workloads: len(inv.Workloads),
			Findings: c.Total, Unknown: c.Unknown, Waived: c.Waived, Expected: c.Expected, BySeverity: map[string]int{},
		},
		Findings:   []findingDoc{},
		NotChecked: unreadDocs(inv.Unread),
		Rules:      []ruleSummary{},
	}
	if s.Known != nil {
		doc.Summary.Baseline = &baselineDoc{Known: c.Known, NotSeen: s.NotSeen}
	}
	for _, sev := range harden.Severities() {
		doc.Summary.BySeverity[sev.String()] = c.BySeverity[sev]
	}
	for _, id := range sortedKeys(s.Result.Counts) {
		n := s.Result.Counts[id]
		doc.Rules = append(doc.Rules, ruleSummary{ID: id, Pass: n.Pass, Fail: n.Fail, Unknown: n.Unknown, NotApplicable: n.NotApplicable, Waived: n.Waived, Expected: n.Expected})
	}
	return doc
}

func (s *Scan) finding(f *harden.Finding) findingDoc {
	d := findingDoc{
		ID: f.Fixer.ID, Identity: f.ID(), Title: f.Fixer.Title, Area: f.Fixer.Area,
		Severity: f.Severity, Base: f.Base, Moved: f.SeverityWhy, Status: f.Status, Verdict: f.Verdict,
		Object: objectOf(f.Object), Container: f.Container.String(), Field: f.Field, Lens: f.Lens,
		Reason: f.Reason, Detail: f.Detail, BlockedBy: f.BlockedBy, Excuse: excuseOf(f.Excuse), Known: s.known(f), Fixes: []fixDoc{},
	}
	if f.Workload != nil && f.Workload.Ref.Key() != f.Object.Key() {
		w := objectOf(f.Workload.Ref)
		d.Workload = &w
	}
	for _, fix := range s.Fixes(f) {
		d.Fixes = append(d.Fixes, fixOf(fix))
	}
	return d
}

func excuseOf(e *harden.Excuse) *excuseDoc {
	if e == nil {
		return nil
	}
	return &excuseDoc{Reason: e.Reason, Until: day(e.Until), By: e.By, Ticket: e.Ticket, Source: e.Source}
}

// day is the date of a time, or empty.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

func fixOf(fix harden.Fix) fixDoc {
	d := fixDoc{Title: fix.Title, Class: fix.Class, Manual: fix.Manual, Warning: fix.Warning, Evidence: []claimDoc{}, Patch: []patchDoc{}}
	for _, c := range fix.Evidence {
		cd := claimDoc{Code: c.Code, State: c.State, Text: c.Text, Limits: c.Limits}
		if !c.Time.IsZero() {
			t := c.Time.UTC()
			cd.Time = &t
		}
		d.Evidence = append(d.Evidence, cd)
	}
	for _, ch := range fix.Changes {
		d.Patch = append(d.Patch, patchDoc{Verb: ch.Verb, Target: objectOf(ch.Target), Set: ch.Set, Remove: pathStrings(ch.Remove)})
	}
	return d
}

func objectOf(r harden.Ref) objectDoc {
	return objectDoc{APIVersion: r.APIVersion, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Source: r.Source.String()}
}

func unreadDocs(unread []harden.Unread) []unreadDoc {
	docs := []unreadDoc{}
	for _, u := range unread {
		docs = append(docs, unreadDoc{What: u.Resource, Namespace: u.Namespace, Why: u.Why})
	}
	return docs
}

func pathStrings(paths []harden.Path) []string {
	var out []string
	for _, p := range paths {
		out = append(out, p.String())
	}
	return out
}

func writeJSON(w io.Writer, doc any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

func writeYAML(w io.Writer, doc any) error {
	b, err := yaml.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoding report: %w", err)
	}
	_, err = w.Write(b)
	return err
}
