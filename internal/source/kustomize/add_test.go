package kustomize

import (
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const overlaid = `
-- base/kustomization.yaml --
resources: [web.yaml]
-- base/web.yaml --
` + deployment + `
-- prod/kustomization.yaml --
# The shop, in production.
resources:
  - ../base   # shared

namePrefix: prod-
namespace: shop
images:
  - name: registry.example/web
    newTag: "2"
`

// withPod is the deployment among the rendered objects, and the same with fields
// of its pod changed.
func withPod(t *testing.T, folder string, fields map[string]any) harden.ObjectChange {
	t.Helper()
	r, err := Render(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range r.Objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		after := o.DeepCopy()
		for name, v := range fields {
			if err := unstructured.SetNestedField(after.Object, v, "spec", "template", "spec", name); err != nil {
				t.Fatal(err)
			}
		}
		return harden.ObjectChange{Before: o.Unstructured, After: after}
	}
	t.Fatal("there is no deployment")
	return harden.ObjectChange{}
}

func TestAddPatches(t *testing.T) {
	dir := tree(t, overlaid)
	prod := filepath.Join(dir, "prod")
	c := withPod(t, prod, map[string]any{"automountServiceAccountToken": false})
	policy := object(t, "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: shop}, spec: {podSelector: {}}}")
	if _, err := AddPatches(prod, []harden.ObjectChange{c, {After: policy}}, nil); err == nil || !strings.Contains(err.Error(), "deny") {
		t.Errorf("got %v: the prefix would give the policy another name", err)
	}
	policy.SetName("prod-deny")
	files, err := AddPatches(prod, []harden.ObjectChange{{After: policy}}, nil)
	if err != nil || !strings.Contains(archive(files), "  name: deny\n") {
		t.Errorf("got %v\n%s", err, archive(files))
	}
	files, err = AddPatches(prod, []harden.ObjectChange{c}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `-- harden-deployment-web.yaml --
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      automountServiceAccountToken: false
-- kustomization.yaml --
# The shop, in production.
resources:
  - ../base   # shared

namePrefix: prod-
namespace: shop
images:
  - name: registry.example/web
    newTag: "2"
patches:
  - path: harden-deployment-web.yaml
    target:
      name: web
      group: apps
      kind: Deployment
`
	if got := archive(files); got != want {
		t.Errorf("got\n%s", got)
	}
	write(t, files)

	// The second fix goes into the same patch, and what is there stays.
	c = withPod(t, prod, map[string]any{"hostNetwork": false})
	files, err = AddPatches(prod, []harden.ObjectChange{c}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files[0].New() || files[1].Changed() || !strings.Contains(string(files[0].After), "automount") || !strings.Contains(string(files[0].After), "hostNetwork") {
		t.Errorf("got\n%s", archive(files))
	}
}

func TestAddPatchesKeepsFilesOfOthers(t *testing.T) {
	dir := tree(t, overlaid+"-- prod/harden-deployment-web.yaml --\nhello: world\n")
	prod := filepath.Join(dir, "prod")
	c := withPod(t, prod, map[string]any{"hostNetwork": false})
	if _, err := AddPatches(prod, []harden.ObjectChange{c}, nil); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("got %v", err)
	}
}

// A later part of the same kustomization may undo a patch.
func TestAddPatchesIsProven(t *testing.T) {
	dir := tree(t, overlaid)
	prod := filepath.Join(dir, "prod")
	r, err := Render(prod)
	if err != nil {
		t.Fatal(err)
	}
	after := object(t, strings.ReplaceAll(text(r.Objects[0].Object), "registry.example/web:2", "registry.example/web:3"))
	if _, err := AddPatches(prod, []harden.ObjectChange{{Before: r.Objects[0].Unstructured, After: after}}, nil); err == nil || !strings.Contains(err.Error(), "not be what was planned") {
		t.Errorf("got %v", err)
	}
}

func TestAddPatchesToSeveralOfOneName(t *testing.T) {
	dir := tree(t, `
-- kustomization.yaml --
resources: [a.yaml, b.yaml]
-- a.yaml --
`+strings.Replace(deployment, "name: web\n", "name: web\n  namespace: a\n", 1)+`
-- b.yaml --
`+strings.Replace(deployment, "name: web\n", "name: web\n  namespace: b\n", 1))
	c := withPod(t, dir, map[string]any{"hostNetwork": false})
	files, err := AddPatches(dir, []harden.ObjectChange{c, {After: object(t, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: new, namespace: a}}")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := archive(files); !strings.Contains(got, "    namespace: a\n") || !strings.Contains(got, "harden-serviceaccount-new.yaml") {
		t.Errorf("got\n%s", got)
	}
}
