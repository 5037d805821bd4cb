package report

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// The schema of SARIF is that of the standard, errata 01; those of our documents are in docs.
const sarifSchema = "testdata/sarif-schema-2.1.0.json"

// schema compiles the first of the files; the others are what it may refer to.
func schema(t *testing.T, paths ...string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	first := ""
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		url, ok := doc.(map[string]any)["$id"].(string)
		if !ok {
			url = doc.(map[string]any)["id"].(string)
		}
		if first == "" {
			first = url
		}
		if err := compiler.AddResource(url, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := compiler.Compile(first)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, text []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

// everyKind is a scan with each kind of finding that there is, from a cluster and from files.
func everyKind() *Scan {
	file := web
	file.Source = harden.Source{File: "deploy/a b:c.yaml", Line: 12, Item: -1}
	piped := web
	piped.Source = harden.Source{File: "-", Line: 1, Item: -1}
	as := func(f *harden.Finding, change func(*harden.Finding)) *harden.Finding {
		c := *f
		change(&c)
		return &c
	}
	waived := as(root, func(f *harden.Finding) {
		f.Status, f.Discriminator = harden.StatusWaived, "a"
		f.Excuse = &harden.Excuse{Reason: "it is going away", Until: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC), By: "ops", Ticket: "OPS-1", Source: ".harden.yaml:3"}
	})
	expected := as(root, func(f *harden.Finding) {
		f.Status, f.Discriminator, f.Excuse = harden.StatusExpected, "b", &harden.Excuse{Reason: "reads logs of the node", Source: "catalogue: log agents"}
	})
	inFile := as(root, func(f *harden.Finding) { f.Object = file })
	inPipe := as(root, func(f *harden.Finding) { f.Object, f.Detail = piped, "" })
	known := as(root, func(f *harden.Finding) { f.Discriminator, f.BlockedBy = "known", "netpol-no-default-deny" })
	injected := as(root, func(f *harden.Finding) {
		f.Object = harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "web-1"}
		f.Workload, f.Lens, f.Verdict = &harden.Workload{Ref: web}, harden.Injected, "contradiction"
	})
	s := scan(root, unknown, waived, expected, inFile, inPipe, known, injected)
	s.Known = func(f *harden.Finding) bool { return f.Discriminator == "known" }
	s.NotSeen, s.Version = 2, "v1.0.0"
	manual := harden.Fix{Title: "Rebuild", Class: harden.Review, Manual: "Add a USER to the Dockerfile."}
	seen := fix
	seen.Evidence = append(seen.Evidence, harden.Claim{Code: "E-SPEC", State: harden.Holds, Text: "it is so", Limits: "now", Time: time.Unix(1_700_000_000, 0)})
	seen.Changes = append(seen.Changes, harden.RemoveFrom(web, fieldpath.MakePathOrDie("spec", "paused")))
	s.Fixes = func(f *harden.Finding) []harden.Fix {
		if f == root {
			return []harden.Fix{seen, manual}
		}
		return nil
	}
	return s
}

func TestScanReportFitsItsSchema(t *testing.T) {
	s := schema(t, "../../docs/scan-report.schema.json")
	for _, report := range []*Scan{everyKind(), scan()} {
		var b bytes.Buffer
		if err := report.JSON(&b); err != nil {
			t.Fatal(err)
		}
		valid(t, s, b.Bytes())
	}
}

func TestComplianceReportFitsItsSchema(t *testing.T) {
	s := schema(t, "../../docs/compliance-report.schema.json", "../../docs/scan-report.schema.json")
	c := everyControl()
	c.Result.Inventory.Now = time.Unix(1_700_000_000, 0)
	for _, report := range []*Compliance{c, {Result: &harden.Result{Inventory: &harden.Inventory{}}, Assessments: []*compliance.Assessment{}}} {
		var b bytes.Buffer
		if err := report.JSON(&b); err != nil {
			t.Fatal(err)
		}
		valid(t, s, b.Bytes())
	}
}

func TestSARIFFitsItsSchema(t *testing.T) {
	s := schema(t, sarifSchema)
	for _, report := range []*Scan{everyKind(), scan()} {
		var b bytes.Buffer
		if err := report.SARIF(&b); err != nil {
			t.Fatal(err)
		}
		valid(t, s, b.Bytes())
	}
	var b bytes.Buffer
	if err := images().SARIF(&b); err != nil {
		t.Fatal(err)
	}
	valid(t, s, b.Bytes())
}
