package database

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"go.etcd.io/bbolt"
)

func noon() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) }

// A server is a registry on a loopback address, with faults at its blobs.
type server struct {
	*httptest.Server
	host string

	lock   sync.Mutex
	fault  func(w http.ResponseWriter, r *http.Request, next http.Handler) // nil: none
	asked  []string                                                        // GET requests since the last look: path, and range if any
	pushed []byte                                                          // the packed database that was pushed last
}

func serve(t testing.TB) *server {
	t.Helper()
	s := &server{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.lock.Lock()
		fault := s.fault
		blob := r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/")
		if blob {
			s.asked = append(s.asked, strings.TrimSpace("blob "+r.Header.Get("Range")))
		} else if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/") {
			s.asked = append(s.asked, "manifest")
		}
		s.lock.Unlock()
		if fault == nil || r.Method != http.MethodGet {
			inner.ServeHTTP(w, r)
			return
		}
		fault(w, r, inner)
	}))
	s.host = strings.TrimPrefix(s.URL, "http://")
	t.Cleanup(s.Close)
	return s
}

// requests are those since the last call.
func (s *server) requests() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	asked := strings.Join(s.asked, ", ")
	s.asked = nil
	return asked
}

// with sets the fault.
func (s *server) with(fault func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.fault = fault
}

// atBlobs is a fault of requests for blobs only.
func atBlobs(fault func(w http.ResponseWriter, r *http.Request, next http.Handler)) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// cut sends so many bytes of what is asked for, then ends the connection; times is how often.
func cut(after, times int) func(http.ResponseWriter, *http.Request, http.Handler) {
	var lock sync.Mutex
	return atBlobs(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		lock.Lock()
		times--
		left := times
		lock.Unlock()
		if left < 0 {
			next.ServeHTTP(w, r)
			return
		}
		whole := httptest.NewRecorder()
		next.ServeHTTP(whole, r)
		for key, values := range whole.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write(whole.Body.Bytes()[:min(after, whole.Body.Len())])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

// answer is a fault that answers with a status.
func answer(status int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		}
		w.WriteHeader(status)
	}
}

// file is an entry of an archive.
type file struct {
	name string
	data []byte
	kind byte // zero: a regular file
}

func pack(t testing.TB, files ...file) []byte {
	t.Helper()
	var buffer bytes.Buffer
	packed := gzip.NewWriter(&buffer)
	w := tar.NewWriter(packed)
	for _, f := range files {
		h := tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data)), Typeflag: tar.TypeReg}
		if f.kind != 0 {
			h.Typeflag, h.Size, h.Linkname = f.kind, 0, string(f.data)
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write(f.data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// boltOf is a trivy.db that holds a text and about 64 KiB that do not pack.
func boltOf(t testing.TB, text string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trivy.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 64<<10)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	if err := db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("vulnerability"))
		if err != nil {
			return err
		}
		return b.Put([]byte(text), noise)
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func metadataOf(t testing.TB, m metadata) []byte {
	t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// built is the metadata of a database that was built then, and renewed after 24 hours.
func built(at time.Time) metadata {
	return metadata{Version: 2, UpdatedAt: at, NextUpdate: at.Add(24 * time.Hour)}
}

// database is a packed database that holds a text.
func database(t testing.TB, text string, m metadata) []byte {
	t.Helper()
	return pack(t, file{name: "trivy.db", data: boltOf(t, text)}, file{name: "metadata.json", data: metadataOf(t, m)})
}

// push makes packed the layer of an artifact and returns its reference.
func (s *server) push(t testing.TB, repository, mediaType string, packed []byte) string {
	t.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.aquasec.trivy.config.v1+json")
	image, err := mutate.Append(image, mutate.Addendum{Layer: static.NewLayer(packed, types.MediaType(mediaType))})
	if err != nil {
		t.Fatal(err)
	}
	reference := s.host + "/" + repository
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	s.lock.Lock()
	s.pushed = packed
	s.lock.Unlock()
	return reference
}

func (s *server) pushDatabase(t testing.TB, text string, m metadata) string {
	t.Helper()
	return s.push(t, "trivy-db:2", vulnerabilityKind.media, database(t, text, m))
}

// options are those that do not depend on the machine.
func options(dir string, repositories ...string) Options {
	return Options{Dir: dir, Repositories: repositories, JavaRepositories: repositories, Keychain: authn.NewMultiKeychain(), Wait: time.Millisecond, Silence: 5 * time.Second, Now: noon}
}

func ensure(t testing.TB, o Options) Status {
	t.Helper()
	s, err := Ensure(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// holds fails unless a database holds the text.
func holds(t testing.TB, dir, text string) {
	t.Helper()
	if dir == "" {
		t.Fatal("there is no database")
	}
	db, err := bbolt.Open(filepath.Join(dir, "trivy.db"), 0, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte("vulnerability")).Get([]byte(text)) == nil {
			t.Errorf("the database in %s does not hold %q", dir, text)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// files are the names in a folder, without digests.
func files(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if i := strings.LastIndex(name, "-"); i >= 0 && len(name) >= i+65 {
			name = name[:i+1] + "DIGEST" + name[i+65:]
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}
