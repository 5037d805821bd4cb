package images

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// rich is an image that fills every field of the facts.
func rich(t testing.TB) v1.Image {
	t.Helper()
	config := v1.Config{User: "app", Entrypoint: []string{"/e.sh"}, Env: []string{"A=ü"}, Volumes: map[string]struct{}{"/data": {}}, ExposedPorts: map[string]struct{}{"80/tcp": {}}}
	return imageOf(t, config, []any{
		file("e.sh", 0o755, "#!/bin/sh\necho \xff\n"), capable("bin/x", netBind), sym("l", "bin\xff"), dir("\xfe", 0o1777, 1, 2), file("lib/liba.so.1", 0o644, ""),
		file("etc/passwd", 0o644, "app:x:7:8::/\xfd:\n"), file("etc/group", 0o644, "app:x:8:a,b\n"),
	})
}

// entries are the files with facts that a cache holds, and all that do not belong there.
func entries(t testing.TB, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Base(filepath.Dir(path)) != "layers" {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCacheAnswersWithoutTheRegistry(t *testing.T) {
	r := newRegistry(t, nil)
	digest := r.push(t, "x:1", rich(t))
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	fresh := newReader(Options{CacheDir: dir}).Look(t.Context(), amd64(r.host+"/x:1"), nil)
	if fresh.Files == nil {
		t.Fatal(fresh.Why, fresh.FilesWhy)
	}
	files := entries(t, dir)
	if want := []string{filepath.Join(dir, "v2", "facts", strings.Replace(digest, ":", "-", 1)+".linux-amd64.json.gz")}; !cmp.Equal(files, want) {
		t.Fatalf("cache holds %q, want %q", files, want)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	r.Close()
	// Another repository with the same digest is the same image.
	for _, repository := range []string{"/x@", "/mirror/x@"} {
		if diff := cmp.Diff(fresh, newReader(Options{CacheDir: dir}).Look(t.Context(), amd64(r.host+repository+digest), nil)); diff != "" {
			t.Errorf("from the cache (-fresh +cached)\n%s", diff)
		}
	}
	for _, key := range []harden.ImageKey{amd64(r.host + "/x:1"), {Reference: r.host + "/x@" + digest, Platform: "linux/arm64"}} {
		if got := newReader(Options{CacheDir: dir}).Look(t.Context(), key, nil); got.Known {
			t.Errorf("%v is answered by the cache", key)
		}
	}
}

func TestCacheSavesLayersOfTags(t *testing.T) {
	var blobs atomic.Int32
	r := newRegistry(t, func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Method == http.MethodGet && strings.Contains(q.URL.Path, "/blobs/") {
				blobs.Add(1)
			}
			inner.ServeHTTP(w, q)
		})
	})
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: rich(t), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}})
	r.pushIndex(t, "x:1", index)
	dir := t.TempDir()
	for range 3 {
		if got := newReader(Options{CacheDir: dir}).Look(t.Context(), amd64(r.host+"/x:1"), nil); got.Files == nil || got.Digest == digestOf(t, index) {
			t.Fatal(got.Why, got.FilesWhy, got.Digest)
		}
	}
	if blobs.Load() != 2 {
		t.Errorf("%d blobs were fetched, want config and layer once", blobs.Load())
	}
}

func TestBrokenCacheEntriesAreWrittenAgain(t *testing.T) {
	r := newRegistry(t, nil)
	digest := r.push(t, "x:1", rich(t))
	dir := t.TempDir()
	reader := newReader(Options{CacheDir: dir})
	key := amd64(r.host + "/x@" + digest)
	fresh := reader.Look(t.Context(), key, nil)
	path := entries(t, dir)[0]
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pack := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		fmt.Fprint(w, text)
		w.Close()
		return b.Bytes()
	}
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)/2] ^= 1
	for name, data := range map[string][]byte{
		"empty": nil, "cut": good[:len(good)/2], "without its checksum": good[:len(good)-8], "one bit wrong": flipped, "noise": []byte("noise"),
		"no JSON": pack("noise"), "null": pack("null"), "no facts": pack(`{"Digest":"` + digest + `","Platform":"linux/amd64"}`),
		"facts of another image": pack(`{"Digest":"sha256:x","Platform":"linux/amd64","Facts":{"Known":true,"User":"other","Files":{}}}`),
		"facts that say nothing": pack(`{"Digest":"` + digest + `","Platform":"linux/amd64","Facts":{"Known":false,"Files":{}}}`),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fresh, reader.Look(t.Context(), key, nil)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, good) {
				t.Errorf("the entry was not written again (error %v)", err)
			}
		})
	}
}

func TestIncompleteFactsAreNotCached(t *testing.T) {
	r := newRegistry(t, nil)
	r.push(t, "x:1", rich(t))
	dir := t.TempDir()
	got := newReader(Options{CacheDir: dir, Limits: Limits{Entries: 1}}).Look(t.Context(), amd64(r.host+"/x:1"), nil)
	if !got.Known || got.Files != nil || !strings.Contains(got.FilesWhy, "more than 1 files") {
		t.Errorf("known %v, files %v, why %q", got.Known, got.Files, got.FilesWhy)
	}
	if files := entries(t, dir); len(files) > 0 {
		t.Errorf("cache holds %q", files)
	}
}

func TestCacheThatCannotBeWrittenIsNoError(t *testing.T) {
	r := newRegistry(t, nil)
	digest := r.push(t, "x:1", rich(t))
	aFile := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(aFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	inTheWay := t.TempDir()
	if err := os.MkdirAll(filepath.Join(inTheWay, factStore{}.name(digest, "linux/amd64"), "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"below a file": aFile, "a folder in place of the entry": inTheWay} {
		if got := newReader(Options{CacheDir: dir}).Look(t.Context(), amd64(r.host+"/x:1"), nil); got.Files == nil {
			t.Errorf("%s: %s %s", name, got.Why, got.FilesWhy)
		}
	}
	if files := entries(t, inTheWay); len(files) > 0 {
		t.Errorf("%q is left behind", files)
	}
}

func TestReadersShareACache(t *testing.T) {
	r := newRegistry(t, nil)
	digest := r.push(t, "x:1", rich(t))
	dir := t.TempDir()
	want := newReader(Options{}).Look(t.Context(), amd64(r.host+"/x:1"), nil)
	var all sync.WaitGroup
	for i := range 16 {
		reader := newReader(Options{CacheDir: dir})
		all.Go(func() {
			for j := range 10 {
				reference := r.host + "/x:1"
				if (i+j)%2 == 0 {
					reference = r.host + "/x@" + digest
				}
				if i == 0 {
					reader.facts.put(digest, "linux/amd64", want)
				}
				if diff := cmp.Diff(want, reader.Look(t.Context(), amd64(reference), nil)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			}
		})
	}
	all.Wait()
	if files := entries(t, dir); len(files) != 1 {
		t.Errorf("cache holds %q", files)
	}
}

func TestCacheLocation(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	for cacheHome, want := range map[string]string{"/cache": "/cache/kubectl-harden/images", "": "/home/me/.cache/kubectl-harden/images", "relative": "/home/me/.cache/kubectl-harden/images"} {
		t.Setenv("XDG_CACHE_HOME", cacheHome)
		if got, err := CacheLocation(); got != want || err != nil {
			t.Errorf("with %q: %q, %v; want %q", cacheHome, got, err, want)
		}
	}
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	if _, err := CacheLocation(); err == nil {
		t.Error("no error without a home")
	}
}
