package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

func TestEnsureDownloads(t *testing.T) {
	s := serve(t)
	dir := filepath.Join(t.TempDir(), "not", "there")
	o := options(dir, s.pushDatabase(t, "first", built(noon().Add(-time.Hour))))
	var last string
	got, err := Ensure(t.Context(), o, func(what string, done, total int64) {
		if done > total {
			t.Errorf("%s: %d of %d bytes", what, done, total)
		}
		last = fmt.Sprintf("%s %d", what, total)
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("unpacking the vulnerability database %d", len(s.pushed)); last != want {
		t.Errorf("the last progress is %q, want %q", last, want)
	}
	holds(t, got.Dir, "first")
	got.Dir = ""
	want := Status{Updated: noon().Add(-time.Hour), Next: noon().Add(23 * time.Hour), Downloaded: noon(), Source: o.Repositories[0]}
	if got != want {
		t.Errorf("status %+v, want %+v", got, want)
	}
	if got, want := files(t, dir), "db-DIGEST db-DIGEST.used db.json db.lock"; got != want {
		t.Errorf("the folder holds %s, want %s", got, want)
	}
}

func TestEnsureAsksWhenANewerOneIsDue(t *testing.T) {
	s := serve(t)
	o := options(t.TempDir(), s.pushDatabase(t, "first", built(noon())))
	now := noon()
	o.Now = func() time.Time { return now }
	for _, step := range []struct {
		name  string
		later time.Duration
		do    func()
		want  string
		holds string
	}{
		{"none is there", 0, nil, "manifest, blob", "first"},
		{"it is of today", 23 * time.Hour, func() { s.pushDatabase(t, "second", built(noon().Add(20*time.Hour))) }, "", "first"},
		{"a newer one is due", 2 * time.Hour, nil, "manifest, blob", "second"},
		{"it is due again, and the registry has no other one", 24 * time.Hour, nil, "manifest", "second"},
		{"the registry was asked within the hour", 59 * time.Minute, nil, "", "second"},
		{"the registry was asked more than an hour ago", 2 * time.Minute, nil, "manifest", "second"},
		{"the clock was set back", -100 * time.Hour, nil, "", "second"},
	} {
		now = now.Add(step.later)
		if step.do != nil {
			step.do()
		}
		s.requests()
		got := ensure(t, o)
		if asked := s.requests(); asked != step.want {
			t.Errorf("%s: asked for %q, want %q", step.name, asked, step.want)
		}
		if got.Why != "" || got.Stale {
			t.Errorf("%s: %+v", step.name, got)
		}
		holds(t, got.Dir, step.holds)
	}
}

func TestAnotherRepositoryIsAsked(t *testing.T) {
	first, second := serve(t), serve(t)
	dir := t.TempDir()
	ensure(t, options(dir, first.pushDatabase(t, "first", built(noon()))))
	got := ensure(t, options(dir, second.pushDatabase(t, "second", built(noon()))))
	holds(t, got.Dir, "second")
}

func TestTheNextRepositoryIsTaken(t *testing.T) {
	ill, well := serve(t), serve(t)
	ill.with(answer(http.StatusServiceUnavailable))
	reference := well.pushDatabase(t, "first", built(noon()))
	got := ensure(t, options(t.TempDir(), ill.host+"/trivy-db:2", "127.0.0.1:1/x:2", reference))
	holds(t, got.Dir, "first")
	if got.Source != reference || got.Why != "" {
		t.Errorf("%+v", got)
	}
}

func TestEachRepositoryHasItsReason(t *testing.T) {
	s := serve(t)
	s.with(answer(http.StatusTooManyRequests))
	got := ensure(t, options(t.TempDir(), s.host+"/trivy-db:2", "127.0.0.1:1/x:2"))
	want := fmt.Sprintf(`there is no vulnerability database, and none could be downloaded: %[1]s/trivy-db:2: the registry %[1]q wants no more requests for now: try again later, or log in with "docker login %[1]s" for a higher limit; `+
		`127.0.0.1:1/x:2: the registry "127.0.0.1:1" cannot be reached: `, s.host)
	if got.Dir != "" || !strings.HasPrefix(got.Why, want) || !strings.HasSuffix(got.Why, "; name another registry with --db-repository, or a folder that has one with --db-path") {
		t.Errorf("why: %s\nwant: %s", got.Why, want)
	}
}

func TestAnInterruptedDownloadGoesOn(t *testing.T) {
	s := serve(t)
	o := options(t.TempDir(), s.pushDatabase(t, "first", built(noon())))
	size := len(s.pushed)
	ranges := fmt.Sprintf("manifest, blob, blob bytes=20000-%[1]d, blob bytes=40000-%[1]d", size-1)
	t.Run("in one run", func(t *testing.T) {
		s.with(cut(20000, 2))
		holds(t, ensure(t, o).Dir, "first")
		if asked := s.requests(); asked != ranges {
			t.Errorf("asked for %q, want %q", asked, ranges)
		}
	})
	t.Run("by the next run", func(t *testing.T) {
		o.Dir = t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		faulty := cut(30000, 1)
		s.with(atBlobs(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Header.Get("Range") != "" {
				cancel()
				panic(http.ErrAbortHandler)
			}
			faulty(w, r, next)
		}))
		if got, err := Ensure(ctx, o, nil); !errors.Is(err, context.Canceled) || got.Dir != "" {
			t.Fatalf("%+v, %v", got, err)
		}
		s.with(nil)
		s.requests()
		holds(t, ensure(t, o).Dir, "first")
		if asked, want := s.requests(), fmt.Sprintf("manifest, blob bytes=30000-%d", size-1); asked != want {
			t.Errorf("asked for %q, want %q", asked, want)
		}
	})
	t.Run("from the start where the registry knows no ranges", func(t *testing.T) {
		o.Dir = t.TempDir()
		faulty := cut(20000, 1)
		s.with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("Range")
			faulty(w, r, next)
		})
		holds(t, ensure(t, o).Dir, "first")
	})
	t.Run("from the start where the registry sends another range", func(t *testing.T) {
		o.Dir = t.TempDir()
		faulty := cut(20000, 1)
		s.with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=7-100")
			}
			faulty(w, r, next)
		})
		holds(t, ensure(t, o).Dir, "first")
	})
	t.Run("from the start where what is here is wrong", func(t *testing.T) {
		o.Dir = t.TempDir()
		s.with(nil)
		got := ensure(t, o)
		part := filepath.Dir(got.Dir) + ".part"
		if err := errors.Join(os.RemoveAll(filepath.Dir(got.Dir)), os.WriteFile(part, []byte(strings.Repeat("x", 1000)), 0o600)); err != nil {
			t.Fatal(err)
		}
		s.requests()
		holds(t, ensure(t, o).Dir, "first")
		if asked, want := s.requests(), fmt.Sprintf("manifest, blob bytes=1000-%d, blob", size-1); asked != want {
			t.Errorf("asked for %q, want %q", asked, want)
		}
	})
	t.Run("through a redirect", func(t *testing.T) {
		o.Dir = t.TempDir()
		elsewhere := serve(t)
		elsewhere.pushDatabase(t, "first", built(noon()))
		faulty := cut(20000, 1)
		s.with(atBlobs(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
		}))
		elsewhere.with(faulty)
		holds(t, ensure(t, o).Dir, "first")
		if asked, want := elsewhere.requests(), fmt.Sprintf("blob, blob bytes=20000-%d", size-1); asked != want {
			t.Errorf("asked for %q, want %q", asked, want)
		}
	})
	t.Run("after silence", func(t *testing.T) {
		o.Dir = t.TempDir()
		o.Silence = 50 * time.Millisecond
		over := make(chan struct{})
		defer close(over)
		var once sync.Once
		s.with(atBlobs(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			silent := false
			once.Do(func() { silent = true })
			if !silent {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = w.Write(s.pushed[:1000])
			_ = http.NewResponseController(w).Flush()
			<-over
		}))
		holds(t, ensure(t, o).Dir, "first")
	})
}

