package testimages

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// notUnpacked are parts of packages that the images do without, as "*-slim" images do. postgres finds no JIT without its
// library and works on.
var notUnpacked = []string{
	"etc/init.d", "etc/systemd", "usr/lib/systemd", "usr/lib/postgresql/*/lib/bitcode", "usr/lib/postgresql/*/lib/llvmjit*",
	"usr/share/bash-completion", "usr/share/bug", "usr/share/doc", "usr/share/doc-base", "usr/share/info", "usr/share/initramfs-tools",
	"usr/share/lintian", "usr/share/locale", "usr/share/man", "usr/share/menu",
}

// unpackFormat is part of the name of a cached layer. Increase it with each change of how packages become a layer.
const unpackFormat = 1

// mergedFolders are links into /usr on today's Debian; packages still ship files in some of them.
var mergedFolders = []string{"bin", "lib", "lib64", "sbin"}

// debianLayer makes a layer of package files, with the packages' owners and modes, and returns their part of the list of
// installed packages, /var/lib/dpkg/status. Both stay in the cache.
func (b *builder) debianLayer(ctx context.Context, debs []string) (layer v1.Layer, status []byte, err error) {
	hash := sha256.New()
	fmt.Fprintln(hash, unpackFormat, notUnpacked)
	for _, deb := range debs {
		fmt.Fprintln(hash, filepath.Base(deb))
	}
	cached := filepath.Join(b.cache, "layers", hex.EncodeToString(hash.Sum(nil))[:16])
	if _, err := os.Stat(cached + layerSuffix); err != nil {
		if err := os.MkdirAll(filepath.Dir(cached), 0o700); err != nil {
			return nil, nil, fmt.Errorf("making a layer of packages: %w", err)
		}
		if err := writeDebianLayer(ctx, debs, cached); err != nil {
			return nil, nil, fmt.Errorf("making a layer of packages: %w", err)
		}
	}
	if status, err = os.ReadFile(cached + statusSuffix); err != nil {
		return nil, nil, fmt.Errorf("reading the list of packages: %w", err)
	}
	if layer, err = tarball.LayerFromFile(cached+layerSuffix, tarball.WithMediaType(types.OCILayer)); err != nil {
		return nil, nil, fmt.Errorf("reading a layer of packages: %w", err)
	}
	return layer, status, nil
}

const (
	layerSuffix  = ".tar.gz"
	statusSuffix = ".status"
)

// writeDebianLayer writes both files of a layer, the layer last.
func writeDebianLayer(ctx context.Context, debs []string, target string) error {
	status, err := dpkgStatus(ctx, debs)
	if err != nil {
		return err
	}
	if err := writeFileAtomic(target+statusSuffix, status); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(target), "unpacking-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	zip := gzip.NewWriter(temp)
	u := unpacker{w: tar.NewWriter(zip), seen: map[string]bool{}}
	for _, deb := range debs {
		if err := u.unpack(ctx, deb); err != nil {
			return fmt.Errorf("unpacking %q: %w", filepath.Base(deb), err)
		}
	}
	if err := errors.Join(u.w.Close(), zip.Close(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), target+layerSuffix)
}

// An unpacker copies the files of packages into a layer.
type unpacker struct {
	w    *tar.Writer
	seen map[string]bool // paths that are in the layer
}

func (u *unpacker) unpack(ctx context.Context, deb string) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stream, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = u.copy(tar.NewReader(stream))
	if err == nil {
		_, err = io.Copy(io.Discard, stream) // the padding behind the archive
	} else {
		cmd.Process.Kill()
	}
	if exit := cmd.Wait(); err == nil && exit != nil {
		err = fmt.Errorf("%w: %s", exit, bytes.TrimSpace(stderr.Bytes()))
	}
	return err
}

func (u *unpacker) copy(r *tar.Reader) error {
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := merged(h.Name)
		if name == "." || slices.Contains(mergedFolders, name) || u.seen[name] || isNotUnpacked(name) {
			continue
		}
		u.seen[name] = true
		// Names of users are left to the image's /etc/passwd, and times to the packages.
		c := &tar.Header{Typeflag: h.Typeflag, Name: name, Linkname: h.Linkname, Size: h.Size, Mode: h.Mode, Uid: h.Uid, Gid: h.Gid, ModTime: h.ModTime, Format: tar.FormatPAX}
		switch h.Typeflag {
		case tar.TypeDir:
			c.Name += "/"
		case tar.TypeLink:
			c.Linkname = merged(h.Linkname)
		}
		if err := u.w.WriteHeader(c); err != nil {
			return err
		}
		if _, err := io.Copy(u.w, r); err != nil {
			return err
		}
	}
}

// merged returns a path of a package as it is in an image, where /bin, /lib, /lib64 and /sbin are links into /usr.
func merged(name string) string {
	name = path.Clean(strings.TrimPrefix(name, "./"))
	first, _, below := strings.Cut(name, "/")
	if below && slices.Contains(mergedFolders, first) {
		return "usr/" + name
	}
	return name
}

func isNotUnpacked(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if slices.ContainsFunc(notUnpacked, func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok }) {
			return true
		}
	}
	return false
}

// debianFiles are what debootstrap and the maintainer scripts of the base packages add to what these contain, but for users.
func debianFiles() []file {
	files := []file{
		{path: "run/lock", folder: true, mode: 0o1777},
		{path: "var/run", link: "/run"},
		{path: "var/lock", link: "/run/lock"},
		{path: "var/tmp", folder: true, mode: 0o1777},
	}
	for _, name := range mergedFolders {
		files = append(files, file{path: "usr/" + name, folder: true}, file{path: name, link: "usr/" + name})
	}
	return files
}

// dpkgStatus is the list of installed packages as dpkg keeps it and scanners read it.
func dpkgStatus(ctx context.Context, debs []string) ([]byte, error) {
	var status []byte
	for _, deb := range debs {
		out, err := output(exec.CommandContext(ctx, "dpkg-deb", "--field", deb))
		if err != nil {
			return nil, fmt.Errorf("reading what %q is: %w", filepath.Base(deb), err)
		}
		first, rest, _ := strings.Cut(string(out), "\n")
		status = fmt.Appendf(status, "%s\nStatus: install ok installed\n%s\n\n", first, strings.TrimSpace(rest))
	}
	return status, nil
}
