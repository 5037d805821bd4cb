package network

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// The objects of these tests are in namespace shop, the pods of a Deployment
// NAME carry the label app: NAME.

func deployment(name, spec string) string {
	return fmt.Sprintf("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: shop}\nspec: {selector: {matchLabels: {app: %s}}, template: {metadata: {labels: {app: %s}}, spec: {%s}}}\n", name, name, name, spec)
}

func containers(ports string) string {
	return fmt.Sprintf("containers: [{name: c, image: registry.example.com/team/app:1, ports: [%s]}]", ports)
}

func service(name, spec string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: shop}\nspec: {%s}\n", name, spec)
}

func inNamespaceOf(namespace, labels string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {%s}}\n", namespace, labels)
}

// A judgement is what a rule must say of some objects.
type judgement struct {
	name, yaml string
	opts       []fixtest.Option
	want       []string // as found writes them
}

func judge(t *testing.T, fixer *harden.Fixer, tests []judgement) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			findings := fixtest.Run(t, fixer, test.yaml, test.opts...)
			if diff := cmp.Diff(test.want, found(findings)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, f := range findings {
				if f.Reason == "" || f.Detail == "" || f.Field == "" || f.Verdict == "" {
					t.Errorf("says too little: %+v", f)
				}
			}
		})
	}
}

func live(opts ...fixtest.Option) []fixtest.Option {
	return append([]fixtest.Option{fixtest.Live()}, opts...)
}

func enforcing(name string) fixtest.Option {
	return fixtest.Engine(harden.Engine{Name: name, Enforces: harden.Enforced, IPv4: true})
}

// rules are the rules that the only change of a fix sets for a direction.
func rules(t *testing.T, fix harden.Fix, direction string) []any {
	t.Helper()
	if len(fix.Changes) != 1 {
		t.Fatalf("%d changes, want 1: %+v", len(fix.Changes), fix)
	}
	list, _, err := unstructured.NestedSlice(fix.Changes[0].Set.Object, "spec", direction)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func fixesOf(t *testing.T, fixer *harden.Fixer, yaml string, opts ...fixtest.Option) harden.Fix {
	t.Helper()
	fixes := fixtest.Fixes(t, fixer, yaml, opts...)
	if len(fixes) != 1 {
		t.Fatalf("%d fixes, want 1", len(fixes))
	}
	return fixes[0]
}

func texts(claims []harden.Claim, state harden.ClaimState) []string {
	var out []string
	for _, c := range claims {
		if c.State == state {
			out = append(out, c.Text)
		}
	}
	slices.Sort(out)
	return out
}
