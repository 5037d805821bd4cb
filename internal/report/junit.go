package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// JUnit writes a test suite for each rule that ran: a failed test for each
// finding, a skipped one for what could not be judged or does not count, and one
// that passed where there is nothing of these. The form is that of Apache Ant and
// Jenkins, which has no standard: names, counts, failure and skipped are read by all.
func (s *Scan) JUnit(w io.Writer) error {
	byRule := map[string][]*harden.Finding{}
	for _, f := range s.Findings {
		byRule[f.Fixer.ID] = append(byRule[f.Fixer.ID], f)
	}
	doc := junitSuites{Name: "kubectl-harden"}
	for _, id := range sortedKeys(s.Result.Counts) {
		suite := junitSuite{Name: id}
		for _, f := range byRule[id] {
			suite.Cases = append(suite.Cases, s.junitCase(f))
		}
		if n := s.Result.Counts[id]; len(suite.Cases) == 0 {
			switch {
			case n.Fail+n.Unknown+n.Waived+n.Expected > 0, n.Pass == 0:
				continue // the user asked for others, or there was nothing to judge
			default:
				suite.Cases = []junitCase{{ClassName: id, Name: plural(n.Pass, "subject")}}
			}
		}
		for _, c := range suite.Cases {
			suite.Tests++
			if c.Failure != nil {
				suite.Failures++
			}
			if c.Skipped != nil {
				suite.Skipped++
			}
		}
		doc.Tests += suite.Tests
		doc.Failures += suite.Failures
		doc.Skipped += suite.Skipped
		doc.Suites = append(doc.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *Scan) junitCase(f *harden.Finding) junitCase {
	c := junitCase{ClassName: f.Fixer.ID, Name: harden.OneLine(f.Object.Long()), File: f.Object.Source.File, Line: f.Object.Source.Line}
	for _, part := range []string{f.Container.String(), f.Discriminator} {
		if part != "" {
			c.Name += " " + harden.OneLine(part)
		}
	}
	if s.counted(f) {
		c.Failure = &junitFailure{Type: f.Severity.String(), Message: harden.OneLine(f.Reason), Text: junitText(f)}
		return c
	}
	why := f.Reason
	if f.Excuse != nil {
		why = excuse(f.Excuse)
	}
	c.Skipped = &junitSkipped{Message: s.status(f) + ": " + harden.OneLine(why)}
	return c
}

func junitText(f *harden.Finding) string {
	lines := []string{fmt.Sprintf("%s. Severity: %s.", sentence(f.Fixer.Title), f.Severity)}
	if f.Detail != "" {
		lines = append(lines, harden.OneLine(f.Detail))
	}
	if f.Field != "" {
		lines = append(lines, "Field: "+harden.OneLine(f.Field))
	}
	if src := f.Object.Source.String(); src != "" {
		lines = append(lines, "Source: "+src)
	}
	return strings.Join(append(lines, "See: kubectl harden explain "+f.Fixer.ID), "\n")
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	ClassName string        `xml:"classname,attr"`
	Name      string        `xml:"name,attr"`
	File      string        `xml:"file,attr,omitempty"`
	Line      int           `xml:"line,attr,omitempty"`
	Failure   *junitFailure `xml:"failure"`
	Skipped   *junitSkipped `xml:"skipped"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}
