package trivy

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aquasecurity/trivy/pkg/cache"
	"github.com/aquasecurity/trivy/pkg/fanal/artifact"
	fanalimage "github.com/aquasecurity/trivy/pkg/fanal/image"
	"github.com/aquasecurity/trivy/pkg/fanal/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// assemble makes of records what Trivy would know of the image: layers carry
// the digest and the build step that they have in it, and those of the base image
// no secrets, because whoever made this image cannot take them out
// (pkg/fanal/artifact/image: guessBaseLayers).
func (w *worker) assemble(ctx context.Context, image *images.Image, layers []record) *analyzed {
	config := image.Config()
	steps, base := history(config)
	found := &analyzed{}
	for n, r := range layers {
		blob := r.Blob
		blob.Digest = image.LayerDigest(n).String()
		if len(steps) == len(layers) {
			blob.CreatedBy = steps[n]
		}
		if n < base {
			blob.Secrets = nil
		}
		found.blobs = append(found.blobs, blob)
		if !r.Java {
			found.archives += r.Archives - named(blob)
		}
	}
	// What is needed of the distribution is for packages that were removed again, which are not looked for.
	result := w.config.AnalyzeImageConfig(ctx, types.OS{}, config)
	found.artifact = types.ArtifactInfo{
		SchemaVersion: types.ArtifactJSONSchemaVersion, Architecture: config.Architecture, Created: config.Created.Time,
		OS: config.OS,
	}
	if result != nil && result.Secret != nil {
		found.artifact.Secret = result.Secret
		cutSecret(found.artifact.Secret)
	}
	return found
}

// history returns the build steps that made a layer, and how many layers are of
// the base image, as Trivy guesses it.
func history(config *v1.ConfigFile) (steps []string, base int) {
	last := fanalimage.GuessBaseImageIndex(config.History)
	for i, h := range config.History {
		if h.EmptyLayer {
			continue
		}
		steps = append(steps, strings.TrimPrefix(strings.TrimPrefix(h.CreatedBy, "/bin/sh -c "), "#(nop) "))
		if i <= last {
			base++
		}
	}
	if base > len(config.RootFS.DiffIDs) {
		return steps, 0
	}
	return steps, base
}

// named counts the files of Java in which a package is known.
func named(blob types.BlobInfo) int {
	files := map[string]bool{}
	for _, a := range blob.Applications {
		if a.Type != types.Jar {
			continue
		}
		for _, p := range a.Packages {
			// One within another file is "outer.war/WEB-INF/lib/inner.jar" there.
			if p.FilePath == a.FilePath || a.FilePath != "" {
				files[a.FilePath] = true
			} else {
				files[p.FilePath] = true
			}
		}
	}
	return len(files)
}

// An imageCache is a cache of Trivy that holds one image. Its keys depend on all
// that is in it, so that they may be told to a server that others use too.
type imageCache struct {
	artifactID string
	blobIDs    []string
	artifact   types.ArtifactInfo
	blobs      map[string]types.BlobInfo
}

var errNotHeld = errors.New("not held")

func newImageCache(image *images.Image, found *analyzed) (*imageCache, error) {
	c := &imageCache{artifact: found.artifact, blobs: map[string]types.BlobInfo{}}
	key := func(v any) (string, error) {
		data, err := json.Marshal(v)
		return fmt.Sprintf("sha256:%x", sha256.Sum256(append([]byte("kubectl-harden "+images.TrivyVersion()+"\n"), data...))), err
	}
	for _, blob := range found.blobs {
		id, err := key(blob)
		if err != nil {
			return nil, err
		}
		c.blobIDs = append(c.blobIDs, id)
		c.blobs[id] = blob
	}
	var err error
	c.artifactID, err = key([]any{image.Digest(), found.artifact})
	return c, err
}

var _ cache.LocalArtifactCache = &imageCache{}

func (c *imageCache) GetArtifact(context.Context, string) (types.ArtifactInfo, error) {
	return c.artifact, nil
}

func (c *imageCache) GetBlob(_ context.Context, id string) (types.BlobInfo, error) {
	if b, ok := c.blobs[id]; ok {
		return b, nil
	}
	return types.BlobInfo{}, errNotHeld
}

func (c *imageCache) Close() error                { return nil }
func (c *imageCache) Clear(context.Context) error { return nil }

// A prepared image is one that was analyzed, as Trivy's scan service wants it.
type prepared struct{ reference artifact.Reference }

func prepare(image *images.Image, c *imageCache, name string) (prepared, error) {
	id, err := image.V1().ConfigName()
	if err != nil {
		return prepared{}, err
	}
	p := prepared{artifact.Reference{
		Name: name, Type: types.TypeContainerImage, ID: c.artifactID, BlobIDs: c.blobIDs,
		ImageMetadata: artifact.ImageMetadata{ID: id.String(), ConfigFile: *image.Config(), RepoDigests: []string{image.Reference().Context().Name() + "@" + image.Asked()}},
	}}
	for _, d := range image.Config().RootFS.DiffIDs {
		p.reference.ImageMetadata.DiffIDs = append(p.reference.ImageMetadata.DiffIDs, d.String())
	}
	return p, nil
}

func (p prepared) Inspect(context.Context) (artifact.Reference, error) { return p.reference, nil }
func (p prepared) Clean(artifact.Reference) error                      { return nil }
