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
		if len(files) == 1 && !bytes.Equal(files[0].After, data) {
			t.Errorf("rewriting nothing changed %q to %q", data, files[0].After)
		}
	})
}
