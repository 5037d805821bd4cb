package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func text(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTableMarksWhatDoesNotCount(t *testing.T) {
	equal(t, `
SEVERITY           RULE                    OBJECT               CONTAINER  REASON                           FIX
medium             run-as-non-root         shop/Deployment/web  app:web    may run as root                  review
medium (unknown)   netpol-no-default-deny  Namespace/shop       -          NetworkPolicies may not be read  -
medium (waived)    run-as-non-root         shop/Deployment/web  app:web    may run as root                  -
medium (expected)  run-as-non-root         shop/Deployment/web  app:web    may run as root                  -
medium             run-as-non-root         shop/Deployment/web  app:web    may run as root                  -
medium             run-as-non-root         shop/Deployment/web  app:web    may run as root                  -
medium (known)     run-as-non-root         shop/Deployment/web  app:web    may run as root                  after netpol-no-default-deny
medium             run-as-non-root         shop/Pod/web-1       app:web    may run as root                  -

4 findings: 4 medium. Checked 1 workload in namespace "shop".
Not counted: 1 waived, 1 expected.
Of the baseline: 1 finding still there, not counted; 2 of it not seen now.
1 check could not be judged (unknown).
Not checked:
  networkpolicies.networking.k8s.io in namespace shop: forbidden: may not list
`, text(t, everyKind().Table))
}

func TestTableGreysWhatDoesNotCount(t *testing.T) {
	s := everyKind()
	s.Faint = true
	for _, line := range strings.Split(text(t, s.Table), "\n")[1:9] {
		grey := strings.HasPrefix(line, "\x1b[2m") && strings.HasSuffix(line, "\x1b[0m")
		if want := strings.Contains(line, "medium ("); grey != want {
			t.Errorf("grey is %t: %q", grey, line)
		}
	}
}

// One long name does not push the columns of all others away, and nothing in a name moves the cursor.
func TestTableIsReadableWithLongAndHostileNames(t *testing.T) {
	long := *root
	long.Object.Name = strings.Repeat("n", 200)
	long.Reason = "a\x1b[2Jb\nc"
	lines := strings.Split(text(t, scan(root, &long).Table), "\n")
	if n := len(lines[1]); n > 160 {
		t.Errorf("a row beside the long one is %d characters wide", n)
	}
	if !strings.Contains(lines[2], long.Object.Name+"  app:web") || strings.ContainsRune(lines[2], '\x1b') {
		t.Errorf("%q", lines[2])
	}
}

func TestOnlyWhatCountsFails(t *testing.T) {
	s := everyKind()
	if !s.Fails(harden.Medium) || s.Fails(harden.High) {
		t.Error("four findings of medium severity count")
	}
	s.Known = func(*harden.Finding) bool { return true }
	if s.Fails(harden.Info) {
		t.Error("what is in the baseline fails")
	}
}

func TestSARIFResults(t *testing.T) {
	var doc struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID   string
						Help struct{ Text string }
					}
				}
			}
			Results []struct {
				RuleID, Kind, Level, BaselineState string
				Locations                          []struct {
					PhysicalLocation *struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
					LogicalLocations []struct{ FullyQualifiedName string }
				}
				Suppressions        []struct{ Kind, Status, Justification string }
				PartialFingerprints map[string]string
			}
			Invocations []struct {
				ToolExecutionNotifications []struct{ Message struct{ Text string } }
			}
		}
	}
	if err := json.Unmarshal([]byte(text(t, everyKind().SARIF)), &doc); err != nil {
		t.Fatal(err)
	}
	run := doc.Runs[0]
	var got []string
	fingerprints := map[string]bool{}
	for _, r := range run.Results {
		line := strings.Join([]string{r.RuleID, r.Kind, r.Level, r.BaselineState}, " ")
		if p := r.Locations[0].PhysicalLocation; p != nil {
			line += fmt.Sprintf(" %s:%d", p.ArtifactLocation.URI, p.Region.StartLine)
		}
		line += " " + r.Locations[0].LogicalLocations[0].FullyQualifiedName
		for _, s := range r.Suppressions {
			line += " " + s.Kind + " " + s.Status + ": " + s.Justification
		}
		got = append(got, line)
		fingerprints[r.PartialFingerprints["finding/v1"]] = true
	}
	const field = "shop/Deployment/web:spec.template.spec.containers[web].securityContext.runAsNonRoot"
	want := []string{
		"run-as-non-root fail warning new " + field,
		"netpol-no-default-deny open none  Namespace/shop",
		"run-as-non-root fail warning  " + field + " external accepted: it is going away; until 2026-12-31; by ops; ticket OPS-1; source .harden.yaml:3",
		"run-as-non-root fail warning  " + field + " external accepted: reads logs of the node; source catalogue: log agents",
		"run-as-non-root fail warning new deploy/a%20b:c.yaml:12 " + field,
		"run-as-non-root fail warning new " + field,
		"run-as-non-root fail warning unchanged " + field,
		"run-as-non-root fail warning new " + strings.Replace(field, "Deployment/web", "Pod/web-1", 1),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(fingerprints) != len(run.Results) {
		t.Errorf("%d fingerprints for %d results", len(fingerprints), len(run.Results))
	}
	if len(run.Tool.Driver.Rules) != 2 || run.Tool.Driver.Rules[0].Help.Text != fixer.Doc {
		t.Errorf("rules %+v", run.Tool.Driver.Rules)
	}
	if n := run.Invocations[0].ToolExecutionNotifications; len(n) != 1 || !strings.Contains(n[0].Message.Text, "forbidden") {
		t.Errorf("notifications %+v", n)
	}
}

