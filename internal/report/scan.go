package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Scan is what the writers of findings need.
type Scan struct {
	Result *harden.Result
	// Findings to show: those of Result that the user asked for, in order.
	Findings []*harden.Finding
	// Fixes proposes repairs of a finding.
	Fixes func(*harden.Finding) []harden.Fix
	// Wide adds field, fixes and details to the table.
	Wide bool
}

// Table writes one row a finding and a summary.
func (s *Scan) Table(w io.Writer) error {
	buffered := bufio.NewWriter(w)
	out := &errWriter{w: buffered}
	if len(s.Findings) > 0 {
		s.rows(out)
		fmt.Fprintln(out)
	}
	s.Summary(out)
	if out.err != nil {
		return out.err
	}
	return buffered.Flush()
}

// rows writes the findings in columns. There may be a great many, so that they
// are gone through twice, for the widths and to write, and not kept as text.
func (s *Scan) rows(w io.Writer) {
	head := []string{"SEVERITY", "RULE", "OBJECT", "CONTAINER", "REASON", "FIX"}
	if s.Wide {
		head = []string{"SEVERITY", "STATUS", "RULE", "NAMESPACE", "OBJECT", "CONTAINER", "REASON", "FIX", "FIELD", "SOURCE"}
	}
	fixes := make([]string, len(s.Findings))
	widths := make([]int, len(head))
	measure := func(row []string) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	measure(head)
	var row []string
	for i, f := range s.Findings {
		fixes[i] = s.fix(f)
		row = s.row(row[:0], f, fixes[i])
		measure(row)
	}
	var line []byte
	write := func(row []string) {
		line = line[:0]
		for i, cell := range row {
			line = append(line, cell...)
			if i == len(row)-1 {
				break
			}
			for range widths[i] + 2 - utf8.RuneCountInString(cell) {
				line = append(line, ' ')
			}
		}
		_, _ = w.Write(append(line, '\n')) // w keeps the error
	}
	write(head)
	for i, f := range s.Findings {
		row = s.row(row[:0], f, fixes[i])
		write(row)
	}
}

// row appends the cells of a finding.
func (s *Scan) row(cells []string, f *harden.Finding, fix string) []string {
	if s.Wide {
		return append(
			cells, f.Severity.String(), f.Status.String(), f.Fixer.ID, orDash(f.Object.Namespace), f.Object.String(),
			orDash(f.Container.String()), f.Reason, fix, orDash(f.Field), orDash(f.Object.Source.String()),
		)
	}
	return append(cells, f.Severity.String()+statusMark(f.Status), f.Fixer.ID, f.Object.Long(), orDash(f.Container.String()), f.Reason, fix)
}

// Summary writes the counts, and what could not be checked.
func (s *Scan) Summary(w io.Writer) {
	c := s.counts()
	inv := s.Result.Inventory
	workloads := plural(len(inv.Workloads), "workload")
	if ns := len(inv.Scope); ns > 1 {
		workloads += " in " + plural(ns, "namespace")
	} else if ns == 1 && inv.Scope[0] != "" {
		workloads += fmt.Sprintf(" in namespace %q", inv.Scope[0])
	}
	switch {
	case c.Total == 0 && c.Unknown == 0 && len(s.Result.Findings) == 0 && len(inv.Workloads) == 0:
		fmt.Fprintf(w, "No workloads found (%s).\n", workloads)
	case c.Total == 0 && c.Unknown == 0:
		fmt.Fprintf(w, "No findings. Checked %s.\n", workloads)
	default:
		var parts []string
		for _, sev := range harden.Severities() {
			if n := c.BySeverity[sev]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, sev))
			}
		}
		line := plural(c.Total, "finding")
		if len(parts) > 0 {
			line += ": " + strings.Join(parts, ", ")
		}
		fmt.Fprintf(w, "%s. Checked %s.\n", line, workloads)
	}
	if c.Unknown > 0 {
		fmt.Fprintf(w, "%s could not be judged (unknown).\n", plural(c.Unknown, "check"))
	}
	writeUnread(w, inv.Unread)
}

func writeUnread(w io.Writer, unread []harden.Unread) {
	if len(unread) == 0 {
		return
	}
	fmt.Fprintln(w, "Not checked:")
	for _, u := range harden.GatherUnread(unread) {
		where := ""
		if u.Namespace != "" {
			where = " in namespace " + u.Namespace
		}
		fmt.Fprintf(w, "  %s%s: %s\n", u.Resource, where, u.Why)
	}
}

// Names writes the objects that have findings as kubectl takes them:
// deployment.apps/web, one a line, each once.
func (s *Scan) Names(w io.Writer) error {
	out := &errWriter{w: w}
	seen := map[string]bool{}
	for _, f := range s.Findings {
		n := ResourceName(f.Object)
		if !seen[n] {
			seen[n] = true
			fmt.Fprintln(out, n)
		}
	}
	return out.err
}

// ResourceName is the object as `kubectl get -o name` writes it.
func ResourceName(r harden.Ref) string {
	kind := strings.ToLower(r.Kind)
	if g := r.GroupVersionKind().Group; g != "" {
		kind += "." + g
	}
	return kind + "/" + r.Name
}

// fix is the best class that is offered, or what there is instead.
func (s *Scan) fix(f *harden.Finding) string {
	if f.BlockedBy != "" {
		return "after " + f.BlockedBy
	}
	best := "-"
	for _, fix := range s.Fixes(f) {
		if len(fix.Changes) > 0 {
			return fix.Class.String()
		}
		best = "manual"
	}
	return best
}

type scanCounts struct {
	Total, Unknown int
	BySeverity     map[harden.Severity]int
}

func (s *Scan) counts() scanCounts {
	c := scanCounts{BySeverity: map[harden.Severity]int{}}
	for _, f := range s.Findings {
		switch f.Status {
		case harden.StatusFail:
			c.Total++
			c.BySeverity[f.Severity]++
		case harden.StatusUnknown:
			c.Unknown++
		}
	}
	return c
}

func statusMark(s harden.Status) string {
	if s == harden.StatusFail {
		return ""
	}
	return " (" + s.String() + ")"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		noun = strings.TrimSuffix(noun, "y") + "ies"
	case strings.HasSuffix(noun, "x"):
		noun += "es"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// errWriter keeps the first error, so that a closed pipe is seen once.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) Write(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.w.Write(p)
	e.err = err
	return n, err
}

// sortedKinds counts targets by kind for sentences such as "2 Deployments".
func sortedKinds(refs []harden.Ref) string {
	n := map[string]int{}
	for _, r := range refs {
		n[r.Kind]++
	}
	var kinds []string
	for k := range n {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	var parts []string
	for _, k := range kinds {
		parts = append(parts, plural(n[k], k))
	}
	return strings.Join(parts, ", ")
}
