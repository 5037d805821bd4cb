package e2e

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// A waiver is annotated, read back as waived and not as gone, listed, and undone.
// No pod is replaced by it, and who may not annotate is told so.
func TestWaive(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	web(t, l, ns)
	before := get(t, l, ns, "deployment/web")
	waive := []string{"waive", "deployment/web", "-n", ns, "--only", "run-as-non-root", "--reason", "vendor image", "--until", "30d", "--yes"}
	if r := u.harden(t, waive...); r.code != 0 || !strings.Contains(r.stderr, "read back: 1 finding waived") || strings.Contains(r.stderr, "gone") {
		t.Fatal(r)
	}
	if sets := kubectl(t, l, "-n", ns, "get", "replicasets", "-o", "name"); strings.Count(sets, "replicaset") != 1 {
		t.Errorf("there was a rollout: %s", sets)
	}
	if u.scan(t, "-n", ns).failing("Deployment/web")["run-as-non-root app:web"] {
		t.Error("what is waived still counts")
	}
	if r := u.ok(t, "waivers", "-n", ns); !strings.Contains(r.stdout, "holds") || !strings.Contains(r.stdout, "vendor image") {
		t.Error(r)
	}
	if r := u.ok(t, "undo", "--list"); !strings.Contains(r.stdout, "waive run-as-non-root") {
		t.Error(r)
	}
	u.ok(t, "undo", "--yes")
	if got := get(t, l, ns, "deployment/web").GetAnnotations(); len(got) != len(before.GetAnnotations()) {
		t.Errorf("after undo the annotations are %v", got)
	}
	if r := u.ok(t, "waivers", "-n", ns); !strings.Contains(r.stdout, "No waivers.") {
		t.Error(r)
	}

	kubectlApply(t, l, ns, viewer)
	if r := as(t, l, "viewer").harden(t, waive...); r.code != 2 || !strings.Contains(r.String(), "auth can-i patch deployments.apps/web") {
		t.Errorf("without the right to annotate: %s", r)
	}
}
