package trivy

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aquasecurity/trivy/pkg/fanal/analyzer"
	"github.com/aquasecurity/trivy/pkg/fanal/artifact"
	artifactimage "github.com/aquasecurity/trivy/pkg/fanal/artifact/image"
	"github.com/aquasecurity/trivy/pkg/fanal/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// analysis are the options of `trivy image --scanners vuln,secret` (its package
// pkg/commands/artifact, run.go: ScanImage and disabledAnalyzers), with digests
// of files, which it adds for SBOMs. It reaches for nothing outside of the image.
func analysis() artifact.Option {
	disabled := append([]analyzer.Type{}, analyzer.TypeLockfiles...)
	disabled = append(disabled, analyzer.TypeConfigFiles...)
	disabled = append(disabled, analyzer.TypeApkCommand, analyzer.TypeLicenseFile, analyzer.TypeHistoryDockerfile, analyzer.TypeExecutable, analyzer.TypeRpmArchive)
	return artifact.Option{
		DisabledAnalyzers: disabled,
		DetectionPriority: types.PriorityPrecise,
		Parallel:          parallelLayers,
		NoProgress:        true,
		Offline:           true,
		FileChecksum:      true,
	}
}

// An analyzed image is what Trivy's analyzers found in its layers and config.
type analyzed struct {
	blobs    []types.BlobInfo // by layer, as they are in this image
	archives int              // files of Java in which no package is known
	artifact types.ArtifactInfo
	err      error // why it is not whole
}

// analyze has each layer read that was not read before. Whole says that the
// facts of the image are known.
func (w *worker) analyze(ctx context.Context, image *images.Image, whole bool) *analyzed {
	diffIDs, err := image.Layers()
	if err == nil && image.Windows() {
		err = errors.New("the files of Windows images are not read")
	}
	if err != nil {
		return &analyzed{err: err}
	}
	layers := make([]record, len(diffIDs))
	var all errgroup.Group
	for n := range diffIDs {
		all.Go(func() error {
			var err error
			if layers[n], err = w.layer(ctx, image, n, whole); err != nil {
				return fmt.Errorf("layer %d of %d (%s): %w", n+1, len(diffIDs), image.LayerDigest(n), err)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return &analyzed{err: err}
	}
	return w.assemble(ctx, image, layers)
}

// layer returns what is known of a layer, and reads it when something is missing:
// the analysis, or the files for our facts. Images that share a layer wait for
// the one that reads it; when that fails, the next one tries.
func (w *worker) layer(ctx context.Context, image *images.Image, n int, whole bool) (record, error) {
	diffIDs, err := image.Layers()
	if err != nil {
		return record{}, err
	}
	diffID := diffIDs[n]
	unlock, err := w.locks.lock(ctx, diffID.String())
	if err != nil {
		return record{}, err
	}
	defer unlock()
	known, ok := w.blobs.get(diffID, w.java)
	if ok && (whole || image.KnowsLayer(n)) {
		return known, nil
	}
	select {
	case <-ctx.Done():
		return record{}, context.Cause(ctx)
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	}
	for try := 1; ; try++ {
		found, err := w.read(ctx, image, n, known, ok)
		if try == tries || !images.Cut(err) {
			return found, err
		}
	}
}

// tries is how often a layer is begun whose connection breaks.
const tries = 2

// read reads a layer, for Trivy unless that is known, and for our facts.
func (w *worker) read(ctx context.Context, image *images.Image, n int, known record, isKnown bool) (record, error) {
	stream, err := image.OpenLayer(ctx, n)
	if err != nil {
		return record{}, err
	}
	if isKnown {
		return known, stream.Close()
	}
	blob, err := w.inspect(ctx, stream)
	// What is read of a layer that is not the promised one means nothing.
	if broken := stream.Close(); broken != nil {
		return record{}, broken
	}
	if err != nil {
		return record{}, fmt.Errorf("analyzing it: %w", err)
	}
	known = newRecord(stream.DiffID(), blob, stream.JavaArchives(), w.java)
	w.blobs.put(known)
	return known, nil
}

// inspect lets Trivy analyze one layer, as an image of that layer only: what it
// makes of a layer does not depend on the others.
func (w *worker) inspect(ctx context.Context, stream *images.Stream) (types.BlobInfo, error) {
	taken := &taker{}
	a, err := artifactimage.NewArtifact(&layerImage{Image: empty.Image, layer: &layer{diffID: stream.DiffID(), stream: stream}}, taken, w.options)
	if err != nil {
		return types.BlobInfo{}, err
	}
	if _, err := a.Inspect(ctx); err != nil {
		return types.BlobInfo{}, err
	}
	if len(taken.blobs) != 1 {
		return types.BlobInfo{}, fmt.Errorf("%d results for it", len(taken.blobs))
	}
	return taken.blobs[0], nil
}

// A layerImage is an image of one layer, as Trivy wants it.
type layerImage struct {
	v1.Image
	layer *layer
}

func (i *layerImage) Name() string          { return i.layer.diffID.String() }
func (i *layerImage) ID() (string, error)   { return i.layer.diffID.String(), nil }
func (i *layerImage) RepoTags() []string    { return nil }
func (i *layerImage) RepoDigests() []string { return nil }

// ConfigFile has no history, so that Trivy takes no layer for that of a base
// image, in which it looks for no secrets: in another image it may be none.
func (i *layerImage) ConfigFile() (*v1.ConfigFile, error) {
	return &v1.ConfigFile{RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{i.layer.diffID}}}, nil
}

func (i *layerImage) LayerByDiffID(v1.Hash) (v1.Layer, error) { return i.layer, nil }

// A layer hands its stream to Trivy, once.
type layer struct {
	v1.Layer
	diffID v1.Hash
	stream io.ReadCloser
}

func (l *layer) Digest() (v1.Hash, error)             { return l.diffID, nil }
func (l *layer) DiffID() (v1.Hash, error)             { return l.diffID, nil }
func (l *layer) Uncompressed() (io.ReadCloser, error) { return l.stream, nil }

// A taker is a cache of Trivy that holds nothing and takes what is put into it.
type taker struct{ blobs []types.BlobInfo }

func (t *taker) MissingBlobs(_ context.Context, _ string, ids []string) (bool, []string, error) {
	return false, ids, nil
}

func (t *taker) PutArtifact(context.Context, string, types.ArtifactInfo) error { return nil }

func (t *taker) PutBlob(_ context.Context, _ string, blob types.BlobInfo) error {
	t.blobs = append(t.blobs, blob)
	return nil
}

func (t *taker) DeleteBlobs(context.Context, []string) error { return nil }
