package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/kubectl-harden/kubectl-harden/examples"
	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

// demoFolder is the folder of the examples that is shown.
const demoFolder = "shop"

// openDemo opens the manifests of the shop in a temporary folder. It is removed
// when the session ends, unless something was changed in it: then it is named.
func (c *connection) openDemo(configured *config.Config) (*session.Session, error) {
	dir, err := os.MkdirTemp("", "kubectl-harden-demo-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the demo: %w", err)
	}
	closed := sync.OnceFunc(func() {
		if err := endDemo(dir); err != nil {
			fmt.Fprintf(c.farewell, "the manifests of the demo are in %s: %v\n", filepath.Join(dir, demoFolder), err)
		}
	})
	if err := os.CopyFS(dir, examples.Shop); err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("copying the manifests of the demo: %w", err)
	}
	opts := c.fileOptions(configured)
	opts.Closed = closed
	s, err := session.OpenFiles([]string{filepath.Join(dir, demoFolder)}, nil, opts)
	if err != nil {
		closed()
	}
	return s, err
}

var errDemoChanged = errors.New("they were changed, so they stay")

// endDemo removes the folder if it holds just what was copied there.
func endDemo(dir string) error {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		before, err := examples.Shop.ReadFile(filepath.ToSlash(name))
		if err != nil {
			return errDemoChanged // a new file
		}
		now, err := os.ReadFile(path)
		if err == nil && !bytes.Equal(before, now) {
			err = errDemoChanged
		}
		return err
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}
