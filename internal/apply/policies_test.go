package apply

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
)

// policyPlan makes a policy of each name. Each repairs a finding on the workload,
// which is there until the policy is, unless it stays.
func (b *bench) policyPlan(on harden.Ref, stays bool, names ...string) *harden.Plan {
	b.Helper()
	p := &harden.Plan{Live: true}
	for _, name := range names {
		target := harden.Ref{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: b.namespace, Name: name}
		body := harden.Partial(target)
		body.Object["spec"] = map[string]any{"podSelector": map[string]any{"matchLabels": map[string]any{"app": "web"}}, "policyTypes": []any{"Ingress"}}
		change := harden.Change{Target: target, Verb: harden.Create, Set: body}
		finding := &harden.Finding{Fixer: &harden.Fixer{ID: "rule-" + name}, Object: on}
		b.mu.Lock()
		b.rules = append(b.rules, rule{finding, func(*unstructured.Unstructured) bool { return stays || !b.there(target) }})
		b.mu.Unlock()
		p.Objects = append(p.Objects, &harden.ObjectPlan{
			Target: target, Verb: harden.Create, Set: body,
			Fixes: []harden.PlannedFix{{Finding: finding, Fix: harden.Fix{Title: "make " + name, Class: harden.Evidence, Changes: []harden.Change{change}}}},
		})
	}
	return p
}

func (b *bench) there(ref harden.Ref) bool {
	_, err := b.Get(b.Context(), ref)
	if err != nil && !apierrors.IsNotFound(err) {
		b.Error(err)
	}
	return err == nil
}

func (b *bench) wantPolicies(names ...string) {
	b.Helper()
	if got := strings.Fields(b.kubectl("get", "networkpolicies", "-o", "jsonpath={.items[*].metadata.name}")); !slices.Equal(got, names) {
		b.Errorf("policies are %q, want %q", got, names)
	}
}

func workloadOf(b *bench) harden.Ref {
	b.Helper()
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	b.healthy(ref)
	return ref
}

func TestPoliciesAreOnTrialTogether(t *testing.T) {
	b := newBench(t)
	on := workloadOf(b)
	waits := 0
	b.onWait = func() { waits++ }
	report := b.run(b.policyPlan(on, false, "one", "two"), harden.ApplyOptions{Soak: 10 * time.Second})
	b.wantPhases(report, harden.Proven, harden.Proven)
	b.wantMessage(report, "1 finding gone")
	b.wantRecord(report.ID, harden.RecordApplied, "proven")
	if waits != 5 {
		t.Errorf("%d pauses of 2 s, want 5: one soak of 10 s for both", waits)
	}
	b.wantPolicies("one", "two")
	b.wantPhases(b.undo(report.ID), harden.Undone, harden.Undone)
	b.wantPolicies()
}

// T61: an engine that keeps the kubelet from probing pods shows as pods that are
// not ready any more.
func TestT61PoliciesUnderWhichPodsLoseReadinessAreTakenBack(t *testing.T) {
	b := newBench(t)
	on := workloadOf(b)
	b.during(func() { b.notReady() })
	report := b.run(b.policyPlan(on, false, "one", "two"), harden.ApplyOptions{Soak: time.Minute})
	b.wantPhases(report, harden.RolledBack, harden.RolledBack)
	b.wantMessage(report, "it was ready and is not any more", "deleted")
	if s := report.Outcomes[1].Symptoms; len(s) == 0 || s[0].Kind != harden.SymptomNotReady {
		t.Errorf("symptoms %+v, want %q", s, harden.SymptomNotReady)
	}
	b.wantRecord(report.ID, harden.RecordUndone)
	b.wantPolicies()
}

// notReady makes all pods of the namespace fail their readiness.
func (b *bench) notReady() {
	b.Helper()
	b.kubectl("annotate", "pods", "--all", lab.PodAnnotation+"="+lab.PodNotReady)
	b.until("the pods stay ready", func() bool {
		return strings.Contains(b.kubectl("get", "pods", "-o", `jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`), "False")
	})
}

// Pods that were not ready before say nothing about the policy.
func TestPodsThatWereSickBeforeAPolicy(t *testing.T) {
	b := newBench(t)
	on := workloadOf(b)
	b.notReady()
	b.wantPhases(b.run(b.policyPlan(on, false, "one"), harden.ApplyOptions{Soak: 10 * time.Second}), harden.Proven)
}