func TestFaultsLeaveTheOldOne(t *testing.T) {
	good := func(t *testing.T) []byte { return database(t, "second", built(noon().Add(24*time.Hour))) }
	bolt := func(t *testing.T) file { return file{name: "trivy.db", data: boltOf(t, "second")} }
	meta := func(t *testing.T, m metadata) file { return file{name: "metadata.json", data: metadataOf(t, m)} }
	for _, test := range []struct {
		name   string
		packed func(t *testing.T) []byte
		media  string
		fault  func(http.ResponseWriter, *http.Request, http.Handler)
		why    string
	}{
		{name: "401", fault: answer(http.StatusUnauthorized), why: `does not let it be read with the credentials at hand: log in with "docker login `},
		{name: "403 at the layer", fault: atBlobs(answer(http.StatusForbidden)), why: `does not let it be read with the credentials at hand: log in with "docker login `},
		{name: "404", fault: answer(http.StatusNotFound), why: "has no such artifact"},
		{name: "429", fault: answer(http.StatusTooManyRequests), why: "wants no more requests for now: try again later"},
		{name: "500", fault: answer(http.StatusInternalServerError), why: "answered 500 Internal Server Error"},
		{name: "500 at the layer", fault: atBlobs(answer(http.StatusInternalServerError)), why: "answered 500 Internal Server Error"},
		{name: "cut again and again without anything new", fault: cut(0, 100), why: "too early"},
		{name: "cut again and again", fault: cut(100, 1000), why: "too early"},
		{name: "other bytes", fault: atBlobs(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			_, _ = w.Write([]byte(strings.Repeat("x", 70000)))
		}), why: "what it sent is not what its manifest names: digest sha256:"},
		{name: "more bytes than said", fault: atBlobs(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			for range 200 {
				_, _ = w.Write(make([]byte, 1000))
			}
		}), why: "what it sent is not what its manifest names"},
		{name: "an image", media: "application/vnd.oci.image.layer.v1.tar+gzip", why: `it is no vulnerability database of Trivy but "application/vnd.oci.image.layer.v1.tar+gzip"`},
		{name: "garbage", packed: func(*testing.T) []byte { return []byte("garbage of some length") }, why: "its archive is broken: gzip: invalid header"},
		{name: "garbage that is packed", packed: func(t *testing.T) []byte {
			return pack(t, file{name: "trivy.db", data: []byte("x")}, meta(t, built(noon())))
		}, why: "its trivy.db is broken: "},
		{name: "an archive that was cut", packed: func(t *testing.T) []byte { return good(t)[:30000] }, why: "its archive is broken: unexpected EOF"},
		{name: "no database in it", packed: func(t *testing.T) []byte { return pack(t, meta(t, built(noon()))) }, why: "its archive holds no trivy.db"},
		{name: "no metadata in it", packed: func(t *testing.T) []byte { return pack(t, bolt(t)) }, why: "its archive holds no metadata.json"},
		{name: "broken metadata", packed: func(t *testing.T) []byte { return pack(t, bolt(t), file{name: "metadata.json", data: []byte("{")}) }, why: "its metadata.json is broken"},
		{name: "another schema", packed: func(t *testing.T) []byte { return pack(t, bolt(t), meta(t, metadata{Version: 3})) }, why: "it has schema 3, and this program reads schema 2"},
		{name: "a way out of the folder", packed: func(t *testing.T) []byte { return pack(t, file{name: "../../evil", data: []byte("x")}) }, why: `its archive holds "../../evil", which belongs to no vulnerability database`},
		{name: "an absolute path", packed: func(t *testing.T) []byte { return pack(t, file{name: "/trivy.db", data: []byte("x")}) }, why: `its archive holds "/trivy.db", which belongs`},
		{name: "a link", packed: func(t *testing.T) []byte {
			return pack(t, file{name: "trivy.db", data: []byte("/etc/passwd"), kind: '2'})
		}, why: `its archive holds "trivy.db", which belongs`},
		{name: "other files", packed: func(t *testing.T) []byte { return pack(t, bolt(t), file{name: "a\x1b[2J", data: []byte("x")}) }, why: `its archive holds "a\x1b[2J", which belongs`},
		{name: "a file twice", packed: func(t *testing.T) []byte { return pack(t, bolt(t), bolt(t)) }, why: "its archive holds trivy.db twice"},
		{name: "large metadata", packed: func(t *testing.T) []byte { return pack(t, file{name: "metadata.json", data: make([]byte, 1<<20+1)}) }, why: "too large: its metadata.json has 1048577 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			o := options(t.TempDir(), s.pushDatabase(t, "first", built(noon())))
			before := ensure(t, o)
			packed := good
			if test.packed != nil {
				packed = test.packed
			}
			media := vulnerabilityKind.media
			if test.media != "" {
				media = test.media
			}
			s.push(t, "trivy-db:2", media, packed(t))
			s.with(test.fault)
			o.Now = func() time.Time { return noon().Add(25 * time.Hour) }
			got := ensure(t, o)
			if want := "the vulnerability database could not be renewed: " + o.Repositories[0] + ": "; !strings.HasPrefix(got.Why, want) || !strings.Contains(got.Why, test.why) || strings.ContainsAny(got.Why, "\n\x1b") {
				t.Errorf("why: %s\nwant: %s… %s", got.Why, want, test.why)
			}
			if got.Dir != before.Dir || got.Stale {
				t.Errorf("%+v, want the old one", got)
			}
			holds(t, got.Dir, "first")
			if strings.Contains(files(t, o.Dir), ".new") {
				t.Errorf("left behind: %s", files(t, o.Dir))
			}
			// All is well again as soon as the registry is.
			s.with(nil)
			s.pushDatabase(t, "third", built(noon().Add(25*time.Hour)))
			if got = ensure(t, o); got.Why != "" {
				t.Error(got.Why)
			}
			holds(t, got.Dir, "third")
		})
	}
}

