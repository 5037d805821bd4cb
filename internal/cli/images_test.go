package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

// No test of this package looks into an image: the process that does it would be
// this test once more.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == images.WorkerArgument {
		fmt.Fprintln(os.Stderr, "a test of the command line looks into an image")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Flags that contradict each other are refused before anything is read, with the way out.
func TestImageFlags(t *testing.T) {
	good := write(t, "good.yaml", deployment)
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"name that is none", []string{"images", "Not/An/Image"}, []string{`"Not/An/Image"`}},
		{"platform that is none", []string{"images", "web:1", "--platform", "amd64"}, []string{`"amd64"`, "linux/amd64"}},
		{"platform of a cluster", []string{"images", "--platform", "linux/arm64"}, []string{"--platform", "nodes"}},
		{"names and files", []string{"images", "web:1", "-f", good}, []string{"without a cluster"}},
		{"names and namespace", []string{"images", "web:1", "-n", "shop"}, []string{"without a cluster"}},
		{"names and pull secrets", []string{"images", "web:1", "--pull-secrets"}, []string{"--pull-secrets", "docker login"}},
		{"unknown output", []string{"images", "web:1", "-o", "xml"}, []string{`"xml"`, "cyclonedx"}},
		{"unknown severity", []string{"images", "web:1", "--severity", "bad"}, []string{"--severity", `"bad"`}},
		{"unknown severity to fail on", []string{"images", "web:1", "--fail-on", "bad"}, []string{"--fail-on", `"bad"`}},
		{"directory without documents", []string{"images", "web:1", "--output-dir", "x"}, []string{"--output-dir", "-o cyclonedx"}},
		{"document that fails", []string{"images", "web:1", "-o", "spdx", "--fail-on", "high"}, []string{"bill of materials", "--fail-on"}},
		{"document of signatures", []string{"images", "web:1", "-o", "spdx", "--signatures"}, []string{"bill of materials", "--signatures"}},
		{"mirror that is none", []string{"images", "web:1", "--registry-mirror", "mirror.example.com"}, []string{"HOST=MIRROR"}},
		{"mirror that is a URL", []string{"images", "web:1", "--registry-mirror", "a=https://mirror.example.com"}, []string{"HOST=MIRROR"}},
		{"download without a network", []string{"images", "web:1", "--offline", "--db-repository", "db.example.com/db"}, []string{"--offline", "--db-repository"}},
		{"two databases", []string{"images", "web:1", "--db-path", "x", "--db-repository", "db.example.com/db"}, []string{"--db-path", "--db-repository"}},
		{"server and database", []string{"images", "web:1", "--trivy-server", "http://127.0.0.1:1", "--db-path", "x"}, []string{"--trivy-server"}},
		{"token without a server", []string{"images", "web:1", "--trivy-token-file", "x"}, []string{"--trivy-server"}},
		{"token that is not there", []string{"images", "web:1", "--trivy-server", "http://127.0.0.1:1", "--trivy-token-file", "/no/such/file"}, []string{"/no/such/file"}},
		{"negative number", []string{"images", "web:1", "--parallel", "-1"}, []string{"--parallel"}},
		{"mirror of nothing", []string{"scan", "-f", good, "--registry-mirror", "a=b"}, []string{"--registry-mirror", "add --images"}},
		{"database of nothing", []string{"scan", "-f", good, "--images", "--db-path", "x"}, []string{"--db-path", "add --vulnerabilities"}},
		{"offline nothing", []string{"fix", "-f", good, "--dry-run", "--offline"}, []string{"--offline", "add --images"}},
		{"pull secrets of files", []string{"scan", "-f", good, "--images", "--pull-secrets"}, []string{"--pull-secrets", "files"}},
		{"no kubeconfig", []string{"images"}, []string{"KUBECONFIG"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := execute(t, "", test.args...)
			if code != exitError || stdout != "" {
				t.Errorf("exit code %d, want %d; stdout %q", code, exitError, stdout)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr does not say %q:\n%s", want, stderr)
				}
			}
		})
	}
}

const twoImages = deployment + `---
apiVersion: v1
kind: Pod
metadata: {name: other}
spec:
  containers:
  - name: other
    image: localhost:1/other:1
`

