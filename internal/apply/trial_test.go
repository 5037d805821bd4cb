package apply

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
)

// during calls f once, in the first pause of the soak.
func (b *bench) during(f func()) {
	var once sync.Once
	b.onWait = func() { once.Do(f) }
}

// Some apps start well and fail later.
func TestPodsThatFailInTheSoakAreTakenBack(t *testing.T) {
	for _, test := range []struct {
		name, behaviour string
		reached         string // jsonpath of the pods, and what it shows when the pods behave so
		shows           string
		want            string
		symptom         harden.SymptomKind
	}{
		{"crash", lab.PodCrashes, "{.items[*].status.containerStatuses[*].state.waiting.reason}", "CrashLoopBackOff", "CrashLoopBackOff", harden.SymptomCrash},
		{"lose readiness", lab.PodNotReady, `{.items[*].status.conditions[?(@.type=="Ready")].status}`, "False", "it is not ready", harden.SymptomNotReady},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.create(deploymentYAML)
			ref := b.ref("apps/v1", "Deployment", "web")
			before := b.read(ref)
			b.during(func() {
				b.kubectl("annotate", "pods", "--all", lab.PodAnnotation+"="+test.behaviour)
				b.until("the pods do not change", func() bool {
					return strings.Contains(b.kubectl("get", "pods", "-o", "jsonpath="+test.reached), test.shows)
				})
			})
			report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{})
			b.wantPhases(report, harden.RolledBack)
			b.wantMessage(report, test.want, "available again")
			if got := report.Outcomes[0].Symptoms; len(got) == 0 || got[0].Kind != test.symptom {
				t.Errorf("symptoms %+v, want %q", got, test.symptom)
			}
			b.wantSame(before, b.read(ref))
		})
	}
}

func TestSoakTellsHowFarItIs(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	b.wantPhases(b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{Soak: 12 * time.Second}), harden.Proven)
	var said []string
	for _, e := range b.events {
		if e.Phase == harden.Soaking {
			said = append(said, e.Message)
		}
	}
	if got := strings.Join(said, ", "); got != "0s of 12s, 6s of 12s" {
		t.Errorf("the soak told %q", got)
	}
}

// Somebody who changes the template in the soak is no failure, and no proof.
func TestTemplateThatChangesInTheSoak(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	b.during(func() {
		b.kubectl("set", "env", "deployment/web", "MODE=other")
		b.healthy(ref)
	})
	report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{})
	b.wantPhases(report, harden.Unproven)
	b.wantMessage(report, "somebody changed its template")
	b.wantRecord(report.ID, harden.RecordApplied)
}

