package helm

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

var testRelease = Release{Name: "rel", Namespace: "apps", KubeVersion: "1.34.0"}

// unpack writes the files of an archive in testdata to a folder, and those of
// change in their place or beside them.
func unpack(t testing.TB, name string, change map[string]string) string {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), name)
	for _, f := range archive.Files {
		write(t, filepath.Join(folder, filepath.FromSlash(f.Name)), f.Data)
	}
	for name, text := range change {
		write(t, filepath.Join(folder, filepath.FromSlash(name)), []byte(text))
	}
	return folder
}

func write(t testing.TB, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, folder string) *Chart {
	t.Helper()
	c, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// values reads a values file.
func values(t testing.TB, text string) map[string]any {
	t.Helper()
	out := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// changes are wanted fields by object, such as
//
//	Deployment/web:
//	  pod.containers[web].securityContext.privileged: false
//
// where pod stands for the pod template's spec, and null for a removal.
func changes(t testing.TB, objects []Object, text string) []harden.ObjectChange {
	t.Helper()
	wanted := map[string]map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &wanted); err != nil {
		t.Fatal(err)
	}
	var out []harden.ObjectChange
	for _, o := range objects {
		fields, ok := wanted[o.Ref.String()]
		if !ok {
			continue
		}
		delete(wanted, o.Ref.String())
		after := o.DeepCopy()
		for field, v := range fields {
			path := pathOf(o.Ref.Kind, field)
			if v != nil {
				plan.Put(after, path, v)
			} else if err := plan.Drop(after, path); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, harden.ObjectChange{Target: o.Ref, Before: o.Unstructured, After: after})
	}
	if len(wanted) > 0 {
		t.Fatalf("not rendered: %v", wanted)
	}
	return out
}

var pathStep = regexp.MustCompile(`([A-Za-z]+)(?:\[([^\]]+)\])?`)

func pathOf(kind, text string) harden.Path {
	path := harden.Path{}
	if rest, ok := strings.CutPrefix(text, "pod."); ok {
		for _, name := range harden.TemplatePath(kind) {
			path = append(path, fieldpath.FieldNameElement(name))
		}
		path = append(path, fieldpath.FieldNameElement("spec"))
		text = rest
	}
	for _, m := range pathStep.FindAllStringSubmatch(text, -1) {
		path = append(path, fieldpath.FieldNameElement(m[1]))
		if m[2] != "" {
			path = append(path, fieldpath.KeyElementByFields(listKeys[m[1]][0], m[2]))
		}
	}
	return path
}

// prove renders with the values that were found and compares every object: those
// that are brought must be as wanted, all others as they were.
func prove(t testing.TB, c *Chart, r Release, changes []harden.ObjectChange, found *Found) {
	t.Helper()
	before, err := c.Objects(r)
	if err != nil {
		t.Fatal(err)
	}
	r.Values = append(slices.Clone(r.Values), found.Values)
	now, err := c.Render(r)
	if err != nil {
		t.Fatalf("with the values that were found: %v", err)
	}
	if len(now) != len(before) {
		t.Fatalf("%d objects instead of %d", len(now), len(before))
	}
	for i, o := range before {
		want := o.Unstructured
		for _, change := range changes {
			if _, left := found.Left[change.Target.Key()]; !left && change.Target == o.Ref {
				want = change.After
			}
		}
		got := now[i]
		for _, u := range []*unstructured.Unstructured{want, got} {
			for _, path := range o.Varies {
				if err := plan.Drop(u, path); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, e := range diff(want.Object, got.Object) {
			t.Errorf("%s: %s is %v, want %v", o.Ref, e.path, e.to, e.from)
		}
	}
}
