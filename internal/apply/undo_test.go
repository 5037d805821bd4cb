package apply

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

const privilegedYAML = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      hostNetwork: true
      containers:
      - name: web
        image: example.com/web:1
        securityContext: {readOnlyRootFilesystem: false, capabilities: {add: [NET_ADMIN]}}
        volumeMounts: [{name: logs, mountPath: /logs}, {name: host, mountPath: /host}, {name: data, mountPath: /data}]
      volumes:
      - {name: logs, emptyDir: {}}
      - {name: host, hostPath: {path: /var/log}}
      - {name: data, emptyDir: {}}`

// forced changes values that others hold: a pointer field, a zero value, an atomic list.
func forced(ref harden.Ref) harden.Change {
	return harden.SetPodSpec(ref, map[string]any{
		"hostNetwork": false,
		"containers": []any{map[string]any{"name": "web", "securityContext": map[string]any{
			"readOnlyRootFilesystem": true, "runAsNonRoot": true, "capabilities": map[string]any{"add": []any{"NET_BIND_SERVICE"}},
			"seccompProfile": map[string]any{"type": "RuntimeDefault"},
		}}},
	})
}

func revisions(b *bench, ref harden.Ref) int64 { return b.read(ref).GetGeneration() }

func TestT110UndoOfForcedValues(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags []string
	}{
		{"of kubectl apply", nil},
		{"of another Update manager", []string{"--field-manager=operator"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.applyAs(privilegedYAML, test.flags...)
			b.settle(privilegedYAML)
			ref := b.ref("apps/v1", "Deployment", "web")
			before := b.read(ref)
			report := b.run(b.forcing("rule", forced(ref)), harden.ApplyOptions{})
			b.wantPhases(report, harden.Proven)
			start := revisions(b, ref)

			b.wantPhases(b.undo(report.ID), harden.Undone)
			b.wantSame(before, b.read(ref))
			if got := revisions(b, ref); got != start+1 {
				t.Errorf("undo changed the spec %d times, want one rollout", got-start)
			}
			if m := managers(b.read(ref)); slices.ContainsFunc(m, func(s string) bool { return strings.HasPrefix(s, harden.Manager) }) {
				t.Errorf("managers %q: ours is still there", m)
			}
		})
	}
}

// What a manager applies is never forced by a plan; a removal that was chosen
// in spite of that (by an earlier version, say) is undone all the same.
func TestUndoGivesFieldsBackToAnApplyManager(t *testing.T) {
	b := newBench(t)
	b.applyAs(privilegedYAML, "--server-side", "--field-manager=helm")
	b.settle(privilegedYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	before := b.read(ref)
	p := b.plan("rule", forced(ref))
	attempt, err := b.prepare(t.Context(), p.Objects[0])
	if err != nil {
		t.Fatal(err)
	}
	attempt.force = true
	r := &run{Applier: b.Applier, emit: b.emitted, entry: newEntry(b)}
	s := &sent{op: p.Objects[0], before: attempt.live}
	if s.record, err = b.record(attempt, ""); err != nil {
		t.Fatal(err)
	}
	if err := r.save(s.record); err != nil {
		t.Fatal(err)
	}
	if _, err := r.store(t.Context(), attempt, s); err != nil {
		t.Fatal(err)
	}

	b.wantPhases(b.undo(r.entry.ID), harden.Undone)
	b.wantSame(before, b.read(ref))
	// The owner applies its manifest without the field: it goes, as if we had never been there.
	b.applyAs(strings.Replace(privilegedYAML, "readOnlyRootFilesystem: false, ", "", 1), "--server-side", "--field-manager=helm")
	path := harden.ContainerPath(ref, web, "securityContext", "readOnlyRootFilesystem")
	if v, there := plan.Lookup(b.read(ref), path); there {
		t.Errorf("readOnlyRootFilesystem is %v after its owner dropped it, want it gone", v)
	}
}

func TestUndoOfRemovals(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(harden.Ref) harden.Change
	}{
		{"only removals", func(ref harden.Ref) harden.Change { return removals(ref) }},
		{"removals and values", func(ref harden.Ref) harden.Change {
			c := removals(ref)
			c.Set = harden.SetSecurityContext(ref, web, map[string]any{"runAsNonRoot": true}).Set
			return c
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.create(privilegedYAML)
			ref := b.ref("apps/v1", "Deployment", "web")
			before := b.read(ref)
			refused := b.run(b.plan("rule", test.change(ref)), harden.ApplyOptions{})
			b.wantPhases(refused, harden.Refused)
			b.wantMessage(refused, "kubectl-client-side-apply", `volumes[name="host"]`, "--force-conflicts")

			b.rules = nil
			report := b.run(b.forcing("rule", test.change(ref)), harden.ApplyOptions{})
			b.wantPhases(report, harden.Proven)
			b.wantPhases(b.undo(report.ID), harden.Undone)
			b.wantSame(before, b.read(ref))
		})
	}
}

// removals take a volume from the middle of its list with its mount, and a field.
func removals(ref harden.Ref) harden.Change {
	return harden.RemoveFrom(ref,
		harden.PodSpecPath(ref, "volumes", fieldpath.KeyByFields("name", "host")),
		harden.ContainerPath(ref, web, "volumeMounts", fieldpath.KeyByFields("mountPath", "/host")),
		harden.ContainerPath(ref, web, "securityContext", "capabilities"),
	)
}

func TestUndoLeavesAloneWhatOthersChanged(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	report := b.run(b.plan("rule", harden.SetSecurityContext(ref, web, map[string]any{
		"runAsNonRoot": true, "runAsUser": int64(1000),
	})), harden.ApplyOptions{})
	b.wantPhases(report, harden.Proven)
	b.kubectl("patch", "deployment", "web", "-p", `{"spec":{"template":{"spec":{"containers":[{"name":"web","securityContext":{"runAsUser":2000}}]}}}}`)

	undone := b.undo(report.ID)
	b.wantPhases(undone, harden.Undone)
	b.wantMessage(undone, "runAsUser", "1000", "2000", "left alone")
	if undone.Outcomes[0].Err == nil {
		t.Error("an undo that left something alone has no error")
	}
	now := b.read(ref)
	if v, _ := plan.Lookup(now, harden.ContainerPath(ref, web, "securityContext", "runAsUser")); v != int64(2000) {
		t.Errorf("runAsUser is %v, want the other person's 2000", v)
	}
	if v, there := plan.Lookup(now, harden.ContainerPath(ref, web, "securityContext", "runAsNonRoot")); there {
		t.Errorf("runAsNonRoot is %v, want it gone", v)
	}
}

func TestUndoKeepsWhatOthersWantToo(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	report := b.run(b.plan("rule", harden.SetSecurityContext(ref, web, map[string]any{"runAsNonRoot": true})), harden.ApplyOptions{})
	b.wantPhases(report, harden.Proven)
	b.applyAs(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, securityContext: {runAsNonRoot: true}}]}}}`, "--server-side", "--field-manager=team")

	undone := b.undo(report.ID)
	b.wantPhases(undone, harden.Undone)
	b.wantMessage(undone, "runAsNonRoot", `"team" wants it so too`)
	now := b.read(ref)
	if v, _ := plan.Lookup(now, harden.ContainerPath(ref, web, "securityContext", "runAsNonRoot")); v != true {
		t.Errorf("runAsNonRoot is %v, want true: another manager holds it", v)
	}
	if m := managers(now); slices.Contains(m, "harden/Apply") {
		t.Errorf("managers %q: ours is still there", m)
	}
}

