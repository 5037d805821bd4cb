package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

func TestMain(m *testing.M) {
	code := labtest.Main(m)
	if binDir != "" {
		os.RemoveAll(binDir)
	}
	os.Exit(code)
}

var binDir string

// binary builds the program once a test run.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kubectl-harden-e2e-")
	if err != nil {
		return "", err
	}
	binDir = dir
	path := filepath.Join(dir, "kubectl-harden")
	out, err := exec.Command("go", "build", "-o", path, "github.com/kubectl-harden/kubectl-harden/cmd/kubectl-harden").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return path, nil
})

// A user is somebody at a terminal: a kubeconfig and a home.
type user struct {
	lab        *lab.Lab
	kubeconfig string
	home       string
}

func admin(t *testing.T, l *lab.Lab) *user {
	t.Helper()
	return &user{lab: l, kubeconfig: l.Kubeconfig(), home: t.TempDir()}
}

// as is a user who may do only what RBAC grants.
func as(t *testing.T, l *lab.Lab, name string) *user {
	t.Helper()
	kubeconfig, err := l.KubeconfigFor(name)
	if err != nil {
		t.Fatal(err)
	}
	return &user{lab: l, kubeconfig: kubeconfig, home: t.TempDir()}
}

type result struct {
	code           int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\n--- stdout\n%s--- stderr\n%s", r.code, r.stdout, r.stderr)
}

func (u *user) command(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	// The soak of the tests is as short as it may be, unless they ask for one.
	applies := len(args) == 0 || strings.HasPrefix(args[0], "-") || args[0] == "fix"
	if applies && !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--soak") }) {
		args = append(slices.Clone(args), "--soak=0s")
	}
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + u.home, "XDG_STATE_HOME=" + filepath.Join(u.home, "state"), "KUBECONFIG=" + u.kubeconfig}
	return cmd
}

// harden runs the program as the user.
func (u *user) harden(t *testing.T, args ...string) result {
	t.Helper()
	return u.within(t, 3*time.Minute, args...)
}

// within is harden for what takes its time.
func (u *user) within(t *testing.T, limit time.Duration, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := u.command(ctx, t, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("running %v: %v", args, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// ok runs the program and wants exit code 0.
func (u *user) ok(t *testing.T, args ...string) result {
	t.Helper()
	r := u.harden(t, args...)
	if r.code != 0 {
		t.Fatalf("kubectl harden %s: %s", strings.Join(args, " "), r)
	}
	return r
}

type finding struct {
	ID, Status, Severity, Container, Reason string
	Object                                  struct{ Kind, Namespace, Name string }
}

type scanReport struct {
	Findings   []finding
	NotChecked []struct{ What, Why string }
}

func (u *user) scan(t *testing.T, args ...string) scanReport {
	t.Helper()
	r := u.ok(t, append([]string{"scan", "-o", "json"}, args...)...)
	var rep scanReport
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		t.Fatalf("reading the report: %v\n%s", err, r.stdout)
	}
	return rep
}

// failing are the rules that fail on the object, with containers.
func (s scanReport) failing(object string) map[string]bool {
	out := map[string]bool{}
	for _, f := range s.Findings {
		if f.Status == "fail" && f.Object.Kind+"/"+f.Object.Name == object {
			out[strings.TrimSpace(f.ID+" "+f.Container)] = true
		}
	}
	return out
}

func kubectl(t *testing.T, l *lab.Lab, args ...string) string {
	t.Helper()
	out, err := l.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func kubectlApply(t *testing.T, l *lab.Lab, ns, manifest string, args ...string) {
	t.Helper()
	if _, err := l.KubectlInput(t.Context(), manifest, append([]string{"apply", "-n", ns, "-f", "-"}, args...)...); err != nil {
		t.Fatalf("applying: %v", err)
	}
}

func get(t *testing.T, l *lab.Lab, ns, object string) *unstructured.Unstructured {
	t.Helper()
	out := kubectl(t, l, "get", "-n", ns, object, "-o", "json", "--show-managed-fields")
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON([]byte(out)); err != nil {
		t.Fatal(err)
	}
	return u
}

// former is the object without what the server and controllers count: status,
// resourceVersion, generation, times of managedFields, and revisions.
func former(u *unstructured.Unstructured) map[string]any {
	u = u.DeepCopy()
	unstructured.RemoveNestedField(u.Object, "status")
	u.SetResourceVersion("")
	u.SetGeneration(0)
	annotations := u.GetAnnotations()
	for _, a := range []string{"deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"} {
		delete(annotations, a)
	}
	u.SetAnnotations(annotations)
	kept := u.GetManagedFields()[:0]
	for _, e := range u.GetManagedFields() {
		e.Time = nil
		if e.Subresource != "status" {
			kept = append(kept, e)
		}
	}
	u.SetManagedFields(kept)
	return u.Object
}

const restrictedFailing = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: example.com/web:1
        securityContext:
          runAsUser: 1001
`

// web makes a Deployment that is available and fails most of restricted.
func web(t *testing.T, l *lab.Lab, ns string) {
	t.Helper()
	kubectlApply(t, l, ns, restrictedFailing)
	kubectl(t, l, "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
}

// arrives waits until a change to what web made has reached the server.
func arrives(t *testing.T, l *lab.Lab, ns, field string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(toJSON(t, get(t, l, ns, "deployment/web")), field); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was applied within a minute")
		}
	}
}

func toJSON(t *testing.T, u *unstructured.Unstructured) string {
	t.Helper()
	b, err := u.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
