package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/licenseclassifier/v2/assets"
)

// licence returns the text of a licence that the classifier knows.
func licence(t *testing.T, name string) string {
	t.Helper()
	text, err := assets.ReadLicenseFile("License/" + name + "/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lay makes a module of files, with one package that is linked.
func lay(t *testing.T, path, folder string, files map[string]string) *module {
	t.Helper()
	dir := t.TempDir()
	linked := filepath.Join(dir, folder)
	if err := os.MkdirAll(linked, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &module{path: path, version: "v1.0.0", dir: dir, folders: map[string]bool{linked: true}}
}

func TestReadModule(t *testing.T) {
	r, err := newReader()
	if err != nil {
		t.Fatal(err)
	}
	mit, apache, gpl := licence(t, "MIT"), licence(t, "Apache-2.0"), licence(t, "GPL-2.0")
	for _, test := range []struct {
		name, path, folder string
		files              map[string]string
		texts              string // of the module, or the error
		wantError          bool
	}{
		{name: "at the root", folder: "a/b", files: map[string]string{"LICENSE": mit}, texts: "LICENSE=MIT"},
		{name: "notices go along", folder: ".", files: map[string]string{"LICENSE.txt": apache, "NOTICE": "made by people"}, texts: "LICENSE.txt=Apache-2.0 NOTICE="},
		{
			name: "code that was taken over", folder: "third_party/x",
			files: map[string]string{"LICENSE": apache, "third_party/x/COPYING": mit, "third_party/y/LICENSE": gpl},
			texts: "LICENSE=Apache-2.0 third_party/x/COPYING=MIT",
		},
		{name: "source about licences", folder: ".", files: map[string]string{"license.go": gpl, "licenses.json": gpl, "LICENCE": mit}, texts: "LICENCE=MIT"},
		{name: "none", folder: ".", files: map[string]string{"README.md": mit}, texts: "no file with a known licence", wantError: true},
		{name: "one that nobody knows", folder: ".", files: map[string]string{"LICENSE": "Do as you please, on Tuesdays."}, texts: "no file with a known licence", wantError: true},
		{name: "one that a release must not hold", folder: ".", files: map[string]string{"LICENSE": gpl}, texts: "LICENSE has the licence GPL-2.0", wantError: true},
		{name: "hidden beside the code", folder: "a", files: map[string]string{"LICENSE": mit, "a/LICENSE": gpl}, texts: "a/LICENSE has the licence GPL-2.0", wantError: true},
		{
			name: "of two, one was chosen", path: "github.com/spdx/tools-golang", folder: ".",
			files: map[string]string{"LICENSE.code": apache + "\n\n" + gpl}, texts: "LICENSE.code=Apache-2.0",
		},
		{
			name: "a choice holds for what it was made for", path: "github.com/spdx/tools-golang", folder: ".",
			files: map[string]string{"LICENSE.code": gpl}, texts: "LICENSE.code has the licence GPL-2.0", wantError: true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := lay(t, test.path, test.folder, test.files)
			err := r.readModule(m)
			if test.wantError {
				if err == nil || !strings.Contains(err.Error(), test.texts) {
					t.Errorf("error %v, want %q", err, test.texts)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, text := range m.texts {
				got = append(got, text.name+"="+strings.Join(text.licences, "+"))
			}
			if got := strings.Join(got, " "); got != test.texts {
				t.Errorf("texts %q, want %q", got, test.texts)
			}
		})
	}
}

func TestEveryModuleThatFailsIsNamed(t *testing.T) {
	r, err := newReader()
	if err != nil {
		t.Fatal(err)
	}
	err = r.read([]*module{lay(t, "example.com/a", ".", nil), lay(t, "example.com/b", ".", nil)})
	for _, name := range []string{"example.com/a v1.0.0", "example.com/b v1.0.0"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not name %s", err, name)
		}
	}
}

func TestFormatHasEveryTextOnce(t *testing.T) {
	same := text{name: "LICENSE", body: []byte("THE TEXT"), licences: []string{"MIT"}}
	got := string(format([]*module{
		{path: "example.com/a", version: "v1.0.0", texts: []text{same, {name: "NOTICE", body: []byte("A NOTICE")}}},
		{path: "example.com/b", version: "v2.0.0", texts: []text{same}},
	}))
	for want, times := range map[string]int{
		"example.com/a v1.0.0: MIT\nexample.com/b v2.0.0: MIT\n": 1,
		"example.com/a/LICENSE\nexample.com/b/LICENSE\n":         1,
		"THE TEXT": 1,
		"A NOTICE": 1,
	} {
		if n := strings.Count(got, want); n != times {
			t.Errorf("%q is there %d times, want %d:\n%s", want, n, times, got)
		}
	}
}
