package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// TestFixedObjectsAreAccepted shows what each rule leaves behind (fixed.yaml of its
// fixtures) to a real API server, by dry run and strictly: what it does not accept
// is no fix. Custom resources whose kinds the lab does not have are counted.
func TestFixedObjectsAreAccepted(t *testing.T) {
	l := labtest.Shared(t)
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 200, 400
	client := kubernetes.NewForConfigOrDie(config)
	c := &acceptance{
		objects: dynamic.NewForConfigOrDie(config), client: client, namespace: labtest.Namespace(t, l),
		mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery())),
	}
	files, err := filepath.Glob("../../internal/fixers/testdata/*/fixed.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for doc := range strings.SplitSeq(string(text), "\n---\n") {
				c.show(t, doc)
			}
		})
	}
	t.Logf("%d objects were accepted, %d are of kinds that the lab does not have", c.accepted, c.unknown)
	if c.accepted == 0 {
		t.Error("nothing was shown")
	}
}

type acceptance struct {
	objects           dynamic.Interface
	client            kubernetes.Interface
	mapper            meta.RESTMapper
	namespace         string
	accepted, unknown int
}

func (c *acceptance) show(t *testing.T, doc string) {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
		t.Fatal(err)
	}
	if len(u.Object) == 0 {
		return
	}
	delete(u.Object, "status") // of a subresource
	gvk := u.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		c.unknown++
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	resource := dynamic.ResourceInterface(c.objects.Resource(mapping.Resource))
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		u.SetNamespace(c.namespace)
		resource = c.objects.Resource(mapping.Resource).Namespace(c.namespace)
		c.account(t, u)
	}
	_, err = resource.Patch(t.Context(), u.GetName(), types.ApplyPatchType, mustJSON(t, u), metav1.PatchOptions{
		FieldManager: "harden", DryRun: []string{metav1.DryRunAll}, Force: new(true), FieldValidation: metav1.FieldValidationStrict,
	})
	if err != nil {
		t.Errorf("%s %s: %v", u.GetKind(), u.GetName(), err)
		return
	}
	c.accepted++
}

// account makes the ServiceAccount of a Pod, without which the server lets no Pod in.
func (c *acceptance) account(t *testing.T, u *unstructured.Unstructured) {
	t.Helper()
	name, _, _ := unstructured.NestedString(u.Object, "spec", "serviceAccountName")
	if u.GetKind() != "Pod" || name == "" {
		return
	}
	_, err := c.client.CoreV1().ServiceAccounts(c.namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(errors.Join(errors.New("making the ServiceAccount of the Pod"), err))
	}
}

func mustJSON(t *testing.T, u *unstructured.Unstructured) []byte {
	t.Helper()
	text, err := u.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
