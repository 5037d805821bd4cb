package images

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// none are the credentials of a user who has none.
var none = authn.NewMultiKeychain()

func noon() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) }

// newReader makes a reader that does not depend on the machine.
func newReader(o Options) *Reader {
	if o.Keychain == nil {
		o.Keychain = none
	}
	o.Now = noon
	return New(o)
}

// A testRegistry is a registry on a loopback address.
type testRegistry struct {
	*httptest.Server
	host string
}

// newRegistry starts a registry, with a handler around it when one is given.
func newRegistry(t testing.TB, around func(http.Handler) http.Handler) *testRegistry {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if around != nil {
		handler = around(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &testRegistry{server, strings.TrimPrefix(server.URL, "http://")}
}

func (r *testRegistry) push(t testing.TB, repository string, image v1.Image, options ...remote.Option) (digest string) {
	t.Helper()
	ref, err := name.ParseReference(r.host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image, options...); err != nil {
		t.Fatal(err)
	}
	return digestOf(t, image)
}

func (r *testRegistry) pushIndex(t testing.TB, repository string, index v1.ImageIndex) (digest string) {
	t.Helper()
	ref, err := name.ParseReference(r.host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	return digestOf(t, index)
}

func digestOf(t testing.TB, i interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := i.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func amd64(reference string) harden.ImageKey {
	return harden.ImageKey{Reference: reference, Platform: "linux/amd64"}
}

func TestLookReadsConfigAndFiles(t *testing.T) {
	r := newRegistry(t, nil)
	config := v1.Config{
		User: "app:1000", Entrypoint: []string{"/entry.sh"}, Cmd: []string{"serve"}, Env: []string{"PATH=/bin", "HOME=/app"}, WorkingDir: "/app",
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "53/udp": {}, "80": {}, "80/tcp": {}},
		Volumes:      map[string]struct{}{"/data/": {}, "var/lib/x": {}},
	}
	image := imageOf(t, config, []any{file("entry.sh", 0o755, "#!/bin/sh\n"), file("etc/passwd", 0o644, "app:x:7:8::/app:\n")})
	digest := r.push(t, "team/web:1", image)
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	want := &harden.ImageFacts{
		Known: true, Digest: digest, Platform: "linux/amd64", Time: noon(),
		User: "app:1000", Entrypoint: []string{"/entry.sh"}, Cmd: []string{"serve"}, Env: []string{"PATH=/bin", "HOME=/app"}, WorkingDir: "/app",
		Ports: []string{"53/udp", "80/tcp", "8080/tcp"}, Volumes: []string{"/data", "/var/lib/x"}, Size: manifest.Layers[0].Size,
		Files: &harden.ImageFiles{
			Users:    []harden.ImageUserEntry{{Name: "app", UID: 7, GID: 8, Home: "/app"}},
			Dirs:     map[string]harden.ImageDir{"/etc": {Mode: 0o755, Entries: 1}},
			Programs: map[string]harden.ImageFile{"/entry.sh": {Mode: 0o755}},
			Links:    map[string]string{},
			Scripts:  map[string]string{"/entry.sh": "#!/bin/sh\n"},
		},
	}
	for _, reference := range []string{"team/web:1", "team/web:1@" + digest, "team/web@" + digest} {
		got := newReader(Options{}).Look(t.Context(), amd64(r.host+"/"+reference), nil)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", reference, diff)
		}
	}
}

func TestT06UserIsKeptAsItStands(t *testing.T) {
	r := newRegistry(t, nil)
	for i, user := range []string{"", "0", "1000", "1000:0", "app", "app:app"} {
		r.push(t, fmt.Sprintf("x:%d", i), imageOf(t, v1.Config{User: user}))
		got := newReader(Options{}).Look(t.Context(), amd64(fmt.Sprintf("%s/x:%d", r.host, i)), nil)
		if !got.Known || got.User != user {
			t.Errorf("user %q is read as %q (%s)", user, got.User, got.Why)
		}
	}
}

// platformed is an image with the platform in config and index.
func platformed(t *testing.T, os, arch, variant, user string) mutate.IndexAddendum {
	t.Helper()
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: os, Architecture: arch, Variant: variant, Config: v1.Config{User: user}, RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	return mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: os, Architecture: arch, Variant: variant}}}
}

