package apply

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

func TestMain(m *testing.M) {
	// These tests mostly wait for a rollout, not for a processor.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(labtest.Main(m))
}

// A bench is a namespace of the lab and an Applier that works in it.
type bench struct {
	*testing.T
	lab       *lab.Lab
	namespace string
	config    *rest.Config
	*Applier

	mu     sync.Mutex
	rules  []rule
	events []harden.Event
	// onEvent is called for each event; it may cancel or disturb.
	onEvent func(harden.Event)
	// onWait is called in place of each pause of a soak.
	onWait func()
}

// A rule is a finding and when it is there.
type rule struct {
	finding *harden.Finding
	broken  func(*unstructured.Unstructured) bool
}

func newBench(t *testing.T) *bench {
	t.Helper()
	l := labtest.Shared(t)
	return benchFor(t, l, l.Kubeconfig())
}

func benchFor(t *testing.T, l *lab.Lab, kubeconfig string) *bench {
	t.Helper()
	t.Parallel()
	b := &bench{T: t, lab: l, namespace: labtest.Namespace(t, l), config: configFrom(t, kubeconfig)}
	b.Applier = b.applier(b.config, filepath.Join(t.TempDir(), "journal"))
	return b
}

func configFrom(t *testing.T, kubeconfig string) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 100, 200
	return config
}

func converter() managedfields.TypeConverter {
	return applyconfigurations.NewTypeConverter(scheme.Scheme)
}

func (b *bench) applier(config *rest.Config, dir string) *Applier {
	b.Helper()
	a, err := New(Options{
		Config: config, Converter: converter(), Journal: journal.Open(dir),
		Cluster: harden.Cluster{Context: "lab", Server: config.Host}, Actor: "tester", Recheck: b.recheckRules, Now: time.Now,
		Wait: b.pause,
	})
	if err != nil {
		b.Fatal(err)
	}
	return a
}

func (b *bench) recheckRules(ctx context.Context, ref harden.Ref) ([]*harden.Finding, error) {
	live, err := b.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []*harden.Finding
	for _, r := range b.rules {
		if r.finding.Object.Key() == ref.Key() && r.broken(live) {
			found = append(found, r.finding)
		}
	}
	return found, nil
}

// pause is the pause of a soak, which takes no time here.
func (b *bench) pause(ctx context.Context, _ time.Duration) bool {
	if b.onWait != nil {
		b.onWait()
	}
	return ctx.Err() == nil
}

func (b *bench) emitted(e harden.Event) {
	b.mu.Lock()
	b.events = append(b.events, e)
	on := b.onEvent
	b.mu.Unlock()
	if on != nil {
		on(e)
	}
}

// kubectl runs kubectl in the bench's namespace.
func (b *bench) kubectl(args ...string) string {
	b.Helper()
	out, err := b.lab.Kubectl(b.Context(), append([]string{"-n", b.namespace}, args...)...)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// create makes the objects of a manifest as a person with kubectl would, and
// waits for the rollout of the workloads among them.
func (b *bench) create(manifest string) {
	b.Helper()
	b.applyAs(manifest)
	b.settle(manifest)
}

// applyAs is kubectl apply with further flags; without any it is client-side.
func (b *bench) applyAs(manifest string, flags ...string) {
	b.Helper()
	args := append([]string{"-n", b.namespace, "apply", "-f", "-"}, flags...)
	if out, err := b.lab.KubectlInput(b.Context(), manifest, args...); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
}

func (b *bench) settle(manifest string) {
	b.Helper()
	for _, document := range strings.Split(manifest, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &u.Object); err != nil {
			b.Fatal(err)
		}
		ref := harden.Ref{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: b.namespace, Name: u.GetName()}
		if _, err := b.resource(ref); err == nil {
			b.healthy(ref)
		}
	}
}

