package kustomize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/source/edit"
)

// addedPrefix begins the names of files that are added to somebody's kustomization.
const addedPrefix = "harden-"

// AddPatches adds to the kustomization in the folder what makes it render After
// of each change instead of Before: patches, and new objects as resources. A patch
// that an earlier call added for the object is written anew, so that there is one
// for each. The edits are those that will be written besides; they are not
// repeated in the result.
//
// That the other objects stay as they are was tried. It is an error when one of
// the changes cannot be made.
func AddPatches(folder string, changes []harden.ObjectChange, edits []harden.FileChange) ([]harden.FileChange, error) {
	if err := check(changes); err != nil {
		return nil, err
	}
	now, err := RenderEdited(folder, edits)
	if err != nil {
		return nil, err
	}
	disk, err := newOverlay(edits)
	if err != nil {
		return nil, err
	}
	a := adding{disk: disk, folder: folder, now: now, changes: changes}
	if a.path, a.text, err = disk.kustomization(now.Uses.root); err != nil {
		return nil, fmt.Errorf("reading the kustomization %q: %w", folder, err)
	}
	if a.says, err = generic(a.text); err != nil {
		return nil, fmt.Errorf("reading %q: %w", a.path, err)
	}
	if err := a.inner(); err != nil {
		return nil, err
	}
	files, err := a.files()
	if err != nil {
		return nil, err
	}
	return files, a.prove(append(slices.Clip(edits), files...))
}

// generic reads a document of YAML as plain data.
func generic(text []byte) (map[string]any, error) {
	var says map[string]any
	data, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &says); err != nil {
		return nil, err
	}
	return says, nil
}

type adding struct {
	disk    *overlay
	folder  string
	path    string // of the kustomization
	text    []byte
	says    map[string]any
	now     *Rendered
	changes []harden.ObjectChange
	// before are the rendered objects without patches that were added for the
	// objects of the changes, ids the same as patches of this kustomization see them:
	// without its prefixes and namespace. Both are in one order.
	before, ids []Object
	dropped     map[string]bool // paths of the patches that are left out of before
}

// later are the fields that kustomize looks at after the patches
// (sigs.k8s.io/kustomize/api/internal/target, configureBuiltinTransformers).
var later = []string{
	"namePrefix", "nameSuffix", "namespace", "labels", "commonLabels", "commonAnnotations",
	"patchesJson6902", "replicas", "images", "imageTags", "replacements", "transformers", "validators",
}

// inner renders the kustomization in parts.
func (a *adding) inner() error {
	a.dropped = map[string]bool{}
	ids, err := a.render(later...)
	if err != nil {
		return err
	}
	names, err := a.render()
	if err != nil {
		return err
	}
	if len(ids) != len(names) {
		return fmt.Errorf("%q: it renders other objects without its prefixes and namespace: patch it by hand", a.folder)
	}
	a.ids = ids
	for i, o := range names {
		if !a.toChange(o.Unstructured) {
			continue
		}
		for _, p := range a.added() {
			if targets(p, ids[i].Unstructured) {
				a.dropped[p.Path] = true
			}
		}
	}
	a.before = names
	if len(a.dropped) > 0 {
		if a.before, err = a.render(); err != nil || len(a.before) != len(a.ids) {
			return fmt.Errorf("%q: it cannot be rendered without the patches that were added before: %w", a.folder, err)
		}
	}
	return nil
}

// toChange reports whether the object is to be changed.
func (a *adding) toChange(u *unstructured.Unstructured) bool {
	return slices.ContainsFunc(a.changes, func(c harden.ObjectChange) bool { return keyOf(c.After) == keyOf(u) })
}

// added are the patches that earlier calls added.
func (a *adding) added() []types.Patch {
	var k types.Kustomization
	if k.Unmarshal(a.text) != nil {
		return nil
	}
	return slices.DeleteFunc(k.Patches, func(p types.Patch) bool {
		return !strings.HasPrefix(p.Path, addedPrefix) || p.Target == nil
	})
}

// targets reports whether the patch is for the object alone.
func targets(p types.Patch, u *unstructured.Unstructured) bool {
	want := entry("", u, true)["target"].(map[string]any)
	t := p.Target
	return t.Kind == want["kind"] && t.Name == want["name"] && (t.Group == "" || t.Group == want["group"]) && (t.Namespace == "" || t.Namespace == want["namespace"])
}

// render renders without some fields and without the patches that are dropped, in
// the order of the resources.
func (a *adding) render(without ...string) ([]Object, error) {
	k := map[string]any{}
	for name, v := range a.says {
		if name != "sortOptions" && !slices.Contains(without, name) {
			k[name] = v
		}
	}
	patches, _ := k["patches"].([]any)
	k["patches"] = slices.DeleteFunc(slices.Clone(patches), func(p any) bool {
		m, _ := p.(map[string]any)
		path, _ := m["path"].(string)
		return a.dropped[path]
	})
	data, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("writing a kustomization: %w", err)
	}
	m, err := a.disk.with(a.path, data).build(a.folder, a.now.Uses)
	if err != nil {
		return nil, fmt.Errorf("rendering a part of the kustomization %q: %s", a.folder, words(err, a.now.Uses))
	}
	return objects(m)
}

