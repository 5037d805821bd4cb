package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// A server keeps one object and its managedFields with the code that the API
// server itself runs.
type server struct {
	t *testing.T
	managedfieldstest.TestFieldManager
}

// serve starts with the object as somebody's client-side kubectl apply left it.
func serve(t *testing.T, manifest string) *server {
	t.Helper()
	u := object(t, manifest)
	s := &server{t, managedfieldstest.NewTestFieldManager(converter(), u.GroupVersionKind())}
	if err := s.Update(u, "kubectl-client-side-apply"); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) live() *unstructured.Unstructured {
	s.t.Helper()
	u := s.Live().(*unstructured.Unstructured)
	u.SetManagedFields(s.ManagedFields())
	return u
}

func (s *server) apply(body *unstructured.Unstructured) {
	s.t.Helper()
	if err := s.Apply(body, harden.Manager, true); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) intent() *unstructured.Unstructured {
	s.t.Helper()
	u, err := plan.Intent(s.live(), harden.Manager, converter())
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

func body(t *testing.T, live *unstructured.Unstructured, prev *unstructured.Unstructured, change harden.Change) *unstructured.Unstructured {
	t.Helper()
	u, err := plan.MergeIntent(live, prev, change.Set, converter())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func bare(u *unstructured.Unstructured) *unstructured.Unstructured {
	u = u.DeepCopy()
	u.SetManagedFields(nil)
	return u
}

func TestProjectIsWhatTheServerMakesOfIt(t *testing.T) {
	w := cluster(t, deployment)
	for _, p := range tenFixes(t, w.ref(longDeployment)) {
		change := p.Fixes[0].Changes[0]
		if change.Set == nil {
			continue
		}
		s := serve(t, deployment)
		before := s.live()
		want, err := plan.Project(bare(before), change.Set, nil, converter())
		if err != nil {
			t.Fatal(err)
		}
		s.apply(body(t, before, nil, change))
		same(t, p.Finding.Fixer.ID, text(t, want), text(t, bare(s.live())))
	}
}

// A fix that comes later keeps what the ones before it brought (T106).
func TestIntentsAddUp(t *testing.T) {
	s := serve(t, deployment)
	r := ref(s.live())
	if u := s.intent(); u != nil {
		t.Fatalf("nothing was applied yet, got %s", text(t, u))
	}
	log := harden.ContainerRef{Kind: harden.AppContainer, Name: "log"}
	s.apply(body(t, s.live(), s.intent(), harden.SetSecurityContext(r, log, fields(t, "runAsNonRoot: true"))))
	s.apply(body(t, s.live(), s.intent(), security(t, r, "allowPrivilegeEscalation: false\ncapabilities: {drop: [ALL]}")))
	// The second body has the containers in the order of the live object, not
	// in that in which they were hardened, so nothing has moved.
	const both = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: demo
spec:
  template:
    spec:
      containers:
      - name: web
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
      - name: log
        securityContext:
          runAsNonRoot: true
`
	same(t, "intent", both, text(t, s.intent()))
	containers, _, _ := unstructured.NestedSlice(s.live().Object, "spec", "template", "spec", "containers")
	if first := containers[0].(map[string]any)["name"]; first != "web" {
		t.Errorf("the containers moved: %v is first", first)
	}
	if op, rest := plan.Requests(&harden.ObjectPlan{Target: r}, s.live()); op != nil || rest != nil {
		t.Errorf("nothing asked, got %v, %v", op, rest)
	}
}

func TestOrderOfInitContainersStays(t *testing.T) {
	s := serve(t, deployment)
	r := ref(s.live())
	migrate := harden.ContainerRef{Kind: harden.InitContainer, Name: "migrate"}
	setup := harden.ContainerRef{Kind: harden.InitContainer, Name: "setup"}
	s.apply(body(t, s.live(), nil, harden.SetSecurityContext(r, migrate, fields(t, "runAsNonRoot: true"))))
	s.apply(body(t, s.live(), s.intent(), harden.SetSecurityContext(r, setup, fields(t, "runAsNonRoot: true"))))
	containers, _, _ := unstructured.NestedSlice(s.live().Object, "spec", "template", "spec", "initContainers")
	var names []string
	for _, c := range containers {
		names = append(names, c.(map[string]any)["name"].(string))
	}
	if d := cmp.Diff([]string{"setup", "migrate"}, names); d != "" {
		t.Error(d)
	}
}

// What was applied as an explicit zero is stored as absent but still ours.
func TestIntentKeepsExplicitZeros(t *testing.T) {
	s := serve(t, deployment)
	r := ref(s.live())
	s.apply(body(t, s.live(), nil, harden.SetPodSpec(r, fields(t, "hostNetwork: false\nautomountServiceAccountToken: false"))))
	live := s.live()
	unstructured.RemoveNestedField(live.Object, "spec", "template", "spec", "hostNetwork") // as the API server stores it
	u, err := plan.Intent(live, harden.Manager, converter())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "intent", `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: demo
spec:
  template:
    spec:
      automountServiceAccountToken: false
      hostNetwork: false
`, text(t, u))
}

func TestIntentOfAnotherVersionIsAnError(t *testing.T) {
	u := object(t, deployment)
	managed(t, u, harden.Manager, metav1.ManagedFieldsOperationApply, "spec: {paused: true}")
	entries := u.GetManagedFields()
	entries[0].APIVersion = "apps/v1beta2"
	u.SetManagedFields(entries)
	if _, err := plan.Intent(u, harden.Manager, converter()); err == nil || !strings.Contains(err.Error(), "apps/v1beta2") {
		t.Errorf("got %v", err)
	}
}

func TestWithout(t *testing.T) {
	r := ref(object(t, deployment))
	intent := harden.SetPodSpec(r, fields(t, `
containers:
- name: web
  securityContext: {readOnlyRootFilesystem: true, runAsNonRoot: true}
  volumeMounts: [{mountPath: /tmp, name: harden-tmp}]
- name: log
  securityContext: {runAsNonRoot: true}
volumes: [{name: harden-tmp, emptyDir: {}}]`)).Set
	log := harden.ContainerRef{Kind: harden.AppContainer, Name: "log"}
	left, err := plan.Without(intent, []harden.Path{
		harden.ContainerPath(r, log, "securityContext", "runAsNonRoot"),
		harden.ContainerPath(r, web, "securityContext", "readOnlyRootFilesystem"),
		harden.PodSpecPath(r, "hostPID"), // not there
	}, converter())
	if err != nil {
		t.Fatal(err)
	}
	// Nothing of the log container is left: owning its name alone would keep it alive.
	same(t, "intent", `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: demo
spec:
  template:
    spec:
      containers:
      - name: web
        securityContext:
          runAsNonRoot: true
        volumeMounts:
        - mountPath: /tmp
          name: harden-tmp
      volumes:
      - emptyDir: {}
        name: harden-tmp
`, text(t, left))

	all, err := plan.FieldSet(intent, converter())
	if err != nil {
		t.Fatal(err)
	}
	if left, err = plan.Without(intent, plan.Paths(all), converter()); err != nil {
		t.Fatal(err)
	}
	same(t, "nothing", text(t, harden.Partial(r)), text(t, left))
}

func TestMissingItems(t *testing.T) {
	before := object(t, deployment)
	set := harden.SetPodSpec(ref(before), fields(t, `
containers:
- name: web
  volumeMounts: [{mountPath: /tmp, name: harden-tmp}, {mountPath: /data, name: data, readOnly: true}]
volumes: [{name: harden-tmp, emptyDir: {}}]`)).Set
	missing := func(live *unstructured.Unstructured) []string {
		m, err := plan.MissingItems(before, live, set, converter())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := missing(before); len(m) != 0 {
		t.Errorf("nothing is missing, got %v", m)
	}
	renamed := object(t, strings.Replace(deployment, "name: web", "name: front", 1))
	want := []string{
		`.spec.template.spec.containers[name="web"]`,
		`.spec.template.spec.containers[name="web"].volumeMounts[mountPath="/data"]`,
	}
	if d := cmp.Diff(want, missing(renamed)); d != "" {
		t.Error(d)
	}
}