func TestPlatforms(t *testing.T) {
	r := newRegistry(t, nil)
	attestation := platformed(t, "unknown", "unknown", "", "")
	attestation.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
	index := mutate.AppendManifests(empty.Index,
		attestation, platformed(t, "linux", "arm64", "", "1"), platformed(t, "linux", "amd64", "", "2"), platformed(t, "linux", "arm", "v6", "6"),
		platformed(t, "linux", "arm", "v7", "7"), platformed(t, "windows", "amd64", "", "ContainerUser"))
	digest := r.pushIndex(t, "multi:1", index)
	nested := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index})
	r.pushIndex(t, "nested:1", nested)
	r.pushIndex(t, "deep:1", mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: nested})}))
	r.pushIndex(t, "empty:1", empty.Index)
	r.pushIndex(t, "attested:1", mutate.AppendManifests(empty.Index, attestation))
	single := platformed(t, "linux", "arm64", "", "1").Add.(v1.Image)
	r.push(t, "single:1", single)
	for _, test := range []struct{ reference, platform, user, why string }{
		{"multi:1", "linux/amd64", "2", ""},
		{"multi:1", "linux/arm64", "1", ""},
		{"multi@" + digest, "linux/arm64", "1", ""},
		{"multi@" + digestOf(t, single), "linux/arm64", "1", ""},
		{"multi:1", "linux/arm", "7", ""},
		{"multi:1", "linux/arm/v6", "6", ""},
		{"multi:1", "windows/amd64", "ContainerUser", ""},
		{"multi:1", "linux/s390x", "", "not there for linux/s390x, only for \"linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64, windows/amd64\""},
		{"nested:1", "linux/amd64", "2", ""},
		{"deep:1", "linux/amd64", "", "an index that leads to an index"},
		{"empty:1", "linux/amd64", "", "nor for any other platform"},
		{"attested:1", "linux/amd64", "", "nor for any other platform"},
		// A runtime runs the one manifest that there is, whatever it says.
		{"single:1", "linux/amd64", "1", ""},
		{"multi:1", "../../x", "", "not of the form OS/ARCHITECTURE"},
		{"multi:1", "", "", "not of the form OS/ARCHITECTURE"},
	} {
		t.Run(test.reference+" "+test.platform, func(t *testing.T) {
			got := newReader(Options{}).Look(t.Context(), harden.ImageKey{Reference: r.host + "/" + test.reference, Platform: test.platform}, nil)
			if got.Known != (test.why == "") || got.User != test.user || !strings.Contains(got.Why, test.why) {
				t.Errorf("got known %v, user %q, why %q; want user %q, why %q", got.Known, got.User, got.Why, test.user, test.why)
			}
			if (got.Files == nil) != (got.FilesWhy != "" || !got.Known) {
				t.Errorf("files %v, and why not: %q", got.Files, got.FilesWhy)
			}
		})
	}
}

// raw is a manifest as it is served.
type raw struct {
	mediaType types.MediaType
	manifest  string
}

func (r raw) RawManifest() ([]byte, error)        { return []byte(r.manifest), nil }
func (r raw) MediaType() (types.MediaType, error) { return r.mediaType, nil }

