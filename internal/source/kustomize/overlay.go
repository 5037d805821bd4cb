package kustomize

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// maxFile bounds what is read of one file, in bytes.
const maxFile = 64 << 20

// An overlay is the disk with some files as they will be. Nothing is written.
type overlay struct {
	filesys.FileSystem // the disk
	files              map[string][]byte
}

func newOverlay(edits []harden.FileChange) (*overlay, error) {
	o := &overlay{FileSystem: filesys.MakeFsOnDisk(), files: map[string][]byte{}}
	for _, edit := range edits {
		path, err := realPath(edit.Path)
		if err != nil {
			return nil, err
		}
		o.files[path] = edit.After
	}
	return o, nil
}

// with is the overlay with one file more.
func (o *overlay) with(path string, data []byte) *overlay {
	files := map[string][]byte{path: data}
	for p, d := range o.files {
		if p != path {
			files[p] = d
		}
	}
	return &overlay{FileSystem: o.FileSystem, files: files}
}

// realPath is the absolute path with symbolic links resolved as far as it exists.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("looking for %q: %w", path, err)
	}
	rest := ""
	for at := abs; ; at = filepath.Dir(at) {
		if found, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(found, rest), nil
		}
		if at == filepath.Dir(at) {
			return abs, nil
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}

// IsDir reports whether the path is a folder, or will be.
func (o *overlay) IsDir(path string) bool {
	if o.FileSystem.IsDir(path) {
		return true
	}
	dir, err := realPath(path)
	if err != nil {
		return false
	}
	for file := range o.files {
		if strings.HasPrefix(file, strings.TrimSuffix(dir, filesys.Separator)+filesys.Separator) {
			return true
		}
	}
	return false
}

// Exists reports whether the path exists, or will.
func (o *overlay) Exists(path string) bool {
	if o.IsDir(path) || o.FileSystem.Exists(path) {
		return true
	}
	file, err := realPath(path)
	return err == nil && o.files[file] != nil
}

// CleanedAbs splits a path into an absolute folder and a file in it.
func (o *overlay) CleanedAbs(path string) (filesys.ConfirmedDir, string, error) {
	at, err := realPath(path)
	if err != nil {
		return "", "", err
	}
	switch {
	case o.IsDir(at):
		return filesys.ConfirmedDir(at), "", nil
	case o.Exists(at):
		return filesys.ConfirmedDir(filepath.Dir(at)), filepath.Base(at), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

// ReadFile reads a regular file.
func (o *overlay) ReadFile(path string) ([]byte, error) {
	at, err := realPath(path)
	if err != nil {
		return nil, err
	}
	if data, ok := o.files[at]; ok {
		return data, nil
	}
	info, err := os.Stat(at)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%q is no regular file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%q is larger than %d MiB", path, maxFile>>20)
	}
	return os.ReadFile(at)
}
