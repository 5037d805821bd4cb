// Package store keeps what is cheap to lose: files of a cache. A file is there
// whole or not at all, and one that was damaged is as good as none, so that
// several processes may share a folder. What goes wrong costs time only.
package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// maxUnpacked bounds what one file unpacks to, in bytes.
const maxUnpacked = 512 << 20

// A Dir is a folder of files; "" keeps nothing. Names may lead through folders,
// which are made as needed. Whoever makes a name sees to it that it stays inside.
type Dir string

// Read hands the content of a file to decode, and reports whether there was one
// and it is good: the checksum of gzip was right, and decode had no error.
func (d Dir) Read(name string, decode func(io.Reader) error) bool {
	if d == "" {
		return false
	}
	f, err := os.Open(filepath.Join(string(d), name))
	if err != nil {
		return false
	}
	defer f.Close()
	touch(f)
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return false
	}
	content := io.LimitReader(unpacked, maxUnpacked)
	if decode(content) != nil {
		return false
	}
	// Read to its end, where the checksum is.
	_, err = io.Copy(io.Discard, content)
	return err == nil
}

// touch tells Prune that a file is still of use.
func touch(f *os.File) {
	if info, err := f.Stat(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
		now := time.Now()
		_ = os.Chtimes(f.Name(), now, now)
	}
}

// Prune removes files that were neither written nor read since then, and those
// that were not finished.
func (d Dir) Prune(since time.Time) {
	if d == "" {
		return
	}
	_ = filepath.WalkDir(string(d), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		unfinished := strings.HasPrefix(entry.Name(), unfinished)
		if err == nil && (info.ModTime().Before(since) || unfinished && time.Since(info.ModTime()) > 24*time.Hour) {
			_ = os.Remove(path)
		}
		return nil
	})
}

// unfinished is how the names of files begin that are being written.
const unfinished = ".new-"

// Write puts what encode writes in the place of a file; the error is for those
// who want to know why it is not kept.
func (d Dir) Write(name string, encode func(io.Writer) error) error {
	if d == "" {
		return errors.New("there is no cache folder")
	}
	at := filepath.Join(string(d), name)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(at), unfinished+"*")
	if err != nil {
		return err
	}
	packed, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err == nil {
		err = errors.Join(encode(packed), packed.Close())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), at)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
