package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// errLocked says that another process (or another part of this one) holds the lock.
var errLocked = errors.New("locked by another process")

// A lock is a file that its holder has locked. The kernel frees it when the holder dies, however it dies, so that a
// held lock means a live holder.
type lock struct{ file *os.File }

// tryLock takes the lock at path, creating the file, or returns an error that wraps errLocked.
func tryLock(path string) (*lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("opening lock: %w", err)
		}
		if err := flock(f); err != nil {
			f.Close()
			return nil, fmt.Errorf("locking %q: %w", path, err)
		}
		// The last holder may have removed the file between our open and our lock: then this lock guards nothing.
		locked, err := f.Stat()
		if err == nil {
			var named fs.FileInfo
			if named, err = os.Stat(path); err == nil && os.SameFile(locked, named) {
				return &lock{file: f}, nil
			}
		}
		f.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("checking lock %q: %w", path, err)
		}
	}
}

// waitLock takes the lock at path as soon as it is free. It calls waiting once if it is not free at once.
func waitLock(ctx context.Context, path string, waiting func()) (*lock, error) {
	for {
		l, err := tryLock(path)
		if !errors.Is(err, errLocked) {
			return l, err
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for lock %q: %w", path, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// release removes the file and frees the lock.
func (l *lock) release() {
	os.Remove(l.file.Name())
	l.file.Close()
}
