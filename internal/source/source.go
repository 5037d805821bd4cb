// Package source writes the files that objects come from. What is in them is
// read and changed by the packages below it.
package source

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Write writes files, each as a whole or not at all: a temporary file in the same
// directory is synced and renamed. Mode and owner stay, a symbolic link goes on
// being one and its target is written. A file whose content is no longer what
// was read is not written, and is an error. It returns the paths that were
// written, also beside an error.
func Write(changes []harden.FileChange) (written []string, err error) {
	panic("not built yet")
}
