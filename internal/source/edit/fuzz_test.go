package edit

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	kjson "sigs.k8s.io/json"
)

// Whatever the document is and whatever it must say, Document does not panic, and
// what it gives says that: to kubectl's parser too, if it reads the document as
// this package does.
func FuzzDocument(f *testing.F) {
	tests, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, test := range tests {
		a, err := txtar.ParseFile(test)
		if err != nil {
			f.Fatal(err)
		}
		after, err := kubectlReads(string(a.Files[2].Data))
		if err != nil {
			continue
		}
		data, err := json.Marshal(after)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(a.Files[0].Data), string(data))
		f.Add(string(a.Files[0].Data), `{"a": {"b": [1, "x\ny\n"]}}`)
	}
	f.Fuzz(func(t *testing.T, text, wanted string) {
		var after any
		if kjson.UnmarshalCaseSensitivePreserveInts([]byte(wanted), &after) != nil {
			t.Skip()
		}
		var before any
		got, _, err := Change(text, func(says any) (any, error) { before = says; return after, nil })
		if err != nil {
			return
		}
		if again, _, err := Document(got, after); err != nil || again != got {
			t.Errorf("the second run changes %q to %q: %v", got, again, err)
		}
		old, err := kubectlReads(text)
		if err != nil {
			return
		}
		if old, err = normal(old); err != nil || !same(old, before) {
			return
		}
		read, err := kubectlReads(got)
		if err != nil {
			t.Fatalf("kubectl cannot read %q, which was %q: %v", got, text, err)
		}
		read, _ = normal(read)
		if want, _ := normal(after); !same(read, want) {
			t.Errorf("kubectl reads %#v in %q, which was %q, want %#v", read, got, text, want)
		}
	})
}