// files are the new files, and the kustomization that names them.
func (a *adding) files() ([]harden.FileChange, error) {
	var drawn []*draft
	var ids []*unstructured.Unstructured
	for _, c := range a.changes {
		if c.Before == nil {
			ids = append(ids, c.After)
			continue
		}
		at := slices.IndexFunc(a.before, func(o Object) bool { return keyOf(o.Unstructured) == keyOf(c.After) })
		if at < 0 {
			return nil, fmt.Errorf("%s: the kustomization %q does not render it", describe(c.After), a.folder)
		}
		id := a.ids[at].Unstructured
		d, err := drafts(a.before[at].Unstructured, c.After, id, a.namespaced(id))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", describe(c.After), err)
		}
		drawn, ids = append(drawn, d), append(ids, id)
	}
	bodies, err := choose(drawn)
	if err != nil {
		return nil, err
	}
	taken := map[string]bool{}
	for _, p := range a.added() {
		taken[p.Path] = !a.dropped[p.Path]
	}
	names := fileNames(addedPrefix, ids, taken)
	dir := filepath.Dir(a.path)
	var files []harden.FileChange
	var resources, patches []any
	for i, c := range a.changes {
		var body []byte
		if c.Before == nil {
			resources = append(resources, names[i])
			if body, err = encode(a.unnamed(c.After).Object); err != nil {
				return nil, err
			}
		} else {
			body, bodies = bodies[0], bodies[1:]
			patches = append(patches, entry(names[i], ids[i], a.namespaced(ids[i])))
		}
		file := harden.FileChange{Path: a.now.Uses.Display(filepath.Join(dir, names[i])), After: body}
		file.Before, err = a.disk.ReadFile(filepath.Join(dir, names[i]))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case !a.dropped[names[i]] && !bytes.Equal(file.Before, body):
			return nil, fmt.Errorf("%q is there already, and the kustomization does not name it: move it away", file.Path)
		}
		files = append(files, file)
	}
	k, err := a.named(resources, patches)
	return append(files, k), err
}

// unnamed is a new object with the name to which the kustomization adds its prefix
// and suffix.
func (a *adding) unnamed(u *unstructured.Unstructured) *unstructured.Unstructured {
	u = bare(u)
	prefix, _ := a.says["namePrefix"].(string)
	suffix, _ := a.says["nameSuffix"].(string)
	if name, ok := strings.CutPrefix(u.GetName(), prefix); ok {
		if name, ok = strings.CutSuffix(name, suffix); ok && name != "" {
			u.SetName(name)
		}
	}
	return u
}

// namespaced reports whether the kind and name alone do not tell the object.
func (a *adding) namespaced(u *unstructured.Unstructured) bool {
	return count(a.ids, u) > 1
}

// named is the kustomization that names the files.
func (a *adding) named(resources, patches []any) (harden.FileChange, error) {
	file := harden.FileChange{Path: a.now.Uses.Display(a.path), Before: a.text}
	text, notes, err := edit.Change(string(a.text), func(says any) (any, error) {
		k, ok := says.(map[string]any)
		if !ok {
			return nil, errors.New("it is no mapping")
		}
		after := map[string]any{}
		for name, v := range k {
			after[name] = v
		}
		if len(resources) > 0 {
			after["resources"] = appended(k["resources"], resources, nil)
		}
		if len(patches) > 0 {
			after["patches"] = appended(k["patches"], patches, func(m map[string]any) string { path, _ := m["path"].(string); return path })
		}
		return after, nil
	})
	if err != nil {
		return file, fmt.Errorf("editing %q: %w", file.Path, err)
	}
	file.After, file.Notes = []byte(text), notes
	return file, nil
}

// appended is the list with the values, those left out that it has already; with
// key, those of the same key are replaced.
func appended(had any, values []any, key func(map[string]any) string) []any {
	out, _ := had.([]any)
	out = slices.Clone(out)
	for _, v := range values {
		at := slices.IndexFunc(out, func(o any) bool {
			a, ok := o.(map[string]any)
			b, okToo := v.(map[string]any)
			if ok && okToo && key != nil {
				return key(a) == key(b)
			}
			return same(o, v)
		})
		if at >= 0 {
			out[at] = v
			continue
		}
		out = append(out, v)
	}
	return out
}

// prove renders with the files: what was changed must be what was wanted, what
// was not as it was.
func (a *adding) prove(edits []harden.FileChange) error {
	after, err := RenderEdited(a.folder, edits)
	if err != nil {
		return fmt.Errorf("the patches were tried: %w", err)
	}
	want := map[harden.Key]map[string]any{}
	for _, o := range a.now.Objects {
		want[keyOf(o.Unstructured)] = o.Object
	}
	for _, c := range a.changes {
		want[keyOf(c.After)] = bare(c.After).Object
		if c.Before != nil {
			continue
		}
		// What the kustomization adds to the metadata of all its objects is its right.
		for _, o := range after.Objects {
			if keyOf(o.Unstructured) == keyOf(c.After) {
				labelled := bare(c.After)
				labelled.SetLabels(o.GetLabels())
				labelled.SetAnnotations(o.GetAnnotations())
				want[keyOf(c.After)] = labelled.Object
			}
		}
	}
	return compare(after.Objects, want)
}
