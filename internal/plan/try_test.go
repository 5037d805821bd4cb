package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

var proven = []harden.Class{harden.Safe, harden.Evidence}

// review makes the only fix of a pick one for review, with one claim.
func review(p plan.Pick, state harden.ClaimState) plan.Pick {
	p.Fixes[0].Class, p.Fixes[0].Evidence = harden.Review, []harden.Claim{{Code: "E-PROC", State: state}}
	return p
}

func TestTry(t *testing.T) {
	statefulSet := strings.Replace(deployment, "kind: Deployment\nmetadata: {name: shop", "kind: StatefulSet\nmetadata: {name: db", 1)
	cronJob := "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: night, namespace: demo}\nspec: {schedule: '@daily', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: web, image: w}]}}}}}"
	namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo}"
	w := cluster(t, deployment, statefulSet, cronJob, namespace)
	r := w.ref(longDeployment)
	template := func(r harden.Ref) plan.Pick { return pick("x", harden.Low, security(t, r, "runAsNonRoot: true")) }
	for _, test := range []struct {
		name string
		pick plan.Pick
		want bool
	}{
		{"a pod template", review(template(r), harden.Missing), true},
		{"of a StatefulSet", review(template(w.ref("demo/StatefulSet/db")), harden.Missing), true},
		{"a removal from it", review(pick("x", harden.Low, harden.RemoveFrom(r, harden.ContainerPath(r, web, "securityContext", "privileged"))), harden.Missing), true},
		{"something speaks against it", review(template(r), harden.Refutes), false},
		{"no rollout would tell", review(template(w.ref("demo/CronJob/night")), harden.Missing), false},
		{"no template", review(pick("x", harden.Low, harden.SetObject(w.ref("Namespace/demo"), fields(t, "metadata: {labels: {a: b}}"))), harden.Missing), false},
		{"more than the template", review(pick("x", harden.Low, harden.SetObject(r, fields(t, "spec: {minReadySeconds: 5, template: {spec: {hostIPC: true}}}"))), harden.Missing), false},
		{"an annotation of the workload", review(pick("x", harden.Low, harden.SetObject(r, fields(t, "metadata: {annotations: {a: b}}"))), harden.Missing), false},
		{"a removal elsewhere", review(pick("x", harden.Low, harden.RemoveFrom(r, fieldpath.MakePathOrDie("spec", "minReadySeconds"))), harden.Missing), false},
		{"also another object", review(pick("x", harden.Low, security(t, r, "runAsNonRoot: true"), harden.Change{Target: harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: "demo", Name: "new"}, Verb: harden.Create, Set: harden.Partial(harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: "demo", Name: "new"})}), harden.Missing), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := w.build(harden.PlanOptions{Classes: proven, Try: true}, test.pick)
			if got := len(p.Objects) > 0; got != test.want {
				t.Errorf("planned %v, want %v; left out %v", got, test.want, reasons(p))
			}
			if p := w.build(harden.PlanOptions{Classes: proven}, test.pick); len(p.Objects) > 0 {
				t.Error("planned without Try")
			}
		})
	}
	t.Run("a proven fix comes first, wherever it stands", func(t *testing.T) {
		p := review(template(r), harden.Missing)
		p.Fixes = append(p.Fixes, harden.Fix{Title: "proven", Class: harden.Evidence, Changes: []harden.Change{security(t, r, "runAsUser: 1000")}})
		if got := one(t, w.build(harden.PlanOptions{Classes: proven, Try: true}, p)).Fixes[0].Fix.Title; got != "proven" {
			t.Errorf("planned %q", got)
		}
	})
	t.Run("nothing is tried in files", func(t *testing.T) {
		w := files(t, deployment)
		if p := w.build(harden.PlanOptions{Classes: proven, Try: true}, review(template(w.ref(longDeployment)), harden.Missing)); len(p.Objects) > 0 {
			t.Error("planned")
		}
	})
}

// A finding with several fixes is only left out when none of them fits.
func TestTheNextFixIsTakenWhereTheFirstDoesNotFit(t *testing.T) {
	w := cluster(t, deployment)
	r := w.ref(longDeployment)
	two := func(first, second harden.Change) plan.Pick {
		p := pick("two", harden.Low, first)
		p.Fixes = append(p.Fixes, harden.Fix{Title: "second", Class: harden.Evidence, Changes: []harden.Change{second}})
		return p
	}
	second := security(t, r, "readOnlyRootFilesystem: true")
	missing := harden.SetContainer(r, harden.ContainerRef{Kind: harden.AppContainer, Name: "old"}, fields(t, "imagePullPolicy: Always"))
	uid := func(n string) harden.Change { return security(t, r, "runAsUser: "+n) }
	for _, test := range []struct {
		name  string
		pick  plan.Pick
		takes string // title of the fix
		why   string // left out
	}{
		{"the first fits", two(uid("1001"), second), "repair two", ""},
		{"the first cannot be planned by itself", two(missing, second), "second", ""},
		{"the first contradicts the plan", two(uid("1000"), second), "second", ""},
		{"the server would refuse the first", two(security(t, r, "allowPrivilegeEscalation: false"), second), "second", ""},
		{"none fits: the reason is that of the first", two(uid("1000"), missing), "", `contradicts other, which is in the plan: .spec.template.spec.containers[name="web"].securityContext.runAsUser is set to different values`},
		{"none can be planned: the reason is that of the first", two(missing, uid("1000")), "", `Deployment/shop has no containers[name="old"]`},
		{"the first is so already", two(security(t, r, "privileged: true"), second), "", "already so"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := w.build(harden.PlanOptions{}, pick("other", harden.High, uid("1001")), test.pick)
			takes := ""
			for _, f := range one(t, p).Fixes {
				if f.Finding.Fixer.ID == "two" {
					takes = f.Fix.Title
				}
			}
			if takes != test.takes {
				t.Errorf("takes %q, want %q", takes, test.takes)
			}
			if d := cmp.Diff(test.why, reasons(p)["two"]); d != "" {
				t.Errorf("left out (-want +got):\n%s", d)
			}
		})
	}
}
