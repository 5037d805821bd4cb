package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const everyClass = "--class=safe,evidence,review"

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFixInPlace(t *testing.T) {
	path := write(t, "web.yaml", deployment)
	args := []string{"fix", "-f", path, "--only", "run-as-non-root", everyClass, "--in-place"}

	code, stdout, stderr := execute(t, "", append(args, "--dry-run", "--exit-code")...)
	if code != exitFindings || !strings.Contains(stdout, "+++ b/") || contents(t, path) != deployment {
		t.Fatalf("a dry run: exit code %d, the file %s\n%s%s", code, contents(t, path), stdout, stderr)
	}
	code, _, stderr = execute(t, "", append(args, "--yes")...)
	fixed := contents(t, path)
	if code != exitOK || !strings.Contains(stderr, "Read again: 1 finding gone, 0 still there.") || !strings.Contains(fixed, "runAsNonRoot: true") {
		t.Fatalf("exit code %d\n%s\n%s", code, stderr, fixed)
	}
	for line := range strings.Lines(deployment) {
		if !strings.Contains(fixed, line) {
			t.Errorf("the line %q was changed:\n%s", line, fixed)
		}
	}
	code, _, stderr = execute(t, "", append(args, "--yes")...)
	if code != exitOK || !strings.Contains(stderr, "Nothing to write") || contents(t, path) != fixed {
		t.Errorf("the second run: exit code %d\n%s", code, stderr)
	}
}

// T120: what is rendered from a template is not what it says.
func TestT120TemplatesAreNotEditedInPlace(t *testing.T) {
	path := write(t, "web.yaml", deployment+"---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n")
	code, _, stderr := execute(t, "", "fix", "-f", path, "--only", "run-as-non-root", everyClass, "--in-place", "--yes")
	if code != exitError || !strings.Contains(stderr, "template") || strings.Contains(contents(t, path), "runAsNonRoot") {
		t.Errorf("exit code %d, the file\n%s\n%s", code, contents(t, path), stderr)
	}
}

func TestFixOnKustomization(t *testing.T) {
	path := write(t, "web.yaml", deployment)
	folder, out := filepath.Dir(path), filepath.Join(t.TempDir(), "out")
	kustomization := "resources: [web.yaml]\nnamePrefix: blue-\n"
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"fix", "-k", folder, "--only", "run-as-non-root", everyClass, "--yes"}

	if code, _, stderr := execute(t, "", append(args, "-o", "kustomize", "--out", out)...); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if code, stdout, stderr := execute(t, "", "scan", "-k", out, "--only", "run-as-non-root", "-o", "name"); code != exitOK || strings.Contains(stdout, "blue-") {
		t.Errorf("what is patched has the finding: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := execute(t, "", append(args, "--in-place")...); code != exitOK || !strings.Contains(contents(t, path), "runAsNonRoot: true") {
		t.Errorf("the manifest of the kustomization was not changed: exit code %d\n%s\n%s", code, stderr, contents(t, path))
	}
	if contents(t, filepath.Join(folder, "kustomization.yaml")) != kustomization {
		t.Error("the kustomization was changed without need")
	}
	if code, _, stderr := execute(t, "", append(args, "-o", "kustomize", "--out", filepath.Join(out, "more"))...); code != exitOK || !strings.Contains(stderr, "Nothing to write") {
		t.Errorf("without anything to patch: exit code %d\n%s", code, stderr)
	}
}
