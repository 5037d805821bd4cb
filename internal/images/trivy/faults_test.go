package trivy

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// A stock is a registry with images that share their two lowest layers; the last
// layer of each is its own.
type stock struct {
	*shop
	keys []harden.ImageKey
	own  []string // digests of the own layers
}

func newStock(t *testing.T, n int) *stock {
	t.Helper()
	s := &stock{shop: newShop(t)}
	base, middle := alpine("openssl=3.3.1-r0").layer(t), files{"usr/share/x": strings.Repeat("x", 100_000)}.layer(t)
	for i := range n {
		own := files{fmt.Sprintf("app/%d", i): strings.Repeat(strconv.Itoa(i), 50_000)}.layer(t)
		digest, err := own.Digest()
		if err != nil {
			t.Fatal(err)
		}
		s.own = append(s.own, digest.String())
		s.keys = append(s.keys, s.push(t, fmt.Sprintf("team/app%d", i), image(t, v1.Config{}, base, middle, own)))
	}
	s.got = counts{}
	return s
}

func scansOf(keys []harden.ImageKey) []images.Wanted {
	var all []images.Wanted
	for _, k := range keys {
		all = append(all, scanOf(k))
	}
	return all
}

// good checks a scan of an image of the stock.
func good(t *testing.T, l images.Looked) {
	t.Helper()
	if l.Scan == nil || !l.Scan.Known || len(l.Scan.Vulnerabilities) != 2 || l.Facts.Files == nil {
		t.Errorf("%s: scan %+v, facts %q %q", l.Key.Reference, l.Scan, l.Facts.Why, l.Facts.FilesWhy)
	}
}

func TestEachLayerIsFetchedOnce(t *testing.T) {
	s := newStock(t, 6)
	options := images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, Database: newDatabase(t), Parallel: 6}
	var facts []images.Wanted
	for _, k := range s.keys[:3] {
		facts = append(facts, images.Wanted{Key: k})
	}
	look(t, newScanner(t, options), facts...)
	for _, l := range look(t, newScanner(t, options), scansOf(s.keys)...) {
		good(t, l)
	}
	layers := 0
	for digest, n := range s.got.of {
		if n > 1 && !strings.Contains(digest, "config") && s.isLayer(t, digest) {
			t.Errorf("the layer %s was fetched %d times", digest, n)
		}
		if s.isLayer(t, digest) {
			layers++
		}
	}
	if layers != 2+len(s.keys) {
		t.Errorf("%d layers were fetched, want %d", layers, 2+len(s.keys))
	}
}

// isLayer tells the blobs of the stock apart: configs are small.
func (s *stock) isLayer(t *testing.T, digest string) bool {
	t.Helper()
	for _, own := range s.own {
		if own == digest {
			return true
		}
	}
	return !s.config(t, digest)
}

func (s *stock) config(t *testing.T, digest string) bool {
	t.Helper()
	response, err := http.Head("http://" + s.host + "/v2/team/app0/blobs/" + digest)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := http.Get("http://" + s.host + "/v2/team/app0/blobs/" + digest)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Body.Close()
	data, err := io.ReadAll(body.Body)
	return err == nil && bytes.HasPrefix(data, []byte("{"))
}

