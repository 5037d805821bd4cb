//go:build !unix

package source

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: a renamed file takes over what its directory says.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// syncDir does nothing: directories cannot be synced here.
func syncDir(string) error { return nil }
