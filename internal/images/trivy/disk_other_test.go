//go:build !linux

package trivy

import "testing"

func fullDisk(t *testing.T) string {
	t.Skip("no small disk to fill: that is done on Linux")
	return ""
}
