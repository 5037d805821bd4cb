package checkout

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files"
	"github.com/kubectl-harden/kubectl-harden/internal/source/kustomize"
)

// Limits of what is looked through.
const (
	maxEntries = 200_000
	maxFile    = 16 << 20 // bytes of one file
)

// skipped are folders in which nobody keeps sources.
var skipped = []string{"node_modules", "vendor"}

// walk finds manifests, kustomizations and charts. Links to folders are not
// followed; what they lead to is found where it is.
func (c *Checkout) walk() error {
	seen := map[string]bool{}
	entries := 0
	return filepath.WalkDir(c.actual, func(actual string, d fs.DirEntry, err error) error {
		path := c.shown(actual)
		if entries++; entries > maxEntries {
			return fmt.Errorf("%q has more than %d files: name the part of it that holds the sources (--source)", c.opts.Folder, maxEntries)
		}
		switch {
		case err != nil:
			c.skip(path, err)
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return c.dir(path, d)
		}
		c.file(path, seen)
		return nil
	})
}

// shown is a path below the folder as the user would name it.
func (c *Checkout) shown(actual string) string {
	rel, err := filepath.Rel(c.actual, actual)
	if err != nil {
		return actual
	}
	return filepath.Join(c.opts.Folder, rel)
}

func (c *Checkout) skip(path string, err error) {
	why := err.Error()
	if pathErr, ok := err.(*fs.PathError); ok { //nolint:errorlint // the path is named already
		why = pathErr.Err.Error()
	}
	c.unread = append(c.unread, unread{path, harden.OneLine(why)})
}

func (c *Checkout) dir(path string, d fs.DirEntry) error {
	if path != filepath.Clean(c.opts.Folder) && (strings.HasPrefix(d.Name(), ".") || slices.Contains(skipped, d.Name())) {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "Chart.yaml")); err == nil {
		c.charts = append(c.charts, &chart{checkout: c, folder: path})
		return fs.SkipDir
	}
	return nil
}

func (c *Checkout) file(path string, seen map[string]bool) {
	name := filepath.Base(path)
	if kustomize.Is(name) {
		k := &kustomization{checkout: c, folder: filepath.Dir(path)}
		if k.uses, k.broken = kustomize.Look(k.folder); k.broken != nil {
			c.unread = append(c.unread, unread{k.folder, k.broken.Error()})
		}
		if k.uses == nil || len(k.uses.Folders) == 0 {
			return
		}
		c.kustomizations = append(c.kustomizations, k)
		return
	}
	if !slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(name))) {
		return
	}
	actual, err := realPath(path)
	if err != nil {
		c.skip(path, err)
		return
	}
	if seen[actual] {
		return
	}
	seen[actual] = true
	if len(c.load(path).refs) > 0 {
		c.manifests = append(c.manifests, path)
	}
}

// load reads a file for its objects. What is wrong with it is noted once.
func (c *Checkout) load(path string) *loaded {
	if l := c.sets[path]; l != nil {
		return l
	}
	l := &loaded{}
	c.sets[path] = l
	info, err := os.Stat(path)
	switch {
	case err != nil:
		c.skip(path, err)
		return l
	case !info.Mode().IsRegular():
		return l
	case info.Size() > maxFile:
		c.unread = append(c.unread, unread{path, fmt.Sprintf("it is larger than %d MiB", maxFile>>20)})
		return l
	}
	data, err := os.ReadFile(path)
	if err != nil {
		c.skip(path, err)
		return l
	}
	l.text = string(data)
	if !strings.Contains(l.text, "apiVersion") || !strings.Contains(l.text, "kind") {
		return l
	}
	set, err := files.LoadTexts([]files.Text{{Name: path, Data: l.text}}, files.Options{})
	if err != nil {
		c.unread = append(c.unread, unread{path, harden.OneLine(err.Error())})
	}
	for _, doc := range set.Documents() {
		l.refs = append(l.refs, doc.Objects...)
		if doc.Skipped != "" && strings.Contains(doc.Skipped, "template") {
			c.unread = append(c.unread, unread{path, doc.Skipped})
		}
	}
	return l
}
