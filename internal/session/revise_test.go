package session_test

import (
	"os"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestRevise(t *testing.T) {
	s, snap := opened(t, logAgent, "")
	plan, err := s.Plan(t.Context(), ofRules(snap, "seccomp-profile-missing", "host-network"), harden.PlanOptions{InSource: true})
	if err != nil || len(plan.Objects) != 1 {
		t.Fatalf("got %v, %+v", err, plan)
	}
	op := plan.Objects[0]
	text, err := s.PatchText(op)
	if err != nil {
		t.Fatal(err)
	}
	same, err := s.Revise(t.Context(), plan, op.Target.Key(), text, harden.PlanOptions{})
	if err != nil || same != plan {
		t.Errorf("unchanged text: %v, another plan: %t", err, same != plan)
	}
	edited := strings.Replace(text, "      hostNetwork: false\n", "", 1)
	if edited == text {
		t.Fatalf("the patch is\n%s", text)
	}
	next, err := s.Revise(t.Context(), plan, op.Target.Key(), edited, harden.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(next.LeftOut) != 1 || next.LeftOut[0].Finding.Fixer.ID != "host-network" || len(next.Objects[0].Fixes) != len(op.Fixes)-1 {
		t.Errorf("what the patch repairs no more is not said: %+v", next)
	}
	if strings.Contains(next.Objects[0].Diff, "-      hostNetwork") || !strings.Contains(next.Objects[0].Diff, "seccompProfile") || next.Objects[0].Fixes[0].Fix.Class != harden.Review {
		t.Errorf("got %+v", next.Objects[0])
	}
	if !strings.Contains(op.Diff, "hostNetwork") || len(plan.LeftOut) != 0 {
		t.Error("the first plan was changed")
	}
	for name, test := range map[string]struct{ text, want string }{
		"a container that there is not": {strings.Replace(text, "    spec:\n", "    spec:\n      containers:\n      - name: nobody\n        tty: false\n", 1), "has no containers"},
		"another object":                {strings.Replace(text, "  name: agent\n", "  name: other\n", 1), "metadata.name"},
		"so already":                    {"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent, namespace: ops}\nspec: {template: {spec: {hostNetwork: true}}}\n", "already"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Revise(t.Context(), plan, op.Target.Key(), test.text, harden.PlanOptions{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestExportManifests(t *testing.T) {
	s, snap := opened(t, logAgent, "")
	export := func(rules ...string) ([]harden.FileChange, error) {
		plan, err := s.Plan(t.Context(), ofRules(snap, rules...), harden.PlanOptions{InSource: true})
		if err != nil {
			t.Fatal(err)
		}
		return s.Export(plan, harden.ExportManifests, "out")
	}
	files, err := export("seccomp-profile-missing")
	if err != nil || len(files) != 1 || !files[0].New() || !strings.Contains(string(files[0].After), "seccompProfile") {
		t.Fatalf("got %v, %+v", err, files)
	}
	if !strings.Contains(strings.Join(files[0].Notes, " "), "--field-manager=harden-manifests") {
		t.Errorf("notes: %v", files[0].Notes)
	}
	if _, err := s.Write(files); err != nil {
		t.Fatal(err)
	}
	again, err := export("host-network")
	if err != nil || again[0].New() || !strings.Contains(string(again[0].After), "seccompProfile") || !strings.Contains(string(again[0].After), "hostNetwork: false") {
		t.Errorf("what was exported before is given up: %v, %s", err, again[0].After)
	}
	if err := os.WriteFile(files[0].Path, []byte("kind: Mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := export("host-network"); err == nil || !strings.Contains(err.Error(), "--out") {
		t.Errorf("a file of somebody else: %v", err)
	}
}
