package kustomize

import (
	"bytes"
	"fmt"
	"path/filepath"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// prove renders the files over what they patch: every object must be what it
// should be, and the others as before.
func (s *patchSet) prove(files []harden.FileChange) error {
	want := map[harden.Key]map[string]any{}
	var got []Object
	if s.under != nil {
		for _, o := range s.under.Objects {
			want[keyOf(o.Unstructured)] = o.Object
		}
		r, err := RenderEdited(s.opts.Folder, files)
		if err != nil {
			return fmt.Errorf("the patches were tried: %w", err)
		}
		got = r.Objects
	} else {
		for from := 0; from < len(s.changes); from += batch {
			some, err := s.component(files, from, min(from+batch, len(s.changes)))
			if err != nil {
				return fmt.Errorf("the patches were tried: %w", err)
			}
			got = append(got, some...)
		}
	}
	for _, c := range s.changes {
		if s.under != nil && c.Before != nil && want[keyOf(c.After)] == nil {
			return fmt.Errorf("%s: the kustomization %q does not render it", describe(c.After), s.opts.Base)
		}
		want[keyOf(c.After)] = bare(c.After).Object
	}
	return compare(got, want)
}

// compare is nil when exactly the wanted objects are there.
func compare(got []Object, want map[harden.Key]map[string]any) error {
	seen := map[harden.Key]bool{}
	for _, o := range got {
		key := keyOf(o.Unstructured)
		wanted, ok := want[key]
		switch {
		case !ok:
			return fmt.Errorf("%s: it would be rendered, and was not before", describe(o.Unstructured))
		case !Same(o.Object, wanted):
			return fmt.Errorf("%s: with the patch it would not be what was planned", describe(o.Unstructured))
		}
		seen[key] = true
	}
	for key := range want {
		if !seen[key] {
			return fmt.Errorf("%s/%s: it would not be rendered any more", key.Kind, key.Name)
		}
	}
	return nil
}

// component renders a component with some of the changes over the objects as they
// were. The patches of a component do not see each other.
func (s *patchSet) component(files []harden.FileChange, from, to int) ([]Object, error) {
	fs := filesys.MakeFsInMemory()
	var befores bytes.Buffer
	var resources []string
	var patches []map[string]any
	for i := from; i < to; i++ {
		name := filepath.Base(files[i].Path)
		if err := fs.WriteFile("/top/patches/"+name, files[i].After); err != nil {
			return nil, err
		}
		if s.changes[i].Before == nil {
			resources = append(resources, name)
			continue
		}
		patches = append(patches, s.entries[i])
		data, err := yaml.Marshal(bare(s.changes[i].Before).Object)
		if err != nil {
			return nil, fmt.Errorf("writing YAML: %w", err)
		}
		befores.WriteString("---\n")
		befores.Write(data)
	}
	text, err := kustomizationText(types.ComponentKind, types.ComponentVersion, resources, patches)
	if err != nil {
		return nil, err
	}
	top := "components: [patches]\n"
	if befores.Len() > 0 {
		top += "resources: [before.yaml]\n"
		if err := fs.WriteFile("/top/before.yaml", befores.Bytes()); err != nil {
			return nil, err
		}
	}
	if err := fs.WriteFile("/top/patches/"+ownName, text); err != nil {
		return nil, err
	}
	if err := fs.WriteFile("/top/"+ownName, []byte(top)); err != nil {
		return nil, err
	}
	m, err := build(fs, "/top")
	if err != nil {
		return nil, err
	}
	return objects(m)
}
