package e2e

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// Each says what failed, on which object, and what to do, and ends with 2.
func TestBadDays(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	u := admin(t, l)
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"refused credentials", []string{"scan", "--server", l.Server(), "--insecure-skip-tls-verify", "--token", "expired", "--kubeconfig", os.DevNull}, []string{"credentials", "hint: "}},
		{"untrusted certificate", []string{"scan", "--server", l.Server(), "--token", "x", "--kubeconfig", os.DevNull}, []string{"certificate", "--certificate-authority"}},
		{"context that does not exist", []string{"scan", "--context", "nope"}, []string{"nope", "get-contexts"}},
		{"namespace that does not exist", []string{"scan", "-n", "no-such-namespace"}, []string{"no-such-namespace"}},
		{"object that does not exist", []string{"fix", "deployment/no-such", "-n", ns, "--yes"}, []string{"deployment/no-such", ns}},
		{"plan that does not exist", []string{"undo", "no-such-plan", "--yes"}, []string{"no-such-plan", "--list"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := u.harden(t, test.args...)
			if r.code != 2 {
				t.Errorf("%s", r)
			}
			for _, want := range test.want {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("stderr does not say %q: %s", want, r)
				}
			}
		})
	}
}

func TestServerThatDoesNotAnswer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	l := labtest.Shared(t)
	u := admin(t, l)
	r := u.harden(t, "scan", "--kubeconfig", os.DevNull, "--server", "https://"+silent.Addr().String(), "--token", "x", "--request-timeout", "1s")
	if r.code != 2 || !strings.Contains(r.stderr, silent.Addr().String()) || !strings.Contains(r.stderr, "hint: ") {
		t.Errorf("%s", r)
	}
}

// A server that goes away in the middle of a watch is told, and nothing is lost.
func TestServerGoesAwayBeforeAnApply(t *testing.T) {
	l := labtest.Start(t, lab.Options{Nodes: 1})
	kubectl(t, l, "create", "namespace", "shop")
	web(t, l, "shop")
	if err := l.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	u := admin(t, l)
	r := u.harden(t, "fix", "deployment/web", "-n", "shop", "--only", "run-as-non-root", "--yes", "--request-timeout", "2s")
	if r.code != 2 || !strings.Contains(r.stderr, "does not answer") {
		t.Errorf("%s", r)
	}
	if err := l.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	u.ok(t, "fix", "deployment/web", "-n", "shop", "--only", "run-as-non-root", "--yes")
	u.ok(t, "undo", "--yes")
}

func TestStateThatCannotBeWritten(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	u := admin(t, l)
	// A file where the folder should be: root may write into read-only folders.
	if err := os.WriteFile(filepath.Join(u.home, "state"), []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := get(t, l, ns, "deployment/web")
	r := u.harden(t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", "--yes")
	if r.code != 2 || !strings.Contains(r.stdout+r.stderr, "journal") {
		t.Errorf("%s", r)
	}
	if got := get(t, l, ns, "deployment/web"); got.GetGeneration() != before.GetGeneration() {
		t.Error("something was applied without a journal")
	}
}

func TestClosedPipe(t *testing.T) {
	l := labtest.Shared(t)
	u := admin(t, l)
	cmd := u.command(t.Context(), t, "scan", "-A", "-o", "json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	stdout.Close()
	if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("`scan | head`: %v, stderr %q", err, &stderr)
	}
}

// Ctrl-c while a rollout is watched leaves the object applied, journalled, and
// undoable.
func TestInterruptWhileWatching(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	u := admin(t, l)
	cmd := u.command(t.Context(), t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", "--yes")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	arrives(t, l, ns, "runAsNonRoot")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // proven already, or interrupted: either way it is in the journal
	if r := u.ok(t, "undo", "--list"); !strings.Contains(r.stdout, "Deployment/web") {
		t.Fatalf("the apply is not in the journal: %s\n%s", r, &out)
	}
	u.ok(t, "undo", "--yes")
	if got := get(t, l, ns, "deployment/web"); len(got.GetManagedFields()) == 0 || strings.Contains(toJSON(t, got), "runAsNonRoot") {
		t.Error("undo did not take the fix back")
	}
}

func TestKilledWhileApplying(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	u := admin(t, l)
	cmd := u.command(t.Context(), t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", "--yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	arrives(t, l, ns, "runAsNonRoot")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	u.ok(t, "undo", "--yes")
	if strings.Contains(toJSON(t, get(t, l, ns, "deployment/web")), "runAsNonRoot") {
		t.Error("undo after kill -9 did not take the fix back")
	}
}
