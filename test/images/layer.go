package testimages

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// made is the time of everything in the images, so that they are the same each time.
var made = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// capabilityRecord is the PAX record in which a layer carries the extended attribute security.capability.
const capabilityRecord = "SCHILY.xattr.security.capability"

// netBindService is the value of security.capability for cap_net_bind_service=+ep: struct vfs_cap_data of
// linux/capability.h, revision 2 with the effective flag, then the low words of permitted and inheritable, then the high.
const netBindService = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// A file is a file, folder or symbolic link in a layer. Paths have no leading slash.
type file struct {
	path     string
	data     []byte
	program  string // the program that is its data
	link     string // the target of a symbolic link
	folder   bool
	mode     int64 // permissions with setuid 0o4000, setgid 0o2000 and sticky 0o1000; 0 is 0755 for folders, else 0644
	uid, gid int
	caps     string // the value of security.capability
	sealed   bool   // mode 0 means that nobody may do anything
}

func (f file) header() *tar.Header {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: f.path, Size: int64(len(f.data)), Mode: f.mode, Uid: f.uid, Gid: f.gid, ModTime: made, Format: tar.FormatPAX}
	switch {
	case f.folder:
		h.Typeflag, h.Name = tar.TypeDir, f.path+"/"
	case f.link != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
	}
	if f.mode == 0 && !f.sealed {
		switch h.Typeflag {
		case tar.TypeDir:
			h.Mode = 0o755
		case tar.TypeSymlink:
			h.Mode = 0o777
		default:
			h.Mode = 0o644
		}
	}
	if f.caps != "" {
		h.PAXRecords = map[string]string{capabilityRecord: f.caps}
	}
	return h
}

// withParents sorts files by path, and adds the folders above them, which belong to root, where they are missing.
func withParents(files []file) []file {
	have := map[string]bool{}
	for _, f := range files {
		have[f.path] = true
	}
	all := slices.Clone(files)
	for _, f := range files {
		for dir := path.Dir(f.path); dir != "." && !have[dir]; dir = path.Dir(dir) {
			have[dir] = true
			all = append(all, file{path: dir, folder: true})
		}
	}
	slices.SortFunc(all, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return all
}

// writeFiles adds files to a tar stream.
func writeFiles(w *tar.Writer, files []file) error {
	for _, f := range files {
		if err := w.WriteHeader(f.header()); err != nil {
			return fmt.Errorf("writing %q: %w", f.path, err)
		}
		if _, err := w.Write(f.data); err != nil {
			return fmt.Errorf("writing %q: %w", f.path, err)
		}
	}
	return nil
}

// newLayer makes a layer of files and the folders above them.
func newLayer(files []file) (v1.Layer, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	if err := writeFiles(w, withParents(files)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("writing a layer: %w", err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
}

// readFile returns the content of a file in a layer.
func readFile(layer v1.Layer, path string) ([]byte, error) {
	stream, err := layer.Uncompressed()
	if err != nil {
		return nil, fmt.Errorf("reading %q in a layer: %w", path, err)
	}
	defer stream.Close()
	for r := tar.NewReader(stream); ; {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("reading %q in a layer: %w", path, err)
		}
		if h.Name == path {
			return io.ReadAll(r)
		}
	}
}
