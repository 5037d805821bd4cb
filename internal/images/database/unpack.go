package database

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
)

const maxMetadata = 1 << 20

// unpack makes a database of an archive, checks it, and puts it into its place.
func (e *ensurer) unpack(ctx context.Context, s store, archive, digest string) error {
	home := s.home(digest) + ".new"
	dir := filepath.Join(home, s.kind.folder)
	if err := errors.Join(os.RemoveAll(home), os.MkdirAll(dir, 0o700)); err != nil {
		return s.local(err)
	}
	err := e.extract(ctx, s, archive, dir)
	if err == nil {
		err = e.stamp(s, dir)
	}
	if err == nil {
		// One that is there already is broken, or it would have been taken.
		err = s.local(errors.Join(os.RemoveAll(s.home(digest)), os.Rename(home, s.home(digest))))
	}
	os.RemoveAll(home)
	// An archive that was checked is of no use if it does not yield a database, nor after it did.
	if ctx.Err() == nil {
		os.Remove(archive)
	}
	return err
}

// extract writes the two files that the archive has to hold. Anything else in it is refused.
func (e *ensurer) extract(ctx context.Context, s store, archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return s.local(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return s.local(err)
	}
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("its archive is broken: %w", err)
	}
	entries := tar.NewReader(unpacked)
	var seen []string
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("its archive is broken: %w", err)
		}
		name := path.Clean(header.Name)
		if header.Typeflag == tar.TypeDir && name == "." {
			continue
		}
		most := s.kind.unpacked
		if name == metadataFile {
			most = maxMetadata
		}
		switch {
		case header.Typeflag != tar.TypeReg || name != metadataFile && name != s.kind.file:
			return fmt.Errorf("its archive holds %.100q, which belongs to no %s", header.Name, s.kind.name)
		case slices.Contains(seen, name):
			return fmt.Errorf("its archive holds %s twice", name)
		case header.Size > most:
			return fmt.Errorf("too large: its %s has %d bytes, and none may have more than %d", name, header.Size, most)
		}
		seen = append(seen, name)
		meter := func(p []byte) (int, error) {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			n, err := entries.Read(p)
			if at, atErr := f.Seek(0, io.SeekCurrent); atErr == nil {
				e.progress("unpacking the "+s.kind.name, at, info.Size())
			}
			return n, err
		}
		if err := s.save(filepath.Join(dir, name), readerFunc(meter)); err != nil {
			return err
		}
	}
	for _, name := range []string{metadataFile, s.kind.file} {
		if !slices.Contains(seen, name) {
			return fmt.Errorf("its archive holds no %s", name)
		}
	}
	return nil
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// save writes what is read to a file that is on the disk when it returns.
func (s store) save(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return s.local(err)
	}
	defer f.Close()
	// The writer says which error is its own: one of the archive may look alike.
	if _, err := io.CopyBuffer(localWriter{s, f}, r, make([]byte, 1<<20)); err != nil {
		if errors.As(err, new(*localError)) {
			return err
		}
		return fmt.Errorf("its archive is broken: %w", err)
	}
	return s.local(errors.Join(f.Sync(), f.Close()))
}

type localWriter struct {
	store
	file *os.File
}

func (w localWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	return n, w.local(err)
}

// stamp checks a database that was unpacked and writes into its metadata when it
// was downloaded, as Trivy does: without it, Trivy takes it for broken.
func (e *ensurer) stamp(s store, dir string) error {
	m, err := s.kind.read(dir)
	if err != nil {
		return err
	}
	m.DownloadedAt = e.options.Now().UTC()
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.local(writeFile(filepath.Join(dir, metadataFile), data))
}
