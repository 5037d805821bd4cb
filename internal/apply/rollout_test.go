package apply

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
)

// breaking is a manifest whose new pods behave as told once runAsNonRoot is set.
func breaking(manifest, behaviour string) string {
	return strings.Replace(manifest, "      labels: {app: web}\n", fmt.Sprintf("      labels: {app: web}\n      annotations: {%s: %s, %s: runAsNonRoot=true}\n", lab.PodAnnotation, behaviour, lab.PodWhenAnnotation), 1)
}

func TestRolloutThatFailsIsTakenBack(t *testing.T) {
	deadline := strings.Replace(deploymentYAML, "replicas: 3", "replicas: 3\n  progressDeadlineSeconds: 2", 1)
	for _, test := range []struct {
		name, manifest, kind string
		opts                 harden.ApplyOptions
		symptom              harden.SymptomKind
		want                 []string
	}{
		{"crashes", breaking(deploymentYAML, lab.PodCrashes), "Deployment", harden.ApplyOptions{}, harden.SymptomCrash, []string{"pod web-", `container web: CrashLoopBackOff`, "exit code 1"}},
		{"crashes in a StatefulSet", breaking(statefulSetYAML, lab.PodCrashes), "StatefulSet", harden.ApplyOptions{}, harden.SymptomCrash, []string{"pod web-1", "CrashLoopBackOff"}},
		{"may not start", breaking(deploymentYAML, lab.PodConfigError), "Deployment", harden.ApplyOptions{}, harden.SymptomUser, []string{`container web: CreateContainerConfigError`, "image will run as root"}},
		{"image is not there", breaking(daemonSetYAML, lab.PodPullError), "DaemonSet", harden.ApplyOptions{}, harden.SymptomImage, []string{`container web: ImagePullBackOff`}},
		{"never ready", breaking(deploymentYAML, lab.PodNotReady), "Deployment", harden.ApplyOptions{Timeout: 8 * time.Second}, harden.SymptomNotReady, []string{"did not finish within 8s", "1 of 3 pods updated", "it is not ready"}},
		{"does not get on", breaking(deadline, lab.PodHangs), "Deployment", harden.ApplyOptions{}, harden.SymptomNotReady, []string{"has timed out progressing"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.create(test.manifest)
			ref := b.ref("apps/v1", test.kind, "web")
			before := b.read(ref)
			report := b.run(b.plan("rule", nonRoot(ref)), test.opts)
			b.wantPhases(report, harden.RolledBack)
			b.wantMessage(report, append(test.want, "the change was taken back", "available again")...)
			out := report.Outcomes[0]
			if out.Err == nil || len(out.Symptoms) == 0 || out.Symptoms[0].Kind != test.symptom || out.Symptoms[0].Pod == "" {
				t.Errorf("error %v, symptoms %+v, want the first of kind %q on a pod", out.Err, out.Symptoms, test.symptom)
			}
			b.wantSame(before, b.read(ref))
			b.healthy(ref)
			b.wantRecord(report.ID, harden.RecordUndone, "rolled back: ", out.Symptoms[0].Line)

			again := b.undo(report.ID)
			b.wantPhases(again, harden.Undone)
			b.wantMessage(again, "undone already")
		})
	}
}

// wantRecord fails unless the first object of the journal entry is in the state
// and its note says the parts.
func (b *bench) wantRecord(id string, state harden.RecordState, parts ...string) {
	b.Helper()
	entry, err := b.journal.Load(id)
	if err != nil {
		b.Fatal(err)
	}
	o := entry.Record().Objects[0]
	if o.State != state {
		b.Errorf("the journal says %q, want %q", o.State, state)
	}
	for _, part := range parts {
		if !strings.Contains(o.Note, part) {
			b.Errorf("the note %q does not say %q", o.Note, part)
		}
	}
}

