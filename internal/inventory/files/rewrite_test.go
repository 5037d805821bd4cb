package files

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files/filestest"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// A change is what a test asks for: one object and what must be true or gone.
type change struct {
	Kind, Name string
	Set        map[string]any
	Remove     []string
	Create     map[string]any // a new object that is for the one that is named
}

// path reads a.b[key=value,key=value].c
func path(t *testing.T, s string) harden.Path {
	t.Helper()
	var parts []any
	for s != "" {
		end := strings.IndexAny(s, ".[")
		if end < 0 {
			end = len(s)
		}
		if end > 0 {
			parts = append(parts, s[:end])
		}
		s = strings.TrimPrefix(s[end:], ".")
		if !strings.HasPrefix(s, "[") {
			continue
		}
		keys, rest, _ := strings.Cut(s[1:], "]")
		var fields []any
		for pair := range strings.SplitSeq(keys, ",") {
			k, v, _ := strings.Cut(pair, "=")
			var val any = v
			if i, err := strconv.Atoi(v); err == nil {
				val = i
			}
			fields = append(fields, k, val)
		}
		parts = append(parts, fieldpath.KeyByFields(fields...))
		s = strings.TrimPrefix(rest, ".")
	}
	p, err := fieldpath.MakePath(parts...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rewrite makes the changes as a plan does and writes the files.
func rewrite(t *testing.T, s *Set, changes []change) ([]harden.FileChange, error) {
	t.Helper()
	conv := applyconfigurations.NewTypeConverter(scheme.Scheme)
	var objects []harden.ObjectChange
	for _, c := range changes {
		for key, o := range s.objects {
			if key.Kind != c.Kind || key.Name != c.Name {
				continue
			}
			if c.Create != nil {
				after := &unstructured.Unstructured{Object: value.NewValueInterface(c.Create).Unstructured().(map[string]any)}
				objects = append(objects, harden.ObjectChange{Target: harden.Ref{Kind: after.GetKind(), Name: after.GetName()}, After: after, Of: o.ref})
				continue
			}
			set := harden.SetObject(o.ref, value.NewValueInterface(c.Set).Unstructured().(map[string]any)).Set
			var remove []harden.Path
			for _, r := range c.Remove {
				remove = append(remove, path(t, r))
			}
			before := s.Object(key)
			after, err := plan.Project(before, set, remove, conv)
			if err != nil {
				t.Fatal(err)
			}
			objects = append(objects, harden.ObjectChange{Target: o.ref, Before: before, After: after})
		}
	}
	if len(objects) != len(changes) {
		t.Fatalf("%d of %d objects found", len(objects), len(changes))
	}
	return s.Rewrite(objects)
}

func TestRewrite(t *testing.T) {
	tests, err := filepath.Glob("testdata/rewrite/*.txtar")
	if err != nil || len(tests) == 0 {
		t.Fatal("no tests", err)
	}
	special := strings.NewReplacer("<CR>", "\r", "<BOM>", "\ufeff", "<EOF>\n", "")
	for _, test := range tests {
		t.Run(strings.TrimSuffix(filepath.Base(test), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(test)
			if err != nil {
				t.Fatal(err)
			}
			input, text := a.Files[0].Name, special.Replace(string(a.Files[0].Data))
			name := filepath.Join(t.TempDir(), input)
			writeFile(t, name, text)
			set, err := Load([]string{name}, nil, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var changes []change
			for l := range strings.Lines(string(a.Files[1].Data)) {
				var c change
				if err := yaml.UnmarshalStrict([]byte(l), &c); err != nil {
					t.Fatal(err)
				}
				changes = append(changes, c)
			}
			files, err := rewrite(t, set, changes)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(files[0].Before); got != text {
				t.Errorf("Before is %q", got)
			}
			if !slices.ContainsFunc(changes, func(c change) bool { return c.Create != nil }) {
				checkSecondRun(t, files[0], changes)
			}
			got := shown(files)
			if *update {
				a.Files = append(a.Files[:2], got...)
				if err := os.WriteFile(test, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(a.Files[2:], got, cmp.Transformer("text", func(b []byte) string { return string(b) })); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// shown is what a test wants: the file, its notes, and files that are made.
func shown(files []harden.FileChange) []txtar.File {
	var out []txtar.File
	for i, f := range files {
		text := strings.NewReplacer("\r", "<CR>", "\ufeff", "<BOM>").Replace(string(f.After))
		if !strings.HasSuffix(text, "\n") {
			text += "<EOF>\n"
		}
		name := "want"
		if i > 0 {
			name = filepath.Base(f.Path)
		}
		out = append(out, txtar.File{Name: name, Data: []byte(text)})
		if len(f.Notes) > 0 {
			out = append(out, txtar.File{Name: "notes", Data: []byte(strings.Join(f.Notes, "\n") + "\n")})
		}
	}
	return out
}

// checkSecondRun makes the same changes again: nothing must be left to do.
func checkSecondRun(t *testing.T, f harden.FileChange, changes []change) {
	t.Helper()
	name := filepath.Join(t.TempDir(), filepath.Base(f.Path))
	writeFile(t, name, string(f.After))
	set, err := Load([]string{name}, nil, Options{})
	if err != nil {
		t.Fatalf("the result cannot be loaded: %v", err)
	}
	again, err := rewrite(t, set, changes)
	if err != nil {
		t.Fatal(err)
	}
	if again[0].Changed() {
		t.Errorf("the second run changes something:\n%s", cmp.Diff(string(f.After), string(again[0].After)))
	}
}

func TestRewriteKeepsTheDefaultNamespaceOut(t *testing.T) {
	const text = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: a\n"
	set, err := Load([]string{"-"}, strings.NewReader(text), Options{DefaultNamespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	files, err := rewrite(t, set, []change{{Kind: "ServiceAccount", Name: "a", Set: map[string]any{"automountServiceAccountToken": false}}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text+"automountServiceAccountToken: false\n", string(files[0].After)); diff != "" {
		t.Error(diff)
	}
}

func TestRewriteRefusesWhatIsNotThere(t *testing.T) {
	set, err := Load([]string{"-"}, strings.NewReader("{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if _, err := set.Rewrite([]harden.ObjectChange{{Target: harden.Ref{Kind: "ServiceAccount", Name: "b"}, Before: object, After: object}}); err == nil || !strings.Contains(err.Error(), "ServiceAccount/b") {
		t.Errorf("got %v, want an error that names the object", err)
	}
}

// Every workload of the demo and of a corpus is changed; nothing but the change
// may happen to any of them. Rewrite itself checks values and comments.
func TestRewriteManyManifests(t *testing.T) {
	corpus := t.TempDir()
	if err := filestest.WriteCorpus(corpus, 60); err != nil {
		t.Fatal(err)
	}
	set, err := Load([]string{"../../../examples/shop", corpus}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	conv := applyconfigurations.NewTypeConverter(scheme.Scheme)
	var changes []harden.ObjectChange
	for _, w := range set.Inventory(time.Time{}).Workloads {
		var containers []any
		for _, c := range w.Template.Spec.Containers {
			containers = append(containers, map[string]any{"name": c.Name, "securityContext": map[string]any{
				"readOnlyRootFilesystem": true, "capabilities": map[string]any{"drop": []any{"ALL"}},
			}})
		}
		change := harden.SetPodSpec(w.Ref, map[string]any{"containers": containers})
		before := set.Object(w.Ref.Key())
		after, err := plan.Project(before, change.Set, nil, conv)
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, harden.ObjectChange{Target: w.Ref, Before: before, After: after})
	}
	if len(changes) < 70 {
		t.Fatalf("only %d workloads", len(changes))
	}
	files, err := set.Rewrite(changes)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	var names []string
	for i, f := range files {
		names = append(names, filepath.Join(folder, strconv.Itoa(i)+".yaml"))
		writeFile(t, names[i], string(f.After))
	}
	again, err := Load(names, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range again.Inventory(time.Time{}).Workloads {
		for _, c := range w.Template.Spec.Containers {
			if sc := c.SecurityContext; sc == nil || sc.ReadOnlyRootFilesystem == nil || !*sc.ReadOnlyRootFilesystem || len(sc.Capabilities.Drop) != 1 {
				t.Errorf("%s, container %s: got %v", w.Ref.Long(), c.Name, sc)
			}
		}
	}
}

func TestT120TemplatesAreNotWrittenInPlace(t *testing.T) {
	folder := t.TempDir()
	const plain = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: a\n"
	templates := filepath.Join(folder, "chart", "templates", "sub")
	if err := os.MkdirAll(templates, 0o755); err != nil { //nolint:gosec // as a chart is
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(folder, "chart", "Chart.yaml"), "apiVersion: v2\nname: chart\nversion: 1.0.0\n")
	tests := map[string]struct{ text, why string }{
		filepath.Join(folder, "plain.yaml"):  {plain, ""},
		filepath.Join(folder, "braces.yaml"): {strings.Replace(plain, "name: a", "name: a\n  annotations: {x: '{{ y }}'}", 1), ""},
		filepath.Join(folder, "mixed.yaml"):  {plain + "---\nkind: {{ .Values.kind }}\n", "line 5 begins a template"},
		filepath.Join(templates, "a.yaml"):   {plain, "template of the chart in " + filepath.Join(folder, "chart")},
	}
	for name, test := range tests {
		writeFile(t, name, test.text)
		set, err := Load([]string{name}, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if why := set.NotInPlace(name); test.why == "" && why != "" || !strings.Contains(why, test.why) {
			t.Errorf("%s: got %q, want %q", name, why, test.why)
		}
		// To standard output the other documents are written all the same.
		files, err := rewrite(t, set, []change{{Kind: "ServiceAccount", Name: "a", Set: map[string]any{"automountServiceAccountToken": false}}})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(files[0].After), "automountServiceAccountToken: false") {
			t.Errorf("%s: got %s", name, files[0].After)
		}
	}
}

func TestRewriteOfNewObjectsNeedsAFile(t *testing.T) {
	set, err := Load([]string{"-"}, strings.NewReader("{\"apiVersion\": \"v1\", \"kind\": \"ServiceAccount\", \"metadata\": {\"name\": \"a\"}}"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	policy := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": map[string]any{"name": "deny"}}}
	change := harden.ObjectChange{Target: harden.Ref{Kind: "NetworkPolicy", Name: "deny"}, After: policy}
	if _, err := set.Rewrite([]harden.ObjectChange{change}); err == nil || !strings.Contains(err.Error(), "NetworkPolicy/deny") {
		t.Errorf("got %v, want an error that names the object", err)
	}
	change.Of = harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Name: "a"}
	files, err := set.Rewrite([]harden.ObjectChange{change})
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadTexts([]Text{{Name: "-", Data: string(files[0].After)}}, Options{})
	if err != nil || len(again.Documents()) != 2 || len(files) != 1 {
		t.Errorf("got %v, %s", err, files[0].After)
	}
}
