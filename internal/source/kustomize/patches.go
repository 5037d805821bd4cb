package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	kustomizationVersion = types.KustomizationVersion
	ownName              = "kustomization.yaml"
)

// Options say what kind of kustomization carries the patches.
type Options struct {
	// Folder is where the files go.
	Folder string
	// Base is the folder of the kustomization that is patched: the result is a
	// Kustomization on top of it, which can be built as it is. Empty: the result is
	// a Component, which a kustomization that has the objects names in its list of
	// components.
	Base string
}

// Patches makes the files that bring the changes: a patch an object (strategic
// merge where that says exactly what is wanted, else JSON 6902 with tests), new
// objects as resources, and a kustomization that names them. Rendering them over
// the objects as they were gives the objects as they should be; that was tried.
//
// Files that are in the folder are left as they are unless they were written by
// an earlier call. A kustomization of somebody else is an error.
func Patches(changes []harden.ObjectChange, opts Options) ([]harden.FileChange, error) {
	changes = slices.DeleteFunc(slices.Clone(changes), func(c harden.ObjectChange) bool {
		return c.Before != nil && c.After != nil && same(c.Before.Object, c.After.Object)
	})
	if err := check(changes); err != nil {
		return nil, err
	}
	set := patchSet{changes: changes, opts: opts}
	if err := set.over(); err != nil {
		return nil, err
	}
	files, err := set.files()
	if err != nil {
		return nil, err
	}
	if err := set.prove(files); err != nil {
		return nil, err
	}
	return guarded(opts.Folder, files)
}

// check refuses what has no name to be patched by.
func check(changes []harden.ObjectChange) error {
	if len(changes) == 0 {
		return errors.New("there is nothing to be patched")
	}
	seen := map[harden.Key]bool{}
	for _, c := range changes {
		u := c.After
		if u == nil {
			return fmt.Errorf("%s: kustomize patches change objects, this one is to be deleted", c.Target.Long())
		}
		if u.GetName() == "" {
			return fmt.Errorf("%s: it has no name (generateName), so no kustomization can patch it: change its manifest (--in-place)", describe(u))
		}
		key := keyOf(u)
		if seen[key] {
			return fmt.Errorf("%s: it is there twice, in different files: write patches for one of them at a time", describe(u))
		}
		seen[key] = true
	}
	return nil
}

func keyOf(u *unstructured.Unstructured) harden.Key {
	return harden.Key{Group: u.GroupVersionKind().Group, Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
}

type patchSet struct {
	changes []harden.ObjectChange
	opts    Options
	base    string    // as the kustomization names it
	under   *Rendered // what the base gives
	// entries are what the kustomization says of the patch of each change; nil for
	// new objects.
	entries []map[string]any
}

// over looks at the base.
func (s *patchSet) over() error {
	if s.opts.Base == "" {
		return nil
	}
	base, err := realPath(s.opts.Base)
	if err != nil {
		return err
	}
	folder, err := realPath(s.opts.Folder)
	if err != nil {
		return err
	}
	if folder == base || strings.HasPrefix(folder, base+string(filepath.Separator)) {
		return fmt.Errorf("%q is within the kustomization %q, which cannot be a base of what is in it: choose a folder beside it (--out)", s.opts.Folder, s.opts.Base)
	}
	if s.base, err = filepath.Rel(folder, base); err != nil {
		return fmt.Errorf("%q cannot be named from %q: choose a folder on the same disk (--out)", s.opts.Base, s.opts.Folder)
	}
	s.base = filepath.ToSlash(s.base)
	if !strings.HasPrefix(s.base, ".") {
		s.base = "./" + s.base
	}
	if remote(s.base) {
		return fmt.Errorf("kustomize would take %q for a repository to be fetched: choose another folder (--out)", s.base)
	}
	s.under, err = Render(s.opts.Base)
	return err
}

// namespaced reports whether the kind and name alone do not tell the object: only
// then a patch names the namespace, which a manifest may leave to others.
func (s *patchSet) namespaced(u *unstructured.Unstructured) bool {
	if s.under != nil {
		return count(s.under.Objects, u) > 1
	}
	var ours []Object
	for _, c := range s.changes {
		ours = append(ours, Object{Unstructured: c.After})
	}
	return count(ours, u) > 1
}

// count says how many objects have the kind and name.
func count(objects []Object, u *unstructured.Unstructured) int {
	n := 0
	for _, o := range objects {
		a, b := keyOf(u), keyOf(o.Unstructured)
		a.Namespace, b.Namespace = "", ""
		if a == b {
			n++
		}
	}
	return n
}

// files are the kustomization and what it names.
func (s *patchSet) files() ([]harden.FileChange, error) {
	var drawn []*draft
	var objects []*unstructured.Unstructured
	for _, c := range s.changes {
		objects = append(objects, c.After)
		if c.Before == nil {
			continue
		}
		d, err := drafts(c.Before, c.After, c.After, s.namespaced(c.After))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", describe(c.After), err)
		}
		drawn = append(drawn, d)
	}
	bodies, err := choose(drawn)
	if err != nil {
		return nil, err
	}
	names := fileNames("", objects, nil)
	var resources []string
	var patches []map[string]any
	if s.base != "" {
		resources = append(resources, s.base)
	}
	var files []harden.FileChange
	for i, c := range s.changes {
		var body []byte
		var patch map[string]any
		if c.Before == nil {
			resources = append(resources, names[i])
			if body, err = encode(bare(c.After).Object); err != nil {
				return nil, err
			}
		} else {
			patch = entry(names[i], c.After, s.namespaced(c.After))
			patches = append(patches, patch)
			body, bodies = bodies[0], bodies[1:]
		}
		s.entries = append(s.entries, patch)
		files = append(files, harden.FileChange{Path: filepath.Join(s.opts.Folder, names[i]), After: body})
	}
	kind, version := types.KustomizationKind, kustomizationVersion
	if s.base == "" {
		kind, version = types.ComponentKind, types.ComponentVersion
	}
	text, err := kustomizationText(kind, version, resources, patches)
	if err != nil {
		return nil, err
	}
	return append(files, harden.FileChange{Path: filepath.Join(s.opts.Folder, ownName), After: text}), nil
}

// guarded fills in what the files are now, and refuses to replace what is not
// ours.
func guarded(folder string, files []harden.FileChange) ([]harden.FileChange, error) {
	ours, err := earlier(folder)
	if err != nil {
		return nil, err
	}
	for i := range files {
		now, err := os.ReadFile(files[i].Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, fmt.Errorf("looking for files of an earlier run: %w", err)
		case !bytes.Equal(now, files[i].After) && !ours[filepath.Base(files[i].Path)]:
			return nil, fmt.Errorf("%q is there already and is not ours: choose another folder (--out)", files[i].Path)
		}
		if now == nil {
			now = []byte{}
		}
		files[i].Before = now
	}
	return files, nil
}

// earlier names the files of an earlier run: its kustomization says by its first
// line that it is ours.
func earlier(folder string) (map[string]bool, error) {
	ours := map[string]bool{}
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		path := filepath.Join(folder, name)
		data, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, fmt.Errorf("looking for a kustomization: %w", err)
		}
		var k types.Kustomization
		if name != ownName || !bytes.HasPrefix(data, []byte(header)) || k.Unmarshal(data) != nil {
			return nil, fmt.Errorf("%q is a kustomization that was not written by this program: choose another folder (--out)", path)
		}
		ours[name] = true
		for _, p := range k.Patches {
			ours[p.Path] = true
		}
		for _, r := range k.Resources {
			ours[r] = true
		}
	}
	return ours, nil
}