func TestTooLarge(t *testing.T) {
	s := serve(t)
	reference := s.pushDatabase(t, "first", built(noon()))
	old := vulnerabilityKind
	defer func() { vulnerabilityKind = old }()
	vulnerabilityKind.packed = 1000
	if got := ensure(t, options(t.TempDir(), reference)); got.Dir != "" || !strings.Contains(got.Why, "too large: ") {
		t.Errorf("%+v", got)
	}
	if asked := s.requests(); asked != "manifest" {
		t.Errorf("asked for %s", asked)
	}
	vulnerabilityKind = old
	vulnerabilityKind.unpacked = 1000
	if got := ensure(t, options(t.TempDir(), reference)); got.Dir != "" || !strings.Contains(got.Why, "too large: its trivy.db has ") {
		t.Errorf("%+v", got)
	}
}

func TestStale(t *testing.T) {
	s := serve(t)
	o := options(t.TempDir(), s.pushDatabase(t, "first", built(noon())))
	ensure(t, o)
	s.with(answer(http.StatusNotFound))
	for _, test := range []struct {
		after   time.Duration
		offline bool
		stale   bool
		why     string
	}{
		{48 * time.Hour, false, false, "the vulnerability database could not be renewed: "},
		{49 * time.Hour, false, true, "the vulnerability database is of 2026-11-28 12:00 UTC, 2 days old, and no newer one could be downloaded: "},
		{48 * time.Hour, true, false, ""},
		{73 * time.Hour, true, true, "the vulnerability database is of 2026-11-28 12:00 UTC, 3 days old, and nothing is downloaded when offline: run once without --offline"},
	} {
		o.Offline = test.offline
		o.Now = func() time.Time { return noon().Add(test.after) }
		got := ensure(t, o)
		if got.Stale != test.stale || !strings.HasPrefix(got.Why, test.why) || (test.why == "") != (got.Why == "") || got.Dir == "" {
			t.Errorf("after %s, offline %t: %+v", test.after, test.offline, got)
		}
	}
}

