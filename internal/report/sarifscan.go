package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/owenrumney/go-sarif/v2/sarif"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// rulesURI is where the pages of the rules are, one for each id.
const rulesURI = informationURI + "/blob/main/docs/rules/"

// SARIF writes one run of SARIF 2.1.0. A result lies in the file of its object,
// at the line where that begins; what comes from a cluster has a logical location
// alone. What is waived or expected is a suppressed result, and what could not be
// judged is an open one. What could not be read is a notification.
func (s *Scan) SARIF(w io.Writer) error {
	report, err := sarif.New(sarif.Version210)
	if err != nil {
		return err
	}
	run := sarif.NewRunWithInformationURI("kubectl-harden", informationURI)
	if s.Version != "" {
		run.Tool.Driver.WithVersion(s.Version)
	}
	index := map[string]int{}
	run.Results = []*sarif.Result{} // none is not the same as not known
	for _, f := range s.Findings {
		i, known := index[f.Fixer.ID]
		if !known {
			i = len(run.Tool.Driver.Rules)
			index[f.Fixer.ID] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(f.Fixer))
		}
		run.Results = append(run.Results, s.sarifResult(f, i))
	}
	invocation := run.AddInvocation(true)
	for _, u := range harden.GatherUnread(s.Result.Inventory.Unread) {
		text := u.Resource + ": " + u.Why
		if u.Namespace != "" {
			text = u.Resource + " in namespace " + u.Namespace + ": " + u.Why
		}
		invocation.AddTToolExecutionNotification(sarif.NewNotification().WithLevel("warning").WithTextMessage("not checked: " + text))
	}
	report.AddRun(run)
	if err := report.PrettyWrite(w); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n")
	return err
}

func sarifRuleOf(f *harden.Fixer) *sarif.ReportingDescriptor {
	tags := []string{"security", string(f.Area)}
	for _, r := range f.Refs {
		tags = append(tags, r.Standard+" "+r.ID)
	}
	doc := strings.TrimSpace(f.Doc)
	return sarif.NewRule(f.ID).
		WithShortDescription(sarif.NewMultiformatMessageString(sentence(f.Title))).
		WithHelpURI(rulesURI + f.ID + ".md").
		WithHelp(sarif.NewMultiformatMessageString(cmp.Or(doc, f.Title)).WithMarkdown(cmp.Or(doc, f.Title))).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarifLevel(f.Severity))).
		WithProperties(sarif.Properties{"tags": tags, "security-severity": fmt.Sprintf("%.1f", defaultScores[f.Severity])})
}

func (s *Scan) sarifResult(f *harden.Finding, rule int) *sarif.Result {
	sum := sha256.Sum256([]byte(f.ID()))
	identity := hex.EncodeToString(sum[:16])
	location := sarifLocation(f)
	r := sarif.NewRuleResult(f.Fixer.ID).WithRuleIndex(rule).
		WithMessage(sarif.NewTextMessage(sarifText(f))).
		WithLocations([]*sarif.Location{location}).
		WithPartialFingerPrints(map[string]any{"finding/v1": identity})
	if f.Status == harden.StatusUnknown {
		r.WithKind("open").WithLevel("none")
	} else {
		r.WithKind("fail").WithLevel(sarifLevel(f.Severity))
	}
	r.AttachPropertyBag(&sarif.PropertyBag{Properties: sarif.Properties{"severity": f.Severity.String(), "status": f.Status.String(), "fix": s.fix(f)}})
	switch {
	case s.known(f):
		r.WithBaselineState("unchanged")
	case s.Known != nil && s.counted(f):
		r.WithBaselineState("new")
	}
	if f.Status == harden.StatusWaived || f.Status == harden.StatusExpected {
		r.WithSuppression([]*sarif.Suppression{suppression(f, location, sum)})
	}
	return r
}

// suppression says why a finding does not count. All fields are set: the library
// writes those that are not as null, which the schema forbids.
func suppression(f *harden.Finding, location *sarif.Location, sum [sha256.Size]byte) *sarif.Suppression {
	why := f.Status.String()
	if f.Excuse != nil {
		why = excuse(f.Excuse)
	}
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80 // as a UUID that is made from a name
	guid := fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	return sarif.NewSuppression("external").WithStatus("accepted").WithJustifcation(why).WithLocation(location).WithGuid(guid)
}

// excuse is why a finding does not count, in one line.
func excuse(e *harden.Excuse) string {
	text := e.Reason
	for _, part := range []struct{ name, value string }{{"until", day(e.Until)}, {"by", e.By}, {"ticket", e.Ticket}, {"source", e.Source}} {
		if part.value != "" {
			text += "; " + part.name + " " + part.value
		}
	}
	return harden.OneLine(text)
}

func sarifText(f *harden.Finding) string {
	text := f.Object.Long()
	if c := f.Container.String(); c != "" {
		text += " [" + c + "]"
	}
	text += ": " + f.Reason
	if f.Detail != "" {
		text += ". " + f.Detail
	}
	return text
}

func sarifLocation(f *harden.Finding) *sarif.Location {
	name := f.Object.Long()
	if f.Field != "" {
		name += ":" + f.Field
	}
	logical := sarif.NewLogicalLocation().WithKind("resource").WithName(f.Object.Name).WithFullyQualifiedName(name)
	location := sarif.NewLocation().WithLogicalLocations([]*sarif.LogicalLocation{logical})
	if src := f.Object.Source; !src.IsZero() && src.File != "-" {
		location.WithPhysicalLocation(sarif.NewPhysicalLocation().
			WithArtifactLocation(sarif.NewSimpleArtifactLocation(fileURI(src.File))).
			WithRegion(sarif.NewRegion().WithStartLine(max(src.Line, 1))))
	}
	return location
}

// fileURI is a path as a URI: relative to where the program ran, or absolute.
func fileURI(path string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
		if !strings.HasPrefix(u.Path, "/") { // a drive
			u.Path = "/" + u.Path
		}
	}
	return u.String()
}
