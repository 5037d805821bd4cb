package checkout

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

var update = flag.Bool("update", false, "write the wanted results of txtar tests")

var conv = applyconfigurations.NewTypeConverter(scheme.Scheme)

func parse(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(data, &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

// change is a fix of a live object; without one it makes a new object.
func change(t testing.TB, live, set string) harden.ObjectChange {
	t.Helper()
	body := parse(t, set)
	c := harden.ObjectChange{Set: body, Target: refOf(body)}
	if live == "" {
		c.After, c.Set = body, nil
		return c
	}
	c.Before = parse(t, live)
	var err error
	if c.After, err = plan.Project(c.Before, c.Set, nil, conv); err != nil {
		t.Fatal(err)
	}
	return c
}

func refOf(u *unstructured.Unstructured) harden.Ref {
	return harden.Ref{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
}

// A world is an archive: live/N.yaml on the cluster, set/N.yaml the fix of it (a
// new object when there is no live one, for the object before it), repo/ the
// checkout, want/ what is to come out. A first line "-- " of the comment may say:
// source: FOLDER, values: FILE, kustomization: FOLDER.
type world struct {
	archive *txtar.Archive
	dir     string
	changes []harden.ObjectChange
}

func (w *world) option(name string) []string {
	var out []string
	for line := range strings.Lines(string(w.archive.Comment)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+": "); ok {
			out = append(out, value)
		}
	}
	return out
}

func newWorld(t *testing.T, a *txtar.Archive) *world {
	t.Helper()
	w := &world{archive: a, dir: t.TempDir()}
	live := map[string]string{}
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, "live/"); ok {
			live[name] = string(f.Data)
		}
	}
	for _, f := range a.Files {
		switch dir, name, _ := strings.Cut(f.Name, "/"); dir {
		case "set":
			c := change(t, live[name], string(f.Data))
			if c.Before == nil && len(w.changes) > 0 {
				c.Of = w.changes[len(w.changes)-1].Target
			}
			w.changes = append(w.changes, c)
		case "repo":
			path := filepath.Join(w.dir, filepath.FromSlash(f.Name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Chdir(w.dir)
	return w
}

func (w *world) open() (*Checkout, error) {
	if k := w.option("kustomization"); len(k) > 0 {
		return OpenKustomization(k[0], conv)
	}
	folder := "repo"
	if s := w.option("source"); len(s) > 0 {
		folder = s[0]
	}
	return Open(harden.SourceOptions{Folder: folder, Values: w.option("values")}, conv)
}

// show is what comes of it: a line or more for each object, then the files.
func show(edits *harden.SourceEdits) []txtar.File {
	var b strings.Builder
	for _, o := range edits.Objects {
		fmt.Fprintf(&b, "%s: ", o.Object.Long())
		if o.Brought() {
			fmt.Fprintf(&b, "%s %s, in %s\n", o.Kind, o.Where, strings.Join(o.Files, ", "))
		} else {
			fmt.Fprintf(&b, "not brought: %s\n", o.Why)
		}
		for _, note := range o.Notes {
			fmt.Fprintf(&b, "  note: %s\n", note)
		}
	}
	out := []txtar.File{{Name: "want/objects", Data: []byte(b.String())}}
	files := slices.Clone(edits.Files)
	slices.SortFunc(files, func(a, b harden.FileChange) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range files {
		out = append(out, txtar.File{Name: "want/" + f.Path, Data: f.After})
	}
	return out
}

func TestEdit(t *testing.T) {
	tests, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(strings.TrimSuffix(filepath.Base(test), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(filepath.Join(here, test))
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, a)
			c, err := w.open()
			if err != nil {
				t.Fatal(err)
			}
			edits, err := c.Edit(w.changes)
			if err != nil {
				t.Fatal(err)
			}
			got := show(edits)
			var rest, want []txtar.File
			for _, f := range a.Files {
				if strings.HasPrefix(f.Name, "want/") {
					want = append(want, f)
				} else {
					rest = append(rest, f)
				}
			}
			if *update {
				a.Files = append(rest, got...)
				if err := os.WriteFile(filepath.Join(here, test), txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(&txtar.Archive{Files: want})), string(txtar.Format(&txtar.Archive{Files: got}))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			w.again(t, edits)
		})
	}
}

// again writes the files and looks for the objects as the fix has made them: each
// that was brought is explained by its place then, and the edits change nothing.
func (w *world) again(t *testing.T, edits *harden.SourceEdits) {
	t.Helper()
	for _, f := range edits.Files {
		now, err := os.ReadFile(f.Path)
		if f.New() != os.IsNotExist(err) || string(now) != string(f.Before) {
			t.Errorf("%s is not what the edit says it was", f.Path)
		}
		if err := os.WriteFile(f.Path, f.After, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range edits.Objects {
		if !o.Brought() || w.changes[i].Before == nil {
			continue
		}
		fixed := w.changes[i]
		fixed.Before = fixed.After
		f := c.find(fixed)
		if len(f.hits) != 1 || f.hits[0].place.where() != o.Where {
			t.Errorf("after the edits, %s: %s", o.Object, f.why(c))
		}
	}
	again, err := c.Edit(slices.DeleteFunc(slices.Clone(w.changes), func(c harden.ObjectChange) bool { return c.Before == nil }))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range again.Files {
		if f.Changed() {
			t.Errorf("the second run changes %s:\n%s", f.Path, f.After)
		}
	}
}