func TestRolloutThatFailsStaysWhereTheUserSaysSo(t *testing.T) {
	b := newBench(t)
	b.create(breaking(deploymentYAML, lab.PodCrashes))
	ref := b.ref("apps/v1", "Deployment", "web")
	before := b.read(ref)
	report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{NoRollback: true})
	b.wantPhases(report, harden.Failed)
	b.wantMessage(report, "CrashLoopBackOff", "kubectl harden undo "+report.ID)
	b.wantRecord(report.ID, harden.RecordApplied, "failed: ")
	if !b.isMet(b.read(ref), nonRoot(ref)) {
		t.Error("the change was taken back")
	}
	b.wantPhases(b.undo(report.ID), harden.Undone)
	b.wantSame(before, b.read(ref))
	b.healthy(ref)
}

// What was taken from other managers by force goes back to them.
func TestT110RollbackOfForcedValues(t *testing.T) {
	b := newBench(t)
	b.create(breaking(privilegedYAML, lab.PodCrashes))
	ref := b.ref("apps/v1", "Deployment", "web")
	before := b.read(ref)
	report := b.run(b.forcing("rule", forced(ref)), harden.ApplyOptions{})
	b.wantPhases(report, harden.RolledBack)
	b.wantSame(before, b.read(ref))
	b.healthy(ref)
}

// Pod Security is enforced after the pods were made: new ones are refused, which
// a StatefulSet and a DaemonSet say in events only. They end an old pod first,
// and even that of the former template may not come back.
func TestT101PodsThatAreRefused(t *testing.T) {
	for _, test := range []struct {
		kind, manifest string
		want           harden.Phase
		message        string
	}{
		{"Deployment", deploymentYAML, harden.RolledBack, "available again"},
		{"StatefulSet", statefulSetYAML, harden.Failed, "the change was taken back, but"},
		{"DaemonSet", daemonSetYAML, harden.Failed, "the change was taken back, but"},
	} {
		t.Run(test.kind, func(t *testing.T) {
			b := newBench(t)
			b.create(test.manifest)
			ref := b.ref("apps/v1", test.kind, "web")
			before := b.read(ref)
			b.kubectl("label", "namespace", b.namespace, "pod-security.kubernetes.io/enforce=restricted")
			report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{Timeout: 30 * time.Second})
			b.wantPhases(report, test.want)
			b.wantMessage(report, "violates PodSecurity", test.message)
			if got := report.Outcomes[0].Symptoms; len(got) == 0 || got[0].Kind != harden.SymptomRefusedPod {
				t.Errorf("symptoms %+v, want %q", got, harden.SymptomRefusedPod)
			}
			b.wantSame(before, b.read(ref))
		})
	}
}

func TestRolloutThatProvesNothing(t *testing.T) {
	replace := func(manifest, old, other string) string {
		if !strings.Contains(manifest, old) {
			t.Fatalf("no %q in the manifest", old)
		}
		return strings.Replace(manifest, old, other, 1)
	}
	replicaSet := replace(deploymentYAML, "kind: Deployment", "kind: ReplicaSet")
	for _, test := range []struct {
		name, manifest, kind string
		opts                 harden.ApplyOptions
		want                 string
	}{
		{"T114 StatefulSet with a partition", replace(statefulSetYAML, "replicas: 2", "replicas: 2\n  updateStrategy: {rollingUpdate: {partition: 1}}"), "StatefulSet", harden.ApplyOptions{}, "1 of 2 pods keep the old template"},
		{"T114 StatefulSet with a partition over all", replace(statefulSetYAML, "replicas: 2", "replicas: 2\n  updateStrategy: {rollingUpdate: {partition: 2}}"), "StatefulSet", harden.ApplyOptions{}, "its pods are not replaced: the update partition is 2"},
		{"T114 StatefulSet OnDelete", replace(statefulSetYAML, "replicas: 2", "replicas: 2\n  updateStrategy: {type: OnDelete}"), "StatefulSet", harden.ApplyOptions{}, "its pods are not replaced: the update strategy is OnDelete"},
		{"T114 DaemonSet OnDelete", replace(daemonSetYAML, "spec:", "spec:\n  updateStrategy: {type: OnDelete}"), "DaemonSet", harden.ApplyOptions{}, "its pods are not replaced: the update strategy is OnDelete"},
		{"ReplicaSet", replicaSet, "ReplicaSet", harden.ApplyOptions{}, "its pods are not replaced: a ReplicaSet does not do that"},
		{"no replicas", replace(deploymentYAML, "replicas: 3", "replicas: 0"), "Deployment", harden.ApplyOptions{}, "no pod runs now"},
		{"nobody waits", deploymentYAML, "Deployment", harden.ApplyOptions{NoWait: true}, "nobody waited"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.create(test.manifest)
			ref := b.ref("apps/v1", test.kind, "web")
			report := b.run(b.plan("rule", nonRoot(ref)), test.opts)
			b.wantPhases(report, harden.Unproven)
			b.wantMessage(report, test.want)
			if len(report.Outcomes[0].Fixed) != 1 {
				t.Errorf("fixed: %v, want the finding: the object was read back", report.Outcomes[0].Fixed)
			}
		})
	}
}

