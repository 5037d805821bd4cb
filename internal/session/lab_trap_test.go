package session_test

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

func TestMain(m *testing.M) { os.Exit(labtest.Main(m)) }

// A bench is a session over one namespace of the lab.
type bench struct {
	*testing.T
	lab       *lab.Lab
	config    *rest.Config
	namespace string
	session   *session.Session
}

func newBench(t *testing.T, manifests string) *bench {
	t.Helper()
	l := labtest.Shared(t)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.OpenCluster(config, session.ClusterOptions{Context: "lab", Actor: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	b := &bench{T: t, lab: l, config: config, namespace: labtest.Namespace(t, l), session: s}
	if _, err := l.KubectlInput(t.Context(), manifests, "apply", "-n", b.namespace, "-f", "-"); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) kubectl(args ...string) string {
	b.Helper()
	out, err := b.lab.Kubectl(b.Context(), append([]string{"-n", b.namespace}, args...)...)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// findings reads the namespace and returns what one rule says.
func (b *bench) findings(rule string) []*harden.Finding {
	b.Helper()
	snap, err := b.session.Load(b.Context(), harden.Scope{Namespaces: []string{b.namespace}})
	if err != nil {
		b.Fatal(err)
	}
	return slices.DeleteFunc(slices.Clone(snap.Findings), func(f *harden.Finding) bool { return f.Fixer.ID != rule })
}

func (b *bench) apply(p *harden.Plan) harden.Outcome {
	b.Helper()
	report, err := b.session.Apply(b.Context(), p, harden.ApplyOptions{}, func(harden.Event) {})
	if err != nil || len(report.Outcomes) != 1 {
		b.Fatalf("applying: %v, %+v", err, report)
	}
	return report.Outcomes[0]
}

const (
	// quiet runs and meets restricted; what else there is does not run now.
	quiet = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers: [{name: web, image: example.com/web, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
`
	nightly = `---
apiVersion: batch/v1
kind: CronJob
metadata: {name: night}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: night, image: example.com/night}]}}}}
`
	switchedOff = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: old}
spec:
  replicas: 0
  selector: {matchLabels: {app: old}}
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: old, image: example.com/old}]}
`
)

// T100: a server's dry run of the label looks at the pods that run, and says
// nothing of a CronJob or of what is scaled to zero.
func TestT100EnforceLooksAtTemplatesThatDoNotRun(t *testing.T) {
	for offender, manifest := range map[string]string{"CronJob/night": nightly, "Deployment/old": switchedOff} {
		t.Run(offender, func(t *testing.T) {
			b := newBench(t, quiet+manifest)
			b.kubectl("rollout", "status", "deployment/web", "--timeout=5m")
			if warned := b.dryRunOfRestricted(); len(warned) > 0 {
				t.Fatalf("the server's dry run warns: %q", warned)
			}
			findings := b.findings("psa-enforce-missing")
			p, err := b.session.Plan(t.Context(), findings, harden.PlanOptions{Classes: []harden.Class{harden.Safe, harden.Evidence}, ServerDryRun: true})
			if err != nil || len(p.Objects) != 1 {
				t.Fatalf("%v, plan %+v", err, p)
			}
			op := p.Objects[0]
			if level := op.Set.GetLabels()["pod-security.kubernetes.io/enforce"]; level != "baseline" {
				t.Errorf("would enforce %q", level)
			}
			if said := op.Fixes[0].Fix.Warning; !strings.Contains(said, offender) {
				t.Errorf("%q does not name %s", said, offender)
			}
			if op.Restarts != 0 || op.Delivery != harden.DeliverLive || !op.DryRun.OK() {
				t.Errorf("%d restarts, delivered %s, dry run %+v", op.Restarts, op.Delivery, op.DryRun)
			}
			if o := b.apply(p); o.Phase != harden.Proven || len(o.Fixed) != 1 {
				t.Errorf("outcome %+v", o)
			}
			if left := b.findings("psa-enforce-missing"); len(left) != 0 {
				t.Errorf("still found after the fix: %v", left)
			}
		})
	}
}

// dryRunOfRestricted asks the server what it says to enforcing restricted.
func (b *bench) dryRunOfRestricted() []string {
	b.Helper()
	heard := &heard{}
	config := rest.CopyConfig(b.config)
	config.WarningHandler = heard
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	label := []byte(`{"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}`)
	if _, err := client.CoreV1().Namespaces().Patch(b.Context(), b.namespace, types.MergePatchType, label, metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		b.Fatal(err)
	}
	heard.Lock()
	defer heard.Unlock()
	return heard.texts
}

// heard keeps the warnings of a server.
type heard struct {
	sync.Mutex
	texts []string
}

func (h *heard) HandleWarningHeader(_ int, _, text string) {
	h.Lock()
	defer h.Unlock()
	h.texts = append(h.texts, text)
}

func TestWarnAndAuditAreAppliedWithoutARestart(t *testing.T) {
	b := newBench(t, quiet)
	p, err := b.session.Plan(t.Context(), b.findings("psa-warn-audit"), harden.PlanOptions{Classes: []harden.Class{harden.Safe}, ServerDryRun: true})
	if err != nil || len(p.Objects) != 1 || p.Objects[0].Restarts != 0 {
		t.Fatalf("%v, plan %+v", err, p)
	}
	if o := b.apply(p); o.Phase != harden.Proven {
		t.Errorf("outcome %+v", o)
	}
	if left := b.findings("psa-warn-audit"); len(left) != 0 {
		t.Errorf("still found after the fix: %v", left)
	}
}

// T117: a waiver lies in the metadata of the workload, not of its template.
func TestT117AWaiverRestartsNothing(t *testing.T) {
	b := newBench(t, quiet)
	b.kubectl("rollout", "status", "deployment/web", "--timeout=5m")
	ref := harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: b.namespace, Name: "web"}
	before := b.kubectl("get", "replicasets,pods", "-o", "name")
	const waiver = "kubectl-harden.github.io/waive.host-path-volume"
	change := harden.SetObject(ref, map[string]any{"metadata": map[string]any{"annotations": map[string]any{waiver: "until=2027-12-31; reason=the agent reads logs; by=ops"}}})
	findings := b.findings("memory-limit") // any that stays, so that there is something to waive
	if len(findings) != 1 {
		t.Fatalf("%d findings, want 1", len(findings))
	}
	objects := func(harden.Ref) (*unstructured.Unstructured, error) {
		live := &unstructured.Unstructured{}
		return live, yaml.Unmarshal([]byte(b.kubectl("get", "deployment", "web", "-o", "json", "--show-managed-fields")), &live.Object)
	}
	inv := &harden.Inventory{Cluster: harden.Cluster{Server: b.config.Host, Minor: 37}}
	p, err := plan.Build(inv, []plan.Pick{{Finding: findings[0], Fixes: []harden.Fix{{Class: harden.Safe, Changes: []harden.Change{change}}}}}, objects,
		applyconfigurations.NewTypeConverter(scheme.Scheme), harden.PlanOptions{})
	if err != nil || len(p.Objects) != 1 || p.Objects[0].Restarts != 0 {
		t.Fatalf("%v, plan %+v", err, p)
	}
	b.apply(p)
	if got := b.kubectl("get", "deployment", "web", "-o", "jsonpath={.metadata.annotations}"); !strings.Contains(got, waiver) {
		t.Errorf("annotations %s", got)
	}
	if after := b.kubectl("get", "replicasets,pods", "-o", "name"); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}
