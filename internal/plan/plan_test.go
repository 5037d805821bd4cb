package plan_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

func converter() managedfields.TypeConverter {
	return applyconfigurations.NewTypeConverter(scheme.Scheme)
}

func object(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return u
}

// fields reads plain JSON values as a fixer would write them.
func fields(t *testing.T, manifest string) map[string]any {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	u.Object = m
	return m
}

func text(t *testing.T, u *unstructured.Unstructured) string {
	t.Helper()
	if u == nil {
		return ""
	}
	raw, err := yaml.Marshal(u.Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func same(t *testing.T, what, want, got string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func ref(u *unstructured.Unstructured) harden.Ref {
	return harden.Ref{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
}

var web = harden.ContainerRef{Kind: harden.AppContainer, Name: "web"}

// A world is what a plan is made from.
type world struct {
	t       *testing.T
	inv     *harden.Inventory
	objects map[string]*unstructured.Unstructured
}

func cluster(t *testing.T, manifests ...string) *world {
	w := &world{t: t, inv: &harden.Inventory{Cluster: harden.Cluster{Server: "https://lab", Minor: 37}}, objects: map[string]*unstructured.Unstructured{}}
	for _, m := range manifests {
		u := object(t, m)
		w.objects[ref(u).Long()] = u
	}
	return w
}

func files(t *testing.T, manifests ...string) *world {
	w := cluster(t, manifests...)
	w.inv.Cluster = harden.Cluster{}
	return w
}

func (w *world) read(r harden.Ref) (*unstructured.Unstructured, error) {
	if u, ok := w.objects[r.Long()]; ok {
		return u, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: r.Kind}, r.Name)
}

func (w *world) build(opts harden.PlanOptions, picks ...plan.Pick) *harden.Plan {
	w.t.Helper()
	p, err := plan.Build(w.inv, picks, w.read, converter(), opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// one is the only object plan.
func one(t *testing.T, p *harden.Plan) *harden.ObjectPlan {
	t.Helper()
	if len(p.Objects) != 1 {
		t.Fatalf("got %d object plans, left out %v", len(p.Objects), reasons(p))
	}
	return p.Objects[0]
}

func reasons(p *harden.Plan) map[string]string {
	m := map[string]string{}
	for _, l := range p.LeftOut {
		m[l.Finding.Fixer.ID+l.Finding.Discriminator] = l.Why
	}
	return m
}

func planned(op *harden.ObjectPlan) []string {
	var ids []string
	for _, f := range op.Fixes {
		ids = append(ids, f.Finding.Fixer.ID)
	}
	return ids
}

func pick(id string, severity harden.Severity, changes ...harden.Change) plan.Pick {
	f := &harden.Finding{Fixer: &harden.Fixer{ID: id, Severity: severity}, Object: changes[0].Target, Severity: severity, Base: severity}
	return plan.Pick{Finding: f, Fixes: []harden.Fix{{Title: "repair " + id, Class: harden.Evidence, Changes: changes}}}
}

func (w *world) ref(long string) harden.Ref {
	w.t.Helper()
	u, ok := w.objects[long]
	if !ok {
		w.t.Fatalf("the test has no %s", long)
	}
	return ref(u)
}

// security sets fields of the web container's securityContext.
func security(t *testing.T, r harden.Ref, manifest string) harden.Change {
	t.Helper()
	return harden.SetSecurityContext(r, web, fields(t, manifest))
}

// managed gives the object an entry of managedFields for all that the manifest says.
func managed(t *testing.T, u *unstructured.Unstructured, manager string, op metav1.ManagedFieldsOperationType, manifest string) {
	t.Helper()
	part := harden.Partial(ref(u))
	for k, v := range object(t, "apiVersion: "+u.GetAPIVersion()+"\nkind: "+u.GetKind()+"\n"+manifest).Object {
		part.Object[k] = v
	}
	set, err := plan.FieldSet(part, converter())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := set.ToJSON()
	if err != nil {
		t.Fatal(err)
	}
	f := &metav1.FieldsV1{}
	f.SetRawBytes(raw)
	u.SetManagedFields(append(u.GetManagedFields(), metav1.ManagedFieldsEntry{
		Manager: manager, Operation: op, APIVersion: u.GetAPIVersion(), FieldsType: "FieldsV1", FieldsV1: f,
	}))
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: demo, uid: u-1, resourceVersion: "7", generation: 3}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      initContainers:
      - {name: setup, image: setup:1}
      - {name: migrate, image: migrate:1}
      containers:
      - name: web
        image: web:1
        ports:
        - {containerPort: 53, protocol: UDP}
        - {containerPort: 53, protocol: TCP, hostPort: 53}
        securityContext:
          privileged: true
          capabilities: {add: [NET_ADMIN]}
        volumeMounts:
        - {name: data, mountPath: /data}
      - {name: log, image: log:1}
      volumes:
      - name: data
        hostPath: {path: /srv}
      hostNetwork: true
      serviceAccountName: shop
status: {replicas: 2}
`

const longDeployment = "demo/Deployment/shop"