func TestOfflineWithoutADatabase(t *testing.T) {
	s := serve(t)
	o := options(t.TempDir(), s.pushDatabase(t, "first", built(noon())))
	o.Offline = true
	got := ensure(t, o)
	for _, want := range []string{"there is no vulnerability database in ", "--offline", "--db-path", "--db-repository"} {
		if !strings.Contains(got.Why, want) || got.Dir != "" {
			t.Errorf("why: %s, want %s", got.Why, want)
		}
	}
	if asked := s.requests(); asked != "" {
		t.Errorf("asked for %s", asked)
	}
	if files(t, o.Dir) != "" {
		t.Errorf("written: %s", files(t, o.Dir))
	}
}

func TestPath(t *testing.T) {
	write := func(t *testing.T, dir string, m metadata) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "trivy.db"), boltOf(t, "mine"), 0o400), os.WriteFile(filepath.Join(dir, "metadata.json"), metadataOf(t, m), 0o400)); err != nil {
			t.Fatal(err)
		}
	}
	cache := t.TempDir()
	db := filepath.Join(cache, "db")
	write(t, db, built(noon()))
	for _, path := range []string{cache, db, db + "/"} {
		got := ensure(t, Options{Path: path, Now: noon})
		if got.Why != "" || got.Stale || got.Source != filepath.Clean(db) && got.Source != path {
			t.Errorf("%+v", got)
		}
		holds(t, got.Dir, "mine")
	}
	if got := ensure(t, Options{Path: db, Now: func() time.Time { return noon().AddDate(1, 0, 0) }}); !got.Stale || !strings.Contains(got.Why, "365 days old: put a newer one into its folder, or leave out --db-path") {
		t.Errorf("%+v", got)
	}
	if got := ensure(t, Options{Path: t.TempDir(), Now: noon}); got.Dir != "" || !strings.Contains(got.Why, "there is no vulnerability database in ") {
		t.Errorf("%+v", got)
	}
	other := t.TempDir()
	write(t, other, metadata{Version: 1})
	if got := ensure(t, Options{Path: other, Now: noon}); got.Dir != "" || !strings.Contains(got.Why, "it has schema 1, and this program reads schema 2") {
		t.Errorf("%+v", got)
	}
	bare := t.TempDir()
	if err := os.WriteFile(filepath.Join(bare, "trivy.db"), boltOf(t, "mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ensure(t, Options{Path: bare, Now: noon}); got.Dir != "" || !strings.Contains(got.Why, "trivy.db has no metadata.json beside it") {
		t.Errorf("%+v", got)
	}
	if files(t, bare) != "trivy.db" || files(t, db) != "metadata.json trivy.db" {
		t.Error("a folder that the user named was written")
	}
}

