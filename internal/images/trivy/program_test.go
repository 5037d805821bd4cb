package trivy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aquasecurity/trivy/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images/database"
)

// A program is the trivy command of the version that is built in here, with a
// cache folder of its own.
type program struct{ path, cache string }

// newProgram builds the command, unless it is there already and nothing has
// changed, and gives it the databases.
func newProgram(t testing.TB, db database.Status) program {
	t.Helper()
	caches, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	p := program{path: filepath.Join(caches, "kubectl-harden", "tools", "trivy"), cache: t.TempDir()}
	// It knows by itself whether what is there is of this source.
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", p.path, "github.com/aquasecurity/trivy/cmd/trivy")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building trivy: %v\n%s", err, out)
	}
	p.link(t, db)
	return p
}

// apart is the same with an empty cache, so that it can run beside others: one
// process at a time may use a cache.
func (p program) apart(t testing.TB, db database.Status) program {
	t.Helper()
	p.cache = t.TempDir()
	p.link(t, db)
	return p
}

// link puts databases where trivy looks for them.
func (p program) link(t testing.TB, db database.Status) {
	t.Helper()
	for _, dir := range []string{db.Dir, db.JavaDir} {
		if dir == "" {
			continue
		}
		if err := os.CopyFS(filepath.Join(p.cache, filepath.Base(dir)), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
}

// command scans an image.
func (p program) command(ctx context.Context, key harden.ImageKey) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path, "image", "--format", "json", "--quiet", "--cache-dir", p.cache, "--image-src", "remote", "--platform", key.Platform,
		"--scanners", "vuln,secret", "--image-config-scanners", "secret", "--list-all-pkgs", "--skip-db-update", "--skip-java-db-update",
		"--disable-telemetry", "--skip-version-check", "--config", os.DevNull, key.Reference)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TRIVY_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "DOCKER_CONFIG="+p.cache)
	return cmd
}

// scan is what trivy prints, told in our words. This is on purpose not the code
// that does the same for our own scans.
func (p program) scan(ctx context.Context, key harden.ImageKey) (*harden.ImageScan, error) {
	cmd := p.command(ctx, key)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("trivy image %s: %w\n%s", key.Reference, err, stderr.String())
	}
	var report types.Report
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, fmt.Errorf("trivy image %s: %w", key.Reference, err)
	}
	scan := &harden.ImageScan{}
	if system := report.Metadata.OS; system != nil {
		scan.OS = harden.ImageOS{Family: string(system.Family), Name: system.Name, EndOfLife: system.Eosl}
	}
	severities := map[string]harden.Severity{"UNKNOWN": harden.Info, "LOW": harden.Low, "MEDIUM": harden.Medium, "HIGH": harden.High, "CRITICAL": harden.Critical}
	for _, result := range report.Results {
		scan.Packages += len(result.Packages)
		for _, v := range result.Vulnerabilities {
			found := harden.Vulnerability{
				ID: v.VulnerabilityID, Package: v.PkgName, Path: v.PkgPath, Installed: v.InstalledVersion, Fixed: v.FixedVersion,
				Severity: severities[v.Severity], Title: v.Title, URL: v.PrimaryURL, System: result.Class == "os-pkgs", //nolint:staticcheck // it is the one that Trivy prints
			}
			if result.Type == "gobinary" {
				found.Path = result.Target // the only one of these that is reported by file
			}
			for _, score := range v.CVSS {
				found.CVSS = max(found.CVSS, score.V3Score, score.V40Score)
			}
			scan.Vulnerabilities = append(scan.Vulnerabilities, found)
		}
		for _, s := range result.Secrets {
			found := harden.ImageSecret{Rule: s.RuleID, Title: s.Title, Path: result.Target, Line: s.StartLine, Severity: severities[s.Severity], CreatedBy: s.Layer.CreatedBy}
			if result.Target == key.Reference {
				found.Path, found.Line = "", 0 // of the config, as it was printed for the scan
			}
			scan.Secrets = append(scan.Secrets, found)
		}
	}
	harden.SortVulnerabilities(scan.Vulnerabilities)
	return scan, nil
}