// A policy that is there and does not help is not called fixed, though its own
// object has nothing wrong.
func TestPolicyThatDoesNotRepairItsFinding(t *testing.T) {
	b := newBench(t)
	on := workloadOf(b)
	report := b.run(b.policyPlan(on, true, "one"), harden.ApplyOptions{Soak: 4 * time.Second})
	b.wantPhases(report, harden.NotFixed)
	b.wantMessage(report, "rule-one is still there")
}

func TestPolicyThatIsThereAlready(t *testing.T) {
	b := newBench(t)
	on := workloadOf(b)
	p := b.policyPlan(on, true, "one", "two", "three")
	b.run(b.policyPlan(on, true, "two"), harden.ApplyOptions{NoWait: true})
	report := b.run(p, harden.ApplyOptions{Soak: 4 * time.Second})
	b.wantPhases(report, harden.NotFixed, harden.Refused, harden.Skipped)
	if m := report.Outcomes[1].Message; !strings.Contains(m, "exists already") {
		t.Errorf("message %q does not say that it exists", m)
	}
}

func TestPoliciesThatNobodyWatched(t *testing.T) {
	b := newBench(t)
	on := workloadOf(b)
	report := b.run(b.policyPlan(on, false, "one"), harden.ApplyOptions{NoWait: true})
	b.wantPhases(report, harden.Unproven)
	b.wantMessage(report, "nobody watched")
}

// The pods suffer while nobody watches: whoever resumes sees it by the times in
// their status.
func TestResumeOfPoliciesUnderWhichPodsSuffered(t *testing.T) {
	for name, suffer := range map[string]bool{"ready": false, "not ready": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			on := workloadOf(b)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			report, err := b.Apply(ctx, b.policyPlan(on, false, "one", "two"), harden.ApplyOptions{}, func(e harden.Event) {
				if e.Phase == harden.Soaking {
					cancel()
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			b.wantPhases(report, harden.Unproven, harden.Unproven)
			b.wantMessage(report, "cancelled while the pods were watched", "--resume="+report.ID)
			b.wantInterrupted(report.ID)
			want := harden.Proven
			if suffer {
				want = harden.RolledBack
				// The times in a status are whole seconds.
				b.until("a second is not over", func() bool { return b.now().Truncate(time.Second).After(b.sent(report.ID)) })
				b.notReady()
			}
			b.wantPhases(b.resume(report.ID, harden.ApplyOptions{Soak: 20 * time.Second}), want, want)
			b.wantInterrupted()
			b.wantPhases(b.undo(report.ID), harden.Undone, harden.Undone)
			b.wantPolicies()
		})
	}
}

// sent is when the last request of a plan left.
func (b *bench) sent(id string) time.Time {
	b.Helper()
	entry, err := b.journal.Load(id)
	if err != nil {
		b.Fatal(err)
	}
	return entry.Objects[len(entry.Objects)-1].Sent
}

// A fix of several objects is not stopped by its own first one.
func TestFixOfSeveralPolicies(t *testing.T) {
	b := newBench(t)
	on := workloadOf(b)
	p := b.policyPlan(on, false, "one", "two")
	p.Objects[1].Fixes = p.Objects[0].Fixes
	b.wantPhases(b.run(p, harden.ApplyOptions{Soak: 4 * time.Second}), harden.Proven, harden.Proven)
	b.wantPolicies("one", "two")
}

// Without the policies that allow what is needed, a default deny that came later
// would cut everything.
func TestUndoOfPoliciesUnderALaterDefaultDeny(t *testing.T) {
	b := newBench(t)
	on := workloadOf(b)
	first := b.run(b.policyPlan(on, false, "one"), harden.ApplyOptions{Soak: 4 * time.Second})
	deny := b.policyPlan(on, false, "deny")
	deny.Objects[0].Set.Object["spec"].(map[string]any)["podSelector"] = map[string]any{}
	second := b.run(deny, harden.ApplyOptions{Soak: 4 * time.Second})
	b.wantPhases(second, harden.Proven)
	report := b.undo(first.ID)
	b.wantPhases(report, harden.Refused)
	b.wantMessage(report, "deny", "undo that plan first: kubectl harden undo "+second.ID)
	b.wantPolicies("deny", "one")
	b.wantPhases(b.undo(second.ID), harden.Undone)
	b.wantPhases(b.undo(first.ID), harden.Undone)
	b.wantPolicies()
}
