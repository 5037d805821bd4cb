package images

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// netBind is what setcap cap_net_bind_service=+ep writes.
const netBind = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// dir, file, sym and hard are entries of a layer.
func dir(name string, mode int64, owner ...int) tar.Header {
	return owned(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, owner)
}

type content struct {
	tar.Header
	text string
}

func file(name string, mode int64, text string, owner ...int) content {
	return content{owned(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(text))}, owner), text}
}

func capable(name string, attribute string) content {
	c := file(name, 0o755, "ELF")
	c.PAXRecords = map[string]string{capabilityRecord: attribute}
	return c
}

func sym(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

func hard(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}
}

func owned(h tar.Header, owner []int) tar.Header {
	if len(owner) == 2 {
		h.Uid, h.Gid = owner[0], owner[1]
	}
	return h
}

// archive writes entries as a tar stream.
func archive(t testing.TB, entries ...any) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, e := range entries {
		var text string
		var h tar.Header
		switch e := e.(type) {
		case tar.Header:
			h = e
		case content:
			h, text = e.Header, e.text
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func layerOf(t testing.TB, data []byte, options ...tarball.LayerOption) v1.Layer {
	t.Helper()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }, options...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// imageOf is an image for linux/amd64 of layers, each a list of entries.
func imageOf(t testing.TB, config v1.Config, layers ...[]any) v1.Image {
	t.Helper()
	var all []v1.Layer
	for _, entries := range layers {
		all = append(all, layerOf(t, archive(t, entries...)))
	}
	return imageOfLayers(t, config, all...)
}

func imageOfLayers(t testing.TB, config v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: config, RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	if image, err = mutate.AppendLayers(image, layers...); err != nil {
		t.Fatal(err)
	}
	return image
}

// readFiles reads the files of an image that lies in no registry.
func readFiles(ctx context.Context, image v1.Image, limits Limits) (*harden.ImageFiles, error) {
	l := layers{reader: New(Options{Keychain: none})}
	if err := l.find(image, limits); err != nil {
		return nil, err
	}
	return l.files(ctx)
}

func filesOf(t testing.TB, layers ...[]any) *harden.ImageFiles {
	t.Helper()
	files, err := readFiles(t.Context(), imageOf(t, v1.Config{}, layers...), Limits{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	return files
}
