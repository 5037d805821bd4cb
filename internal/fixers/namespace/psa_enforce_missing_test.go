package namespace

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const workload = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: [{name: web, image: w}]}\n"

func namespace(labels string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {%s}}\n", labels)
}

func TestPSAEnforceMissing(t *testing.T) {
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"restricted", namespace("pod-security.kubernetes.io/enforce: restricted") + workload, nil},
		{"privileged is a declaration", namespace("pod-security.kubernetes.io/enforce: privileged") + workload, nil},
		{"no label", namespace("") + workload, []string{"fail medium not-declared"}},
		{"warn is not enforce", namespace("pod-security.kubernetes.io/warn: restricted") + workload, []string{"fail medium not-declared"}},
		{"level that does not exist", namespace("pod-security.kubernetes.io/enforce: Restricted") + workload, []string{"fail medium invalid-level"}},
		{"empty level", namespace(`pod-security.kubernetes.io/enforce: ""`) + workload, []string{"fail medium invalid-level"}},
		{"no workload", namespace(""), []string{"fail low not-declared"}},
		{"Namespace not read", workload, []string{"unknown medium unknown"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range fixtest.Run(t, PSAEnforceMissing, test.yaml) {
				got = append(got, fmt.Sprintf("%s %s %s", f.Status, f.Severity, f.Verdict))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// T102: the default of the server is invisible, so nothing may be said about protection.
func TestT102NotDeclaredIsNotUnprotected(t *testing.T) {
	f := fixtest.Only(t, PSAEnforceMissing, namespace("")+workload)
	said := strings.ToLower(f.Fixer.Title + f.Reason + f.Detail)
	if !strings.Contains(said, "not declared") || strings.Contains(said, "unprotected") || !strings.Contains(said, "default of the server") {
		t.Errorf("says %q, want \"not declared\" and that a default may apply", said)
	}
}

func TestUnreadNamespaceSaysWhy(t *testing.T) {
	for _, test := range []struct {
		opts []fixtest.Option
		want string
	}{
		{nil, "not among the files"},
		{[]fixtest.Option{fixtest.Live(), fixtest.Unreadable("namespaces", "forbidden")}, "forbidden"},
		{[]fixtest.Option{fixtest.Live()}, "may not be read"},
	} {
		if f := fixtest.Only(t, PSAEnforceMissing, workload, test.opts...); !strings.Contains(f.Detail, test.want) {
			t.Errorf("detail %q, want %q in it", f.Detail, test.want)
		}
	}
	for _, f := range fixtest.Run(t, PSAEnforceMissing, namespace(""), fixtest.Live(), fixtest.Unreadable("pods", "forbidden")) {
		if f.Severity != harden.Medium {
			t.Errorf("severity %s: that there are no workloads was not seen", f.Severity)
		}
	}
}
