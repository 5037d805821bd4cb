package images

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

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
