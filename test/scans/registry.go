package testscans

import (
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A Registry serves images on a loopback address, and counts what is fetched of them.
type Registry struct {
	Host string

	lock  sync.Mutex
	times map[string]int
	bytes int64
}

// Serve starts a registry, which ends with the test.
func Serve(t testing.TB) *Registry {
	t.Helper()
	r := &Registry{times: map[string]int{}}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodGet && strings.Contains(request.URL.Path, "/blobs/") {
			r.count(path.Base(request.URL.Path), 0)
			w = &counting{w, r}
		}
		inner.ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	r.Host = strings.TrimPrefix(server.URL, "http://")
	return r
}

type counting struct {
	http.ResponseWriter
	registry *Registry
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.registry.count("", int64(n))
	return n, err
}

func (r *Registry) count(digest string, bytes int64) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if digest != "" {
		r.times[digest]++
	}
	r.bytes += bytes
}

// Fetched is how often each blob was asked for since the last call, by digest, and how many bytes were sent of all.
func (r *Registry) Fetched() (times map[string]int, bytes int64) {
	r.lock.Lock()
	defer r.lock.Unlock()
	times, bytes = maps.Clone(r.times), r.bytes
	clear(r.times)
	r.bytes = 0
	return times, bytes
}

// reference is that of a repository and tag here.
func (r *Registry) reference(t testing.TB, repository string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(r.Host + "/" + repository)
	check(t, err)
	return ref
}

// Push makes an image the one of a repository and tag, and returns its reference.
func (r *Registry) Push(t testing.TB, repository string, i v1.Image) string {
	t.Helper()
	ref := r.reference(t, repository)
	check(t, remote.Write(ref, i))
	return ref.String()
}

// PushCorpus pushes the corpus and returns the references, with digests, by name.
func (r *Registry) PushCorpus(t testing.TB) map[string]string {
	t.Helper()
	references := map[string]string{}
	for _, i := range Corpus(t) {
		ref := r.reference(t, i.Name+":1")
		var digest v1.Hash
		var err error
		if i.Index != nil {
			check(t, remote.WriteIndex(ref, i.Index))
			digest, err = i.Index.Digest()
		} else {
			check(t, remote.Write(ref, i.Image))
			digest, err = i.Image.Digest()
		}
		check(t, err)
		references[i.Name] = ref.String() + "@" + digest.String()
	}
	return references
}

// PushDatabase pushes the vulnerability database, as one that was built then, and returns its reference.
func (r *Registry) PushDatabase(t testing.TB, built time.Time) string {
	t.Helper()
	return r.pushArtifact(t, "trivy-db:2", "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip", database(t, built))
}

// PushJavaDatabase pushes the database of jar files.
func (r *Registry) PushJavaDatabase(t testing.TB, built time.Time) string {
	t.Helper()
	return r.pushArtifact(t, "trivy-java-db:1", "application/vnd.aquasec.trivy.javadb.layer.v1.tar+gzip", javaDatabase(t, built))
}

func (r *Registry) pushArtifact(t testing.TB, repository string, mediaType types.MediaType, data []byte) string {
	t.Helper()
	artifact := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.aquasec.trivy.config.v1+json")
	artifact, err := mutate.Append(artifact, mutate.Addendum{Layer: static.NewLayer(data, mediaType), Annotations: map[string]string{"org.opencontainers.image.title": "db.tar.gz"}})
	check(t, err)
	return r.Push(t, repository, artifact)
}
