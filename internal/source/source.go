// Package source writes the files that objects come from. What is in them is
// read and changed by the packages below it.
package source

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// temporary is how the names of temporary files begin and end: one that a killed
// run left behind is hidden, is no manifest, and can be deleted.
const (
	temporaryPrefix = ".kubectl-harden-"
	temporarySuffix = ".tmp"
)

// Write writes files, each as a whole or not at all: a temporary file in the same
// directory is synced and renamed. Mode and owner stay as far as rights go; access
// control lists and extended attributes become those of a new file. A symbolic
// link goes on being one and its target is written. Other hard links keep the old
// content, since what is renamed is another file.
//
// A file whose content is no longer what was read is not written, nor is one
// over a file that should not be there; both are errors. Folders of new files are
// made. It returns the paths that were written, also beside an error.
func Write(changes []harden.FileChange) (written []string, err error) {
	var errs []error
	for _, c := range changes {
		if err := write(c); err != nil {
			errs = append(errs, fmt.Errorf("writing %q: %w", c.Path, cause(err)))
			continue
		}
		written = append(written, c.Path)
	}
	return written, errors.Join(errs...)
}

// cause drops the operation and the path of a file error, which is about the
// temporary file, unless it is about a directory.
func cause(err error) error {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err
	}
	if linkErr := (*os.LinkError)(nil); errors.As(err, &linkErr) {
		return linkErr.Err
	}
	return err
}

func write(c harden.FileChange) error {
	if c.New() {
		return create(c)
	}
	path, err := filepath.EvalSymlinks(c.Path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("this is not a regular file")
	case info.Mode().Perm()&0o222 == 0:
		return errors.New("the file is read-only: chmod u+w lets it be written")
	}
	// A rename asks only for rights on the directory.
	if f, err := os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		return err
	} else if err := f.Close(); err != nil {
		return err
	}
	if err := unchanged(path, c.Before); err != nil {
		return err
	}
	return replace(path, c.After, info, func() error { return unchanged(path, c.Before) })
}

func unchanged(path string, before []byte) error {
	now, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, before) {
		return errors.New("it was changed by somebody else since it was read: run the command again")
	}
	return nil
}

func create(c harden.FileChange) error {
	absent := func() error {
		if _, err := os.Lstat(c.Path); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(errors.New("a file of that name is there already"), err)
		}
		return nil
	}
	if err := absent(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o777); err != nil {
		return err
	}
	return replace(c.Path, c.After, nil, absent)
}

// replace puts a file in the place of another, which info describes; it is nil
// for a new one. Ready is asked just before.
func replace(path string, data []byte, info fs.FileInfo, ready func() error) (err error) {
	dir := filepath.Dir(path)
	mode := fs.FileMode(0o666) // less what the umask takes
	if info != nil {
		mode = 0o600
	}
	f, err := os.OpenFile(filepath.Join(dir, temporaryPrefix+rand.Text()+temporarySuffix), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("no file can be made in %q: %w", dir, cause(err))
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if info != nil {
		if err := keepOwner(f, info); err != nil {
			return err
		}
		// After the owner: changing that clears some bits of the mode.
		if err := f.Chmod(info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}
