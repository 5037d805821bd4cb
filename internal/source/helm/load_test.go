package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
)

const chartYAML = "apiVersion: v2\nname: a\nversion: 1.0.0\n"

// pack makes a gzipped archive of files; names are as given.
func pack(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestLoadErrors(t *testing.T) {
	for name, test := range map[string]struct {
		make func(t *testing.T, at string) // makes the chart's folder or file
		want string
	}{
		"nothing there": {func(*testing.T, string) {}, "no such file"},
		"no chart":      {func(t *testing.T, at string) { write(t, filepath.Join(at, "values.yaml"), nil) }, "it has no Chart.yaml"},
		"no version": {
			func(t *testing.T, at string) {
				write(t, filepath.Join(at, "Chart.yaml"), []byte("apiVersion: v2\nname: a\n"))
			},
			"version is required",
		},
		"a library": {
			func(t *testing.T, at string) {
				write(t, filepath.Join(at, "Chart.yaml"), []byte(chartYAML+"type: library\n"))
			},
			"it has no objects of its own",
		},
		"a dependency that is missing": {
			func(t *testing.T, at string) {
				write(t, filepath.Join(at, "Chart.yaml"), []byte(chartYAML+"dependencies: [{name: db, version: 1.0.0, repository: 'https://charts.invalid'}]\n"))
			},
			"run helm dependency build",
		},
		"a dependency that is missing, in the old way": {
			func(t *testing.T, at string) {
				write(t, filepath.Join(at, "Chart.yaml"), []byte("apiVersion: v1\nname: a\nversion: 1.0.0\n"))
				write(t, filepath.Join(at, "requirements.yaml"), []byte("dependencies: [{name: db, version: 1.0.0}]\n"))
			},
			`needs "db"`,
		},
		"values that are no YAML": {
			func(t *testing.T, at string) {
				write(t, filepath.Join(at, "Chart.yaml"), []byte(chartYAML))
				write(t, filepath.Join(at, "values.yaml"), []byte("a: [\n"))
			},
			"cannot load values.yaml",
		},
		"a link to a folder above": {
			func(t *testing.T, at string) {
				write(t, filepath.Join(at, "Chart.yaml"), []byte(chartYAML))
				link(t, at, filepath.Join(at, "files"))
			},
			"nested without end",
		},
		"a link that leads nowhere": {
			func(t *testing.T, at string) {
				write(t, filepath.Join(at, "Chart.yaml"), []byte(chartYAML))
				link(t, filepath.Join(at, "nothing"), filepath.Join(at, "file"))
			},
			"no such file",
		},
		"a large file": {
			func(t *testing.T, at string) {
				write(t, filepath.Join(at, "Chart.yaml"), []byte(chartYAML))
				write(t, filepath.Join(at, "dump.sql"), make([]byte, 5<<20+1))
			},
			"name it in .helmignore",
		},
		"no archive": {func(t *testing.T, at string) { write(t, at, []byte("text")) }, "gzipped archive"},
		"an archive that leads out of its folder": {
			func(t *testing.T, at string) {
				write(t, at, pack(t, map[string][]byte{"a/../../etc/passwd": nil}))
			},
			"illegally",
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := filepath.Join(t.TempDir(), "chart")
			test.make(t, at)
			_, err := Load(at)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), at) {
				t.Errorf("got %v, want the path and %q", err, test.want)
			}
		})
	}
}

func link(t *testing.T, to, from string) {
	t.Helper()
	if err := os.Symlink(to, from); err != nil {
		t.Skip(err) // Windows without the right to
	}
}

func TestArchivesWithinArchivesAreWeighed(t *testing.T) {
	inner := pack(t, map[string][]byte{"b/Chart.yaml": []byte(chartYAML), "b/zeros": make([]byte, 1<<20)})
	if len(inner) > 1<<14 {
		t.Fatalf("the archive has %d bytes", len(inner))
	}
	middle := pack(t, map[string][]byte{"m/Chart.yaml": []byte(chartYAML), "m/charts/b.tgz": inner, "m/charts/c.tgz": inner})
	outer := []*archive.BufferedFile{{Name: "charts/m.tgz", Data: middle}}
	for bytes, fits := range map[int64]bool{5 << 19: true, 3 << 19: false} {
		if err := weigh(outer, &allowance{bytes: bytes, files: 100}, 0); (err == nil) != fits {
			t.Errorf("%d bytes allowed: %v", bytes, err)
		}
	}
	if err := weigh(outer, &allowance{bytes: 1 << 30, files: 6}, 0); err == nil {
		t.Error("7 files where 6 are allowed")
	}
	if err := weigh(outer, &allowance{bytes: 1 << 30, files: 100}, maxDepth); err == nil {
		t.Error("archives without end")
	}
}

func TestLoadFollowsLinksAndIgnores(t *testing.T) {
	folder := t.TempDir()
	at := filepath.Join(folder, "chart")
	write(t, filepath.Join(at, "Chart.yaml"), []byte("\ufeff"+chartYAML))
	write(t, filepath.Join(at, ".helmignore"), []byte("backup/\n*.bak\n"))
	write(t, filepath.Join(at, "backup", "huge"), make([]byte, 5<<20+1))
	write(t, filepath.Join(at, "templates", "old.yaml.bak"), []byte("{{ broken"))
	write(t, filepath.Join(at, "templates", ".swp"), []byte("{{ broken"))
	write(t, filepath.Join(folder, "common", "Chart.yaml"), []byte("apiVersion: v2\nname: common\nversion: 1.0.0\n"))
	write(t, filepath.Join(folder, "common", "templates", "a.yaml"), []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: linked}\n"))
	write(t, filepath.Join(at, "charts", ".keep"), nil)
	link(t, filepath.Join(folder, "common"), filepath.Join(at, "charts", "common"))
	objects, err := load(t, at).Objects(testRelease)
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 1 || objects[0].Ref.Long() != "apps/ConfigMap/linked" || objects[0].Template != "charts/common/templates/a.yaml" {
		t.Errorf("got %v", objects)
	}
}
