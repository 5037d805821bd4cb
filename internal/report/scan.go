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
	// Known reports whether a finding is in a baseline; nil where there is none.
	Known func(*harden.Finding) bool
	// NotSeen is how many findings of the baseline are not there: gone, or out of scope.
	NotSeen int
	// Wide adds field, fixes and details to the table.
	Wide bool
	// Faint greys rows of the table that do not count, for a terminal.
	Faint bool
	// Version of the program.
	Version string
}

// counted reports whether a finding is something that is wrong and that nobody knew or excused.
func (s *Scan) counted(f *harden.Finding) bool { return f.Status == harden.StatusFail && !s.known(f) }

func (s *Scan) known(f *harden.Finding) bool {
	return s.Known != nil && f.Status == harden.StatusFail && s.Known(f)
}

// Fails reports whether a finding that counts has at least the severity.
func (s *Scan) Fails(least harden.Severity) bool {
	return slices.ContainsFunc(s.Findings, func(f *harden.Finding) bool { return f.Severity >= least && s.counted(f) })
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

// widestCell is how far a cell widens its column: one long name must not push
// the columns of all others out of sight.
const widestCell = 64

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
			widths[i] = max(widths[i], min(utf8.RuneCountInString(cell), widestCell))
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
	write := func(row []string, faint bool) {
		line = line[:0]
		if faint {
			line = append(line, "\x1b[2m"...)
		}
		for i, cell := range row {
			line = append(line, cell...)
			if i == len(row)-1 {
				break
			}
			for range max(2, widths[i]+2-utf8.RuneCountInString(cell)) {
				line = append(line, ' ')
			}
		}
		if faint {
			line = append(line, "\x1b[0m"...)
		}
		_, _ = w.Write(append(line, '\n')) // w keeps the error
	}
	write(head, false)
	for i, f := range s.Findings {
		row = s.row(row[:0], f, fixes[i])
		write(row, s.Faint && !s.counted(f))
	}
}

// row appends the cells of a finding.
func (s *Scan) row(cells []string, f *harden.Finding, fix string) []string {
	if s.Wide {
		cells = append(
			cells, f.Severity.String(), s.status(f), f.Fixer.ID, orDash(f.Object.Namespace), f.Object.String(),
			orDash(f.Container.String()), f.Reason, fix, orDash(f.Field), orDash(f.Object.Source.String()),
		)
	} else {
		cells = append(cells, f.Severity.String()+s.mark(f), f.Fixer.ID, f.Object.Long(), orDash(f.Container.String()), f.Reason, fix)
	}
	for i := range cells {
		cells[i] = harden.OneLine(cells[i])
	}
	return cells
}

// status is that of the finding; one of the baseline is known.
func (s *Scan) status(f *harden.Finding) string {
	if s.known(f) {
		return "known"
	}
	return f.Status.String()
}

// mark is the status in brackets, unless the finding counts.
func (s *Scan) mark(f *harden.Finding) string {
	if s.known(f) {
		return " (known)"
	}
	return statusMark(f.Status)
}

func statusMark(s harden.Status) string {
	if s == harden.StatusFail {
		return ""
	}
	return " (" + s.String() + ")"
}

// Summary writes the counts, and what could not be checked.
func (s *Scan) Summary(w io.Writer) {
	c := s.counts()
	fmt.Fprintln(w, s.sentence(c))
	for _, line := range s.beside(c) {
		fmt.Fprintln(w, line)
	}
	writeUnread(w, s.Result.Inventory.Unread)
}

// sentence says how many findings count, and what was checked.
func (s *Scan) sentence(c scanCounts) string {
	inv := s.Result.Inventory
	workloads := plural(len(inv.Workloads), "workload")
	if ns := len(inv.Scope); ns > 1 {
		workloads += " in " + plural(ns, "namespace")
	} else if ns == 1 && inv.Scope[0] != "" {
		workloads += fmt.Sprintf(" in namespace %q", inv.Scope[0])
	}
	switch {
	case c.Total == 0 && c.Unknown == 0 && len(s.Result.Findings) == 0 && len(inv.Workloads) == 0:
		return fmt.Sprintf("No workloads found (%s).", workloads)
	case c.Total == 0 && c.Unknown == 0:
		return fmt.Sprintf("No findings. Checked %s.", workloads)
	}
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
	return fmt.Sprintf("%s. Checked %s.", line, workloads)
}

// beside are sentences about what is not among the findings that count.
func (s *Scan) beside(c scanCounts) []string {
	var lines []string
	if c.Waived+c.Expected > 0 {
		lines = append(lines, fmt.Sprintf("Not counted: %d waived, %d expected.", c.Waived, c.Expected))
	}
	if s.Known != nil {
		line := fmt.Sprintf("Of the baseline: %s still there, not counted", plural(c.Known, "finding"))
		if s.NotSeen > 0 {
			line += fmt.Sprintf("; %d of it not seen now", s.NotSeen)
		}
		lines = append(lines, line+".")
	}
	if c.Unknown > 0 {
		lines = append(lines, plural(c.Unknown, "check")+" could not be judged (unknown).")
	}
	return lines
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
		fmt.Fprintf(w, "  %s\n", harden.OneLine(u.Resource+where+": "+u.Why))
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

// scanCounts are those of the findings that are shown. Total and BySeverity are
// of those that count: what is waived, expected or in the baseline is apart.
type scanCounts struct {
	Total, Unknown, Waived, Expected, Known int
	BySeverity                              map[harden.Severity]int
}

func (s *Scan) counts() scanCounts {
	c := scanCounts{BySeverity: map[harden.Severity]int{}}
	for _, f := range s.Findings {
		switch {
		case s.known(f):
			c.Known++
		case f.Status == harden.StatusFail:
			c.Total++
			c.BySeverity[f.Severity]++
		case f.Status == harden.StatusUnknown:
			c.Unknown++
		case f.Status == harden.StatusWaived:
			c.Waived++
		case f.Status == harden.StatusExpected:
			c.Expected++
		}
	}
	return c
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
