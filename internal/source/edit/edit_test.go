package edit

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the results of the golden cases")

// Each case is a document, changes to what it says, what it must be then, and the
// notes if there are any. A change is a line:
//
//	set PATH VALUE    in an object, or in the place of a list item
//	add PATH VALUE    at the end of a list
//	insert PATH VALUE before a list item
//	del PATH
func TestDocument(t *testing.T) {
	tests, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(tests) == 0 {
		t.Fatal("no tests", err)
	}
	hidden := strings.NewReplacer("<CR>", "\r", "<BOM>", "\ufeff", "<TAB>", "\t", "<SPACE>", " ", "<EOF>\n", "")
	for _, test := range tests {
		t.Run(strings.TrimSuffix(filepath.Base(test), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(test)
			if err != nil {
				t.Fatal(err)
			}
			text := hidden.Replace(string(a.Files[0].Data))
			after := change(t, says(t, text), string(a.Files[1].Data))
			got, notes, err := Document(text, after)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(after, says(t, got)); diff != "" {
				t.Errorf("kubectl reads it as something else (-want +got)\n%s", diff)
			}
			if again, _, err := Document(got, after); err != nil || again != got {
				t.Errorf("the second run changes something: %v\n%s", err, cmp.Diff(got, again))
			}
			shown := show(text, got)
			files := []txtar.File{{Name: "want", Data: []byte(shown)}}
			if len(notes) > 0 {
				files = append(files, txtar.File{Name: "notes", Data: []byte(strings.Join(notes, "\n") + "\n")})
			}
			if *update {
				a.Files = append(a.Files[:2], files...)
				if err := os.WriteFile(test, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(a.Files[2:], files, cmp.Transformer("text", func(b []byte) string { return string(b) })); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// show makes visible what an editor would hide.
func show(before, text string) string {
	shown := strings.NewReplacer("\r", "<CR>", "\ufeff", "<BOM>").Replace(text)
	var b strings.Builder
	for l := range strings.Lines(shown) {
		body, end := strings.TrimSuffix(l, "\n"), ""
		if body != l {
			end = "\n"
		}
		for strings.HasSuffix(body, " ") {
			body, end = strings.TrimSuffix(body, " "), "<SPACE>"+end
		}
		b.WriteString(strings.ReplaceAll(body, "\t", "<TAB>") + end)
	}
	if shown = b.String(); !strings.HasSuffix(shown, "\n") {
		shown += "<EOF>\n"
	}
	return shown
}

// says decodes a document as kubectl does.
func says(t testing.TB, text string) any {
	t.Helper()
	v, err := kubectlReads(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}

func kubectlReads(text string) (any, error) {
	data := []byte(strings.TrimPrefix(text, "\ufeff"))
	var err error
	if !json.Valid(data) {
		if data, err = yaml.YAMLToJSON(data); err != nil {
			return nil, err
		}
	}
	var v any
	err = kjson.UnmarshalCaseSensitivePreserveInts(data, &v)
	return v, err
}

func change(t *testing.T, v any, changes string) any {
	t.Helper()
	for l := range strings.Lines(changes) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(l), " ")
		path, value, _ := strings.Cut(rest, " ")
		steps := strings.Split(strings.NewReplacer("[", "/", "]", "", ".", "/", "~1", "/").Replace(strings.ReplaceAll(path, "~1", "\x00")), "/")
		for i := range steps {
			steps[i] = strings.ReplaceAll(steps[i], "\x00", ".")
		}
		if path == "." {
			steps = nil
		}
		v = at(t, v, steps, verb, says(t, value))
	}
	return v
}

func at(t *testing.T, v any, steps []string, verb string, value any) any {
	t.Helper()
	if len(steps) == 0 {
		if verb == "add" {
			list, _ := v.([]any)
			return append(list, value)
		}
		return value
	}
	step := steps[0]
	if list, ok := v.([]any); ok {
		i, err := strconv.Atoi(step)
		if err != nil || i >= len(list) {
			t.Fatalf("there is no item %s", step)
		}
		out := append([]any{}, list[:i]...)
		switch {
		case len(steps) == 1 && verb == "del":
			return append(out, list[i+1:]...)
		case len(steps) == 1 && verb == "insert":
			return append(append(out, value), list[i:]...)
		}
		return append(append(out, at(t, list[i], steps[1:], verb, value)), list[i+1:]...)
	}
	m, ok := v.(map[string]any)
	if !ok {
		m = map[string]any{}
	}
	out := map[string]any{}
	for k, x := range m {
		out[k] = x
	}
	if len(steps) == 1 && verb == "del" {
		delete(out, step)
		return out
	}
	out[step] = at(t, m[step], steps[1:], verb, value)
	return out
}
