package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// execute runs one command line without a terminal and without a kubeconfig of
// the machine.
func execute(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	if os.Getenv("KUBECONFIG") == "" {
		t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	}
	var out, errOut bytes.Buffer
	code = Execute(t.Context(), args, genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &out, ErrOut: &errOut})
	return code, out.String(), errOut.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web # the shop window
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        securityContext:
          runAsUser: 1001
`

// Each bad day says what failed and what to do, and ends with exit code 2.
func TestBadDaysWithoutACluster(t *testing.T) {
	good := write(t, "good.yaml", deployment)
	broken := write(t, "broken.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: x\n")
	tabs := write(t, "tabs.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\n")
	unknownField := write(t, "field.yaml", strings.Replace(deployment, "image:", "imagee:", 1))
	kubeconfig := write(t, "config", "apiVersion: v1\nkind: Config\ncontexts: []\n")
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"no kubeconfig", []string{"scan"}, []string{"error: ", "KUBECONFIG", "-f"}},
		{"context that does not exist", []string{"scan", "--kubeconfig", kubeconfig, "--context", "nope"}, []string{"nope", "get-contexts"}},
		{"server that does not answer", []string{"scan", "--server", "https://127.0.0.1:1", "--token", "x"}, []string{"127.0.0.1:1", "hint: "}},
		{"unknown flag", []string{"scan", "--nope"}, []string{"--nope", "kubectl harden scan --help"}},
		{"unknown command", []string{"scam"}, []string{"scam"}},
		{"unknown output", []string{"scan", "-f", good, "-o", "xml"}, []string{`"xml"`, "table, wide"}},
		{"unknown severity", []string{"scan", "-f", good, "--severity", "bad"}, []string{`"bad"`, "critical"}},
		{"unknown class", []string{"fix", "-f", good, "--dry-run", "--class", "risky"}, []string{`"risky"`, "evidence"}},
		{"unknown rule", []string{"scan", "-f", good, "--only", "run-as-nonroot"}, []string{`"run-as-nonroot"`, "did you mean"}},
		{"unknown rule to explain", []string{"explain", "nope"}, []string{`"nope"`, "explain"}},
		{"unknown kind", []string{"scan", "-f", good, "widget/x"}, []string{`"widget"`, "deployment"}},
		{"bad selector", []string{"scan", "-f", good, "-l", "a=b=c"}, []string{"--selector"}},
		{"object that is not there", []string{"scan", "-f", good, "deployment/api"}, []string{"deployment/api", "scan -o name"}},
		{"namespace twice", []string{"scan", "-A", "-n", "x"}, []string{"--all-namespaces"}},
		{"file that is not there", []string{"scan", "-f", "/no/such/file.yaml"}, []string{"/no/such/file.yaml"}},
		{"broken YAML", []string{"scan", "-f", broken}, []string{"broken.yaml:"}},
		{"tabs", []string{"scan", "-f", tabs}, []string{"tabs.yaml:4", "tab"}},
		{"unknown field", []string{"scan", "-f", unknownField}, []string{"field.yaml:", "imagee"}},
		{"files cannot be applied to", []string{"fix", "-f", good, "--yes"}, []string{"no cluster to apply to", "--dry-run -o yaml"}},
		{"files and a kustomization", []string{"scan", "-f", good, "-k", "."}, []string{"--filename and --kustomize"}},
		{"in place of a cluster", []string{"fix", "--in-place", "--yes", "--server", "https://127.0.0.1:1"}, []string{"--in-place", "--source"}},
		{"sources of files", []string{"fix", "-f", good, "--source", ".", "--yes"}, []string{"--source", "--in-place"}},
		{"two places for a plan", []string{"fix", "-f", good, "--in-place", "-o", "kustomize", "--out", "x"}, []string{"use one"}},
		{"kustomize without a folder", []string{"fix", "-f", good, "-o", "kustomize"}, []string{"--out"}},
		{"a folder without kustomize", []string{"fix", "-f", good, "--dry-run", "--out", "x"}, []string{"-o kustomize"}},
		{"values without a chart", []string{"fix", "--values", "x.yaml", "--dry-run", "--server", "https://127.0.0.1:1"}, []string{"--values", "--source"}},
		{"documents in place", []string{"fix", "-f", good, "--in-place", "-o", "yaml", "--yes"}, []string{"-o yaml", "--in-place"}},
		{"tighten files", []string{"fix", "-f", good, "--in-place", "--tighten", "--yes"}, []string{"--tighten"}},
		{"standard input in place", []string{"fix", "-f", "-", "--in-place", "--yes"}, []string{"standard input"}},
		{"server dry run of files", []string{"fix", "-f", good, "--dry-run=server"}, []string{"--dry-run=client"}},
		{"bad dry run", []string{"fix", "-f", good, "--dry-run=maybe"}, []string{`"maybe"`}},
		{"fix without a terminal", []string{"fix", "--server", "https://127.0.0.1:1"}, []string{"no terminal", "--yes"}},
		{"undo without a terminal", []string{"undo", "--server", "https://127.0.0.1:1"}, []string{"no terminal", "--yes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := execute(t, "", test.args...)
			if code != exitError {
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

func TestScanFiles(t *testing.T) {
	code, stdout, stderr := execute(t, deployment, "scan", "-f", "-")
	if code != exitOK || !strings.Contains(stdout, "run-as-non-root") {
		t.Errorf("exit code %d, stdout:\n%s\nstderr:\n%s", code, stdout, stderr)
	}
	for failOn, want := range map[string]int{"critical": exitOK, "medium": exitFindings} {
		if code, _, _ := execute(t, deployment, "scan", "-f", "-", "--fail-on", failOn); code != want {
			t.Errorf("--fail-on %s: exit code %d, want %d", failOn, code, want)
		}
	}
}

// Documents that cannot be read are named; the others are still judged.
func TestScanGoesOnBesideABrokenDocument(t *testing.T) {
	path := write(t, "mixed.yaml", deployment+"---\nkind: [\n")
	code, stdout, stderr := execute(t, "", "scan", "-f", path)
	if code != exitError || !strings.Contains(stdout, "run-as-non-root") || !strings.Contains(stderr, "mixed.yaml:") {
		t.Errorf("exit code %d, stdout:\n%s\nstderr:\n%s", code, stdout, stderr)
	}
}

func TestFixFilesKeepsComments(t *testing.T) {
	code, stdout, stderr := execute(t, deployment, "fix", "-f", "-", "--dry-run", "-o", "yaml", "--only", "run-as-non-root")
	if code != exitOK {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	for _, want := range []string{"# the shop window", "runAsUser: 1001", "runAsNonRoot: true"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("output lacks %q:\n%s", want, stdout)
		}
	}
	// The second run changes nothing.
	code, again, stderr := execute(t, stdout, "fix", "-f", "-", "--dry-run", "-o", "yaml", "--only", "run-as-non-root")
	if code != exitOK || again != stdout {
		t.Errorf("the second run changed something (exit code %d, %s):\n%s", code, stderr, again)
	}
}

func TestExplain(t *testing.T) {
	code, stdout, _ := execute(t, "", "explain", "-o", "name")
	ids := strings.Fields(stdout)
	if code != exitOK || len(ids) < 25 {
		t.Fatalf("exit code %d, %d rules", code, len(ids))
	}
	for _, id := range ids {
		if code, stdout, _ := execute(t, "", "explain", id); code != exitOK || !strings.Contains(stdout, "WHAT:") {
			t.Errorf("explain %s: exit code %d", id, code)
		}
	}
}

func TestRootWithoutATerminalPrintsTheSummary(t *testing.T) {
	code, stdout, stderr := execute(t, deployment, "-f", "-")
	if code != exitOK || !strings.Contains(stdout, "Checked 1 workload") {
		t.Errorf("exit code %d, stdout:\n%s\nstderr:\n%s", code, stdout, stderr)
	}
}

func TestVersionAndCompletion(t *testing.T) {
	if code, stdout, _ := execute(t, "", "version"); code != exitOK || !strings.HasPrefix(stdout, "kubectl harden ") {
		t.Errorf("version: exit code %d, %q", code, stdout)
	}
	if code, stdout, _ := execute(t, "", "__complete", "explain", "run-as-n"); code != exitOK || !strings.Contains(stdout, "run-as-non-root") {
		t.Errorf("completing a rule: exit code %d, %q", code, stdout)
	}
}