func TestFileURI(t *testing.T) {
	for path, want := range map[string]string{
		"deploy/web.yaml":    "deploy/web.yaml",
		"a b.yaml":           "a%20b.yaml",
		"c:d.yaml":           "./c:d.yaml",
		"/src/web.yaml":      "file:///src/web.yaml",
		"über/%41?#.yaml":    "%C3%BCber/%2541%3F%23.yaml",
		"../shared/web.yaml": "../shared/web.yaml",
	} {
		if got := fileURI(path); got != want {
			t.Errorf("fileURI(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestJUnit(t *testing.T) {
	s := everyKind()
	s.Result.Counts = map[string]harden.Counts{
		"run-as-non-root": {Fail: 5, Pass: 2}, "netpol-no-default-deny": {Unknown: 1}, "host-pid": {Pass: 3}, "host-ipc": {NotApplicable: 3}, "host-port": {Fail: 2},
	}
	out := text(t, s.JUnit)
	var doc junitSuites
	if err := xml.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, suite := range doc.Suites {
		got = append(got, fmt.Sprintf("%s %d %d %d", suite.Name, suite.Tests, suite.Failures, suite.Skipped))
	}
	// host-port has findings that were not asked for, and host-ipc had nothing to judge.
	want := []string{"host-pid 1 0 0", "netpol-no-default-deny 1 0 1", "run-as-non-root 7 4 3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if doc.Tests != 9 || doc.Failures != 4 || doc.Skipped != 4 {
		t.Errorf("%d tests, %d failures, %d skipped", doc.Tests, doc.Failures, doc.Skipped)
	}
	for _, want := range []string{`file="deploy/a b:c.yaml" line="12"`, `<failure type="medium" message="may run as root">`, "waived: it is going away", "known: may run as root"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

const hostile = "</td><script>alert(1)</script>|`*_[x](javascript:y)\x1b[2J\n\u202e&"

func hostileScan() *Scan {
	f := *root
	f.Object.Name, f.Reason, f.Detail, f.Field, f.Container.Name = hostile, hostile, hostile, hostile, hostile
	f.Status, f.Excuse = harden.StatusWaived, &harden.Excuse{Reason: hostile, By: hostile}
	s := scan(&f)
	s.Result.Inventory.Cluster.Context = hostile
	s.Result.Inventory.Scope = []string{hostile}
	s.Result.Inventory.Unread = []harden.Unread{{Resource: hostile, Namespace: hostile, Why: hostile}}
	return s
}

// What stands in a cluster can be anything: it is text in a page, and nothing else.
func TestPagesEscapeWhatStandsInACluster(t *testing.T) {
	s := hostileScan()
	rule := *fixer
	control := compliance.Control{ID: "1.1", Title: "A title of ours"}
	c := &Compliance{Result: s.Result, Assessments: []*compliance.Assessment{{
		Standard: &compliance.Standard{ID: "x", Title: "Standard"},
		Sections: []compliance.SectionVerdict{{ID: "1", Title: "Section", Verdicts: []compliance.Verdict{{Control: control, Status: compliance.Fail, Why: hostile, Rules: []string{rule.ID}, Findings: s.Findings}}}},
	}}}
	for name, write := range map[string]func(io.Writer) error{
		"html": s.HTML, "markdown": s.Markdown, "compliance as html": c.HTML, "compliance as markdown": c.Markdown, "compliance as text": c.Text, "junit": s.JUnit,
	} {
		out := text(t, write)
		if strings.Contains(out, "<script") && name != "compliance as text" {
			t.Errorf("%s: a script got in:\n%s", name, out)
		}
		for _, r := range "\x1b\u202e" {
			if strings.ContainsRune(out, r) {
				t.Errorf("%s: %q got in", name, r)
			}
		}
		if strings.Contains(name, "markdown") {
			for _, line := range strings.Split(out, "\n") {
				if strings.HasPrefix(line, "| ") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") > 8 {
					t.Errorf("%s: a cell got in: %s", name, line)
				}
			}
		}
	}
}

// Pages take nothing from elsewhere, and can be read in the dark and on paper.
func TestPagesAreCompleteInThemselves(t *testing.T) {
	for name, write := range map[string]func(io.Writer) error{"scan": everyKind().HTML, "compliance": everyControl().HTML} {
		out := text(t, write)
		for _, bad := range []string{" src=", "<link", "@import", "url(", "<script", "http://", "ZgotmplZ"} {
			if strings.Contains(out, bad) {
				t.Errorf("%s: %q in the page", name, bad)
			}
		}
		for _, want := range []string{"prefers-color-scheme: dark", "@media print", "default-src 'none'", "<!doctype html>", "</html>"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in the page", name, want)
			}
		}
	}
}

func TestHTMLShowsFindings(t *testing.T) {
	out := text(t, everyKind().HTML)
	for _, want := range []string{
		`<a href="#rule-run-as-non-root">run-as-non-root</a>`, `<h3 id="rule-run-as-non-root">`, `<tr class="soft">`, "(waived)", "(known)", "deploy/a b:c.yaml:12",
		"it is going away; until 2026-12-31", "4 findings: 4 medium", "forbidden: may not list",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in the page", want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	equal(t, `
# Findings

1 finding: 1 medium. Checked 1 workload in namespace "shop".

1 check could not be judged (unknown).

| severity | rule | object | container | what is wrong | fix |
| --- | --- | --- | --- | --- | --- |
| medium | [run-as-non-root](https://github.com/kubectl-harden/kubectl-harden/blob/main/docs/rules/run-as-non-root.md) | shop/Deployment/web | app:web | may run as root | review |
| medium (unknown) | [netpol-no-default-deny](https://github.com/kubectl-harden/kubectl-harden/blob/main/docs/rules/netpol-no-default-deny.md) | Namespace/shop |  | NetworkPolicies may not be read | - |

## Not checked

- networkpolicies.networking.k8s.io in namespace shop: forbidden: may not list
`, text(t, scan(root, unknown).Markdown))
}

// everyControl is a report with each status that there is.
func everyControl() *Compliance {
	s := everyKind()
	control := func(id, title string) compliance.Control {
		return compliance.Control{ID: id, Title: title, Visibility: compliance.Visible}
	}
	file := compliance.Control{ID: "1.1.1", Title: "Permissions of a file", Visibility: compliance.NotVisible, Why: "files are not in the API"}
	owner := compliance.Control{ID: "1.1.2", Title: "Owner of a file", Visibility: compliance.NotVisible, Why: "files are not in the API"}
	var many []*harden.Finding
	for i := range listed + 2 {
		f := *root
		f.Object.Name = fmt.Sprintf("web-%02d", i)
		many = append(many, &f)
	}
	return &Compliance{Result: s.Result, Version: "v1.0.0", Assessments: []*compliance.Assessment{{
		Standard: &compliance.Standard{ID: "cis-1.12", Title: "CIS Kubernetes Benchmark v1.12", Version: "1.12"},
		Sections: []compliance.SectionVerdict{
			{ID: "1.1", Title: "Files", Verdicts: []compliance.Verdict{{Control: file, Status: compliance.Hidden, Why: file.Why}, {Control: owner, Status: compliance.Hidden, Why: owner.Why}}},
			{ID: "5.2", Title: "Pods", Verdicts: []compliance.Verdict{
				{Control: control("5.2.7", "No root"), Status: compliance.Fail, Rules: []string{"run-as-non-root"}, Findings: []*harden.Finding{s.Findings[0], s.Findings[4], s.Findings[1], s.Findings[2]}},
				{Control: control("5.2.8", "Many"), Status: compliance.Fail, Rules: []string{"run-as-non-root"}, Findings: many},
				{Control: control("5.2.9", "Waived"), Status: compliance.Waived, Rules: []string{"run-as-non-root"}, Findings: []*harden.Finding{s.Findings[2]}},
				{Control: control("5.2.10", "Clean"), Status: compliance.Pass, Rules: []string{"run-as-non-root"}},
				{Control: control("5.2.11", "Windows"), Status: compliance.NotApplicable, Why: "nothing in scope is what it is about"},
				{Control: control("5.2.12", "Open"), Status: compliance.Unknown, Why: "no rule looks at it"},
			}},
		},
		Counts: map[compliance.Status]int{compliance.Fail: 2, compliance.Unknown: 1, compliance.Waived: 1, compliance.Pass: 1, compliance.NotApplicable: 1, compliance.Hidden: 2},
	}}}
}

func TestComplianceText(t *testing.T) {
	equal(t, `
CIS Kubernetes Benchmark v1.12 (cis-1.12): 2 fail, 1 unknown, 1 waived, 1 pass, 1 not applicable, 2 not visible

  1.1 Files
    NOT VISIBLE     1.1.1  Permissions of a file
      files are not in the API
    NOT VISIBLE     1.1.2  Owner of a file

  5.2 Pods
    FAIL            5.2.7   No root
      - shop/Deployment/web: run-as-non-root
      - shop/Deployment/web (deploy/a b:c.yaml:12): run-as-non-root
      - Namespace/shop: unknown netpol-no-default-deny
      - shop/Deployment/web: waived run-as-non-root
    FAIL            5.2.8   Many
      - shop/Deployment/web-00: run-as-non-root
      - shop/Deployment/web-01: run-as-non-root
      - shop/Deployment/web-02: run-as-non-root
      - shop/Deployment/web-03: run-as-non-root
      - shop/Deployment/web-04: run-as-non-root
      - shop/Deployment/web-05: run-as-non-root
      - shop/Deployment/web-06: run-as-non-root
      - shop/Deployment/web-07: run-as-non-root
      - shop/Deployment/web-08: run-as-non-root
      - shop/Deployment/web-09: run-as-non-root
      and 2 more; -o json and -o html have all
    WAIVED          5.2.9   Waived
      - shop/Deployment/web: waived run-as-non-root
    PASS            5.2.10  Clean
    NOT APPLICABLE  5.2.11  Windows
      nothing in scope is what it is about
    UNKNOWN         5.2.12  Open
      no rule looks at it

Not checked:
  networkpolicies.networking.k8s.io in namespace shop: forbidden: may not list
`, text(t, everyControl().Text))
}

func TestCompliancePages(t *testing.T) {
	page, markdown := text(t, everyControl().HTML), text(t, everyControl().Markdown)
	for _, want := range []string{"<summary>2 more</summary>", "shop/Deployment/web-11", `<span class="notVisible">not visible</span>`, `<span class="fail">fail</span>`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	for _, want := range []string{
		"| CIS Kubernetes Benchmark v1.12 | 2 | 1 | 1 | 1 | 1 | 2 |",
		"| 5.2.7 | fail | No root | shop/Deployment/web: run-as-non-root<br>shop/Deployment/web (deploy/a b:c.yaml:12): run-as-non-root<br>",
		"| 5.2.12 | unknown | Open | no rule looks at it |", "<br>and 2 more |",
	} {
		if !strings.Contains(markdown, want) {
			t.Errorf("no %q in\n%s", want, markdown)
		}
	}
}

func TestNewWritersReportAClosedPipe(t *testing.T) {
	for name, write := range map[string]func(io.Writer) error{
		"sarif": everyKind().SARIF, "junit": everyKind().JUnit, "markdown": everyKind().Markdown, "html": everyKind().HTML,
		"compliance text": everyControl().Text, "compliance markdown": everyControl().Markdown, "compliance json": everyControl().JSON, "compliance html": everyControl().HTML,
	} {
		if err := write(brokenPipe{}); err == nil {
			t.Errorf("%s: a failed write is not reported", name)
		}
	}
}
