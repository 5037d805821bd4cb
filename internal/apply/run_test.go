package apply

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func nonRoot(ref harden.Ref) harden.Change {
	return harden.SetSecurityContext(ref, web, map[string]any{"runAsNonRoot": true})
}

func TestDryRunChangesNothing(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	op := b.objectPlan("rule", hardened(ref))
	before := b.read(ref).GetResourceVersion()
	b.DryRun(t.Context(), op)
	if !op.DryRun.OK() {
		t.Fatalf("dry run: %+v", op.DryRun)
	}
	if got := b.read(ref).GetResourceVersion(); got != before || op.DryRun.ResourceVersion != before {
		t.Errorf("resourceVersion is %s and the dry run asked about %s, want both %s", got, op.DryRun.ResourceVersion, before)
	}
	for _, line := range []string{"+            runAsNonRoot: true", "+          emptyDir: {}"} {
		if !strings.Contains(strings.ReplaceAll(op.Diff, "        ", "    "), strings.TrimSpace(strings.TrimPrefix(line, "+"))) {
			t.Errorf("the diff lacks %q:\n%s", line, op.Diff)
		}
	}
	if files, err := os.ReadDir(b.journal.Dir()); err == nil {
		t.Errorf("a dry run wrote a journal: %v", files)
	}
}