func TestJava(t *testing.T) {
	s := serve(t)
	o := options(t.TempDir(), s.pushDatabase(t, "first", built(noon())))
	sqlite := file{name: "trivy-java.db", data: []byte("SQLite format 3\x00…")}
	m := file{name: "metadata.json", data: metadataOf(t, metadata{Version: 1, UpdatedAt: noon(), NextUpdate: noon().Add(72 * time.Hour)})}
	o.JavaRepositories = []string{s.push(t, "trivy-java-db:1", javaKind.media, pack(t, m, sqlite))}
	if got := ensure(t, o); got.JavaDir != "" || got.JavaWhy != "" {
		t.Errorf("not wanted: %+v", got)
	}
	o.Java = true
	got := ensure(t, o)
	if got.JavaWhy != "" || filepath.Base(got.JavaDir) != "java-db" {
		t.Fatalf("%+v", got)
	}
	if data, err := os.ReadFile(filepath.Join(got.JavaDir, "trivy-java.db")); err != nil || string(data) != string(sqlite.data) {
		t.Errorf("%q, %v", data, err)
	}
	holds(t, got.Dir, "first")
	s.requests()
	for _, wanted := range []bool{true, false} {
		o.Java = wanted
		if again := ensure(t, o); again != got || s.requests() != "" {
			t.Errorf("%+v, want %+v", again, got)
		}
	}

	// Where it is beside the other one, as in Trivy's own cache.
	cache := t.TempDir()
	for _, dir := range []string{got.Dir, got.JavaDir} {
		if err := os.CopyFS(filepath.Join(cache, filepath.Base(dir)), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{cache, filepath.Join(cache, "db")} {
		for _, wanted := range []bool{true, false} {
			if got := ensure(t, Options{Path: path, Java: wanted, Now: noon}); got.JavaDir != filepath.Join(cache, "java-db") || got.JavaWhy != "" {
				t.Errorf("%+v", got)
			}
		}
	}
}

func TestOneThatWasDamagedIsDownloadedAgain(t *testing.T) {
	s := serve(t)
	for name, damage := range map[string]func(t *testing.T, dir string) error{
		"gone":                func(_ *testing.T, dir string) error { return os.RemoveAll(filepath.Dir(dir)) },
		"only metadata":       func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "trivy.db")) },
		"cut":                 func(_ *testing.T, dir string) error { return os.Truncate(filepath.Join(dir, "trivy.db"), 40000) },
		"empty":               func(_ *testing.T, dir string) error { return os.Truncate(filepath.Join(dir, "trivy.db"), 0) },
		"metadata is garbage": func(_ *testing.T, dir string) error { return os.Truncate(filepath.Join(dir, "metadata.json"), 5) },
		"the pointer is cut":  func(_ *testing.T, dir string) error { return os.Truncate(filepath.Join(dir, "..", "..", "db.json"), 5) },
		"the pointer leads on": func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "..", "..", "db.json"), []byte(`{"Digest":"../../x"}`), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir(), s.pushDatabase(t, "first", built(noon())))
			if err := damage(t, ensure(t, o).Dir); err != nil {
				t.Fatal(err)
			}
			o.Offline = true
			if got := ensure(t, o); got.Dir != "" || !strings.Contains(got.Why, "there is no vulnerability database in ") || !strings.Contains(got.Why, "that can be used (") {
				t.Errorf("offline: %+v", got)
			}
			o.Offline = false
			got := ensure(t, o)
			if got.Why != "" {
				t.Error(got.Why)
			}
			holds(t, got.Dir, "first")
		})
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	s := serve(t)
	reference := s.pushDatabase(t, "first", built(noon()))
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{blocked, filepath.Join(blocked, "below")} {
		got := ensure(t, options(dir, reference))
		if got.Dir != "" || !strings.Contains(got.Why, "cannot be used: not a directory; set XDG_CACHE_HOME to another place") {
			t.Errorf("%+v", got)
		}
	}
	if asked := s.requests(); asked != "" {
		t.Errorf("asked for %s", asked)
	}
}