// healthy waits until a rollout could be started.
func (b *bench) healthy(ref harden.Ref) {
	b.Helper()
	why := ""
	for range 1800 { // databases take their time on a busy node
		r, err := rolloutOf(b.read(ref))
		if err != nil {
			b.Fatal(err)
		}
		if r == nil {
			return
		}
		if why = r.unfit(); why == "" && (r.observed || r.manual == "") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.Fatalf("%s does not become healthy: %s", say(ref), why)
}

func (b *bench) read(ref harden.Ref) *unstructured.Unstructured {
	b.Helper()
	u, err := b.Get(b.Context(), ref)
	if err != nil {
		b.Fatal(err)
	}
	return u
}

func (b *bench) ref(apiVersion, kind, name string) harden.Ref {
	b.Helper()
	r := harden.Ref{APIVersion: apiVersion, Kind: kind, Namespace: b.namespace, Name: name}
	if kind == "Namespace" {
		r.Namespace = ""
	}
	r.UID = b.read(r).GetUID()
	return r
}

// plan is a plan for one object with one finding, which is there until the
// object is as the change wants it.
func (b *bench) plan(id string, change harden.Change) *harden.Plan {
	b.Helper()
	return &harden.Plan{Live: true, Objects: []*harden.ObjectPlan{b.objectPlan(id, change)}}
}

// forcing is a plan that may take fields over.
func (b *bench) forcing(id string, change harden.Change) *harden.Plan {
	b.Helper()
	p := b.plan(id, change)
	p.Objects[0].Force = []string{"*"}
	return p
}

func (b *bench) objectPlan(id string, change harden.Change) *harden.ObjectPlan {
	b.Helper()
	finding := &harden.Finding{Fixer: &harden.Fixer{ID: id}, Object: change.Target}
	b.mu.Lock()
	b.rules = append(b.rules, rule{finding, func(u *unstructured.Unstructured) bool { return !b.isMet(u, change) }})
	b.mu.Unlock()
	return &harden.ObjectPlan{
		Target: change.Target, Verb: change.Verb, Set: change.Set, Remove: change.Remove, Before: bare(b.read(change.Target)),
		Fixes: []harden.PlannedFix{{Finding: finding, Fix: harden.Fix{Title: "fix " + id, Class: harden.Review, Changes: []harden.Change{change}}}},
	}
}

func (b *bench) isMet(u *unstructured.Unstructured, change harden.Change) bool {
	if change.Set != nil {
		if unmet, err := plan.Unmet(u, change.Set, b.converter); err != nil || len(unmet) > 0 {
			return false
		}
	}
	return !slices.ContainsFunc(change.Remove, func(p harden.Path) bool {
		_, there := plan.Lookup(u, p)
		return there
	})
}

func (b *bench) run(p *harden.Plan, opts harden.ApplyOptions) *harden.ApplyReport {
	b.Helper()
	report, err := b.Apply(b.Context(), p, opts, b.emitted)
	if err != nil {
		b.Fatal(err)
	}
	return report
}

func (b *bench) undo(id string) *harden.ApplyReport {
	b.Helper()
	report, err := b.Undo(b.Context(), id, harden.ApplyOptions{Timeout: time.Minute}, b.emitted)
	if err != nil {
		b.Fatal(err)
	}
	return report
}

// wantPhases fails unless the outcomes are as listed.
func (b *bench) wantPhases(report *harden.ApplyReport, want ...harden.Phase) {
	b.Helper()
	var got []harden.Phase
	for _, o := range report.Outcomes {
		got = append(got, o.Phase)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.Fatalf("phases (-want +got):\n%s%+v", diff, report.Outcomes)
	}
}

// wantMessage fails unless the only outcome says all parts.
func (b *bench) wantMessage(report *harden.ApplyReport, parts ...string) {
	b.Helper()
	for _, part := range parts {
		if !strings.Contains(report.Outcomes[0].Message, part) {
			b.Errorf("message %q does not say %q", report.Outcomes[0].Message, part)
		}
	}
}

// wantSame fails unless two states of an object are equal, apart from what
// undo cannot bring back: status, resourceVersion, generation, the times of
// managedFields and the annotations by which controllers count revisions.
func (b *bench) wantSame(before, after *unstructured.Unstructured) {
	b.Helper()
	if diff := cmp.Diff(withoutStatus(before), withoutStatus(after)); diff != "" {
		b.Errorf("%s is not as it was before (-before +after):\n%s", before.GetName(), diff)
	}
	if diff := cmp.Diff(ownership(b.T, before), ownership(b.T, after)); diff != "" {
		b.Errorf("the fields of %s are not held as before (-before +after):\n%s", before.GetName(), diff)
	}
}

func withoutStatus(u *unstructured.Unstructured) map[string]any {
	out := bare(u)
	annotations := out.GetAnnotations()
	delete(annotations, deploymentRevision)
	delete(annotations, "deprecated.daemonset.template.generation")
	out.SetAnnotations(annotations)
	return out.Object
}

// ownership lists the fields of each manager, without those of status.
func ownership(t *testing.T, u *unstructured.Unstructured) map[string][]string {
	t.Helper()
	all, err := holdings(u.GetManagedFields())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, h := range all {
		name := h.entry.Manager + "/" + string(h.entry.Operation) + "/" + h.entry.APIVersion
		for _, path := range plan.Paths(h.fields) {
			s := plan.PathString(path)
			if h.entry.Subresource == "" && !strings.Contains(s, deploymentRevision) {
				out[name] = append(out[name], s)
			}
		}
	}
	for name := range out {
		slices.Sort(out[name])
	}
	return out
}

func managers(u *unstructured.Unstructured) []string {
	var out []string
	for _, e := range u.GetManagedFields() {
		if e.Subresource == "" {
			out = append(out, e.Manager+"/"+string(e.Operation))
		}
	}
	slices.Sort(out)
	return out
}

func newEntry(b *bench) *journal.Entry { return &journal.Entry{Time: b.now(), Context: "lab"} }
