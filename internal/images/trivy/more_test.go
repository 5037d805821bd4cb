package trivy

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aquasecurity/trivy/pkg/cache"
	"github.com/aquasecurity/trivy/pkg/db"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	trivylog "github.com/aquasecurity/trivy/pkg/log"
	"github.com/aquasecurity/trivy/pkg/rpc/server"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

func TestTrivyServer(t *testing.T) {
	trivylog.InitLogger(false, true)
	dir := t.TempDir()
	if err := os.Rename(newDatabase(t), db.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	if err := db.Init(db.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var one, two sync.WaitGroup
	mux := server.NewServer("dev", "", dir, "t0ken", tokenHeader, "", nil, ftypes.RegistryOptions{}).NewServeMux(t.Context(), cache.NewMemoryCache(), &one, &two)
	var asked counts
	trivyServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked.add(q.URL.Path)
		mux.ServeHTTP(w, q)
	}))
	defer trivyServer.Close()
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	s := newStock(t, 2)
	secret := s.push(t, "secret", image(t, v1.Config{Env: []string{"AWS_ACCESS_KEY_ID=" + planted}}, alpine("openssl=3.3.1-r0").layer(t), files{"key": "key = \"" + planted + "\"\n"}.layer(t)))
	options := images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, Server: trivyServer.URL, ServerToken: "t0ken"}
	for _, l := range look(t, newScanner(t, options), append(scansOf(s.keys), scanOf(secret))...) {
		good(t, l)
		if l.Scan.Source != (harden.ScanSource{Kind: harden.ScanTrivyServer, Name: trivyServer.URL}) || !l.Scan.Database.Equal(built) || l.Scan.Packages != 1 {
			t.Errorf("source %+v, database of %s, %d packages", l.Scan.Source, l.Scan.Database, l.Scan.Packages)
		}
		if want := map[bool]int{true: 2}[l.Key == secret]; len(l.Scan.Secrets) != want || !l.Scan.SecretsKnown {
			t.Errorf("%s: secrets %+v", l.Key.Reference, l.Scan.Secrets)
		}
	}
	// What the server has is not sent again, and nothing is fetched again.
	s.got, asked = counts{}, counts{}
	look(t, newScanner(t, options), scansOf(s.keys)...)
	if puts := asked.of["/twirp/trivy.cache.v1.Cache/PutBlob"]; puts != 0 || s.isFetched() {
		t.Errorf("%d blobs were sent again, fetched %v", puts, s.got.of)
	}
	for _, test := range []struct{ server, token, why string }{
		{trivyServer.URL, "other", "does not take the token"},
		{down.URL, "t0ken", "cannot be reached: connect: connection refused"},
		{strings.Replace(down.URL, "http://", "http://me:s3cret-word@", 1), "t0ken", "cannot be reached"},
	} {
		broken := options
		broken.Server, broken.ServerToken = test.server, test.token
		l := look(t, newScanner(t, broken), scanOf(secret))[secret]
		if l.Scan.Known || !strings.Contains(l.Scan.Why, test.why) || strings.Contains(l.Scan.Why+l.Scan.Source.Name, "-word") {
			t.Errorf("known %v, why %q, source %q; want %q", l.Scan.Known, l.Scan.Why, l.Scan.Source.Name, test.why)
		}
		if len(l.Scan.Secrets) != 2 || l.Facts.Files == nil {
			t.Error("secrets and facts need no server")
		}
	}
}

func TestMirrorInPlaceOfTheRegistry(t *testing.T) {
	s := newStock(t, 1)
	key := harden.ImageKey{Reference: strings.Replace(s.keys[0].Reference, s.host, "registry.example.com", 1), Platform: "linux/amd64"}
	options := images.Options{CacheDir: t.TempDir(), Mirrors: map[string][]string{"registry.example.com": {s.host}}}
	good(t, look(t, newScanner(t, images.ScannerOptions{Options: options, Database: newDatabase(t)}), scanOf(key))[key])
}

// isFetched reports whether a layer was fetched; configs are read each time.
func (s *stock) isFetched() bool {
	for _, own := range s.own {
		if s.got.of[own] > 0 {
			return true
		}
	}
	return false
}

