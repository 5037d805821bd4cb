package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

func lockFile(f *os.File) error {
	const all = ^uint32(0)
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, all, all, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}

func unlockFile(f *os.File) {
	const all = ^uint32(0)
	_ = windows.UnlockFileEx(windows.Handle(f.Fd()), 0, all, all, &windows.Overlapped{})
}

// syncDir does nothing: NTFS journals its metadata, and folders cannot be flushed.
func syncDir(string) error { return nil }
