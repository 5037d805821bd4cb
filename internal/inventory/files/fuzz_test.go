package files

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files/filestest"
)

// seed adds the inputs of all txtar tests.
func seed(f *testing.F) {
	f.Helper()
	tests, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, test := range tests {
		a, err := txtar.ParseFile(test)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(file.Data)
		}
	}
	f.Add(filestest.Deployments(3))
	f.Add([]byte(everyForm))
}

// Whatever the input is, loading does not panic, and a rewrite without changes
// gives it back.
func FuzzLoad(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		set, _ := Load([]string{"-"}, bytes.NewReader(data), Options{})
		for key := range set.objects {
			if set.Object(key) == nil {
				t.Errorf("the object %v cannot be decoded again", key)
			}
		}
		files, err := set.Rewrite(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 && !bytes.Equal(files[0].Data, data) {
			t.Errorf("rewriting nothing changed %q to %q", data, files[0].Data)
		}
	})
}

// Where the fast parser has an answer, it is that of the library.
func FuzzFast(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, msg := notText(string(data)); msg != "" {
			return
		}
		for _, sp := range split(string(data)) {
			checkFast(t, string(data)[sp.start:sp.end])
		}
	})
}

func checkFast(t *testing.T, text string) {
	t.Helper()
	var p fastParser
	got, ok := p.parse(text, 7)
	if !ok {
		return
	}
	want, err := parseYAML(text, 7)
	if err != nil {
		t.Fatalf("%q: the fast parser reads what is wrong: %v", text, err)
	}
	if got == nil || want == nil {
		if got != nil || want != nil && !want.isNull() {
			t.Fatalf("%q: got %v, want %v", text, got, want)
		}
		return
	}
	if at := difference(want, got); at != nil {
		t.Errorf("%q: line %d, column %d: got %s", text, at.line, at.col, at.what())
	}
}

// difference returns the first node that differs; where a null that nobody wrote
// stands is not compared.
func difference(want, got *node) *node {
	nothing := want.plain && want.value == "" && want.kind == scalarNode
	if want.kind != got.kind || want.plain != got.plain || want.value != got.value || len(want.kids) != len(got.kids) ||
		!nothing && (want.line != got.line || want.col != got.col) {
		return got
	}
	for i := range want.kids {
		if d := difference(&want.kids[i], &got.kids[i]); d != nil {
			return d
		}
	}
	return nil
}

func TestMostManifestsAreReadFast(t *testing.T) {
	text := string(filestest.Deployments(50))
	slow := 0
	spans := split(text)
	for _, sp := range spans {
		var p fastParser
		if _, ok := p.parse(text[sp.start:sp.end], 1); !ok {
			slow++
		}
		checkFast(t, text[sp.start:sp.end])
	}
	if slow > 0 {
		t.Errorf("%d of %d documents are left to the library", slow, len(spans))
	}
}
