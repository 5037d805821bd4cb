package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

const lonely = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1.0
        env: [{name: DATABASE_PASSWORD, value: s3cr3t-Marker-77}]
`

// A fix of several objects, an account and the workload that uses it, is proven
// with the last of them, and undo takes all of them back.
func TestAccountOfItsOwn(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	kubectlApply(t, l, ns, lonely)
	kubectl(t, l, "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
	fix := []string{"fix", "deployment/web", "-n", ns, "--only", "sa-default-used,pdb-missing", "--class", "safe,evidence,review", "--yes"}
	r := u.within(t, 3*time.Minute, fix...)
	if r.code != 0 {
		t.Fatal(r)
	}
	for _, want := range []string{"PodDisruptionBudget/harden-web: proven", "ServiceAccount/web: proven: read back: it is there", "Deployment/web: proven"} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("%q is missing: %s", want, r)
		}
	}
	if got := kubectl(t, l, "-n", ns, "get", "deployment/web", "-o", "jsonpath={.spec.template.spec.serviceAccountName}"); got != "web" {
		t.Errorf("the account is %q", got)
	}
	if r := u.within(t, 3*time.Minute, "undo", "--yes"); r.code != 0 {
		t.Fatal(r)
	}
	got := kubectl(t, l, "-n", ns, "get", "deployment/web", "-o", "jsonpath={.spec.template.spec.serviceAccountName}{.spec.template.spec.serviceAccount}")
	if got != "" {
		t.Errorf("after undo the account is %q", got)
	}
	if got := kubectl(t, l, "-n", ns, "get", "serviceaccounts,poddisruptionbudgets", "-o", "name"); strings.Contains(got, "/web") || strings.Contains(got, "harden-web") {
		t.Errorf("after undo there are %s", got)
	}
}

// T87: a credential in clear is named by its place, and its value leaves the
// cluster in no output, diff or journal; with the Secret there, a reference takes its place.
func TestT87CredentialIsNeverShown(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	kubectlApply(t, l, ns, lonely)
	kubectl(t, l, "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
	kubectl(t, l, "-n", ns, "create", "secret", "generic", "web-credentials", "--from-literal=DATABASE_PASSWORD=rotated")
	var all strings.Builder
	for _, args := range [][]string{
		{"scan", "-n", ns, "-o", "wide"},
		{"scan", "-n", ns, "-o", "json"},
		{"scan", "-n", ns, "-o", "html"},
		{"explain", "deployment/web", "-n", ns},
		{"report", "-n", ns, "-o", "json"},
		{"fix", "-n", ns, "--only", "secret-literal-env", "--class", "review", "--dry-run"},
		{"fix", "-n", ns, "--only", "secret-literal-env", "--class", "review", "--force-conflicts", "--yes"},
		{"undo", "--list"},
	} {
		r := u.within(t, 3*time.Minute, args...)
		all.WriteString(r.String())
		if r.code != 0 && args[0] != "undo" && args[0] != "fix" {
			t.Errorf("%v: %s", args, r)
		}
	}
	if !strings.Contains(all.String(), "DATABASE_PASSWORD") {
		t.Error("the place is not named")
	}
	if strings.Contains(all.String(), "s3cr3t-Marker-77") {
		t.Errorf("the value is shown: %s", all.String())
	}
	err := filepath.WalkDir(u.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "s3cr3t-Marker-77") {
			t.Errorf("%s holds the value", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := kubectl(t, l, "-n", ns, "get", "deployment/web", "-o", "jsonpath={.spec.template.spec.containers[0].env[0]}"); !strings.Contains(got, "web-credentials") || strings.Contains(got, "s3cr3t") {
		t.Errorf("the variable is %s", got)
	}
}