// One image of several cannot be read, in many ways. The others are scanned, a
// line names the one, and once its registry is well it is scanned too, with the
// same cache.
func TestFaultsOfRegistries(t *testing.T) {
	status := func(code int) func(http.ResponseWriter, *http.Request, []byte) {
		return func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(code) }
	}
	for _, test := range []struct {
		name  string
		fault func(w http.ResponseWriter, q *http.Request, blob []byte)
		why   string
	}{
		{"a connection that breaks in the middle of a layer", func(w http.ResponseWriter, _ *http.Request, blob []byte) {
			w.Header().Set("Content-Length", strconv.Itoa(len(blob)))
			_, _ = w.Write(blob[:len(blob)/2])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "unexpected EOF"},
		{"a layer that ends early", func(w http.ResponseWriter, _ *http.Request, blob []byte) {
			w.(http.Flusher).Flush()
			_, _ = w.Write(blob[:len(blob)/2])
		}, "error verifying size"},
		{"a layer of another size", func(w http.ResponseWriter, _ *http.Request, blob []byte) { _, _ = w.Write(blob[:len(blob)/2]) }, "does not match expected size"},
		{"another layer than was asked for", func(w http.ResponseWriter, _ *http.Request, blob []byte) {
			_, _ = w.Write(bytes.Repeat([]byte{0}, len(blob)))
		}, "error verifying sha256 checksum"},
		{"no such layer", status(http.StatusNotFound), "does not have all of its parts"},
		{"a layer for others only", status(http.StatusUnauthorized), "docker login"},
		{"a registry in need", status(http.StatusNotImplemented), "answered 501"},
		{"a registry that stalls", func(w http.ResponseWriter, q *http.Request, blob []byte) {
			w.Header().Set("Content-Length", strconv.Itoa(len(blob)))
			_, _ = w.Write(blob[:10])
			w.(http.Flusher).Flush()
			<-q.Context().Done()
		}, "longer than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStock(t, 3)
			options := images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, Database: newDatabase(t), Timeout: 4 * time.Second}
			blob := fetch(t, s.shop, s.own[1])
			s.before = func(w http.ResponseWriter, q *http.Request) bool {
				if !strings.HasSuffix(q.URL.Path, "/blobs/"+s.own[1]) {
					return false
				}
				test.fault(w, q, blob)
				return true
			}
			found := look(t, newScanner(t, options), scansOf(s.keys)...)
			good(t, found[s.keys[0]])
			good(t, found[s.keys[2]])
			bad := found[s.keys[1]]
			for _, why := range []string{bad.Scan.Why, bad.Facts.FilesWhy} {
				if !strings.HasPrefix(why, `image "`+s.keys[1].Reference+`": `) || !strings.Contains(why, test.why) {
					t.Errorf("why %q, want %q", why, test.why)
				}
			}
			if bad.Scan.Known || bad.Facts.Files != nil || bad.Scan.SecretsKnown {
				t.Errorf("something is known: %+v", bad)
			}
			s.before = nil
			good(t, look(t, newScanner(t, options), scanOf(s.keys[1]))[s.keys[1]])
		})
	}
}

func fetch(t *testing.T, s *shop, digest string) []byte {
	t.Helper()
	response, err := http.Get("http://" + s.host + "/v2/team/app0/blobs/" + digest)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A config may promise another layer than the manifest has: then what is read is not what would run.
func TestLayerOfAnotherDigestThanTheConfigPromises(t *testing.T) {
	s := newStock(t, 1)
	i := image(t, v1.Config{}, alpine("openssl=3.3.1-r0").layer(t))
	config, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.RootFS.DiffIDs[0].Hex = strings.Repeat("a", 64)
	lying, err := mutate.ConfigFile(i, config)
	if err != nil {
		t.Fatal(err)
	}
	key := s.push(t, "lying", lying)
	cache := t.TempDir()
	found := look(t, newScanner(t, images.ScannerOptions{Options: images.Options{CacheDir: cache}, Database: newDatabase(t)}), scanOf(key), scanOf(s.keys[0]))
	good(t, found[s.keys[0]])
	if bad := found[key]; bad.Scan.Known || !strings.Contains(bad.Scan.Why, "was promised") {
		t.Errorf("scan %+v", bad.Scan)
	}
	_ = filepath.WalkDir(cache, func(path string, _ fs.DirEntry, _ error) error {
		if strings.Contains(path, strings.Repeat("a", 64)) {
			t.Errorf("%s is kept", path)
		}
		return nil
	})
}

func TestRegistryThatIsDown(t *testing.T) {
	s, down := newStock(t, 1), newStock(t, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	gone := harden.ImageKey{Reference: strings.Replace(down.keys[0].Reference, down.host, listener.Addr().String(), 1), Platform: "linux/amd64"}
	busy := 0
	down.before = func(w http.ResponseWriter, q *http.Request) bool {
		if !strings.Contains(q.URL.Path, "/manifests/") || busy == 1 {
			return false
		}
		busy++
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	found := look(t, newScanner(t, images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, Database: newDatabase(t)}), scanOf(gone), scanOf(s.keys[0]), scanOf(down.keys[0]))
	good(t, found[s.keys[0]])
	good(t, found[down.keys[0]]) // it had too much to do, once
	if bad := found[gone]; bad.Scan.Known || !strings.Contains(bad.Scan.Why, "cannot be reached: connect: connection refused") || bad.Facts.Why != bad.Scan.Why {
		t.Errorf("scan %+v, facts %+v", bad.Scan, bad.Facts)
	}
}

func TestCacheThatIsDamaged(t *testing.T) {
	s := newStock(t, 2)
	options := images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, Database: newDatabase(t)}
	first := look(t, newScanner(t, options), scansOf(s.keys)...)
	for name, damage := range map[string]func([]byte) []byte{
		"cut":           func(b []byte) []byte { return b[:len(b)/2] },
		"one bit wrong": func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
		"empty":         func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			damaged := 0
			for _, path := range kept(t, options.CacheDir) {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, damage(data), 0o600); err != nil {
					t.Fatal(err)
				}
				damaged++
			}
			if damaged < 10 {
				t.Fatalf("only %d files are kept", damaged)
			}
			s.got = counts{}
			again := look(t, newScanner(t, options), scansOf(s.keys)...)
			same(t, first, again)
			if s.got.all() != 6 {
				t.Errorf("%d blobs were fetched, want all 6", s.got.all())
			}
			s.got = counts{}
			look(t, newScanner(t, options), scansOf(s.keys)...)
			if s.got.all() != 0 {
				t.Errorf("%d blobs were fetched, although all is kept again", s.got.all())
			}
		})
	}
}

