package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/owenrumney/go-sarif/v2/sarif"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const informationURI = "https://github.com/kubectl-harden/kubectl-harden"

// SARIF writes one run of SARIF 2.1.0: a rule for each vulnerability (its id)
// and for each pattern of secrets (secret/ID), a result for each of them in each
// image. Results lie in the manifest that names the image, or else in the image.
// What could not be scanned is a notification of an invocation that failed, so
// that it never looks clean.
func (r *Images) SARIF(w io.Writer) error {
	report, err := sarif.New(sarif.Version210)
	if err != nil {
		return err
	}
	s := &sarifRun{run: sarif.NewRunWithInformationURI("kubectl-harden", informationURI), index: map[string]int{}, rank: map[string]float64{}}
	s.run.Tool.Driver.WithVersion(r.Version)
	var problems []string
	for _, u := range r.Uses {
		for _, why := range r.Missing(u) {
			problems = append(problems, u.Name()+" ("+u.Key.Platform+"): "+why)
		}
		if u.Scanned() {
			s.image(u)
			for _, g := range u.Scan.Gaps {
				problems = append(problems, u.Name()+" ("+u.Key.Platform+"): "+g)
			}
		}
	}
	invocation := s.run.AddInvocation(len(problems) == 0)
	for _, p := range problems {
		invocation.AddTToolExecutionNotification(sarif.NewNotification().WithLevel("error").WithTextMessage(p))
	}
	report.AddRun(s.run)
	if err := report.PrettyWrite(w); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n")
	return err
}

// sarifRun finds rules by id: a run has thousands of them.
type sarifRun struct {
	run   *sarif.Run
	index map[string]int
	rank  map[string]float64 // of the rules, the highest of their results
}

func (s *sarifRun) image(u *harden.ImageUse) {
	at := sarifLocations(u)
	for _, v := range u.Scan.Vulnerabilities {
		name := "LanguagePackageVulnerability"
		if v.System {
			name = "SystemPackageVulnerability"
		}
		title := v.Title
		if title == "" {
			title = v.ID + " in " + v.Package
		}
		fixed := "no fixed version yet"
		if v.Fixable() {
			fixed = "fixed in " + v.Fixed
		}
		text := fmt.Sprintf("%s: %s %s in %s has %s (%s); %s.", u.Name(), v.Package, v.Installed, placeOf(v), v.ID, SeverityWord(v.Severity), fixed)
		s.result(sarifRule{id: v.ID, name: name, title: title, uri: v.URL, severity: v.Severity, score: v.CVSS}, text, at, v.ID, v.Package, v.Path, v.Installed)
	}
	for _, x := range u.Scan.Secrets {
		text := fmt.Sprintf("%s: %s in %s.", u.Name(), x.Title, x.Place())
		s.result(sarifRule{id: "secret/" + x.Rule, name: "SecretInImage", title: x.Title, severity: x.Severity}, text, at, x.Rule, x.Path, fmt.Sprint(x.Line))
	}
}

func placeOf(v harden.Vulnerability) string {
	if v.Path == "" {
		return "the packages of the distribution"
	}
	return v.Path
}

type sarifRule struct {
	id, name, title, uri string
	severity             harden.Severity
	score                float64 // CVSS, 0: none
}

func (s *sarifRun) result(rule sarifRule, text string, at sarifPlace, identity ...string) {
	s.rule(rule)
	sum := sha256.Sum256([]byte(strings.Join(append([]string{at.repository, at.platform}, identity...), "\x00")))
	result := sarif.NewRuleResult(rule.id).WithRuleIndex(s.index[rule.id]).WithLevel(sarifLevel(rule.severity)).
		WithMessage(sarif.NewTextMessage(text)).WithLocations(at.locations).
		WithPartialFingerPrints(map[string]any{"imageProblem/v1": hex.EncodeToString(sum[:16])})
	// Not AddResult: it would search all rules for each result.
	s.run.Results = append(s.run.Results, result)
}

// rule adds a rule, or raises the severity of the one that is there.
func (s *sarifRun) rule(r sarifRule) {
	score := r.score
	if score == 0 {
		score = defaultScores[r.severity]
	}
	i, known := s.index[r.id]
	switch {
	case !known:
		i = len(s.run.Tool.Driver.Rules)
		s.index[r.id] = i
		d := sarif.NewRule(r.id).WithName(r.name).WithShortDescription(sarif.NewMultiformatMessageString(r.title))
		if u, err := url.Parse(r.uri); err == nil && u.IsAbs() {
			d.WithHelpURI(r.uri)
		}
		s.run.Tool.Driver.Rules = append(s.run.Tool.Driver.Rules, d)
	case score <= s.rank[r.id]:
		return
	}
	s.rank[r.id] = score
	s.run.Tool.Driver.Rules[i].
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarifLevel(r.severity))).
		// The number that code hosts order alerts by.
		WithProperties(sarif.Properties{"tags": []string{"security", r.name}, "security-severity": fmt.Sprintf("%.1f", score)})
}

// defaultScores stand in the middle of what CVSS calls the severity.
var defaultScores = [...]float64{harden.Info: 0, harden.Low: 2, harden.Medium: 5.5, harden.High: 8, harden.Critical: 9.5}

func sarifLevel(s harden.Severity) string {
	switch s {
	case harden.Critical, harden.High:
		return "error"
	case harden.Medium:
		return "warning"
	default:
		return "note"
	}
}

// sarifPlace is where an image is named.
type sarifPlace struct {
	locations            []*sarif.Location
	repository, platform string
}

func sarifLocations(u *harden.ImageUse) sarifPlace {
	p := sarifPlace{repository: repository(u.Name()), platform: u.Key.Platform}
	logical := sarif.NewLogicalLocation().WithKind("module").WithName(u.Name()).WithFullyQualifiedName(u.Key.Reference + " " + u.Key.Platform)
	add := func(uri string, line int) {
		physical := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation(uri)).WithRegion(sarif.NewRegion().WithStartLine(line))
		p.locations = append(p.locations, sarif.NewLocationWithPhysicalLocation(physical).WithLogicalLocations([]*sarif.LogicalLocation{logical}))
	}
	var seen []harden.Source
	for _, b := range u.By {
		if src := b.Workload.Ref.Source; !src.IsZero() && !slices.Contains(seen, src) {
			seen = append(seen, src)
			add((&url.URL{Path: src.File}).String(), max(src.Line, 1))
		}
	}
	if len(p.locations) == 0 {
		segments := strings.Split(p.repository, "/")
		for i := range segments {
			// A colon in the first one would make it a scheme.
			segments[i] = strings.ReplaceAll(url.PathEscape(segments[i]), ":", "%3A")
		}
		add(strings.Join(segments, "/"), 1)
	}
	return p
}

// repository is an image's name without its tag, so that an upgrade does not
// make new problems of those that stay.
func repository(name string) string {
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		return name[:colon]
	}
	return name
}