// Cancelled, the change stays and is known as one of which nobody has said how
// it went: it can be resumed or taken back.
func TestCancelledTrial(t *testing.T) {
	for _, phase := range []harden.Phase{harden.RollingOut, harden.Soaking} {
		for _, then := range []string{"resume", "undo"} {
			t.Run(fmt.Sprintf("%s, then %s", phase, then), func(t *testing.T) {
				b := newBench(t)
				b.create(deploymentYAML)
				ref := b.ref("apps/v1", "Deployment", "web")
				before := b.read(ref)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				p := b.plan("rule", nonRoot(ref))
				report, err := b.Apply(ctx, p, harden.ApplyOptions{}, func(e harden.Event) {
					if e.Phase == phase && strings.Contains(e.Message, " of ") {
						cancel()
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				b.wantPhases(report, harden.Unproven)
				b.wantMessage(report, "interrupted: cancelled", "kubectl harden fix --resume="+report.ID, "kubectl harden undo "+report.ID)
				b.wantRecord(report.ID, harden.RecordOnTrial, "interrupted")
				b.wantInterrupted(report.ID)
				if then == "resume" {
					b.wantPhases(b.resume(report.ID, harden.ApplyOptions{}), harden.Proven)
					b.wantRecord(report.ID, harden.RecordApplied, "proven")
					b.wantInterrupted()
				}
				b.wantPhases(b.undo(report.ID), harden.Undone)
				b.wantInterrupted()
				b.wantSame(before, b.read(ref))
			})
		}
	}
}

func (b *bench) resume(id string, opts harden.ApplyOptions) *harden.ApplyReport {
	b.Helper()
	report, err := b.Resume(b.Context(), id, opts, b.emitted)
	if err != nil {
		b.Fatal(err)
	}
	return report
}

// wantInterrupted fails unless the interrupted plans are those.
func (b *bench) wantInterrupted(ids ...string) {
	b.Helper()
	records, err := b.Interrupted()
	if err != nil {
		b.Fatal(err)
	}
	var got []string
	for _, r := range records {
		got = append(got, r.ID)
	}
	if strings.Join(got, " ") != strings.Join(ids, " ") {
		b.Errorf("interrupted are %q, want %q", got, ids)
	}
}

func TestPlanOfARunThatIsAtWorkIsNotInterrupted(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	b.during(func() { b.wantInterrupted() })
	report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{})
	b.wantPhases(report, harden.Proven)
	if _, err := b.Resume(t.Context(), report.ID, harden.ApplyOptions{}, b.emitted); err == nil || !strings.Contains(err.Error(), "nothing of") {
		t.Errorf("error %v, want one that says that nothing was interrupted", err)
	}
}

// A change that opens another hole at its own place is not good, even though the
// finding that it was made for is gone.
func TestChangeThatOpensAnotherHole(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	p := b.plan("rule", harden.SetSecurityContext(ref, web, map[string]any{"runAsUser": int64(0)}))
	hole := b.objectPlan("hole", harden.SetSecurityContext(ref, web, map[string]any{"runAsUser": int64(1)})).Fixes[0].Finding
	hole.Field = "spec.template.spec.containers[web].securityContext.runAsUser"
	closed := b.rules[len(b.rules)-1].broken
	before := b.read(ref).GetGeneration()
	b.rules[len(b.rules)-1].broken = func(u *unstructured.Unstructured) bool { return u.GetGeneration() > before && closed(u) }
	report := b.run(p, harden.ApplyOptions{})
	b.wantPhases(report, harden.NotFixed)
	b.wantMessage(report, "now has hole, which was not there before", "kubectl harden undo")
	if o := report.Outcomes[0]; len(o.Fixed) != 1 || len(o.Open) != 1 || o.Open[0] != hole {
		t.Errorf("fixed %v, open %v", names(o.Fixed), names(o.Open))
	}
}

const claimYAML = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  storageClassName: kwok-volume
  accessModes: [%s]
  resources: {requests: {storage: 1Gi}}
`

func TestRolloutThatWouldDeadlock(t *testing.T) {
	withClaim := strings.Replace(deploymentYAML, "replicas: 3", "replicas: 1", 1) + "\n      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]"
	for _, test := range []struct {
		name, mode, manifest string
		want                 harden.Phase
		message              string
	}{
		{"one node at a time", "ReadWriteOnce", withClaim, harden.Refused, "the new pod may land on another node; give it strategy Recreate"},
		{"one pod at a time", "ReadWriteOncePod", withClaim, harden.Refused, "may be used by one pod at a time"},
		{"many nodes", "ReadWriteMany", withClaim, harden.Proven, ""},
		{"Recreate", "ReadWriteOnce", strings.Replace(withClaim, "replicas: 1", "replicas: 1\n  strategy: {type: Recreate}", 1), harden.Proven, ""},
		{"old pod goes first", "ReadWriteOnce", strings.Replace(withClaim, "replicas: 1", "replicas: 1\n  strategy: {rollingUpdate: {maxUnavailable: 1}}", 1), harden.Proven, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.create(fmt.Sprintf(claimYAML, test.mode))
			b.create(test.manifest)
			ref := b.ref("apps/v1", "Deployment", "web")
			report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{})
			b.wantPhases(report, test.want)
			b.wantMessage(report, test.message)
		})
	}
}

// Volumes that cannot be mounted keep a pod pending; only the kubelet's events say so.
func TestVolumeThatCannotBeMounted(t *testing.T) {
	b := newBench(t)
	b.create(breaking(deploymentYAML, lab.PodHangs))
	ref := b.ref("apps/v1", "Deployment", "web")
	var once sync.Once
	b.onEvent = func(e harden.Event) {
		if e.Phase != harden.RollingOut || !strings.Contains(e.Message, "1 of 3 pods updated") {
			return
		}
		once.Do(func() {
			pod := strings.Fields(b.kubectl("get", "pods", "--field-selector=status.phase=Pending", "-o", "jsonpath={.items[0].metadata.name} {.items[0].metadata.uid}"))
			event := fmt.Sprintf(`apiVersion: v1
kind: Event
metadata: {name: mount}
type: Warning
reason: FailedMount
message: 'MountVolume.SetUp failed for volume "tmp" : secret "tmp" not found'
involvedObject: {kind: Pod, apiVersion: v1, name: %s, uid: %s, namespace: %s}
count: 4
firstTimestamp: "2026-07-31T12:00:00Z"
lastTimestamp: "2026-07-31T12:01:00Z"
`, pod[0], pod[1], b.namespace)
			b.applyAs(event)
		})
	}
	report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{Timeout: time.Minute})
	b.wantPhases(report, harden.RolledBack)
	b.wantMessage(report, "FailedMount: MountVolume.SetUp failed")
	if got := report.Outcomes[0].Symptoms; len(got) == 0 || got[0].Kind != harden.SymptomMount {
		t.Errorf("symptoms %+v, want %q", got, harden.SymptomMount)
	}
}

// A node that is not ready keeps its pod of a DaemonSet from being available.
// That says nothing of the DaemonSet, as long as its controller gets on.
func TestDaemonSetOnANodeThatIsNotReady(t *testing.T) {
	for _, test := range []struct {
		name, strategy string
		want           harden.Phase
		message        string
	}{
		{"one may be unavailable", "", harden.Refused, "it is not healthy now: 2 of 3 pods are available"},
		{"two may be unavailable", "\n  updateStrategy: {rollingUpdate: {maxUnavailable: 2}}", harden.Unproven, "1 of 3 pods sit on nodes that are not ready"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			// Only pods of this test tolerate the taint.
			node := fmt.Sprintf("apiVersion: v1\nkind: Node\nmetadata: {name: dead-%[1]s}\nspec: {taints: [{key: %[1]s, effect: NoSchedule}]}\nstatus: {capacity: {cpu: 1, memory: 1Gi, pods: 9}, allocatable: {cpu: 1, memory: 1Gi, pods: 9}}\n", b.namespace)
			b.applyAs(node)
			t.Cleanup(func() {
				if out, err := b.lab.Kubectl(context.Background(), "delete", "node", "dead-"+b.namespace); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
			manifest := strings.Replace(daemonSetYAML, "spec:", "spec:"+test.strategy, 1) + fmt.Sprintf("\n      tolerations: [{key: %s, operator: Exists}]", b.namespace)
			b.applyAs(manifest)
			ref := b.ref("apps/v1", "DaemonSet", "web")
			b.until("two of three pods do not become available", func() bool {
				r, err := rolloutOf(b.read(ref))
				bound := strings.Fields(b.kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"))
				return err == nil && r.want == 3 && r.ready == 2 && r.observed && len(bound) == 3
			})
			report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{Timeout: time.Minute})
			b.wantPhases(report, test.want)
			b.wantMessage(report, test.message)
		})
	}
}