func kept(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// same compares but for the times at which it was looked.
func same(t *testing.T, want, got map[harden.ImageKey]images.Looked) {
	t.Helper()
	timeless := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Time" }, cmp.Ignore())
	if diff := cmp.Diff(want, got, timeless); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	s := newStock(t, 2)
	for name, dir := range map[string]func(t *testing.T) string{
		"below a file": func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		},
		"a full disk": fullDisk,
		"none":        func(*testing.T) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			cache := dir(t)
			options := images.ScannerOptions{Options: images.Options{CacheDir: cache}, Database: newDatabase(t)}
			for _, l := range look(t, newScanner(t, options), scansOf(s.keys)...) {
				good(t, l)
			}
			for _, path := range keptIf(t, cache) {
				if strings.Contains(filepath.Base(path), ".new-") {
					t.Errorf("%s is left behind", path)
				}
			}
		})
	}
}

func keptIf(t *testing.T, dir string) []string {
	t.Helper()
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil
	}
	return kept(t, dir)
}

func TestTwoRunsShareACache(t *testing.T) {
	s := newStock(t, 4)
	options := images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, Database: newDatabase(t)}
	var both [2]map[harden.ImageKey]images.Looked
	var wait sync.WaitGroup
	for i := range both {
		scanner := newScanner(t, options)
		wait.Go(func() {
			both[i] = map[harden.ImageKey]images.Looked{}
			if err := scanner.Look(context.Background(), scansOf(s.keys), func(l images.Looked) { both[i][l.Key] = l }); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, l := range both[0] {
		good(t, l)
	}
	same(t, both[0], both[1])
	s.got = counts{}
	same(t, both[0], look(t, newScanner(t, options), scansOf(s.keys)...))
	if s.got.all() != 0 {
		t.Errorf("%d blobs were fetched again", s.got.all())
	}
}

func TestProcessThatIsKilledInTheMiddle(t *testing.T) {
	s := newStock(t, 4)
	var once sync.Once
	s.before = func(_ http.ResponseWriter, q *http.Request) bool {
		if strings.HasSuffix(q.URL.Path, s.own[1]) {
			once.Do(func() { killChildren(t) })
		}
		return false
	}
	for _, l := range look(t, newScanner(t, images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, Database: newDatabase(t)}), scansOf(s.keys)...) {
		good(t, l)
	}
}

// killChildren kills the processes that this one started.
func killChildren(t *testing.T) {
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(tasks) == 0 {
		t.Skip("children are not listed here")
	}
	killed := 0
	for _, task := range tasks {
		list, err := os.ReadFile(task)
		if err != nil {
			continue
		}
		for _, pid := range strings.Fields(string(list)) {
			n, err := strconv.Atoi(pid)
			if err != nil {
				continue
			}
			if process, err := os.FindProcess(n); err == nil && process.Kill() == nil {
				killed++
			}
		}
	}
	if killed == 0 {
		t.Error("nothing was killed")
	}
}

func TestImageThatIsTooMuchForTheMemory(t *testing.T) {
	s := newStock(t, 3)
	var installed strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&installed, "P:p%d\nV:1\n\n", i)
	}
	large := alpine()
	large["lib/apk/db/installed"] = installed.String()
	key := s.push(t, "large", image(t, v1.Config{}, large.layer(t)))
	found := look(t, newScanner(t, images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, Database: newDatabase(t), Memory: 256 << 20}), append(scansOf(s.keys), scanOf(key))...)
	for _, k := range s.keys {
		good(t, found[k])
	}
	if bad := found[key]; bad.Scan.Known || !strings.Contains(bad.Scan.Why, "more than the 256 MiB of memory") || !strings.Contains(bad.Scan.Why, key.Reference) {
		t.Errorf("scan %+v", bad.Scan)
	}
}

