package plan_test

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

func TestHeld(t *testing.T) {
	ref := harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	web := harden.ContainerRef{Name: "web"}
	image := harden.PlannedFix{Finding: &harden.Finding{Detail: "image"}, Fix: harden.Fix{Changes: []harden.Change{harden.SetContainer(ref, web, map[string]any{"image": "web:1@sha256:1"})}}}
	escalation := harden.PlannedFix{Finding: &harden.Finding{Detail: "escalation"}, Fix: harden.Fix{Changes: []harden.Change{harden.SetSecurityContext(ref, web, map[string]any{"allowPrivilegeEscalation": false})}}}
	const held = `.spec.template.spec.containers[name="web"].image`
	for name, test := range map[string]struct {
		fixes    []harden.PlannedFix
		conflict string
		want     *harden.Finding
	}{
		"one of two":     {[]harden.PlannedFix{image, escalation}, held, image.Finding},
		"all there is":   {[]harden.PlannedFix{image}, held, nil},
		"of no fix":      {[]harden.PlannedFix{image, escalation}, ".spec.replicas", nil},
		"the whole item": {[]harden.PlannedFix{image, escalation}, `.spec.template.spec.containers[name="web"]`, nil},
		"no conflict":    {[]harden.PlannedFix{image, escalation}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			op := &harden.ObjectPlan{Target: ref, Fixes: test.fixes, DryRun: &harden.DryRun{}}
			if test.conflict != "" {
				op.DryRun.Conflicts = []harden.Conflict{{Field: test.conflict, Manager: "kubectl-client-side-apply"}}
			}
			got, err := plan.Held(op, converter())
			if err != nil {
				t.Fatal(err)
			}
			if test.want == nil && len(got) > 0 || test.want != nil && (len(got) != 1 || got[test.want].Manager == "") {
				t.Errorf("got %v", got)
			}
		})
	}
}
