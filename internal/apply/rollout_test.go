package apply

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
)

// breaking is a manifest whose new pods behave as told once runAsNonRoot is set.
func breaking(manifest, behaviour string) string {
	return strings.Replace(manifest, "      labels: {app: web}\n", fmt.Sprintf("      labels: {app: web}\n      annotations: {%s: %s, %s: runAsNonRoot=true}\n", lab.PodAnnotation, behaviour, lab.PodWhenAnnotation), 1)
}

func TestRolloutThatFails(t *testing.T) {
	deadline := strings.Replace(deploymentYAML, "replicas: 3", "replicas: 3\n  progressDeadlineSeconds: 2", 1)
	for _, test := range []struct {
		name, manifest, kind string
		opts                 harden.ApplyOptions
		want                 []string
	}{
		{"crashes", breaking(deploymentYAML, lab.PodCrashes), "Deployment", harden.ApplyOptions{}, []string{"pod web-", `container "web": CrashLoopBackOff`, "exit code 1"}},
		{"may not start", breaking(deploymentYAML, lab.PodConfigError), "Deployment", harden.ApplyOptions{}, []string{`container "web": CreateContainerConfigError`, "image will run as root"}},
		{"image is not there", breaking(daemonSetYAML, lab.PodPullError), "DaemonSet", harden.ApplyOptions{}, []string{`container "web": ImagePullBackOff`}},
		{"never ready", breaking(deploymentYAML, lab.PodNotReady), "Deployment", harden.ApplyOptions{Timeout: 3 * time.Second}, []string{"did not finish within 3s", "1 of 3 pods updated"}},
		{"does not get on", breaking(deadline, lab.PodHangs), "Deployment", harden.ApplyOptions{}, []string{"has timed out progressing"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.create(test.manifest)
			ref := b.ref("apps/v1", test.kind, "web")
			before := b.read(ref)
			report := b.run(b.plan("rule", nonRoot(ref)), test.opts)
			b.wantPhases(report, harden.Failed)
			b.wantMessage(report, append(test.want, "kubectl harden undo "+report.ID)...)

			b.wantPhases(b.undo(report.ID), harden.Undone)
			b.wantSame(before, b.read(ref))
			b.healthy(ref)
		})
	}
}

// Pod Security is enforced after the pods were made: new ones are refused, which
// a StatefulSet and a DaemonSet say in events only.
func TestRolloutWhosePodsAreRefused(t *testing.T) {
	for _, test := range []struct{ kind, manifest string }{
		{"Deployment", deploymentYAML}, {"StatefulSet", statefulSetYAML}, {"DaemonSet", daemonSetYAML},
	} {
		t.Run(test.kind, func(t *testing.T) {
			b := newBench(t)
			b.create(test.manifest)
			ref := b.ref("apps/v1", test.kind, "web")
			b.kubectl("label", "namespace", b.namespace, "pod-security.kubernetes.io/enforce=restricted")
			report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{Timeout: 30 * time.Second})
			b.wantPhases(report, harden.Failed)
			b.wantMessage(report, "violates PodSecurity", "undo")
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
		{"StatefulSet with a partition", replace(statefulSetYAML, "replicas: 2", "replicas: 2\n  updateStrategy: {rollingUpdate: {partition: 1}}"), "StatefulSet", harden.ApplyOptions{}, "1 of 2 pods keep the old template"},
		{"StatefulSet with a partition over all", replace(statefulSetYAML, "replicas: 2", "replicas: 2\n  updateStrategy: {rollingUpdate: {partition: 2}}"), "StatefulSet", harden.ApplyOptions{}, "no pod is replaced"},
		{"StatefulSet OnDelete", replace(statefulSetYAML, "replicas: 2", "replicas: 2\n  updateStrategy: {type: OnDelete}"), "StatefulSet", harden.ApplyOptions{}, "OnDelete"},
		{"DaemonSet OnDelete", replace(daemonSetYAML, "spec:", "spec:\n  updateStrategy: {type: OnDelete}"), "DaemonSet", harden.ApplyOptions{}, "OnDelete"},
		{"ReplicaSet", replicaSet, "ReplicaSet", harden.ApplyOptions{}, "does not replace its pods"},
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
	want := []harden.Phase{harden.Checking, harden.Applying, harden.RollingOut, harden.Proven}
	if fmt.Sprint(phases) != fmt.Sprint(want) {
		t.Errorf("phases %v, want %v", phases, want)
	}
}

func TestCancelWhileRollingOut(t *testing.T) {
	b := newBench(t)
	b.create(breaking(deploymentYAML, lab.PodNotReady))
	ref := b.ref("apps/v1", "Deployment", "web")
	before := b.read(ref)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	report, err := b.Apply(ctx, b.plan("rule", nonRoot(ref)), harden.ApplyOptions{}, func(e harden.Event) {
		if e.Phase == harden.RollingOut && strings.Contains(e.Message, "updated") {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.wantPhases(report, harden.Unproven)
	b.wantMessage(report, "cancelled")
	entries, problems := b.journal.List()
	if len(problems) > 0 || len(entries) != 1 || entries[0].Objects[0].State != harden.RecordApplied {
		t.Errorf("journal %+v %v, want one applied entry", entries, problems)
	}
	b.wantPhases(b.undo(report.ID), harden.Undone)
	b.wantSame(before, b.read(ref))
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

func TestStatefulSetComesBackFromABrokenRollout(t *testing.T) {
	b := newBench(t)
	b.create(breaking(statefulSetYAML, lab.PodCrashes))
	ref := b.ref("apps/v1", "StatefulSet", "web")
	before := b.read(ref)
	report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{})
	b.wantPhases(report, harden.Failed)
	b.wantPhases(b.undo(report.ID), harden.Undone)
	b.wantSame(before, b.read(ref))
	b.healthy(ref)
	if v, there := plan.Lookup(b.read(ref), harden.ContainerPath(ref, web, "securityContext", "runAsNonRoot")); there {
		t.Errorf("runAsNonRoot is %v, want it gone", v)
	}
}
