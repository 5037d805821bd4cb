package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var imagesNow = time.Date(2026, 11, 4, 10, 15, 0, 0, time.UTC)

// images is one image that was scanned, one whose scanner reports, and one that
// could not be looked into.
func images() *Images {
	webScan := &harden.ImageScan{
		Known: true, Digest: "sha256:bb", Platform: "linux/amd64", Source: harden.ScanSource{Kind: harden.ScanTrivy, Name: "0.74.0"},
		Time: imagesNow, Database: imagesNow.Add(-5 * time.Hour), OS: harden.ImageOS{Family: "alpine", Name: "3.15.4", EndOfLife: true}, Packages: 42, SecretsKnown: true,
		Vulnerabilities: []harden.Vulnerability{
			{ID: "CVE-2026-1000", Package: "openssl", Installed: "3.0.1", Fixed: "3.0.2", Severity: harden.Critical, Title: "openssl: takeover", URL: "https://example.com/CVE-2026-1000", CVSS: 9.8, System: true},
			{ID: "CVE-2026-2000", Package: "lodash", Path: "app/package-lock.json", Installed: "4.17.0", Severity: harden.High, Title: "lodash: pollution"},
			{ID: "CVE-2026-3000", Package: "zlib", Installed: "1.2", Fixed: "1.3", Severity: harden.Info, System: true},
		},
		Secrets: []harden.ImageSecret{{Rule: "aws-access-key-id", Title: "AWS Access Key ID", Path: "/app/.env", Line: 3, Severity: harden.Critical}},
		Gaps:    []string{"jar files were not looked at: there is no Java database"},
	}
	candidate := harden.ImageCandidate{Tag: "1.4", Digest: "sha256:cc", Scans: []*harden.ImageScan{{Known: true, Vulnerabilities: webScan.Vulnerabilities[1:2]}}}
	workload := func(name string) *harden.Workload {
		return &harden.Workload{Ref: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name}}
	}
	const digest = "sha256:" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	return &Images{
		Cluster: harden.Cluster{Context: "lab", Server: "https://127.0.0.1"}, Namespaces: []string{"shop"}, Now: imagesNow, Version: "v1.2.3",
		Asked: harden.EvidenceOptions{Images: true, Vulnerabilities: true, Updates: true},
		Uses: Narrow([]*harden.ImageUse{
			{
				Key:        harden.ImageKey{Reference: "localhost:5000/shop/web@" + digest, Platform: "linux/amd64"},
				References: []harden.ImageReference{{Name: "localhost:5000/shop/web:1.2", Updates: &harden.ImageUpdates{Known: true, Listed: 12, Candidates: []harden.ImageCandidate{candidate}}}},
				By:         []harden.ImageUsage{{Workload: workload("web"), Container: app, Reference: "localhost:5000/shop/web:1.2"}},
				Facts:      &harden.ImageFacts{Known: true, Digest: "sha256:bb", User: "1001:0", Size: 45_300_000, Created: imagesNow.Add(-60 * 24 * time.Hour)},
				Scan:       webScan,
			},
			{
				Key:        harden.ImageKey{Reference: "registry.example.com/api:2", Platform: "linux/amd64"},
				References: []harden.ImageReference{{Name: "registry.example.com/api:2"}},
				By:         []harden.ImageUsage{{Workload: workload("api"), Container: app}, {Workload: workload("worker"), Container: app}},
				Facts:      &harden.ImageFacts{Why: "the registry says \x1b[31m401\x1b[0m"},
			},
			{
				Key:        harden.ImageKey{Reference: "registry.example.com/job:3", Platform: "linux/amd64"},
				References: []harden.ImageReference{{Name: "registry.example.com/job:3"}},
				By:         []harden.ImageUsage{{Workload: workload("job"), Container: app}},
				Scan:       &harden.ImageScan{Known: true, Source: harden.ScanSource{Kind: harden.ScanVulnerabilityReport, Name: "shop/job"}},
			},
		}, harden.Info, false),
	}
}

func TestImagesTable(t *testing.T) {
	var b bytes.Buffer
	if err := images().Table(&b); err != nil {
		t.Fatal(err)
	}
	equal(t, `
IMAGE                        DIGEST        USER    SIZE   AGE  CRITICAL  HIGH  MEDIUM  LOW  SECRETS  SOURCE
localhost:5000/shop/web:1.2  0123456789ab  1001:0  45 MB  60d  1/1       1/0   0       0    1        trivy
registry.example.com/api:2   -             ?       ?      ?    ?         ?     ?       ?    ?        -
registry.example.com/job:3   -             ?       ?      ?    0         0     0       0    ?        VulnerabilityReport

Newer tag of localhost:5000/shop/web:1.2: 1.4, 2 vulnerabilities less
3 images, 2 scanned. 3 vulnerabilities, 2 with a fixed version: 1 critical, 1 high, 1 unrated.
Numbers by severity are ALL/WITH A FIXED VERSION.
Vulnerability database of 2026-11-04T05:15:00Z (5h old).
Not looked at:
  localhost:5000/shop/web:1.2 (linux/amd64): jar files were not looked at: there is no Java database
  registry.example.com/api:2 (linux/amd64): the registry says [31m401[0m
  registry.example.com/job:3 (linux/amd64): secrets: VulnerabilityReport does not tell
`, b.String())
}