func TestWorkloadThatIsLeftAlone(t *testing.T) {
	for _, test := range []struct {
		name, manifest string
		disturb        []string
		want           string
	}{
		{"paused", deploymentYAML, []string{"rollout", "pause", "deployment/web"}, "paused"},
		{"rolling out", breaking(strings.Replace(deploymentYAML, "example.com/web:1", "example.com/web:2", 1), lab.PodHangs), []string{"patch", "deployment", "web", "-p", `{"spec":{"template":{"metadata":{"annotations":{"` + lab.PodAnnotation + `":"hangs","` + lab.PodWhenAnnotation + `":null}}}}}`}, "a rollout is under way"},
		{"not healthy", deploymentYAML, []string{"annotate", "pods", "--all", lab.PodAnnotation + "=" + lab.PodNotReady}, "0 of 3 pods are available"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.create(test.manifest)
			ref := b.ref("apps/v1", "Deployment", "web")
			b.kubectl(test.disturb...)
			b.until(test.want+" does not show", func() bool {
				r, err := rolloutOf(b.read(ref))
				return err == nil && strings.Contains(r.unfit(), test.want)
			})
			generation := b.read(ref).GetGeneration()
			report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{})
			b.wantPhases(report, harden.Refused)
			b.wantMessage(report, "left alone", test.want)
			if b.read(ref).GetGeneration() != generation {
				t.Error("the object was changed")
			}
		})
	}
}

// A paused workload may be changed where no pod is touched.
func TestChangeOutsideTheTemplateOfAPausedWorkload(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	b.kubectl("rollout", "pause", "deployment/web")
	change := harden.SetObject(ref, map[string]any{"metadata": map[string]any{"annotations": map[string]any{harden.Domain + "/owner": "shop"}}})
	b.wantPhases(b.run(b.plan("rule", change), harden.ApplyOptions{}), harden.Proven)
}

func TestRolloutTellsHowFarItIs(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	b.wantPhases(b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{}), harden.Proven)
	var phases []harden.Phase
	for _, e := range b.events {
		if len(phases) == 0 || phases[len(phases)-1] != e.Phase {
			phases = append(phases, e.Phase)
		}
	}
	want := []harden.Phase{harden.Checking, harden.Applying, harden.RollingOut, harden.Soaking, harden.Proven}
	if fmt.Sprint(phases) != fmt.Sprint(want) {
		t.Errorf("phases %v, want %v", phases, want)
	}
}

// The watch survives an API server that drops it.
func TestRolloutAcrossBrokenWatches(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	w := b.newWatch(t.Context(), b.read(ref), harden.ApplyOptions{Timeout: time.Minute}, b.emitted)
	ctx, cancel := context.WithCancel(t.Context())
	changed := make(chan struct{}, 1)
	stream, err := w.watches()[0](ctx)
	if err != nil {
		t.Fatal(err)
	}
	stream.Stop()
	drain(ctx, stream, changed) // returns: the stream has ended
	go keepWatching(ctx, w.watches()[0], changed)
	b.until("no event after the watch was opened again", func() bool {
		b.kubectl("annotate", "deployment", "web", "--overwrite", "tick="+time.Now().Format("150405.000"))
		select {
		case <-changed:
			return true
		default:
			return false
		}
	})
	cancel()
}

// until polls; tests wait on states, never for a time.
func (b *bench) until(failure string, reached func() bool) {
	b.Helper()
	for range 600 {
		if reached() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.Fatal(failure)
}
