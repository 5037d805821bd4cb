package prompts

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func lines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// called is how an object is spoken of: "Deployment web in shop".
func called(r harden.Ref) string {
	s := r.Kind + " " + r.Name
	if r.Namespace != "" {
		s += " in " + r.Namespace
	}
	if src := r.Source; !src.IsZero() {
		s += ", file " + src.File
		if src.Line > 0 {
			s += " line " + strconv.Itoa(src.Line)
		}
	}
	return s
}

// containerWords are ", container web", or nothing for the pod itself.
func containerWords(c harden.ContainerRef) string {
	switch {
	case c.IsZero():
		return ""
	case c.Kind == harden.AppContainer:
		return ", container " + c.Name
	}
	return ", " + string(c.Kind) + " container " + c.Name
}

// countWords are "3 critical, 9 high"; what is zero is not said.
func countWords(c tui.Counts) string {
	var parts []string
	for _, s := range harden.Severities() {
		if n := c.Failed[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if c.Unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d not judged", c.Unknown))
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing found")
	}
	if c.Excused > 0 {
		parts = append(parts, fmt.Sprintf("%d waived or expected", c.Excused))
	}
	return strings.Join(parts, ", ")
}

func plus(a *tui.Counts, b tui.Counts) {
	for i, n := range b.Failed {
		a.Failed[i] += n
	}
	a.Unknown += b.Unknown
	a.Excused += b.Excused
}

// gradeWord is the severity, or the status of what does not count.
func gradeWord(f *harden.Finding) string {
	switch f.Status {
	case harden.StatusFail:
		return f.Severity.String()
	case harden.StatusUnknown:
		return "not judged"
	}
	return f.Status.String()
}

func className(c harden.Class) string {
	switch c {
	case harden.Safe:
		return "safe: it cannot change what any process may do"
	case harden.Evidence:
		return "evidence: safe by what was seen"
	default:
		return "review: you decide"
	}
}

func claimWord(s harden.ClaimState) string {
	switch s {
	case harden.Holds:
		return "Speaks for it"
	case harden.Missing:
		return "Evidence that is missing"
	default:
		return "Speaks against it"
	}
}

// date is a day, and moment a day with the time; both in UTC.
func date(t time.Time) string   { return t.UTC().Format(time.DateOnly) }
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// upper begins a sentence.
func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// join is "a, b and c".
func join(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