func TestBillsOfMaterials(t *testing.T) {
	s := newStock(t, 1)
	key := s.keys[0]
	scanner := newScanner(t, images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, DatabaseWhy: "none is needed"})
	for _, test := range []struct{ form, field, want, list string }{
		{"cyclonedx", "bomFormat", "CycloneDX", "components"},
		{"spdx", "spdxVersion", "SPDX-2.3", "packages"},
	} {
		l := look(t, scanner, images.Wanted{Key: key, SBOM: test.form})[key]
		var bill map[string]any
		if err := json.Unmarshal(l.SBOM, &bill); err != nil {
			t.Fatalf("%s: %v (%s)", test.form, err, l.SBOMWhy)
		}
		var names []string
		for _, c := range bill[test.list].([]any) {
			names = append(names, c.(map[string]any)["name"].(string))
		}
		if bill[test.field] != test.want || !strings.Contains(strings.Join(names, " "), "openssl") || !l.Facts.Known || l.Scan != nil {
			t.Errorf("%s: %v %q, facts %v", test.form, bill[test.field], names, l.Facts.Why)
		}
	}
	if l := look(t, scanner, images.Wanted{Key: key, SBOM: "papyrus"})[key]; l.SBOM != nil || !strings.Contains(l.SBOMWhy, `"papyrus"`) {
		t.Errorf("got %s, why %q", l.SBOM, l.SBOMWhy)
	}
	missing := harden.ImageKey{Reference: s.host + "/none:1", Platform: "linux/amd64"}
	if l := look(t, scanner, images.Wanted{Key: missing, SBOM: "spdx"})[missing]; l.SBOM != nil || !strings.Contains(l.SBOMWhy, "no such image") {
		t.Errorf("got %s, why %q", l.SBOM, l.SBOMWhy)
	}
}

// jar is a file of Java that names its package, when there is one.
func jar(t *testing.T, named string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	inside := map[string]string{"x/Y.class": "bytes"}
	if named != "" {
		inside["META-INF/maven/org.example/"+named+"/pom.properties"] = "groupId=org.example\nartifactId=" + named + "\nversion=1.0\n"
	}
	for name, text := range inside {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestJavaWithoutItsDatabase(t *testing.T) {
	s := newShop(t)
	key := s.push(t, "java", image(t, v1.Config{}, alpine().layer(t), files{"app/named.jar": jar(t, "named"), "app/other.jar": jar(t, ""), "app/more.war": jar(t, "")}.layer(t)))
	options := images.ScannerOptions{Options: images.Options{CacheDir: t.TempDir()}, Database: newDatabase(t)}
	l := look(t, newScanner(t, options), scanOf(key))[key]
	if !l.Scan.Known || l.Scan.Packages != 1 || len(l.Scan.Gaps) != 1 || !strings.HasPrefix(l.Scan.Gaps[0], "2 Java archives") {
		t.Errorf("scan %+v", l.Scan)
	}
	// Once it is there, the layers with such files are looked at again, and no others.
	options.JavaDatabase = filepath.Join(t.TempDir(), "java-database")
	if err := emptyJava(options.JavaDatabase); err != nil {
		t.Fatal(err)
	}
	s.got = counts{}
	l = look(t, newScanner(t, options), scanOf(key))[key]
	if !l.Scan.Known || l.Scan.Packages != 1 || len(l.Scan.Gaps) != 0 || s.got.all() != 2 {
		t.Errorf("scan %+v; %d blobs were fetched, want the config and one layer", l.Scan, s.got.all())
	}
}

// A secret in a layer of the base image is not told of the images that are built
// on it, as Trivy does, but of the base itself, in whichever order they are scanned.
func TestSecretsOfTheBaseImage(t *testing.T) {
	s := newShop(t)
	layer := files{"key": "key = \"" + planted + "\"\n"}.layer(t)
	base := image(t, v1.Config{}, alpine().layer(t), layer)
	file, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	history := append(file.History, v1.History{CreatedBy: `CMD ["/bin/sh"]`, EmptyLayer: true})
	baseKey := s.push(t, "base", withHistory(t, base, history))
	own := image(t, v1.Config{}, alpine().layer(t), layer, files{"app": "x"}.layer(t))
	builtKey := s.push(t, "built", withHistory(t, own, append(history, v1.History{CreatedBy: "COPY app /"}, v1.History{CreatedBy: `CMD ["/app"]`, EmptyLayer: true})))
	for _, order := range [][]harden.ImageKey{{baseKey, builtKey}, {builtKey, baseKey}} {
		cache := t.TempDir()
		database := newDatabase(t)
		for _, key := range order {
			l := look(t, newScanner(t, images.ScannerOptions{Options: images.Options{CacheDir: cache}, Database: database}), scanOf(key))[key]
			if want := map[bool]int{true: 1}[key == baseKey]; !l.Scan.Known || len(l.Scan.Secrets) != want {
				t.Errorf("%s: %d secrets, want %d (%s)", key.Reference, len(l.Scan.Secrets), want, l.Scan.Why)
			}
		}
	}
}

func withHistory(t *testing.T, i v1.Image, history []v1.History) v1.Image {
	t.Helper()
	file, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.History = history
	if i, err = mutate.ConfigFile(i, file); err != nil {
		t.Fatal(err)
	}
	return i
}
