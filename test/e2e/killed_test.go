//go:build unix

package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// kill -9 at ten moments, spread over an apply from its start to its end: undo
// restores the object whatever was reached, and nothing stays unknown.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	before := get(t, l, ns, "deployment/web")
	args := []string{"fix", "deployment/web", "-n", ns, "--class", "safe,evidence,review", "--yes", "--soak", "1s"}

	u := admin(t, l)
	begun := time.Now()
	u.ok(t, args...)
	whole := time.Since(begun)
	u.ok(t, "undo", "--yes")

	const moments = 10
	for i := range moments {
		kubectl(t, l, "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
		after := time.Duration((float64(i) + rand.Float64()) / moments * float64(whole))
		u := admin(t, l)
		cmd := u.command(t.Context(), t, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()

		reached := "before anything was written"
		if r := u.ok(t, "undo", "--list"); strings.Contains(r.stdout, "Deployment/web") {
			reached = "in the journal"
			if r := u.harden(t, "undo", "--yes"); r.code != 0 && !strings.Contains(r.stderr, "nothing to undo") {
				t.Errorf("killed after %v: undo: %s", after, r)
			}
			for _, state := range []string{"started", "on trial"} {
				if r := u.ok(t, "undo", "--list"); strings.Contains(r.stdout, state) {
					t.Errorf("killed after %v: an outcome stays unknown: %s", after, r)
				}
			}
		}
		t.Logf("killed after %v of %v: %s", after.Round(time.Millisecond), whole.Round(time.Millisecond), reached)
		if diff := cmp.Diff(former(before), former(get(t, l, ns, "deployment/web"))); diff != "" {
			t.Fatalf("killed after %v: the object is not restored (-before +after):\n%s", after, diff)
		}
	}
}

// The next run tells about what was interrupted, and goes on with it.
func TestResumeAfterKill(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	u := admin(t, l)
	cmd := u.command(t.Context(), t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", "--yes", "--soak", "10m")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	arrives(t, l, ns, "runAsNonRoot")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()

	if r := u.ok(t, "fix", "-n", ns, "--dry-run"); !strings.Contains(r.stderr, "was interrupted") || !strings.Contains(r.stderr, "--resume=") {
		t.Errorf("the next run does not mention it: %s", r)
	}
	if r := u.ok(t, "fix", "-n", ns, "--resume"); !strings.Contains(r.stderr, "proven") {
		t.Errorf("resume: %s", r)
	}
	if r := u.harden(t, "fix", "-n", ns, "--resume"); r.code != 2 || !strings.Contains(r.stderr, "no plan was interrupted") {
		t.Errorf("a second resume: %s", r)
	}
}