func TestWhatIsNoImage(t *testing.T) {
	r := newRegistry(t, nil)
	put := func(repository string, m raw) {
		t.Helper()
		ref, err := name.ParseReference(r.host + "/" + repository)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Put(ref, m); err != nil {
			t.Fatal(err)
		}
	}
	blob := func(repository, text string) string {
		t.Helper()
		repo, err := name.NewRepository(r.host + "/" + repository)
		if err != nil {
			t.Fatal(err)
		}
		l := static.NewLayer([]byte(text), types.OCIConfigJSON)
		if err := remote.WriteLayer(repo, l); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`"size":%d,"digest":%q`, len(text), digestOf(t, l))
	}
	image := func(config, layers string) raw {
		return raw{types.OCIManifestSchema1, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",` + config + `},"layers":[` + layers + `]}`}
	}
	ok := `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}`
	oneLayer := `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:` + strings.Repeat("a", 64) + `"]}}`
	layer := func(form string) string {
		return strings.ReplaceAll(form, "DIGEST", `"sha256:`+strings.Repeat("b", 64)+`"`)
	}
	for _, test := range []struct {
		name     string
		manifest raw
		why      string // of Why, or of FilesWhy where the config is known
		known    bool
	}{
		{name: "schema 1", manifest: raw{types.DockerManifestSchema1Signed, `{"schemaVersion":1,"name":"x","fsLayers":[],"history":[]}`}, why: "schema 1"},
		{name: "a chart", manifest: raw{types.OCIManifestSchema1, `{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json",` + blob("x", "{}") + `},"layers":[]}`}, why: "no container image: its config is \"application/vnd.cncf.helm.config.v1+json\""},
		{name: "another document", manifest: raw{"application/vnd.example+json", `{"schemaVersion":2}`}, why: "no container image but \"application/vnd.example+json\""},
		{name: "a manifest of other types", manifest: raw{types.OCIManifestSchema1, `{"schemaVersion":"two"}`}, why: "broken manifest"},
		{name: "manifest and index at once", manifest: raw{types.OCIManifestSchema1, `{"schemaVersion":2,"layers":[],"manifests":[]}`}, why: "both manifests and layers"},
		{name: "config of no JSON", manifest: image(blob("x", "nonsense"), ""), why: "reading its config: invalid character"},
		{name: "config of other types", manifest: image(blob("x", `{"config":{"User":5}}`), ""), why: "reading its config"},
		{name: "config of nothing", manifest: image(blob("x", "null"), ""), known: true},
		{name: "config that is not there", manifest: image(`"size":2,"digest":"sha256:`+strings.Repeat("c", 64)+`"`, ""), why: "does not have all of its parts"},
		{name: "config of another size", manifest: image(strings.Replace(blob("x", ok), `"size":`, `"size":1`, 1), ""), why: "expected size"},
		{name: "config of a negative size", manifest: image(`"size":-1,"digest":"sha256:`+strings.Repeat("c", 64)+`"`, ""), why: "its config has a size of -1"},
		{name: "a huge config", manifest: image(`"size":99999999,"digest":"sha256:`+strings.Repeat("c", 64)+`"`, ""), why: "too large: its config has 95.37 MiB"},
		{name: "layers that the config does not know", manifest: image(blob("x", ok), layer(`{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":1,"digest":DIGEST}`)), why: "differ in the number of layers"},
		{name: "a layer of a negative size", manifest: image(blob("x", oneLayer), layer(`{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":-1,"digest":DIGEST}`)), known: true, why: "layer 1 has a size of -1"},
		{name: "a layer of a huge size", manifest: image(blob("x", oneLayer), layer(`{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":9223372036854775807,"digest":DIGEST}`)), known: true, why: "too large: its layers have more than 4 GiB"},
		{name: "a layer that is not there", manifest: image(blob("x", oneLayer), layer(`{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":1,"digest":DIGEST}`)), known: true, why: "does not have all of its parts"},
		{name: "a layer elsewhere", manifest: image(blob("x", oneLayer), layer(`{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","urls":["https://example.com/x"],"size":1,"digest":DIGEST}`)), known: true, why: "outside of the registry"},
		{name: "a layer that is no file system", manifest: image(blob("x", oneLayer), layer(`{"mediaType":"application/vnd.in-toto+json","size":1,"digest":DIGEST}`)), known: true, why: "no file system but \"application/vnd.in-toto+json\""},
	} {
		t.Run(test.name, func(t *testing.T) {
			put("x:1", test.manifest)
			got := newReader(Options{}).Look(t.Context(), amd64(r.host+"/x:1"), nil)
			why := got.Why
			if got.Known {
				why = got.FilesWhy
			}
			if got.Known != test.known || !strings.Contains(why, test.why) || why != "" && !strings.HasPrefix(why, `image "`+r.host+`/x:1": `) {
				t.Errorf("known %v, why %q; want %v, %q", got.Known, why, test.known, test.why)
			}
			if why != "" && got.Files != nil {
				t.Error("files that are not whole")
			}
		})
	}
}

