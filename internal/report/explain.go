package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Rules writes one row a fixer.
func Rules(w io.Writer, suite []*harden.Fixer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "RULE\tSEVERITY\tAREA\tFIX\tWHAT IS WRONG")
	for _, f := range byArea(suite) {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", f.ID, f.Severity, f.Area, hasFix(f), f.Title)
	}
	return tw.Flush()
}

// Explain writes the documentation of one fixer for a terminal.
func Explain(w io.Writer, f *harden.Fixer) error {
	out := &errWriter{w: w}
	fmt.Fprintf(out, "RULE:      %s\nWHAT:      %s\nSEVERITY:  %s\nAREA:      %s\nFIX:       %s\n\n%s\n", f.ID, f.Title, f.Severity, f.Area, hasFix(f), strings.TrimSpace(f.Doc))
	if len(f.Refs) > 0 {
		fmt.Fprint(out, "\nREFERENCES:\n")
		for _, r := range f.Refs {
			fmt.Fprintf(out, "  %s\n", reference(r))
		}
	}
	return out.err
}

// sentence is a sentence fragment with the first letter of a sentence.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

func byArea(suite []*harden.Fixer) []*harden.Fixer {
	return slices.SortedStableFunc(slices.Values(suite), func(a, b *harden.Fixer) int {
		return strings.Compare(string(a.Area)+"/"+a.ID, string(b.Area)+"/"+b.ID)
	})
}

func hasFix(f *harden.Fixer) string {
	if f.Fix == nil {
		return "detection only"
	}
	return "yes"
}

func reference(r harden.Reference) string {
	s := r.Standard + " " + r.ID
	if r.URL != "" {
		s += " " + r.URL
	}
	return s
}
