package testscans

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"path"
	"slices"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// made is the time of everything in the images, so that they are the same each time.
var made = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// files are the regular files of a layer by their paths, without a leading
// slash. One whose name begins with .wh. takes a file of the layers below away.
type files map[string]string

// join puts the files of several parts into one layer.
func join(parts ...files) files {
	all := files{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

// layer packs files, sorted and with the folders above them.
func layer(t testing.TB, f files) v1.Layer {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	folders := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		var above []string
		for dir := path.Dir(name); dir != "." && !folders[dir]; dir = path.Dir(dir) {
			folders[dir] = true
			above = append(above, dir)
		}
		for _, dir := range slices.Backward(above) {
			check(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: made}))
		}
		check(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(f[name])), Mode: 0o755, ModTime: made}))
		_, err := io.WriteString(w, f[name])
		check(t, err)
	}
	check(t, w.Close())
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil }, tarball.WithMediaType(types.OCILayer))
	check(t, err)
	return l
}

// step is a layer and the build step that its image names for it.
type step struct {
	layer v1.Layer
	by    string
}

// image is one for Linux on an architecture.
func image(t testing.TB, architecture string, config v1.Config, steps ...step) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(mutate.MediaType(empty.Image, types.OCIManifestSchema1), &v1.ConfigFile{
		OS: "linux", Architecture: architecture, Created: v1.Time{Time: made}, Config: config, RootFS: v1.RootFS{Type: "layers"},
	})
	check(t, err)
	for _, s := range steps {
		img, err = mutate.Append(img, mutate.Addendum{Layer: s.layer, History: v1.History{CreatedBy: s.by, Created: v1.Time{Time: made}}})
		check(t, err)
	}
	return mutate.ConfigMediaType(img, types.OCIConfigJSON)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
