package images

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// readFiles streams the layers of an image, the lowest first, and merges what
// they hold. Neither a layer nor a file of it is kept.
func readFiles(ctx context.Context, image v1.Image, limits Limits) (*harden.ImageFiles, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	if err := checkLayers(manifest, limits); err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	if len(layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("broken: %d layers, but digests of %d", len(layers), len(config.RootFS.DiffIDs))
	}
	root, b := newDirectory(), newBudget(limits)
	for i, l := range layers {
		tree, err := readCompressed(ctx, l, config.RootFS.DiffIDs[i], b)
		if err == nil {
			err = merge(root, tree)
		}
		if err != nil {
			return nil, fmt.Errorf("layer %d of %d (%s): %w", i+1, len(layers), manifest.Layers[i].Digest, err)
		}
	}
	return files(root, b)
}

// checkLayers refuses what the manifest alone shows to be unreadable, before anything is fetched.
func checkLayers(manifest *v1.Manifest, limits Limits) error {
	if len(manifest.Layers) > limits.Layers {
		return tooLarge("%d layers, and no more than %d are read", len(manifest.Layers), limits.Layers)
	}
	left := limits.Compressed
	for i, l := range manifest.Layers {
		switch {
		case l.Size < 0:
			return fmt.Errorf("broken: layer %d has a size of %d", i+1, l.Size)
		case !l.MediaType.IsLayer():
			return fmt.Errorf("layer %d is no file system but %s", i+1, quote(string(l.MediaType)))
		case !l.MediaType.IsDistributable() || len(l.URLs) > 0:
			return fmt.Errorf("layer %d is kept outside of the registry, where nothing is fetched from", i+1)
		}
		// Subtracted, because the sum could overflow.
		if left -= min(l.Size, left+1); left < 0 {
			return tooLarge("its layers have more than %s", size(limits.Compressed))
		}
	}
	return nil
}

// readCompressed reads one layer to its end, so that its digests are checked:
// the registry client checks that of what was sent, the one of what was
// unpacked is checked here.
func readCompressed(ctx context.Context, l v1.Layer, want v1.Hash, b *budget) (*node, error) {
	compressed, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	defer compressed.Close()
	plain, err := uncompress(compressed)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	hash := sha256.New()
	stream := io.TeeReader(b.meter(ctx, plain), hash)
	tree, err := readLayer(stream, b)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, stream); err != nil {
		return nil, err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); want.Algorithm == "sha256" && got != want.Hex {
		return nil, fmt.Errorf("broken: its digest is sha256:%s, and %s was promised", got, want)
	}
	return tree, nil
}

// maxWindow is how far back a zstd stream may refer, which the decoder keeps in
// memory: what zstd writes at its highest level.
const maxWindow = 128 << 20

// uncompress unpacks gzip and zstd, which it knows by their first bytes, as
// container runtimes do; anything else is handed on.
func uncompress(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	start, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return gzip.NewReader(buffered)
	case bytes.Equal(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	default:
		return io.NopCloser(buffered), nil
	}
}
