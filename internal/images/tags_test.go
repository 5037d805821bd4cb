package images

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestResolve(t *testing.T) {
	r := newRegistry(t, nil)
	amd, arm5, arm7 := platformed(t, "linux", "amd64", "", "1"), platformed(t, "linux", "arm", "v5", "2"), platformed(t, "linux", "arm", "v7", "3")
	attestation := platformed(t, "unknown", "unknown", "", "4")
	index := mutate.AppendManifests(empty.Index, amd, arm5, arm7, attestation)
	indexDigest := r.pushIndex(t, "x:multi", index)
	single := r.push(t, "x:single", imageOf(t, v1.Config{}))
	digests := func(a mutate.IndexAddendum) string { return digestOf(t, a.Add.(v1.Image)) }

	want := &harden.ImageTag{Known: true, Time: noon(), Digest: indexDigest, Platforms: map[string]string{
		"linux/amd64": digests(amd), "linux/arm": digests(arm7), "linux/arm/v5": digests(arm5), "linux/arm/v7": digests(arm7),
	}}
	for _, reference := range []string{"x:multi", "x:multi@" + indexDigest, "x@" + indexDigest} {
		if diff := cmp.Diff(want, newReader(Options{}).Resolve(t.Context(), r.host+"/"+reference, nil)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", reference, diff)
		}
	}
	want = &harden.ImageTag{Known: true, Time: noon(), Digest: single, Platforms: map[string]string{"linux/amd64": single}}
	if diff := cmp.Diff(want, newReader(Options{}).Resolve(t.Context(), r.host+"/x:single", nil)); diff != "" {
		t.Errorf("a plain manifest (-want +got)\n%s", diff)
	}
	for reference, says := range map[string]string{r.host + "/x:gone": "no such image", "App:1:2": "invalid reference", "sha256:" + strings.Repeat("a", 64): "id of an image on a node"} {
		if got := newReader(Options{}).Resolve(t.Context(), reference, nil); got.Known || !strings.Contains(got.Why, says) {
			t.Errorf("%s: %+v, want %q", reference, got, says)
		}
	}
}

func TestResolveHostileIndex(t *testing.T) {
	var many []v1.Descriptor
	for range maxPlatforms + 1 {
		many = append(many, v1.Descriptor{MediaType: types.OCIManifestSchema1, Size: 1, Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}, Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}})
	}
	hash := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}
	odd := []v1.Descriptor{
		{MediaType: types.OCIManifestSchema1, Digest: hash, Platform: &v1.Platform{OS: "linux\x1b[2J", Architecture: "amd64"}},
		{MediaType: types.OCIManifestSchema1, Digest: hash},
		{MediaType: types.OCIManifestSchema1, Digest: hash, Platform: &v1.Platform{OS: "linux", Architecture: "arm64", Variant: "../v8"}},
	}
	for _, test := range []struct {
		name      string
		manifests []v1.Descriptor
		want      map[string]string
		err       string
	}{
		{"many", many, nil, "too large"},
		{"odd platforms", odd, map[string]string{"linux/arm64": hash.String()}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			index, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: test.manifests})
			if err != nil {
				t.Fatal(err)
			}
			got, err := platforms(index)
			if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v\n%s", err, diff)
			}
		})
	}
}

func TestConfigDigest(t *testing.T) {
	r := newRegistry(t, nil)
	image := imageOf(t, v1.Config{User: "7"})
	r.push(t, "x:1", image)
	config, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if got := newReader(Options{}).ConfigDigest(t.Context(), amd64(r.host+"/x:1"), nil); got != config.String() {
		t.Errorf("got %q, want %q", got, config)
	}
	if got := newReader(Options{}).ConfigDigest(t.Context(), amd64(r.host+"/x:2"), nil); got != "" {
		t.Errorf("of an image that is not there: %q", got)
	}
}

func TestTags(t *testing.T) {
	r := newRegistry(t, nil)
	image := imageOf(t, v1.Config{})
	for _, tag := range []string{"1.0", "1.1", "latest"} {
		r.push(t, "team/x:"+tag, image)
	}
	got, why := newReader(Options{}).Tags(t.Context(), r.host+"/team/x:1.0", nil)
	slices.Sort(got)
	if diff := cmp.Diff([]string{"1.0", "1.1", "latest"}, got); diff != "" || why != "" {
		t.Errorf("%q\n%s", why, diff)
	}
	if got, why := newReader(Options{}).Tags(t.Context(), r.host+"/team/y", nil); len(got) > 0 || !strings.Contains(why, "no such image") {
		t.Errorf("tags of nothing: %v, %q", got, why)
	}
}

// pagesOf is a registry that answers with pages of tags for ever.
func pagesOf(t *testing.T, page func(n int) (body string, more bool)) *testRegistry {
	n := 0
	return newRegistry(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			if !strings.HasSuffix(request.URL.Path, "/tags/list") {
				h.ServeHTTP(w, request)
				return
			}
			body, more := page(n)
			n++
			if more {
				w.Header().Set("Link", fmt.Sprintf(`<%s?n=%d>; rel="next"`, request.URL.Path, n))
			}
			_, _ = w.Write([]byte(body))
		})
	})
}