func TestConflicts(t *testing.T) {
	for _, test := range []struct {
		name    string
		flags   []string
		force   []string
		want    harden.Phase
		message string
	}{
		{"with an Update manager", nil, nil, harden.Refused, `is held by "kubectl-client-side-apply" (by update)`},
		{"one of three fields forced", nil, []string{`.spec.template.spec.hostNetwork`}, harden.Refused, "--force-conflicts"},
		{"all forced", nil, []string{"*"}, harden.Proven, ""},
		{"with an Apply manager", []string{"--server-side", "--field-manager=helm"}, []string{"*"}, harden.Refused, `is held by "helm" (by server-side apply)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.applyAs(privilegedYAML, test.flags...)
			b.settle(privilegedYAML)
			ref := b.ref("apps/v1", "Deployment", "web")
			before := b.read(ref)
			p := b.plan("rule", forced(ref))
			p.Objects[0].Force = test.force
			report := b.run(p, harden.ApplyOptions{})
			b.wantPhases(report, test.want)
			b.wantMessage(report, test.message)
			if test.want == harden.Refused && (report.ID != "" || b.read(ref).GetResourceVersion() != before.GetResourceVersion()) {
				t.Errorf("something was written: id %q", report.ID)
			}
			if n := len(p.Objects[0].DryRun.Taken); (test.want == harden.Proven) != (n == 3) && test.force != nil && test.flags == nil && n != 1 {
				t.Errorf("%d fields taken over", n)
			}
		})
	}
}

func TestDryRunNamesManagersThatApply(t *testing.T) {
	b := newBench(t)
	b.applyAs(privilegedYAML, "--server-side", "--field-manager=helm")
	ref := b.ref("apps/v1", "Deployment", "web")
	op := b.objectPlan("rule", forced(ref))
	op.Force = []string{"*"}
	b.DryRun(t.Context(), op)
	if len(op.DryRun.Conflicts) != 3 {
		t.Fatalf("conflicts: %+v, want three", op.DryRun.Conflicts)
	}
	for _, c := range op.DryRun.Conflicts {
		if c.Manager != "helm" || !c.Applies {
			t.Errorf("conflict %+v, want one with helm, which applies", c)
		}
	}
}

// disturb calls f once, right before the first request that stores a change.
func disturb(b *bench, f func()) {
	config := rest.CopyConfig(b.config)
	done := false
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPatch && !r.URL.Query().Has("dryRun") && !done {
				done = true
				f()
			}
			return next.RoundTrip(r)
		})
	})
	journalDir := b.journal.Dir()
	b.Applier = b.applier(config, journalDir)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestT111ObjectThatIsDeletedBetweenDryRunAndApply(t *testing.T) {
	const manifest = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}"
	for _, again := range []bool{false, true} {
		t.Run(map[bool]string{false: "gone", true: "made again"}[again], func(t *testing.T) {
			b := newBench(t)
			b.create(manifest)
			ref := b.ref("v1", "ServiceAccount", "web")
			want := "deleted after the scan"
			disturb(b, func() {
				b.kubectl("delete", "serviceaccount", "web")
				if again {
					b.create(manifest)
				}
			})
			if again {
				want = "another object"
			}
			report := b.run(b.plan("rule", noToken(ref)), harden.ApplyOptions{})
			b.wantPhases(report, harden.Refused)
			b.wantMessage(report, want)
			out := b.kubectl("get", "serviceaccount", "web", "--ignore-not-found", "-o", "jsonpath={.automountServiceAccountToken}{.metadata.name}")
			if wantOut := map[bool]string{false: "", true: "web"}[again]; out != wantOut {
				t.Errorf("the cluster has %q, want %q", out, wantOut)
			}
		})
	}
}

// Status writes change the resource version all the time; they do not stop a plan.
func TestOtherChangeBetweenDryRunAndApply(t *testing.T) {
	for _, test := range []struct {
		name    string
		disturb []string
		want    harden.Phase
	}{
		{"a label of the object", []string{"label", "deployment", "web", "team=shop"}, harden.Proven},
		{"another field of the spec", []string{"scale", "deployment", "web", "--replicas=2"}, harden.Refused},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.create(deploymentYAML)
			ref := b.ref("apps/v1", "Deployment", "web")
			disturb(b, func() { b.kubectl(test.disturb...) })
			report := b.run(b.plan("rule", nonRoot(ref)), harden.ApplyOptions{})
			b.wantPhases(report, test.want)
		})
	}
}

func TestPlanThatIsOutOfDate(t *testing.T) {
	for _, test := range []struct {
		name, change string
		want         []string
	}{
		{
			"container renamed", strings.Replace(deploymentYAML, "- name: web", "- name: frontend", 1),
			[]string{`container "web" is no longer in Deployment`, "scan again"},
		},
		{
			"target field set by somebody", strings.Replace(deploymentYAML, "env:", "securityContext: {runAsNonRoot: false}\n        env:", 1),
			[]string{"runAsNonRoot", "was changed after the plan was made", "scan again"},
		},
		{
			"repaired by somebody", strings.Replace(deploymentYAML, "env:", "securityContext: {runAsNonRoot: true}\n        env:", 1),
			[]string{"was repaired in the meantime", "rule"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.create(deploymentYAML)
			ref := b.ref("apps/v1", "Deployment", "web")
			p := b.plan("rule", nonRoot(ref))
			b.create(test.change)
			report := b.run(p, harden.ApplyOptions{})
			b.wantPhases(report, harden.Refused)
			b.wantMessage(report, test.want...)
		})
	}
}

func TestPlanWhoseFindingsArePartlyGone(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	p := b.plan("one", nonRoot(ref))
	other := b.objectPlan("two", harden.SetSecurityContext(ref, web, map[string]any{"allowPrivilegeEscalation": false}))
	p.Objects[0].Fixes = append(p.Objects[0].Fixes, other.Fixes...)
	b.create(strings.Replace(deploymentYAML, "env:", "securityContext: {allowPrivilegeEscalation: false}\n        env:", 1))
	report := b.run(p, harden.ApplyOptions{})
	b.wantPhases(report, harden.Refused)
	b.wantMessage(report, "two is gone and one is not", "scan again")
}

func TestFindingThatStaysIsNotFixed(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	p := b.plan("rule", nonRoot(ref))
	stubborn := b.objectPlan("stubborn", harden.SetSecurityContext(ref, web, map[string]any{"privileged": true}))
	p.Objects[0].Fixes = append(p.Objects[0].Fixes, stubborn.Fixes...)
	report := b.run(p, harden.ApplyOptions{})
	b.wantPhases(report, harden.NotFixed)
	b.wantMessage(report, "stubborn is still there", "kubectl harden undo "+report.ID)
	if o := report.Outcomes[0]; len(o.Open) != 1 || len(o.Fixed) != 1 {
		t.Errorf("open %v, fixed %v, want one of each", o.Open, o.Fixed)
	}
}

func TestStopsAtTheFirstFailureAndSkipsTheRest(t *testing.T) {
	b := newBench(t)
	b.create("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: one}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: two}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: three}")
	p := &harden.Plan{Live: true}
	for _, name := range []string{"one", "two", "three"} {
		p.Objects = append(p.Objects, b.objectPlan("rule", noToken(b.ref("v1", "ServiceAccount", name))))
	}
	p.Objects[0].Delivery, p.Objects[0].DeliveryWhy = harden.DeliverSource, "Flux writes it"
	b.kubectl("delete", "serviceaccount", "two")
	report := b.run(p, harden.ApplyOptions{})
	b.wantPhases(report, harden.Skipped, harden.Refused, harden.Skipped)
	b.wantMessage(report, "Flux writes it")
	if report.ID != "" {
		t.Errorf("report has the id %q though nothing was written", report.ID)
	}
}

func TestCancelBetweenObjects(t *testing.T) {
	b := newBench(t)
	b.create("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: one}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: two}")
	p := &harden.Plan{Live: true}
	for _, name := range []string{"one", "two"} {
		p.Objects = append(p.Objects, b.objectPlan("rule", noToken(b.ref("v1", "ServiceAccount", name))))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	report, err := b.Apply(ctx, p, harden.ApplyOptions{}, func(e harden.Event) {
		if e.Phase == harden.Applying {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.wantPhases(report, harden.Proven, harden.Skipped)
	b.wantPhases(b.undo(report.ID), harden.Undone)
}

func TestUserWithoutRights(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	b.kubectl("create", "rolebinding", "reader", "--clusterrole=view", "--user=reader-"+b.namespace)
	kubeconfig, err := b.lab.KubeconfigFor("reader-" + b.namespace)
	if err != nil {
		t.Fatal(err)
	}
	p := b.plan("rule", nonRoot(ref))
	b.Applier = b.applier(configFrom(t, kubeconfig), b.journal.Dir())
	report := b.run(p, harden.ApplyOptions{})
	b.wantPhases(report, harden.Refused)
	b.wantMessage(report, "cannot patch", "kubectl auth can-i patch deployments.apps/web -n "+b.namespace)
}

func TestJournalThatCannotBeWritten(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	before := b.read(ref).GetResourceVersion()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.Applier = b.applier(b.config, filepath.Join(file, "journal"))
	_, err := b.Apply(t.Context(), b.plan("rule", nonRoot(ref)), harden.ApplyOptions{}, b.emitted)
	if err == nil || !strings.Contains(err.Error(), "nothing is changed without a journal") {
		t.Errorf("error %v, want one that says that nothing is changed", err)
	}
	if got := b.read(ref).GetResourceVersion(); got != before {
		t.Error("the object was changed without a journal")
	}
}

// A journal that fails between two objects (a full disk) stops the plan before the next request.
func TestJournalThatFailsLater(t *testing.T) {
	b := newBench(t)
	b.create("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: one}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: two}")
	p := &harden.Plan{Live: true}
	for _, name := range []string{"one", "two"} {
		p.Objects = append(p.Objects, b.objectPlan("rule", noToken(b.ref("v1", "ServiceAccount", name))))
	}
	b.onEvent = func(e harden.Event) {
		if e.Object.Name == "two" && e.Phase == harden.Checking {
			if err := os.Rename(b.journal.Dir(), b.journal.Dir()+"-gone"); err != nil {
				t.Error(err)
			}
		}
	}
	report := b.run(p, harden.ApplyOptions{})
	b.wantPhases(report, harden.Proven, harden.Refused)
	if out := b.kubectl("get", "serviceaccount", "two", "-o", "jsonpath={.automountServiceAccountToken}"); out != "" {
		t.Errorf("automountServiceAccountToken of the second is %q, want it untouched", out)
	}
}

func TestSecondRunIsLockedOut(t *testing.T) {
	b := newBench(t)
	unlock, err := b.journal.Lock()
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Apply(t.Context(), &harden.Plan{Live: true}, harden.ApplyOptions{}, b.emitted)
	if err == nil || !strings.Contains(err.Error(), "another kubectl harden is changing this cluster") {
		t.Errorf("error %v, want one that names the other run", err)
	}
	unlock()
	b.run(&harden.Plan{Live: true}, harden.ApplyOptions{})
}

func TestAnswerThatIsLost(t *testing.T) {
	b := newBench(t)
	b.create("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}")
	ref := b.ref("v1", "ServiceAccount", "web")
	config := rest.CopyConfig(b.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			if err == nil && r.Method == http.MethodPatch && !r.URL.Query().Has("dryRun") {
				response.Body.Close()
				return nil, &lostError{}
			}
			return response, err
		})
	})
	b.Applier = b.applier(config, b.journal.Dir())
	report := b.run(b.plan("rule", noToken(ref)), harden.ApplyOptions{})
	b.wantPhases(report, harden.Proven)
}

type lostError struct{}

func (lostError) Error() string   { return "connection reset by peer" }
func (lostError) Timeout() bool   { return false }
func (lostError) Temporary() bool { return false }

// What is taken away goes first: with runAsNonRoot beside a runAsUser of 0, a
// pod that is made between the two requests could never start.
func TestRemovalsGoBeforeWhatIsSet(t *testing.T) {
	b := newBench(t)
	b.create(strings.Replace(deploymentYAML, "image: example.com/web:1", "image: example.com/web:1\n        securityContext: {runAsUser: 0}", 1))
	ref := b.ref("apps/v1", "Deployment", "web")
	change := harden.SetSecurityContext(ref, web, map[string]any{"runAsNonRoot": true})
	change.Remove = []harden.Path{harden.ContainerPath(ref, web, "securityContext", "runAsUser")}
	b.wantPhases(b.run(b.forcing("rule", change), harden.ApplyOptions{}), harden.Proven)

	if out := b.kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].securityContext}"); out != `{"runAsNonRoot":true}` {
		t.Fatalf("securityContext is %s", out)
	}
	between := b.kubectl("get", "replicasets", "-o", "jsonpath={.items[*].spec.template.spec.containers[0].securityContext}")
	for _, s := range strings.Fields(between) {
		if strings.Contains(s, `"runAsUser":0`) && strings.Contains(s, `"runAsNonRoot":true`) {
			t.Errorf("a ReplicaSet was made from what no pod can start with: %s", s)
		}
	}
}
