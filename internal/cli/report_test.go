package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReportOnManifests(t *testing.T) {
	code, stdout, stderr := execute(t, deployment, "report", "-f", "-", "--standard", "pss-restricted")
	if code != exitOK || !strings.Contains(stdout, "restricted: privilege escalation") || !strings.Contains(stdout, "FAIL") || strings.Contains(stdout, "CIS") {
		t.Errorf("exit code %d, stdout:\n%s\nstderr:\n%s", code, stdout, stderr)
	}
	if code, _, _ := execute(t, deployment, "report", "-f", "-", "--standard", "pss", "--exit-code"); code != exitFindings {
		t.Errorf("exit code %d where a control fails", code)
	}
	for output, want := range map[string]string{"markdown": "# Compliance", "html": "<!doctype html>", "json": `"kind": "ComplianceReport"`} {
		if code, stdout, _ := execute(t, deployment, "report", "-f", "-", "-o", output); code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("-o %s: exit code %d\n%s", output, code, stdout)
		}
	}
	code, _, stderr = execute(t, deployment, "report", "-f", "-", "--standard", "hipaa")
	if code != exitError || !strings.Contains(stderr, `"hipaa"`) || !strings.Contains(stderr, "cis-1.12") {
		t.Errorf("exit code %d, stderr:\n%s", code, stderr)
	}
}

func TestScanOutputs(t *testing.T) {
	for output, want := range map[string]string{
		"sarif": `"version": "2.1.0"`, "junit": "<testsuites", "markdown": "# Findings", "html": "<!doctype html>", "json": `"kind": "ScanReport"`, "yaml": "kind: ScanReport",
	} {
		if code, stdout, stderr := execute(t, deployment, "scan", "-f", "-", "-o", output); code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("-o %s: exit code %d\n%s%s", output, code, stdout, stderr)
		}
	}
}

// Findings of a baseline do not fail; new ones do, and the others are still shown.
func TestBaseline(t *testing.T) {
	dir := t.TempDir()
	manifest, baseline := filepath.Join(dir, "web.yaml"), filepath.Join(dir, "baseline.json")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(deployment)
	if code, _, stderr := execute(t, "", "scan", "-f", manifest, "--write-baseline", baseline); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	code, stdout, _ := execute(t, "", "scan", "-f", manifest, "--baseline", baseline, "--fail-on", "info")
	if code != exitOK || !strings.Contains(stdout, "(known)") || !strings.Contains(stdout, "0 findings.") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
	put(strings.Replace(deployment, "runAsUser: 1001", "runAsUser: 1001\n          privileged: true", 1))
	code, stdout, _ = execute(t, "", "scan", "-f", manifest, "--baseline", baseline, "--fail-on", "critical", "-o", "json")
	if code != exitFindings {
		t.Errorf("exit code %d for a finding that is new", code)
	}
	var doc struct {
		Summary struct {
			Baseline struct{ Known, NotSeen int }
		}
		Findings []struct {
			ID    string
			Known bool
		}
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatal(err)
	}
	for _, f := range doc.Findings {
		if f.ID == "privileged-container" && f.Known {
			t.Error("a new finding is known")
		}
	}
	if doc.Summary.Baseline.Known == 0 {
		t.Error("no finding is known")
	}
	code, _, stderr := execute(t, "", "scan", "-f", manifest, "--baseline", filepath.Join(dir, "none.json"))
	if code != exitError || !strings.Contains(stderr, "none.json") || !strings.Contains(stderr, "--write-baseline") {
		t.Errorf("exit code %d, stderr:\n%s", code, stderr)
	}
}

// What is waived is listed as such and does not fail.
func TestWaivedDoesNotFail(t *testing.T) {
	waived := strings.Replace(deployment, "  name: web # the shop window", `  name: web
  annotations:
    kubectl-harden.github.io/waive.run-as-non-root: until=`+time.Now().AddDate(0, 1, 0).Format(time.DateOnly)+`; reason=it is going away
    kubectl-harden.github.io/waive.read-only-root-filesystem: until=2001-01-01; reason=it was going away`, 1)
	code, stdout, _ := execute(t, waived, "scan", "-f", "-", "--only", "run-as-non-root", "--fail-on", "info")
	if code != exitOK || !strings.Contains(stdout, "(waived)") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
	if code, stdout, _ := execute(t, waived, "scan", "-f", "-", "--only", "read-only-root-filesystem", "--fail-on", "info"); code != exitFindings {
		t.Errorf("a waiver that ended still holds:\n%s", stdout)
	}
}
