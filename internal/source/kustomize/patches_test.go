package kustomize

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var update = flag.Bool("update", false, "write the wanted results of txtar tests")

// Each archive holds objects before (N.before, absent for a new one) and after
// (N.after), and the files that are wanted below want/.
func TestPatches(t *testing.T) {
	tests, err := filepath.Glob("testdata/patches/*.txtar")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	for _, test := range tests {
		t.Run(strings.TrimSuffix(filepath.Base(test), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(test)
			if err != nil {
				t.Fatal(err)
			}
			befores := map[string]string{}
			var changes []harden.ObjectChange
			var rest []txtar.File
			var want []txtar.File
			for _, f := range a.Files {
				name, suffix, _ := strings.Cut(f.Name, ".")
				switch {
				case strings.HasPrefix(f.Name, "want/"):
					want = append(want, txtar.File{Name: strings.TrimPrefix(f.Name, "want/"), Data: f.Data})
					continue
				case suffix == "before":
					befores[name] = string(f.Data)
				case suffix == "after":
					changes = append(changes, change(t, befores[name], string(f.Data)))
				}
				rest = append(rest, f)
			}
			dir := t.TempDir()
			files, err := Patches(changes, Options{Folder: dir})
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				a.Files = rest
				for _, f := range files {
					a.Files = append(a.Files, txtar.File{Name: "want/" + filepath.Base(f.Path), Data: f.After})
				}
				if err := os.WriteFile(test, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(&txtar.Archive{Files: want})), archive(files)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			write(t, files)
			again, err := Patches(changes, Options{Folder: dir})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range again {
				if f.Changed() {
					t.Errorf("the second run changes %s", f.Path)
				}
			}
		})
	}
}

func TestPatchesOnABase(t *testing.T) {
	dir := tree(t, everything)
	base := filepath.Join(dir, "prod")
	r, err := Render(base)
	if err != nil {
		t.Fatal(err)
	}
	var changes []harden.ObjectChange
	for _, o := range r.Objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		after := o.DeepCopy()
		after.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["hostNetwork"] = false
		changes = append(changes, harden.ObjectChange{Before: o.Unstructured, After: after})
	}
	policy := object(t, "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: allow, namespace: shop}, spec: {podSelector: {}}}")
	changes = append(changes, harden.ObjectChange{After: policy})
	folder := filepath.Join(dir, "hardened")
	files, err := Patches(changes, Options{Folder: folder, Base: base})
	if err != nil {
		t.Fatal(err)
	}
	write(t, files)
	after, err := Render(folder)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(after.Objects), len(r.Objects)+1; got != want {
		t.Errorf("got %d objects, want %d", got, want)
	}
	if out, _ := after.Text(); !strings.Contains(string(out), "hostNetwork: false") {
		t.Errorf("the patch did nothing:\n%s", out)
	}
	for _, wrong := range []string{base, filepath.Join(base, "hardened")} {
		if _, err := Patches(changes, Options{Folder: wrong, Base: base}); err == nil || !strings.Contains(err.Error(), "--out") {
			t.Errorf("%s: got %v, want a hint", wrong, err)
		}
	}
}

func TestFilesOfOthersStay(t *testing.T) {
	changes := []harden.ObjectChange{change(t, deployment, deployment+"        tty: true\n")}
	for _, test := range []struct{ name, files string }{
		{"a kustomization", "-- kustomization.yaml --\nresources: []\n"},
		{"of another name", "-- Kustomization --\n" + header},
		{"a patch", "-- deployment-web.yaml --\nhello\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Patches(changes, Options{Folder: tree(t, test.files)}); err == nil || !strings.Contains(err.Error(), "--out") {
				t.Errorf("got %v, want a hint", err)
			}
		})
	}
	dir := t.TempDir()
	files, err := Patches(changes, Options{Folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	write(t, files)
	other := []harden.ObjectChange{change(t, deployment, deployment+"        stdin: true\n")}
	files, err = Patches(other, Options{Folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	if files[0].New() || !files[0].Changed() {
		t.Error("a patch of an earlier run is to be replaced, guarded by what it is now")
	}
}

func TestWhatHasNoPatch(t *testing.T) {
	for _, test := range []struct{ name, before, after, want string }{
		{"generateName", "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}", "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}, spec: {}}", "generateName"},
		{"nothing", deployment, deployment, "nothing to be patched"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Patches([]harden.ObjectChange{change(t, test.before, test.after)}, Options{Folder: t.TempDir()})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