// One document goes to stdout, several need a directory.
func TestBillsOfMaterials(t *testing.T) {
	code, stdout, stderr := execute(t, twoImages, "images", "-f", "-", "-o", "cyclonedx")
	if code != exitError || stdout != "" || !strings.Contains(stderr, "2 images") || !strings.Contains(stderr, "--output-dir") {
		t.Errorf("exit code %d, stdout %q, stderr:\n%s", code, stdout, stderr)
	}
	key := harden.ImageKey{Reference: "localhost:5000/shop/web@sha256:" + strings.Repeat("0", 64), Platform: "linux/amd64"}
	use := &harden.ImageUse{Key: key, References: []harden.ImageReference{{Name: "localhost:5000/shop/web:1"}}}
	var out bytes.Buffer
	o := &imagesOptions{output: harden.SBOMCycloneDX, streams: genericiooptions.IOStreams{Out: &out, ErrOut: &out}}
	document := map[harden.ImageKey]harden.SBOM{key: {Document: []byte("{}")}}
	if err := o.writeSBOMs([]*harden.ImageUse{use}, document); err != nil || out.String() != "{}\n" {
		t.Errorf("one document: %q, %v", out.String(), err)
	}
	out.Reset()
	o.outputDir = filepath.Join(t.TempDir(), "new", "sboms")
	if err := o.writeSBOMs([]*harden.ImageUse{use}, document); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(o.outputDir, "localhost_5000_shop_web_1_linux_amd64_000000000000.cdx.json")
	if b, err := os.ReadFile(path); err != nil || string(b) != "{}\n" || out.String() != path+"\n" {
		t.Errorf("file %q, said %q: %v", b, out.String(), err)
	}
	out.Reset()
	if err := o.writeSBOMs([]*harden.ImageUse{use}, nil); err == nil || !strings.Contains(err.Error(), "localhost:5000/shop/web:1") {
		t.Errorf("no document: %v", err)
	}
}

func TestImagesExitCode(t *testing.T) {
	high := harden.High
	use := func(scan *harden.ImageScan) *harden.ImageUse {
		return &harden.ImageUse{References: []harden.ImageReference{{Name: "web:1"}}, Facts: &harden.ImageFacts{Known: true}, Scan: scan}
	}
	vulnerable := func(s harden.Severity) *harden.ImageScan {
		return &harden.ImageScan{Known: true, SecretsKnown: true, Vulnerabilities: []harden.Vulnerability{{Severity: s}}}
	}
	for _, test := range []struct {
		name string
		uses []*harden.ImageUse
		want int
	}{
		{"clean", []*harden.ImageUse{use(&harden.ImageScan{Known: true})}, exitOK},
		{"below", []*harden.ImageUse{use(vulnerable(harden.Medium))}, exitOK},
		{"at", []*harden.ImageUse{use(vulnerable(harden.High))}, exitFindings},
		{"secret", []*harden.ImageUse{use(&harden.ImageScan{Known: true, Secrets: []harden.ImageSecret{{Severity: harden.Critical}}})}, exitFindings},
		{"not scanned", []*harden.ImageUse{use(&harden.ImageScan{Why: "there is no database"}), use(vulnerable(harden.High))}, exitError},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := session.OpenImages([]string{"web:1"}, harden.DefaultPlatform, session.LookOptions{})
			if err != nil {
				t.Fatal(err)
			}
			o := &imagesOptions{connection: newConnection(), session: s, failSeverity: &high}
			err = o.verdict(&report.Images{Uses: test.uses, Asked: harden.EvidenceOptions{Images: true, Vulnerabilities: true}})
			got := exitOK
			var code exitCode
			switch {
			case errors.As(err, &code):
				got = int(code)
			case err != nil:
				got = exitError
			}
			if got != test.want {
				t.Errorf("exit code %d, want %d (%v)", got, test.want, err)
			}
		})
	}
}

// The token of a Trivy server comes from the environment or from a file.
func TestTrivyToken(t *testing.T) {
	t.Setenv(tokenVariable, "from-environment")
	l := looks{tokenFile: ""}
	l.options.Server = "http://127.0.0.1:4954"
	if err := l.completeLooks(true, false); err != nil || l.options.ServerToken != "from-environment" {
		t.Errorf("token %q, %v", l.options.ServerToken, err)
	}
	l.tokenFile = write(t, "token", "from-file\n")
	if err := l.completeLooks(true, false); err != nil || l.options.ServerToken != "from-file" {
		t.Errorf("token %q, %v", l.options.ServerToken, err)
	}
}
