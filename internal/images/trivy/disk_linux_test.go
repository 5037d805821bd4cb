package trivy

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// fullDisk is a folder where a few bytes are left.
func fullDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32k"); err != nil {
		t.Skipf("no small disk to fill, which takes root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 24<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
