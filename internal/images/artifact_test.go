package images

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func artifactOf(t *testing.T, layers ...string) v1.Image {
	t.Helper()
	image := empty.Image
	for _, l := range layers {
		var err error
		if image, err = mutate.Append(image, mutate.Addendum{Layer: static.NewLayer([]byte(l), "application/x")}); err != nil {
			t.Fatal(err)
		}
	}
	return image
}

func TestArtifact(t *testing.T) {
	r := newRegistry(t, nil)
	r.push(t, "x:1", artifactOf(t, "0123456789"))
	a, err := newReader(Options{}).Artifact(t.Context(), r.host+"/x:1")
	if err != nil {
		t.Fatal(err)
	}
	if a.Layer.Size != 10 || a.Layer.MediaType != types.MediaType("application/x") {
		t.Errorf("%+v", a.Layer)
	}
	for from, want := range map[int64]string{0: "0123456789", 7: "789"} {
		body, start, err := a.Open(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(body)
		if string(data) != want || start != from || err != nil {
			t.Errorf("from %d: %q from %d, %v", from, data, start, err)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestArtifactsThatAreNone(t *testing.T) {
	r := newRegistry(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if !strings.Contains(q.URL.Path, "/broken/") {
				next.ServeHTTP(w, q)
				return
			}
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			_, _ = io.WriteString(w, `{"schemaVersion":2,"layers":[{"size":1,"digest":"sha512:x"}]}`)
		})
	})
	r.push(t, "none:1", artifactOf(t))
	r.push(t, "two:1", artifactOf(t, "a", "b"))
	r.pushIndex(t, "index:1", empty.Index)
	for repository, want := range map[string]string{
		"none:1":   "it is no artifact of one layer: it has 0",
		"two:1":    "it is no artifact of one layer: it has 2",
		"index:1":  `it is no artifact of one layer but "application/vnd.`,
		"broken:1": "broken manifest: ",
		"absent:1": "has no such artifact",
		"A B":      "invalid reference format",
	} {
		_, err := newReader(Options{}).Artifact(t.Context(), r.host+"/"+repository)
		failed := (*ArtifactError)(nil)
		if !errors.As(err, &failed) || !strings.Contains(failed.Why, want) {
			t.Errorf("%s: %v, want %s", repository, err, want)
		}
	}
}
