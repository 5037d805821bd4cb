package report

import (
	"bufio"
	"embed"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Pages are complete in themselves: no script, no font and no style comes from
// elsewhere, and their policy forbids it. All text is escaped by html/template.

//go:embed html
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"line":   harden.OneLine,
	"style":  style,
	"words":  statusWords,
	"groups": grouped,
}).ParseFS(pageFiles, "html/*.gohtml"))

func style() (template.CSS, error) {
	text, err := pageFiles.ReadFile("html/style.css")
	return template.CSS(text), err //nolint:gosec // it is ours
}

func writePage(w io.Writer, name string, data any) error {
	buffered := bufio.NewWriter(w)
	if err := pages.ExecuteTemplate(buffered, name, data); err != nil {
		return err
	}
	return buffered.Flush()
}

// A whereabouts says what was looked at, and when.
type whereabouts struct {
	Context, Version, Namespaces, Time, Program string
}

func whereOf(inv *harden.Inventory, program string) whereabouts {
	w := whereabouts{Context: inv.Cluster.Context, Version: inv.Cluster.Version, Program: program}
	switch n := len(inv.Scope); {
	case inv.Live() && inv.Clusterwide:
		w.Namespaces = "All namespaces"
	case n == 1 && inv.Scope[0] != "":
		w.Namespaces = "Namespace " + harden.OneLine(inv.Scope[0])
	case n > 1:
		w.Namespaces = plural(n, "namespace")
	}
	if !inv.Now.IsZero() {
		w.Time = inv.Now.UTC().Format(time.RFC3339)
	}
	return w
}

type scanPage struct {
	Where    whereabouts
	Sentence string
	Counts   []countOf
	Beside   []string
	Findings []*harden.Finding
	Row      func(*harden.Finding) scanRow
	Unread   []harden.Unread
	Rules    []scanRule
}

type countOf struct {
	Name string
	N    int
}

type scanRow struct {
	Severity, Mark, Rule, Object, Source, Container, Reason, Detail, Field, Excuse, Fix string
	Soft                                                                                bool
}

type scanRule struct {
	ID, Title, Severity, Doc string
	Refs                     []string
}

// HTML writes a page that needs nothing else.
func (s *Scan) HTML(w io.Writer) error {
	c, inv := s.counts(), s.Result.Inventory
	page := scanPage{
		Where: whereOf(inv, s.Version), Sentence: s.sentence(c), Beside: s.beside(c),
		Findings: s.Findings, Row: s.htmlRow, Unread: harden.GatherUnread(inv.Unread),
	}
	for _, severity := range harden.Severities() {
		page.Counts = append(page.Counts, countOf{severity.String(), c.BySeverity[severity]})
	}
	for _, f := range s.rules() {
		r := scanRule{ID: f.ID, Title: f.Title, Severity: f.Severity.String(), Doc: strings.TrimSpace(f.Doc)}
		for _, ref := range f.Refs {
			r.Refs = append(r.Refs, ref.Standard+" "+ref.ID)
		}
		page.Rules = append(page.Rules, r)
	}
	return writePage(w, "scan", page)
}

func (s *Scan) htmlRow(f *harden.Finding) scanRow {
	r := scanRow{
		Severity: f.Severity.String(), Rule: f.Fixer.ID, Object: f.Object.Long(), Source: f.Object.Source.String(), Container: f.Container.String(),
		Reason: f.Reason, Detail: f.Detail, Field: f.Field, Fix: s.fix(f), Soft: !s.counted(f),
	}
	if r.Soft {
		r.Mark = s.status(f)
	}
	if f.Excuse != nil {
		r.Excuse = excuse(f.Excuse)
	}
	return r
}

// rules are the fixers that have findings, each once, by id.
func (s *Scan) rules() []*harden.Fixer {
	byID := map[string]*harden.Fixer{}
	for _, f := range s.Findings {
		byID[f.Fixer.ID] = f.Fixer
	}
	var rules []*harden.Fixer
	for _, id := range sortedKeys(byID) {
		rules = append(rules, byID[id])
	}
	return rules
}

// HTML writes a page that needs nothing else.
func (c *Compliance) HTML(w io.Writer) error {
	inv := c.Result.Inventory
	return writePage(w, "compliance", struct {
		Where       whereabouts
		Statuses    []compliance.Status
		Assessments []*compliance.Assessment
		Unread      []harden.Unread
	}{whereOf(inv, c.Version), compliance.Statuses(), c.Assessments, harden.GatherUnread(inv.Unread)})
}