// Two plans set the same field; undoing the first leaves it to the second, and
// undoing that leads back to the time before both.
func TestUndoOfAPlaceThatALaterPlanSetToo(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	before := b.read(ref)
	set := func(user int64) harden.Change {
		return harden.SetSecurityContext(ref, web, map[string]any{"runAsUser": user})
	}
	one := b.run(b.plan("one", set(1000)), harden.ApplyOptions{})
	two := b.run(b.plan("two", set(2000)), harden.ApplyOptions{})
	b.wantPhases(two, harden.Proven)

	undone := b.undo(one.ID)
	b.wantPhases(undone, harden.Undone)
	b.wantMessage(undone, two.ID)
	if !b.isMet(b.read(ref), set(2000)) {
		t.Fatal("undoing the first plan took the second one's value")
	}
	b.wantPhases(b.undo(two.ID), harden.Undone)
	b.wantSame(before, b.read(ref))
}

func TestUndoOfTheLaterOfTwoValues(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	set := func(user int64) harden.Change {
		return harden.SetSecurityContext(ref, web, map[string]any{"runAsUser": user})
	}
	b.run(b.plan("one", set(1000)), harden.ApplyOptions{})
	between := b.read(ref)
	two := b.run(b.plan("two", set(2000)), harden.ApplyOptions{})
	b.wantPhases(b.undo(two.ID), harden.Undone)
	b.wantSame(between, b.read(ref))
}