func TestDatabasesThatAreNone(t *testing.T) {
	s := newShop(t)
	key := s.push(t, "x", image(t, v1.Config{User: "5"}, alpine("openssl=3.3.1-r0").layer(t), files{"key": "key = \"" + planted + "\"\n"}.layer(t)))
	change := func(name string, how func([]byte) []byte) func(t *testing.T) string {
		return func(t *testing.T) string {
			dir := newDatabase(t)
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if data = how(data); data == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			return dir
		}
	}
	for _, test := range []struct {
		name string
		dir  func(t *testing.T) string
		why  string
	}{
		{"none", func(*testing.T) string { return "" }, "no network, says the test"},
		{"noise", change("trivy.db", func([]byte) []byte { return bytes.Repeat([]byte("noise"), 10_000) }), "is damaged"},
		{"empty", change("trivy.db", func([]byte) []byte { return []byte{} }), "is damaged"},
		{"cut", change("trivy.db", func(b []byte) []byte { return b[:len(b)/4] }), "is damaged"},
		{"zeros where the pages were", change("trivy.db", func(b []byte) []byte { return append(b[:8192:8192], make([]byte, len(b)-8192)...) }), "damaged"},
		{"no file", change("trivy.db", func([]byte) []byte { return nil }), "no such file"},
		{"no metadata", change("metadata.json", func([]byte) []byte { return nil }), "no metadata.json"},
		{"metadata that is none", change("metadata.json", func([]byte) []byte { return []byte("{") }), "is damaged"},
		{"another format", change("metadata.json", func([]byte) []byte { return []byte(`{"Version":9}`) }), "format 9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := test.dir(t)
			before := size(dir)
			l := look(t, newScanner(t, images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, Database: dir, DatabaseWhy: "no network, says the test"}), scanOf(key))[key]
			if l.Scan.Known || !strings.Contains(l.Scan.Why, test.why) || !strings.HasPrefix(l.Scan.Why, `image "`) {
				t.Errorf("known %v, why %q; want %q", l.Scan.Known, l.Scan.Why, test.why)
			}
			if len(l.Scan.Vulnerabilities) > 0 || !l.Scan.SecretsKnown || len(l.Scan.Secrets) != 1 || l.Scan.OS.Family != "alpine" || l.Facts.User != "5" {
				t.Errorf("secrets, distribution and facts need no database: %+v", l.Scan)
			}
			if size(dir) != before {
				t.Error("the database was changed")
			}
		})
	}
}

func size(dir string) int64 {
	info, err := os.Stat(filepath.Join(dir, "trivy.db"))
	if err != nil {
		return -1
	}
	return info.Size()
}

func TestSecretsAreNotKept(t *testing.T) {
	s := newShop(t)
	key := s.push(t, "x", image(t, v1.Config{}, alpine().layer(t), files{"key": "before = 1\nkey = \"" + planted + "\"\nafter = 2\n"}.layer(t)))
	cache := t.TempDir()
	l := look(t, newScanner(t, images.ScannerOptions{Options: images.Options{CacheDir: cache}, Database: newDatabase(t)}), scanOf(key))[key]
	if len(l.Scan.Secrets) != 1 {
		t.Fatalf("secrets %+v", l.Scan.Secrets)
	}
	for _, path := range kept(t, cache) {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(unpacked)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{planted, "****", "before = 1"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
	}
}
