package owners_test

import (
	"context"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// T105: what the manager "harden" applied to a Deployment of Flux survives the
// next reconcile; what a manager with the prefix "kubectl" applied does not.
func TestT105FluxKeepsOurFields(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	c, flux := clients(t, l.Kubeconfig())
	for name, test := range map[string]struct {
		manager  string
		survives bool
	}{
		"ours":                  {harden.Manager, true},
		"with kubectl's prefix": {"kubectl-harden", false},
	} {
		t.Run(name, func(t *testing.T) {
			desired := deployment(ns, test.manager)
			reconcile(t, flux, desired, "1")
			err := c.Patch(t.Context(), partial(ns, test.manager), client.Apply, client.FieldOwner(test.manager)) //nolint:staticcheck // the typed Apply needs generated types for what is one field
			if err != nil {
				t.Fatalf("applying our field: %v", err)
			}
			if !seccomp(t, c, desired) {
				t.Fatal("our field is not on the object after applying it")
			}
			reconcile(t, flux, desired, "2")
			if got := seccomp(t, c, desired); got != test.survives {
				t.Errorf("field of manager %q on the object after Flux reconciled: %v, want %v", test.manager, got, test.survives)
			}
		})
	}
}

func clients(t *testing.T, kubeconfig string) (client.Client, *ssa.ResourceManager) {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	httpClient, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mapper, err := apiutil.NewDynamicRESTMapper(cfg, httpClient)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(cfg, client.Options{Mapper: mapper})
	if err != nil {
		t.Fatal(err)
	}
	owner := ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"}
	return c, ssa.NewResourceManager(c, polling.NewStatusPoller(c, mapper, polling.Options{}), owner)
}

// reconcile applies as kustomize-controller does, for a new revision.
func reconcile(t *testing.T, flux *ssa.ResourceManager, desired *unstructured.Unstructured, revision string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	object := desired.DeepCopy()
	object.SetAnnotations(map[string]string{"example.com/revision": revision})
	if _, err := flux.ApplyAll(ctx, []*unstructured.Unstructured{object}, fluxOptions()); err != nil {
		t.Fatalf("reconciling revision %s: %v", revision, err)
	}
}

// fluxOptions are those of kustomize-controller, with its clean-up of managers
// (internal/controller/kustomization_controller.go).
func fluxOptions() ssa.ApplyOptions {
	opts := ssa.DefaultApplyOptions()
	opts.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{"kubectl.kubernetes.io/last-applied-configuration"},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "kustomize-controller", OperationType: metav1.ManagedFieldsOperationUpdate},
		},
	}
	return opts
}

func seccomp(t *testing.T, c client.Client, o *unstructured.Unstructured) bool {
	t.Helper()
	live := o.DeepCopy()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), live); err != nil {
		t.Fatal(err)
	}
	profile, _, err := unstructured.NestedString(live.Object, "spec", "template", "spec", "securityContext", "seccompProfile", "type")
	if err != nil {
		t.Fatal(err)
	}
	return profile == "RuntimeDefault"
}

func deployment(ns, name string) *unstructured.Unstructured {
	o := harden.SetPodSpec(ref(ns, name), map[string]any{
		"containers": []any{map[string]any{"name": "web", "image": "example.com/web:1"}},
	}).Set
	labels := map[string]any{"app": name}
	spec := o.Object["spec"].(map[string]any)
	spec["selector"] = map[string]any{"matchLabels": labels}
	spec["template"].(map[string]any)["metadata"] = map[string]any{"labels": labels}
	o.SetLabels(map[string]string{"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"})
	return o
}

func partial(ns, name string) *unstructured.Unstructured {
	return harden.SetPodSpec(ref(ns, name), map[string]any{
		"securityContext": map[string]any{"seccompProfile": map[string]any{"type": "RuntimeDefault"}},
	}).Set
}

func ref(ns, name string) harden.Ref {
	return harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: name}
}

// fluxEngine is kustomize-controller.
func fluxEngine(b *bench) engine {
	_, flux := clients(b.T, b.lab.Kubeconfig())
	return func(u *unstructured.Unstructured) error {
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		_, err := flux.ApplyAll(ctx, []*unstructured.Unstructured{u}, fluxOptions())
		return err
	}
}