// The child process of the test may write files of 40 KiB at most, in units of 1024 bytes.
func TestAFullDisk(t *testing.T) {
	if dir := os.Getenv("DATABASE_TEST_DIR"); dir != "" {
		o := options(dir, os.Getenv("DATABASE_TEST_REFERENCE"))
		o.Now = func() time.Time { return noon().Add(25 * time.Hour) }
		got := ensure(t, o)
		if !strings.Contains(got.Why, "could not be renewed") || !strings.Contains(got.Why, fmt.Sprintf("the folder %q cannot be used: file too large", dir)) {
			t.Error(got.Why)
		}
		holds(t, got.Dir, "first")
		return
	}
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash limits the size of files for this test")
	}
	s := serve(t)
	o := options(t.TempDir(), s.pushDatabase(t, "first", built(noon())))
	ensure(t, o)
	zeros := pack(t, file{name: "trivy.db", data: make([]byte, 100<<10)}, file{name: "metadata.json", data: metadataOf(t, built(noon()))})
	for name, packed := range map[string][]byte{"for the download": database(t, "second", built(noon())), "for what is in it": zeros} {
		s.push(t, "trivy-db:2", vulnerabilityKind.media, packed)
		child := exec.CommandContext(t.Context(), "bash", "-c", `ulimit -f 40 && exec "$0" -test.run '^TestAFullDisk$' -test.count 1`, os.Args[0])
		child.Env = append(os.Environ(), "DATABASE_TEST_DIR="+o.Dir, "DATABASE_TEST_REFERENCE="+o.Repositories[0])
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if got, want := files(t, o.Dir), "db-DIGEST db-DIGEST.used db.json db.lock"; got != want {
			t.Errorf("%s: the folder holds %s, want %s", name, got, want)
		}
	}
}

