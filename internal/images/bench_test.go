package images

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-containerregistry/pkg/compression"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// largeImage is an image of 50 layers with 2,000 files each, some of them
// programs, scripts, libraries and links, and some whiteouts of lower ones.
func largeImage(b *testing.B, c compression.Compression) (v1.Image, int64) {
	b.Helper()
	text := bytes.Repeat([]byte("some text of a file\n"), 50)
	var layers []v1.Layer
	var total int64
	for l := range 50 {
		var buffer bytes.Buffer
		w := tar.NewWriter(&buffer)
		write := func(h tar.Header) {
			if h.Typeflag == tar.TypeReg {
				h.Size = int64(len(text))
			}
			if err := w.WriteHeader(&h); err != nil {
				b.Fatal(err)
			}
			if h.Size > 0 {
				if _, err := w.Write(text); err != nil {
					b.Fatal(err)
				}
			}
		}
		for i := range 2000 {
			folder := fmt.Sprintf("usr/share/folder%d/part%d/", i%40, i%200)
			switch {
			case i%200 == 0:
				write(tar.Header{Typeflag: tar.TypeDir, Name: folder, Mode: 0o755})
			case i%20 == 1:
				write(tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("opt/app%d/bin/program%d", l, i), Mode: 0o755})
			case i%20 == 2:
				write(tar.Header{Typeflag: tar.TypeSymlink, Name: fmt.Sprintf("usr/lib/lib%d-%d.so", l, i), Linkname: fmt.Sprintf("lib%d-%d.so.1", l, i)})
			case i%20 == 3 && l > 0:
				write(tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("%s.wh.file%d-%d", folder, l-1, i+1)})
			default:
				write(tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("%sfile%d-%d", folder, l, i), Mode: 0o644})
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		total += int64(buffer.Len())
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil },
			tarball.WithCompression(c), tarball.WithCompressedCaching)
		if err != nil {
			b.Fatal(err)
		}
		layers = append(layers, layer)
	}
	return imageOfLayers(b, v1.Config{}, layers...), total
}

// BenchmarkReadFiles reads an image of 100,000 files from memory; MB/s is of what it unpacks to.
func BenchmarkReadFiles(b *testing.B) {
	for _, c := range []compression.Compression{compression.GZip, compression.ZStd} {
		b.Run(string(c), func(b *testing.B) {
			image, total := largeImage(b, c)
			b.SetBytes(total)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := readFiles(b.Context(), image, Limits{}.withDefaults()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