func TestImagesWide(t *testing.T) {
	r := images()
	r.Wide = true
	var b bytes.Buffer
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"alpine 3.15.4 (end of life)", "42", "shop/Deployment/api,shop/Deployment/worker",
		"localhost:5000/shop/web:1.2 (alpine 3.15.4 (end of life)): 3 vulnerabilities",
		"critical  CVE-2026-1000  openssl  3.0.1      3.0.2  -                      openssl: takeover", "unrated   CVE-2026-3000", "/app/.env:3",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, b.String())
		}
	}
}

func TestNarrow(t *testing.T) {
	r := images()
	r.Uses, r.Least, r.Fixable = Narrow(r.Uses, harden.High, true), harden.High, true
	var b bytes.Buffer
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 scanned. 1 vulnerability with a fixed version: 1 critical.", "less than high is left out"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, b.String())
		}
	}
	if all := images().Uses[0].Scan.Vulnerabilities; len(all) != 3 {
		t.Errorf("narrowing changed the scan: %d vulnerabilities are left", len(all))
	}
}

func TestImagesJSON(t *testing.T) {
	var b bytes.Buffer
	if err := images().JSON(&b); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		APIVersion, Kind string
		Summary          struct {
			Images, Scanned int
			BySeverity      map[string]struct{ All, Fixable int }
		}
		Images []struct {
			Image, Digest string
			Workloads     []struct{ Kind, Namespace, Name, Container string }
			Facts         struct {
				Known bool
				Why   string
			}
			Scan *struct {
				Known           bool
				Source          struct{ Kind, Name string }
				Vulnerabilities []struct{ ID, Severity string }
				SecretsKnown    bool
			}
			Updates []struct{ Candidates []struct{ Tag string } }
		}
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.APIVersion != APIVersion || doc.Kind != "ImageReport" || doc.Summary.Images != 3 || doc.Summary.Scanned != 2 || doc.Summary.BySeverity["critical"].Fixable != 1 {
		t.Errorf("head: %+v", doc)
	}
	web, api := doc.Images[0], doc.Images[1]
	if web.Scan == nil || len(web.Scan.Vulnerabilities) != 3 || web.Scan.Vulnerabilities[2].Severity != "unrated" || web.Workloads[0].Container != "app:web" || web.Updates[0].Candidates[0].Tag != "1.4" {
		t.Errorf("image that was scanned: %+v", web)
	}
	if api.Scan != nil || api.Facts.Known || api.Facts.Why == "" || len(api.Workloads) != 2 {
		t.Errorf("image that was not looked into: %+v", api)
	}
}

type sarifDoc struct {
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Version string
				Rules   []struct {
					ID                   string
					DefaultConfiguration struct{ Level string }
					Properties           map[string]any
				}
			}
		}
		Invocations []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []struct{ Message struct{ Text string } }
		}
		Results []struct {
			RuleID, Level       string
			RuleIndex           int
			Message             struct{ Text string }
			PartialFingerprints map[string]string
			Locations           []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine int }
				}
			}
		}
	}
}

func sarifOf(t *testing.T, r *Images) sarifDoc {
	t.Helper()
	var b bytes.Buffer
	if err := r.SARIF(&b); err != nil {
		t.Fatal(err)
	}
	var doc sarifDoc
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestImagesSARIF(t *testing.T) {
	run := sarifOf(t, images()).Runs[0]
	var rules, results []string
	for _, r := range run.Tool.Driver.Rules {
		rules = append(rules, r.ID+" "+r.DefaultConfiguration.Level+" "+r.Properties["security-severity"].(string))
	}
	for _, r := range run.Results {
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("result of %s has the index of %s", r.RuleID, run.Tool.Driver.Rules[r.RuleIndex].ID)
		}
		results = append(results, r.RuleID+" "+r.Level+" "+r.Locations[0].PhysicalLocation.ArtifactLocation.URI)
	}
	if diff := cmp.Diff([]string{"CVE-2026-1000 error 9.8", "CVE-2026-2000 error 8.0", "CVE-2026-3000 note 0.0", "secret/aws-access-key-id error 9.5"}, rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	const at = " localhost%3A5000/shop/web"
	if diff := cmp.Diff([]string{"CVE-2026-1000 error" + at, "CVE-2026-2000 error" + at, "CVE-2026-3000 note" + at, "secret/aws-access-key-id error" + at}, results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	// What was not looked at must not look clean.
	if i := run.Invocations[0]; i.ExecutionSuccessful || len(i.ToolExecutionNotifications) != 2 || !strings.Contains(i.ToolExecutionNotifications[1].Message.Text, "registry.example.com/api:2") {
		t.Errorf("invocation: %+v", i)
	}
}

func TestSARIFOfFiles(t *testing.T) {
	r := images()
	fingerprint := sarifOf(t, r).Runs[0].Results[0].PartialFingerprints
	u := r.Uses[0]
	u.By[0].Workload.Ref.Source = harden.Source{File: "deploy/web shop.yaml", Line: 12}
	u.References[0].Name = "localhost:5000/shop/web:1.3"
	result := sarifOf(t, r).Runs[0].Results[0]
	at := result.Locations[0].PhysicalLocation
	if at.ArtifactLocation.URI != "deploy/web%20shop.yaml" || at.Region.StartLine != 12 {
		t.Errorf("location %+v", at)
	}
	if diff := cmp.Diff(fingerprint, result.PartialFingerprints); diff != "" {
		t.Errorf("another tag made another problem of it:\n%s", diff)
	}
}