// The program dies between the journal and the request, or between the request
// and the answer: undo looks at the object.
func TestUndoAfterACrash(t *testing.T) {
	for _, stored := range []bool{false, true} {
		t.Run(map[bool]string{false: "before the request", true: "after the request"}[stored], func(t *testing.T) {
			b := newBench(t)
			b.create(privilegedYAML)
			ref := b.ref("apps/v1", "Deployment", "web")
			before := b.read(ref)
			attempt, err := b.prepare(t.Context(), b.plan("rule", forced(ref)).Objects[0])
			if err != nil {
				t.Fatal(err)
			}
			attempt.force = true
			r := &run{Applier: b.Applier, emit: b.emitted, entry: newEntry(b)}
			o, err := b.record(attempt, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := r.save(o); err != nil {
				t.Fatal(err)
			}
			if stored {
				if _, err := b.sendApply(t.Context(), ref, attempt.body, true, store); err != nil {
					t.Fatal(err)
				}
			}
			entries, _ := b.journal.List()
			if rec := entries[0].Record().Objects[0]; rec.State != harden.RecordStarted || !strings.Contains(rec.Note, "ended before it knew") {
				t.Errorf("the record is %+v, want a started one that says so", rec)
			}
			b.wantPhases(b.undo(r.entry.ID), harden.Undone)
			b.wantSame(before, b.read(ref))
		})
	}
}

// The program dies between the two writes of an undo: a second undo finishes it.
func TestUndoThatWasInterrupted(t *testing.T) {
	b := newBench(t)
	b.create(privilegedYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	before := b.read(ref)
	report := b.run(b.forcing("rule", forced(ref)), harden.ApplyOptions{})
	b.wantPhases(report, harden.Proven)
	b.healthy(ref)
	live := b.read(ref)
	target := live.DeepCopy()
	target.Object["spec"] = before.Object["spec"]
	if _, err := b.sendDifference(t.Context(), ref, live, target, store); err != nil {
		t.Fatal(err)
	}
	b.wantPhases(b.undo(report.ID), harden.Undone)
	b.wantSame(before, b.read(ref))
}

func TestUndoOfAnObjectThatIsGone(t *testing.T) {
	b := newBench(t)
	manifest := "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}"
	b.create(manifest)
	ref := b.ref("v1", "ServiceAccount", "web")
	one := b.run(b.plan("rule", noToken(ref)), harden.ApplyOptions{})
	b.wantPhases(one, harden.Proven)
	b.kubectl("delete", "serviceaccount", "web")
	b.create(manifest)
	again := b.undo(one.ID)
	b.wantPhases(again, harden.Refused)
	b.wantMessage(again, "deleted and made again")
	b.kubectl("delete", "serviceaccount", "web")
	gone := b.undo(one.ID)
	b.wantPhases(gone, harden.Undone)
	b.wantMessage(gone, "gone")
}

const policyYAML = `{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "harden-default-deny"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}`

func createPlan(b *bench) *harden.Plan {
	ref := harden.Ref{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: b.namespace, Name: "harden-default-deny"}
	body := harden.Partial(ref)
	if err := json.Unmarshal([]byte(policyYAML), &body.Object); err != nil {
		b.Fatal(err)
	}
	body.SetNamespace(b.namespace)
	return &harden.Plan{Live: true, Objects: []*harden.ObjectPlan{{Target: ref, Verb: harden.Create, Set: body}}}
}

func TestCreatedObjectIsDeletedOnlyWhenUnchanged(t *testing.T) {
	b := newBench(t)
	report := b.run(createPlan(b), harden.ApplyOptions{})
	b.wantPhases(report, harden.Proven)
	b.kubectl("label", "networkpolicy", "harden-default-deny", "mine=true")
	refused := b.undo(report.ID)
	b.wantPhases(refused, harden.Refused)
	b.wantMessage(refused, "not deleted", "kubectl-label")
	twice := b.run(createPlan(b), harden.ApplyOptions{})
	b.wantPhases(twice, harden.Refused)
	b.wantMessage(twice, "exists already")

	b.kubectl("delete", "networkpolicy", "harden-default-deny")
	report = b.run(createPlan(b), harden.ApplyOptions{})
	b.wantPhases(b.undo(report.ID), harden.Undone)
	if out := b.kubectl("get", "networkpolicy", "-o", "name"); out != "" {
		t.Errorf("there still is %q", out)
	}
}

// Our manager name is not one that Flux removes: its cleanup drops entries whose
// name starts with "kubectl" or is "before-first-apply" (fluxcd/pkg/ssa).
func TestManagerSurvivesFluxCleanup(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	b.wantPhases(b.run(b.plan("rule", hardened(ref)), harden.ApplyOptions{NoWait: true}), harden.Unproven)
	live := b.read(ref)
	kept := slices.DeleteFunc(live.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return strings.HasPrefix(e.Manager, "kubectl") || e.Manager == "before-first-apply"
	})
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/metadata/managedFields", "value": kept}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.sendPatch(t.Context(), ref, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: "kustomize-controller"}, store); err != nil {
		t.Fatal(err)
	}
	b.applyAs(deploymentYAML, "--server-side", "--force-conflicts", "--field-manager=kustomize-controller")
	if !b.isMet(b.read(ref), hardened(ref)) {
		t.Errorf("the fixes are gone after a reconcile: %v", managers(b.read(ref)))
	}
}

func TestUndoIsCancelledBetweenObjects(t *testing.T) {
	b := newBench(t)
	report := b.run(createPlan(b), harden.ApplyOptions{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	undone, err := b.Undo(ctx, report.ID, harden.ApplyOptions{Timeout: time.Minute}, b.emitted)
	if err != nil {
		t.Fatal(err)
	}
	b.wantPhases(undone, harden.Skipped)
	b.wantPhases(b.undo(report.ID), harden.Undone)
}
