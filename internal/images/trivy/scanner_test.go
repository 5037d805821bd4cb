package trivy

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	bolt "go.etcd.io/bbolt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == images.WorkerArgument {
		os.Exit(Main())
	}
	os.Exit(m.Run())
}

// A files is a layer: what its regular files hold, by path.
type files map[string]string

func (f files) layer(t testing.TB) v1.Layer {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for path, text := range f {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// alpine is what Trivy needs to see of a distribution.
func alpine(packages ...string) files {
	installed := ""
	for _, p := range packages {
		name, version, _ := strings.Cut(p, "=")
		installed += fmt.Sprintf("P:%s\nV:%s\nA:x86_64\no:%s\nL:MIT\n\n", name, version, name)
	}
	return files{
		"etc/alpine-release":   "3.20.1\n",
		"etc/os-release":       "ID=alpine\nVERSION_ID=3.20.1\n",
		"lib/apk/db/installed": installed,
		"etc/passwd":           "app:x:1000:1000::/:\n",
	}
}

// A key of the form that the scanner looks for; it opens nothing.
const planted = "AKIA" + "QWERTYUIOPASDFGH"

func image(t testing.TB, config v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	i, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: config, RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	for n, l := range layers {
		if i, err = mutate.Append(i, mutate.Addendum{Layer: l, History: v1.History{CreatedBy: fmt.Sprintf("COPY step %d", n)}}); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// A shop is a registry on loopback that counts the layers that it hands out.
type shop struct {
	host string
	got  counts
	// before is asked first; it answers when it returns true.
	before func(http.ResponseWriter, *http.Request) bool
}

func newShop(t testing.TB) *shop {
	t.Helper()
	s := &shop{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if s.before != nil && s.before(w, q) {
			return
		}
		if _, digest, blob := strings.Cut(q.URL.Path, "/blobs/"); blob && q.Method == http.MethodGet {
			s.got.add(digest)
		}
		inner.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	s.host = strings.TrimPrefix(server.URL, "http://")
	return s
}

// push puts an image there, and returns the key by which a pod names it.
func (s *shop) push(t testing.TB, repository string, i v1.Image) harden.ImageKey {
	t.Helper()
	ref, err := name.ParseReference(s.host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, i); err != nil {
		t.Fatal(err)
	}
	digest, err := i.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return harden.ImageKey{Reference: s.host + "/" + repository + "@" + digest.String(), Platform: "linux/amd64"}
}

// built is when the database of the tests was built.
var built = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// newDatabase writes a vulnerability database that knows two for openssl of alpine 3.20.
func newDatabase(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	file, err := bolt.Open(trivydb.Path(dir), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	put := func(value any, path ...string) {
		t.Helper()
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		err = file.Update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte(path[0]))
			for _, part := range path[1 : len(path)-1] {
				if err == nil {
					bucket, err = bucket.CreateBucketIfNotExists([]byte(part))
				}
			}
			if err != nil {
				return err
			}
			return bucket.Put([]byte(path[len(path)-1]), data)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	type object = map[string]any
	put(object{"FixedVersion": "3.3.2-r0"}, "alpine 3.20", "openssl", "CVE-2026-0001")
	put(object{"FixedVersion": "3.3.9-r0"}, "alpine 3.20", "openssl", "CVE-2026-0002")
	put(object{"Title": "openssl: a \x1b[31mbad one", "Severity": "CRITICAL", "CVSS": object{"nvd": object{"V3Score": 9.8}}}, "vulnerability", "CVE-2026-0001")
	put(object{"Title": "openssl: another", "Severity": "MEDIUM"}, "vulnerability", "CVE-2026-0002")
	if err := metadata.NewClient(dir).Update(metadata.Metadata{Version: trivydb.SchemaVersion, UpdatedAt: built, NextUpdate: built.AddDate(1, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func newScanner(t testing.TB, o images.ScannerOptions) *images.Scanner {
	t.Helper()
	o.Command = []string{os.Args[0], images.WorkerArgument}
	if o.Keychain == nil {
		o.Keychain = authn.NewMultiKeychain()
	}
	return images.NewScanner(o)
}

// look returns what was found, by key.
func look(t testing.TB, s *images.Scanner, wanted ...images.Wanted) map[harden.ImageKey]images.Looked {
	t.Helper()
	found := map[harden.ImageKey]images.Looked{}
	if err := s.Look(context.Background(), wanted, func(l images.Looked) { found[l.Key] = l }); err != nil {
		t.Fatal(err)
	}
	if len(found) != len(wanted) {
		t.Fatalf("%d results for %d images", len(found), len(wanted))
	}
	return found
}

func scanOf(key harden.ImageKey) images.Wanted { return images.Wanted{Key: key, Scan: true} }

func TestScan(t *testing.T) {
	r := newShop(t)
	key := r.push(t, "team/web", image(t, v1.Config{User: "app", Env: []string{"AWS_ACCESS_KEY_ID=" + planted}},
		alpine("openssl=3.3.1-r0", "musl=1.2.5-r0").layer(t), files{"app/settings.txt": "first line\nkey = \"" + planted + "\"\n"}.layer(t)))
	cache := t.TempDir()
	s := newScanner(t, images.ScannerOptions{Options: images.Options{CacheDir: cache}, Database: newDatabase(t)})
	got := look(t, s, scanOf(key))[key]
	if got.Facts == nil || !got.Facts.Known || got.Facts.User != "app" || len(got.Facts.Files.Users) != 1 {
		t.Errorf("facts %+v", got.Facts)
	}
	scan := got.Scan
	if !scan.Known {
		t.Fatal(scan.Why)
	}
	want := &harden.ImageScan{
		Known: true, Digest: strings.Split(key.Reference, "@")[1], Platform: "linux/amd64", Time: scan.Time, Database: built,
		Source: harden.ScanSource{Kind: harden.ScanTrivy, Name: images.TrivyVersion()}, OS: harden.ImageOS{Family: "alpine", Name: "3.20.1", EndOfLife: scan.OS.EndOfLife}, Packages: 2,
		Vulnerabilities: []harden.Vulnerability{
			{ID: "CVE-2026-0001", Package: "openssl", Installed: "3.3.1-r0", Fixed: "3.3.2-r0", Severity: harden.Critical, Title: "openssl: a [31mbad one", URL: "https://avd.aquasec.com/nvd/cve-2026-0001", CVSS: 9.8, System: true},
			{ID: "CVE-2026-0002", Package: "openssl", Installed: "3.3.1-r0", Fixed: "3.3.9-r0", Severity: harden.Medium, Title: "openssl: another", URL: "https://avd.aquasec.com/nvd/cve-2026-0002", System: true},
		},
		SecretsKnown: true,
		Secrets: []harden.ImageSecret{
			{Rule: "aws-access-key-id", Title: "AWS Access Key ID", Severity: harden.Critical},
			{Rule: "aws-access-key-id", Title: "AWS Access Key ID", Path: "/app/settings.txt", Line: 2, Severity: harden.Critical, CreatedBy: "COPY step 1"},
		},
	}
	if diff := cmp.Diff(want, scan); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	fetched := r.got.all()
	if fetched != 3 {
		t.Errorf("%d blobs were fetched, want the config and two layers", fetched)
	}
	again := look(t, s, scanOf(key))[key]
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("from the cache (-first +again)\n%s", diff)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "work-*")); len(left) > 0 {
		t.Errorf("%q is left behind", left)
	}
}