func TestLocalErrorsSayWhatToDo(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&fs.PathError{Op: "write", Path: "/x/db-1.part", Err: syscall.ENOSPC}, `the disk of "/x" is full: free some of it`},
		{&os.LinkError{Op: "rename", Old: "/x/a", New: "/x/b", Err: syscall.EACCES}, `the folder "/x" cannot be written: permission denied; set XDG_CACHE_HOME to another place`},
		{&fs.PathError{Op: "open", Path: "/x/db.lock", Err: syscall.EROFS}, `the folder "/x" cannot be written: read-only file system; `},
		{&fs.PathError{Op: "mkdir", Path: "/x", Err: syscall.ENOTDIR}, `the folder "/x" cannot be used: not a directory; `},
	} {
		if got := (store{dir: "/x"}).local(test.err).Error(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%v: %s, want %s", test.err, got, test.want)
		}
	}
}

// The credentials of the user are sent to the registry, and not to where it redirects to.
func TestCredentials(t *testing.T) {
	s, elsewhere := serve(t), serve(t)
	reference := s.pushDatabase(t, "first", built(noon()))
	elsewhere.pushDatabase(t, "first", built(noon()))
	s.with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "word" {
			answer(http.StatusUnauthorized)(w, r, next)
			return
		}
		atBlobs(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
		})(w, r, next)
	})
	elsewhere.with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials were sent on")
		}
		next.ServeHTTP(w, r)
	})
	o := options(t.TempDir(), reference)
	if got := ensure(t, o); got.Dir != "" || !strings.Contains(got.Why, "docker login") {
		t.Errorf("%+v", got)
	}
	o.Keychain = mine{}
	holds(t, ensure(t, o).Dir, "first")
}

// mine are credentials for any registry.
type mine struct{}

func (mine) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: "me", Password: "word"}, nil
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/cache")
	if dir, err := DefaultDir(); dir != filepath.Join("/cache", "kubectl-harden", "db") || err != nil {
		t.Error(dir, err)
	}
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "USERPROFILE", "LOCALAPPDATA"} {
		t.Setenv(name, "")
	}
	if got := ensure(t, Options{Offline: true}); got.Dir != "" || !strings.Contains(got.Why, "set XDG_CACHE_HOME") {
		t.Errorf("%+v", got)
	}
}

func TestWrongOptions(t *testing.T) {
	_, err := Ensure(t.Context(), options(t.TempDir(), "Not A Reference"), nil)
	if err == nil || !strings.Contains(err.Error(), `database repository "Not A Reference"`) {
		t.Error(err)
	}
}

func TestPlainHTTPIsRefused(t *testing.T) {
	s := serve(t)
	reference := s.pushDatabase(t, "first", built(noon()))
	port := s.host[strings.LastIndex(s.host, ":"):]
	reference = "registry.example" + port + strings.TrimPrefix(reference, s.host)
	o := options(t.TempDir(), reference)
	o.Transport = toLoopback{}
	if got := ensure(t, o); got.Dir != "" || !strings.Contains(got.Why, "speaks no TLS") || !strings.Contains(got.Why, "--insecure-registry registry.example"+port) {
		t.Errorf("%+v", got)
	}
	o.Insecure = []string{"registry.example" + port}
	holds(t, ensure(t, o).Dir, "first")
}

// toLoopback sends requests for any host to a loopback address.
type toLoopback struct{}

func (toLoopback) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = "127.0.0.1:" + r.URL.Port()
	return http.DefaultTransport.RoundTrip(r)
}