func TestHostileTags(t *testing.T) {
	many := func(prefix string) string {
		tags := make([]string, 1000)
		for i := range tags {
			tags[i] = fmt.Sprint(prefix, i)
		}
		body, _ := json.Marshal(map[string]any{"tags": tags})
		return string(body)
	}
	for _, test := range []struct {
		name string
		page func(n int) (string, bool)
		most int
		says string
	}{
		{"pages without an end", func(n int) (string, bool) { return many(fmt.Sprint(n, "-")), true }, maxTags + 1000, "more tags than"},
		{"empty pages without an end", func(int) (string, bool) { return `{"tags":[]}`, true }, 0, "more tags than"},
		{"names that are none", func(int) (string, bool) { return `{"tags":["1.0","\u001b[2J","a b","../x",""]}`, false }, 1, ""},
		{"an answer without an end", func(int) (string, bool) { return `{"tags":["` + strings.Repeat("x", 5<<20), false }, 0, "too large"},
		{"no JSON", func(int) (string, bool) { return "<html>", false }, 0, "cannot be listed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, why := newReader(Options{}).Tags(t.Context(), pagesOf(t, test.page).host+"/x", nil)
			if len(got) > test.most || !strings.Contains(why, test.says) || (test.says == "") != (why == "") {
				t.Errorf("%d tags, %q, want at most %d and %q", len(got), why, test.most, test.says)
			}
		})
	}
}

// referrer pushes an artifact of the type that refers to a digest.
func (r *testRegistry) referrer(t *testing.T, repository, artifactType string, subject v1.Descriptor) {
	t.Helper()
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.MediaType(artifactType))
	image, err := mutate.AppendLayers(image, static.NewLayer([]byte(artifactType), "text/plain"))
	if err != nil {
		t.Fatal(err)
	}
	signed := mutate.Subject(image, subject).(v1.Image)
	ref, err := name.ParseReference(r.host + "/" + repository + "@" + digestOf(t, signed))
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, signed); err != nil {
		t.Fatal(err)
	}
}

func TestSignatures(t *testing.T) {
	image := imageOf(t, v1.Config{})
	descriptor, err := partial.Descriptor(image)
	if err != nil {
		t.Fatal(err)
	}
	digest := digestOf(t, image)
	const notation, bundle = "application/vnd.cncf.notary.signature", "application/vnd.dev.sigstore.bundle.v0.3+json"
	tagged := func(suffix string) func(*testing.T, *testRegistry) {
		return func(t *testing.T, r *testRegistry) {
			r.push(t, "x:"+strings.Replace(digest, ":", "-", 1)+suffix, imageOf(t, v1.Config{}, []any{file("a", 0o644, suffix)}))
		}
	}
	refers := func(artifact string) func(*testing.T, *testRegistry) {
		return func(t *testing.T, r *testRegistry) { r.referrer(t, "x", artifact, *descriptor) }
	}
	for _, test := range []struct {
		name string
		sign []func(*testing.T, *testRegistry)
		want []string
	}{
		{"nobody", nil, nil},
		{"cosign", []func(*testing.T, *testRegistry){tagged(".sig")}, []string{"cosign"}},
		{"cosign, both", []func(*testing.T, *testRegistry){tagged(".att"), tagged(".sig")}, []string{"cosign", "cosign-attestation"}},
		{"by referrers", []func(*testing.T, *testRegistry){refers(notation), refers(bundle)}, []string{"notation", "sigstore-bundle"}},
		{"a referrer that is no signature", []func(*testing.T, *testRegistry){refers("application/vnd.example.readme")}, nil},
	} {
		for _, api := range []bool{true, false} { // with the referrers API, and with the tag in its place
			t.Run(fmt.Sprint(test.name, ", API ", api), func(t *testing.T) {
				r := newRegistry(t, nil)
				r.Config.Handler = registry.New(registry.WithReferrersSupport(api))
				r.push(t, "x:1", image)
				for _, sign := range test.sign {
					sign(t, r)
				}
				got := newReader(Options{}).Signatures(t.Context(), r.host+"/x:1", []string{digest}, nil)
				if diff := cmp.Diff(&harden.ImageSignature{Known: true, Time: noon(), Found: test.want}, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
	t.Run("the registry does not answer", func(t *testing.T) {
		r := newRegistry(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
		})
		got := newReader(Options{}).Signatures(t.Context(), r.host+"/x", []string{digest}, nil)
		if got.Known || !strings.Contains(got.Why, "does not let it be read") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("no digest", func(t *testing.T) {
		if got := newReader(Options{}).Signatures(t.Context(), newRegistry(t, nil).host+"/x", []string{"sha256:../.."}, nil); got.Known || !strings.Contains(got.Why, "is no digest") {
			t.Errorf("got %+v", got)
		}
	})
}
