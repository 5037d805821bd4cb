package e2e

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// Evidence that cannot be had is said, and changes nothing else.
func TestEvidenceThatCannotBeHad(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	u := admin(t, l)
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"no right to a kubelet, no shell: simulated pods", []string{"scan", "-n", ns, "--probe"}, []string{"run-as-non-root"}},
		{"a registry that does not answer", []string{"fix", "-n", ns, "--dry-run=client", "--images"}, []string{"example.com/web"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := u.ok(t, test.args...)
			if r.stderr != "" {
				t.Errorf("the libraries do not keep quiet: %s", r.stderr)
			}
			for _, w := range test.want {
				if !strings.Contains(r.stdout, w) {
					t.Errorf("%q is not said: %s", w, r)
				}
			}
		})
	}
}

func TestEvidenceFlags(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	u := admin(t, l)
	for _, test := range []struct{ args, want string }{
		{"scan --pull-secrets", "add --images"},
		{"scan --insecure-registry localhost:5000", "add --images"},
		{"scan --probe-image busybox", "add --probe"},
		{"scan -f testdata --probe", "none behind files"},
		{"scan -f testdata --kubelets", "none behind files"},
		{"fix --tighten --wait=false --yes", "--wait=false"},
		{"fix --tighten --no-rollback --yes", "--no-rollback"},
		{"fix --max-attempts 0 --yes", "--max-attempts"},
		{"fix --soak -1s --yes", "--soak"},
		{"fix --resume --dry-run", "--resume"},
		{"fix --resume=20200101-000000-aaaa --yes", "undo --list"},
	} {
		if r := u.harden(t, strings.Fields(test.args)...); r.code != 2 || !strings.Contains(r.stderr, test.want) {
			t.Errorf("%s: want exit code 2 and %q: %s", test.args, test.want, r)
		}
	}
}