func TestReferences(t *testing.T) {
	id := strings.Repeat("a", 64)
	for _, test := range []struct{ image, want, why string }{
		{"nginx", "index.docker.io/library/nginx:latest", ""},
		{"docker.io/team/x:1", "index.docker.io/team/x:1", ""},
		{"docker-pullable://example.com/x@sha256:" + id, "example.com/x@sha256:" + id, ""},
		{"example.com:5000/x/y:1@sha256:" + id, "example.com:5000/x/y@sha256:" + id, ""},
		{"localhost/x:1", "localhost/x:1", ""},
		{"sha256:" + id, "", "no registry knows"},
		{"docker://sha256:" + id, "", "no registry knows"},
		{id, "", "no registry knows"},
		{"", "", "invalid reference format"},
		{"Example.com/X", "", "lowercase"},
		{"example.com/x@sha256:short", "", "invalid reference format"},
		{"example.com/../x", "", "invalid reference format"},
	} {
		ref, err := newReader(Options{}).parse(test.image)
		if (err == nil) != (test.why == "") || err != nil && !strings.Contains(err.Error(), test.why) || err == nil && ref.Name() != test.want {
			t.Errorf("parse(%q) = %v, %v; want %q, %q", test.image, ref, err, test.want, test.why)
		}
	}
}

func TestWhyNothingIsKnown(t *testing.T) {
	r := newRegistry(t, nil)
	image := imageOf(t, v1.Config{}, []any{file("x", 0o755, "")})
	r.push(t, "x:1", image)
	configDigest, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	stopped := newRegistry(t, nil)
	stopped.Close()
	limited := newRegistry(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path != "/v2/" {
				w.WriteHeader(http.StatusTeapot)
				fmt.Fprint(w, `{"errors":[{"code":"UNKNOWN","message":"\u001b[31mred"}]}`)
			}
		})
	})
	for _, test := range []struct{ reference, why string }{
		{r.host + "/x:2", "has no such image"},
		{r.host + "/other:1", "has no such image"},
		{r.host + "/x@sha256:" + strings.Repeat("a", 64), "has no manifest of that digest"},
		{r.host + "/x@" + configDigest.String(), "the digest of its config, which no registry serves"},
		{stopped.host + "/x:1", "cannot be reached: connect: connection refused"},
		{limited.host + "/x:1", "answered 418 I'm a teapot"},
		{"sha256:" + strings.Repeat("a", 64), "no registry knows"},
	} {
		t.Run(test.reference, func(t *testing.T) {
			got := newReader(Options{}).Look(t.Context(), amd64(test.reference), nil)
			if got.Known || !strings.Contains(got.Why, test.why) || !strings.HasPrefix(got.Why, "image \"") {
				t.Errorf("known %v, why %q; want %q", got.Known, got.Why, test.why)
			}
			if strings.Contains(got.Why, "\x1b") {
				t.Errorf("why %q carries an escape sequence", got.Why)
			}
		})
	}
}

