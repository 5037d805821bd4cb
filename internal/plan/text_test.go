package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

func TestEdited(t *testing.T) {
	op := &harden.ObjectPlan{
		Target: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		Set:    object(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {template: {spec: {hostNetwork: false, containers: [{name: web, securityContext: {runAsUser: 1001}}]}}}"),
		Remove: []harden.Path{fieldpath.MakePathOrDie("spec", "template", "spec", "hostPID")},
		Fixes:  []harden.PlannedFix{{Finding: &harden.Finding{Fixer: &harden.Fixer{ID: "host-network"}}, Fix: harden.Fix{Title: "give it\na network"}}},
	}
	as, err := plan.Text(op)
	if err != nil {
		t.Fatal(err)
	}
	set, remove, err := plan.Edited(op, as, converter())
	if err != nil || text(t, set) != text(t, op.Set) || len(remove) != 1 {
		t.Fatalf("unchanged: %v, %v, %s", err, remove, text(t, set))
	}
	if _, remove, err = plan.Edited(op, strings.Replace(as, "#- .spec.template.spec.hostPID\n", "", 1), converter()); err != nil || len(remove) != 0 {
		t.Errorf("a removal less: %v, %v", err, remove)
	}
	begin := strings.Index(as, "\napiVersion") + 1
	if set, _, err := plan.Edited(op, as[:begin]+"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n", converter()); err != nil || set != nil {
		t.Errorf("removals alone: %v, %v", err, set)
	}
	change := func(old, is string) string {
		t.Helper()
		if !strings.Contains(as, old) {
			t.Fatalf("the text has no %q:\n%s", old, as)
		}
		return strings.Replace(as, old, is, 1)
	}
	lineOf := func(s string) int { return strings.Count(as[:strings.Index(as, s)], "\n") + 1 }
	for _, test := range []struct {
		name, text string
		line       int // 0: none is named
		want       string
	}{
		{"another name", change("name: web\n", "name: api\n"), lineOf("name: web\n"), `must stay "web"`},
		{"no namespace", change("  namespace: shop\n", ""), 0, "metadata.namespace"},
		{"another kind", change("kind: Deployment", "kind: DaemonSet"), lineOf("kind:"), "kind"},
		{"status", as + "status: {replicas: 1}\n", strings.Count(as, "\n") + 1, "written by the server"},
		{"managed fields", change("  name: web\n", "  managedFields: []\n  name: web\n"), lineOf("  name: web\n"), "managedFields"},
		{"replicas", change("spec:\n", "spec:\n  replicas: 3\n"), lineOf("spec:\n") + 1, "scales"},
		{"no value", change("hostNetwork: false", "hostNetwork:"), lineOf("hostNetwork"), "no value"},
		{"another type", change("hostNetwork: false", "hostNetwork: 3"), lineOf("hostNetwork"), "expected boolean, got 3"},
		{"no such field", change("hostNetwork: false", "hostNetwerk: false"), lineOf("hostNetwork"), "no such field"},
		{"twice", change("hostNetwork: false", "hostNetwork: false\n      hostNetwork: true"), 0, "hostNetwork"},
		{"a tab", change("      hostNetwork: false", "\thostNetwork: false"), 0, "tab"},
		{"another removal", as + "#- .spec.replicas\n", strings.Count(as, "\n") + 1, "can only be deleted"},
		{"two documents", as + "---\nkind: X\n", 0, "more than one document"},
		{"a list", "- a\n", 1, "no object"},
		{"comments alone", "# nothing\n", 0, "nothing is left"},
		{"nothing", "", 0, "nothing is left"},
		{"null", "null\n", 0, "nothing is left"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := plan.Edited(op, test.text, converter())
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want it to say %q", err, test.want)
			}
			if test.line > 0 && !strings.Contains(err.Error(), fmt.Sprintf("line %d:", test.line)) {
				t.Errorf("got %v, want line %d", err, test.line)
			}
		})
	}
}
