// Package checkout finds what in a folder of manifests, kustomizations and charts
// brings an object, and changes it there.
//
// A place brings an object when it renders one of that kind, namespace and name,
// and when all that it says of it is so on the cluster. What the cluster has
// besides (defaults, fields of other managers) does not speak against a place,
// and neither do the fields that are to be changed. One place is edited; several,
// or none, are said to be so.
package checkout

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/source/kustomize"
)

// A Checkout is a folder that was looked through.
type Checkout struct {
	opts   harden.SourceOptions
	conv   managedfields.TypeConverter
	actual string // the folder without symbolic links

	manifests      []string         // files that hold manifests, as named
	kustomizations []*kustomization // all, components included
	charts         []*chart
	unread         []unread

	sets map[string]*loaded // of files, by path as named
}

// An unread is a part of the checkout that could not be looked into.
type unread struct{ path, why string }

// A loaded is one file that was read for its objects.
type loaded struct {
	text string
	refs []harden.Ref // of its objects
}

// Open looks through a folder for manifests, kustomizations and charts. With conv
// (see plan.Project) a fix is carried over to an object in a source. What cannot
// be read is left out, and named when an object is not found.
func Open(opts harden.SourceOptions, conv managedfields.TypeConverter) (*Checkout, error) {
	c, err := open(opts, conv)
	if err != nil {
		return nil, err
	}
	if err := c.walk(); err != nil {
		return nil, err
	}
	c.relate()
	if len(c.manifests)+len(c.kustomizations)+len(c.charts) == 0 {
		return nil, fmt.Errorf("there are no manifests, kustomizations or charts in %q: name the folder that holds them (--source)%s", opts.Folder, c.gaps(nil))
	}
	return c, nil
}

// OpenKustomization is Open for one kustomization: what it renders is changed in
// files of its folder, and what lies outside of it is left alone and patched.
func OpenKustomization(folder string, conv managedfields.TypeConverter) (*Checkout, error) {
	c, err := open(harden.SourceOptions{Folder: folder}, conv)
	if err != nil {
		return nil, err
	}
	k := &kustomization{checkout: c, folder: folder}
	if k.uses, k.broken = kustomize.Look(folder); k.broken != nil {
		return nil, k.broken
	}
	k.root = true
	c.kustomizations = append(c.kustomizations, k)
	return c, nil
}

func open(opts harden.SourceOptions, conv managedfields.TypeConverter) (*Checkout, error) {
	abs, err := filepath.Abs(opts.Folder)
	if err != nil {
		return nil, fmt.Errorf("looking for %q: %w", opts.Folder, err)
	}
	actual, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return nil, fmt.Errorf("there is no folder %q: name the one that holds the sources (--source)", opts.Folder)
	}
	for _, values := range opts.Values {
		if info, err := os.Stat(values); err != nil || !info.Mode().IsRegular() {
			return nil, fmt.Errorf("there is no values file %q (--values)", values)
		}
	}
	return &Checkout{opts: opts, conv: conv, actual: actual, sets: map[string]*loaded{}}, nil
}

// inside reports whether the file lies in the folder that was named.
func (c *Checkout) inside(path string) bool {
	actual, err := realPath(path)
	return err == nil && strings.HasPrefix(actual, strings.TrimSuffix(c.actual, string(filepath.Separator))+string(filepath.Separator))
}

func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// relate finds out which kustomizations stand for themselves, and takes the files
// that they use from the manifests. One that cannot be read still has the files,
// but does not hide what it is made from.
func (c *Checkout) relate() {
	var used []string
	for _, k := range c.kustomizations {
		k.root = !k.component()
		used = append(used, k.uses.Files...)
		for _, other := range c.kustomizations {
			if other != k && other.broken == nil && slices.Contains(other.uses.Folders[1:], k.uses.Folders[0]) {
				k.root = false
			}
		}
	}
	slices.Sort(used)
	c.manifests = slices.DeleteFunc(c.manifests, func(path string) bool {
		actual, err := realPath(path)
		if err != nil {
			return true
		}
		_, found := slices.BinarySearch(used, actual)
		return found
	})
}