func TestPlainHTTPNeedsLeave(t *testing.T) {
	r := newRegistry(t, nil)
	r.push(t, "x:1", imageOf(t, v1.Config{User: "5"}))
	// All hosts lead to the registry; it would answer.
	reroute := roundTripper(func(q *http.Request) (*http.Response, error) {
		if q.URL.Scheme == "https" {
			return nil, http.ErrSchemeMismatch
		}
		q = q.Clone(q.Context())
		q.URL.Host = r.host
		return http.DefaultTransport.RoundTrip(q)
	})
	for _, host := range []string{"registry.example.com", "10.1.2.3:5000", "192.168.0.1"} {
		got := newReader(Options{Transport: reroute}).Look(t.Context(), amd64(host+"/x:1"), nil)
		if got.Known || !strings.Contains(got.Why, "speaks no TLS") || !strings.Contains(got.Why, "--insecure-registry "+host) {
			t.Errorf("%s: known %v, why %q", host, got.Known, got.Why)
		}
		got = newReader(Options{Transport: reroute, Insecure: []string{host}}).Look(t.Context(), amd64(host+"/x:1"), nil)
		if !got.Known || got.User != "5" {
			t.Errorf("%s, when allowed: known %v, why %q", host, got.Known, got.Why)
		}
	}
}

func TestRedirectToPlainHTTPIsRefused(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/v2/" {
			http.Redirect(w, q, "http://blobs.example.com/x", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "https://")
	got := newReader(Options{Transport: server.Client().Transport}).Look(t.Context(), amd64(host+"/x:1"), nil)
	if got.Known || !strings.Contains(got.Why, `"blobs.example.com" speaks no TLS`) {
		t.Errorf("known %v, why %q", got.Known, got.Why)
	}
}

func TestCertificateThatIsNotTrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "https://"), ":")
	toServer := roundTripper(func(q *http.Request) (*http.Response, error) {
		q = q.Clone(q.Context())
		q.URL.Host = "127.0.0.1:" + port
		return http.DefaultTransport.RoundTrip(q)
	})
	got := newReader(Options{Transport: toServer}).Look(t.Context(), amd64("registry.example.com/x:1"), nil)
	if got.Known || !strings.Contains(got.Why, `certificate of the registry "registry.example.com" is not trusted`) {
		t.Errorf("known %v, why %q", got.Known, got.Why)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

// basic demands a user and password.
func basic(user, password string) func(http.Handler) http.Handler {
	return func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if u, p, _ := q.BasicAuth(); u != user || p != password {
				w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
				w.WriteHeader(http.StatusUnauthorized)
				fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}`)
				return
			}
			inner.ServeHTTP(w, q)
		})
	}
}

// fixed is a keychain with one answer.
type fixed struct{ authn.Authenticator }

func (f fixed) Resolve(authn.Resource) (authn.Authenticator, error) { return f.Authenticator, nil }

// broken is a keychain that cannot be asked.
type broken struct{}

func (broken) Resolve(authn.Resource) (authn.Authenticator, error) {
	return nil, fmt.Errorf("docker-credential-x: not found")
}

func dockerConfig(namespace, name, host, user, password string) corev1.Secret {
	return corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: fmt.Appendf(nil, `{"auths":{%q:{"username":%q,"password":%q}}}`, host, user, password)},
	}
}

func TestCredentials(t *testing.T) {
	r := newRegistry(t, basic("me", "s3cret-word"))
	right := &authn.Basic{Username: "me", Password: "s3cret-word"}
	wrong := &authn.Basic{Username: "me", Password: "0ther-word"}
	r.push(t, "x:1", imageOf(t, v1.Config{User: "5"}, []any{file("x", 0o755, "")}), remote.WithAuth(right))
	secrets := func(list ...corev1.Secret) authn.Keychain {
		k, err := PullSecrets(list)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	for _, test := range []struct {
		name        string
		user, given authn.Keychain
		why         string
	}{
		{"none", none, nil, "docker login"},
		{"the user's", fixed{right}, nil, ""},
		{"wrong", fixed{wrong}, nil, "docker login"},
		{"a pull secret", none, secrets(dockerConfig("ns", "a", r.host, "me", "s3cret-word")), ""},
		{"a pull secret with scheme and path", none, secrets(dockerConfig("ns", "a", "http://"+r.host+"/v2/", "me", "s3cret-word")), ""},
		{"a pull secret for another registry", none, secrets(dockerConfig("ns", "a", "example.com", "me", "s3cret-word")), "docker login"},
		{"two pull secrets for one registry, the first is stale", none, secrets(dockerConfig("ns", "a", r.host, "me", "0ther-word"), dockerConfig("ns", "b", r.host, "me", "s3cret-word")), ""},
		{"a stale pull secret, and the user's", fixed{right}, secrets(dockerConfig("ns", "a", r.host, "me", "0ther-word")), ""},
		{"a helper that is not there", broken{}, nil, "docker-credential-x: not found"},
		{"a helper that is not there, and a pull secret", broken{}, secrets(dockerConfig("ns", "a", r.host, "me", "s3cret-word")), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := newReader(Options{Keychain: test.user}).Look(t.Context(), amd64(r.host+"/x:1"), test.given)
			if got.Known != (test.why == "") || !strings.Contains(got.Why, test.why) || got.Known && got.Files == nil {
				t.Errorf("known %v, why %q; want %q", got.Known, got.Why, test.why)
			}
			if strings.Contains(got.Why, "-word") {
				t.Errorf("why %q tells a password", got.Why)
			}
		})
	}
}

func TestWrongCredentialsDoNotHidePublicImages(t *testing.T) {
	r := newRegistry(t, func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("Authorization") != "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			inner.ServeHTTP(w, q)
		})
	})
	r.push(t, "x:1", imageOf(t, v1.Config{User: "5"}))
	got := newReader(Options{Keychain: fixed{&authn.Basic{Username: "me", Password: "old"}}}).Look(t.Context(), amd64(r.host+"/x:1"), nil)
	if !got.Known {
		t.Error(got.Why)
	}
}

func TestSilentRegistries(t *testing.T) {
	image := imageOf(t, v1.Config{}, []any{file("x", 0o755, strings.Repeat("x", 1000))})
	for _, test := range []struct{ name, path string }{
		{"at once", "/v2/"},
		{"at the manifest", "/manifests/"},
		{"at the config", "/blobs/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			quiet := make(chan struct{})
			var silent bool
			r := newRegistry(t, func(inner http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					if silent && strings.Contains(q.URL.Path, test.path) {
						w.WriteHeader(http.StatusOK)
						w.(http.Flusher).Flush()
						<-quiet
						return
					}
					inner.ServeHTTP(w, q)
				})
			})
			defer close(quiet)
			r.push(t, "x:1", image)
			silent = true
			got := newReader(Options{Silence: 50 * time.Millisecond}).Look(t.Context(), amd64(r.host+"/x:1"), nil)
			if got.Known || !strings.Contains(got.Why, "sent nothing for 50ms") {
				t.Errorf("known %v, why %q", got.Known, got.Why)
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel)
			if got := newReader(Options{}).Look(ctx, amd64(r.host+"/x:1"), nil); got.Known || !strings.Contains(got.Why, "stopped") {
				t.Errorf("cancelled: known %v, why %q", got.Known, got.Why)
			}
		})
	}
}

func TestEndlessAnswersAreCut(t *testing.T) {
	for _, path := range []string{"/v2/", "/v2/x/manifests/1"} {
		t.Run(path, func(t *testing.T) {
			r := newRegistry(t, func(inner http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					if q.URL.Path != path {
						inner.ServeHTTP(w, q)
						return
					}
					for {
						if _, err := w.Write(make([]byte, 64<<10)); err != nil {
							return
						}
					}
				})
			})
			got := newReader(Options{Limits: Limits{Manifest: 1 << 20}}).Look(t.Context(), amd64(r.host+"/x:1"), nil)
			if got.Known || path != "/v2/" && !strings.Contains(got.Why, "more than 1 MiB in one answer") {
				t.Errorf("known %v, why %q", got.Known, got.Why)
			}
		})
	}
}
