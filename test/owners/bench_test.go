package owners_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"helm.sh/helm/v4/pkg/kube"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
	"github.com/kubectl-harden/kubectl-harden/internal/source/kustomize"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

func TestMain(m *testing.M) {
	kube.ManagedFieldsManager = "helm" // else it is the name of the test binary
	os.Exit(labtest.Main(m))
}

// A bench is a session over a namespace in which owners of a Deployment are told of.
type bench struct {
	*testing.T
	lab       *lab.Lab
	config    *rest.Config
	client    dynamic.Interface
	session   *session.Session
	namespace string
	revision  int // of the source
}

var definitions sync.Once

func newBench(t *testing.T) *bench {
	t.Helper()
	l := labtest.Shared(t)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	must(t, err)
	b := &bench{T: t, lab: l, config: config, namespace: labtest.Namespace(t, l)}
	definitions.Do(func() {
		b.kubectl(read(t, "testdata/crds.yaml"), "apply", "-f", "-")
		b.kubectl("", "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
	})
	b.kubectl(strings.ReplaceAll(read(t, "testdata/tellers.yaml"), "NAMESPACE", b.namespace), "apply", "-n", b.namespace, "-f", "-")
	b.client, err = dynamic.NewForConfig(config)
	must(t, err)
	b.session, err = session.OpenCluster(config, session.ClusterOptions{Context: "lab", Actor: "tester"})
	must(t, err)
	t.Cleanup(b.session.Close)
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}

func (b *bench) kubectl(input string, args ...string) {
	b.Helper()
	_, err := b.lab.KubectlInput(b.Context(), input, args...)
	must(b.T, err)
}

// desired is the object as its source has it at first: one field of it is wrong,
// others are not set.
func (b *bench) desired(labels, annotations map[string]string) *unstructured.Unstructured {
	app := map[string]any{"app": "shop"}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "shop", "namespace": b.namespace},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": app},
			"template": map[string]any{
				"metadata": map[string]any{"labels": app},
				"spec": map[string]any{"containers": []any{map[string]any{
					"name": "web", "image": "example.com/web:1", "securityContext": map[string]any{"readOnlyRootFilesystem": false},
				}}},
			},
		},
	}}
	u.SetLabels(labels)
	u.SetAnnotations(annotations)
	return u
}

// next is the object at a new revision of the source, so that no owner takes it for unchanged.
func (b *bench) next(u *unstructured.Unstructured) *unstructured.Unstructured {
	b.revision++
	u = u.DeepCopy()
	annotations := u.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[revisionMark] = b.mark()
	u.SetAnnotations(annotations)
	return u
}

// mark names the revision of the source that is on the cluster.
func (b *bench) mark() string { return "r" + strconv.Itoa(b.revision) }

const revisionMark = "example.com/revision"

func (b *bench) deployments() dynamic.ResourceInterface {
	return b.client.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).Namespace(b.namespace)
}

// plan reads the namespace and plans for what the rules say of the Deployment.
func (b *bench) plan(opts harden.PlanOptions, rules ...string) *harden.Plan {
	b.Helper()
	p, err := b.session.Plan(b.Context(), b.findings(rules...), opts)
	must(b.T, err)
	if len(p.Objects) != 1 {
		b.Fatalf("got %d object plans, left out %+v", len(p.Objects), p.LeftOut)
	}
	return p
}

func (b *bench) findings(rules ...string) []*harden.Finding {
	b.Helper()
	snap, err := b.session.Load(b.Context(), harden.Scope{Namespaces: []string{b.namespace}})
	must(b.T, err)
	return slices.DeleteFunc(slices.Clone(snap.Findings), func(f *harden.Finding) bool {
		return f.Object.Kind != "Deployment" || !slices.Contains(rules, f.Fixer.ID)
	})
}

// put brings the fix to the cluster, as far as we do that ourselves; otherwise as
// somebody does who insists.
func (b *bench) put(rule string) {
	b.Helper()
	p := b.plan(harden.PlanOptions{Live: true, ForceConflicts: []string{"*"}}, rule)
	if p.Objects[0].Delivery == harden.DeliverLive {
		report, err := b.session.Apply(b.Context(), p, harden.ApplyOptions{NoWait: true}, func(harden.Event) {})
		must(b.T, err)
		if out := report.Outcomes[0]; !out.Phase.Good() {
			b.Fatalf("%s: %s %v", out.Phase, out.Message, out.Err)
		}
		return
	}
	body, err := p.Objects[0].Set.MarshalJSON()
	must(b.T, err)
	force := true
	_, err = b.deployments().Patch(b.Context(), "shop", types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: harden.Manager, Force: &force})
	must(b.T, err)
}

// rendered is the object after the patches of the plan lie over it, as kustomize
// renders them where the owner gets its objects from.
func (b *bench) rendered(p *harden.Plan, desired *unstructured.Unstructured) *unstructured.Unstructured {
	b.Helper()
	dir := b.TempDir()
	files, err := b.session.Export(p, harden.ExportKustomize, filepath.Join(dir, "harden"))
	must(b.T, err)
	must(b.T, os.Mkdir(filepath.Join(dir, "harden"), 0o755))
	for _, f := range files {
		must(b.T, os.WriteFile(f.Path, f.After, 0o644))
	}
	manifest, err := yaml.Marshal(desired.Object)
	must(b.T, err)
	must(b.T, os.WriteFile(filepath.Join(dir, "deployment.yaml"), manifest, 0o644))
	must(b.T, os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte("resources: [deployment.yaml]\ncomponents: [harden]\n"), 0o644))
	r, err := kustomize.Render(dir)
	must(b.T, err)
	if len(r.Objects) != 1 {
		b.Fatalf("got %d objects", len(r.Objects))
	}
	return r.Objects[0].Unstructured
}
