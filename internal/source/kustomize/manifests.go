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
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// ManifestsManager is the field manager under which exported manifests are to be
// applied. It needs one of its own: what a manager applied before and does not say
// any more is given up by the server.
const ManifestsManager = harden.Manager + "-manifests"

// part stands on top of a manifest that may be replaced.
const part = "# Written by kubectl harden: a part of an object. It is replaced when manifests are written here again.\n"

// Manifests makes a file an object: what the change says of it and no more, for
// kubectl apply --server-side. What an earlier file of ours says of the object is
// said on, unless the change says otherwise. What is to be taken away cannot be
// said so: a note names it, and where nothing else is to be written it is an error.
//
// Files that are in the folder are left as they are unless they were written by
// an earlier call.
func Manifests(changes []harden.ObjectChange, folder string, conv managedfields.TypeConverter) ([]harden.FileChange, error) {
	if err := check(changes); err != nil {
		return nil, err
	}
	var said []harden.ObjectChange
	var notes []string
	for _, c := range changes {
		if len(c.Remove) > 0 {
			notes = append(notes, fmt.Sprintf("%s: no manifest can take away %s: use -o kustomize, or change its source", describe(c.After), pathWords(c.Remove)))
		}
		if c.Set != nil {
			said = append(said, c)
		}
	}
	if len(said) == 0 {
		return nil, fmt.Errorf("there is nothing that manifests could say: %s", strings.Join(notes, "; "))
	}
	objects := make([]*unstructured.Unstructured, len(said))
	for i, c := range said {
		objects[i] = c.Set
	}
	var files []harden.FileChange
	for i, name := range fileNames("", objects, nil) {
		f, err := manifest(filepath.Join(folder, name), said[i], conv)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	files[0].Notes = append(notes, fmt.Sprintf("apply them with: kubectl apply --server-side --field-manager=%s -f %s", ManifestsManager, folder))
	return files, nil
}

func pathWords(all []harden.Path) string {
	var out []string
	for _, p := range all {
		out = append(out, plan.PathString(p))
	}
	return strings.Join(out, ", ")
}

func manifest(path string, c harden.ObjectChange, conv managedfields.TypeConverter) (harden.FileChange, error) {
	f := harden.FileChange{Path: path}
	set := bare(c.Set)
	now, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return f, fmt.Errorf("looking for files of an earlier run: %w", err)
	case !bytes.HasPrefix(now, []byte(part)):
		return f, fmt.Errorf("%q is there already and is not ours: choose another folder (--out)", path)
	default:
		f.Before = slices.Concat([]byte{}, now)
		earlier := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(now, &earlier.Object); err != nil {
			return f, fmt.Errorf("reading %q, which an earlier run wrote: %w", path, err)
		}
		if keyOf(earlier) == keyOf(set) {
			like := c.Before
			if like == nil {
				like = set
			}
			if set, err = plan.MergeIntent(like, earlier, set, conv); err != nil {
				return f, fmt.Errorf("going on from %q: %w", path, err)
			}
		}
	}
	body, err := encode(set.Object)
	if err != nil {
		return f, err
	}
	f.After = slices.Concat([]byte(part), fmt.Appendf(nil, "# kubectl apply --server-side --field-manager=%s -f %s\n", ManifestsManager, filepath.Base(path)), body)
	return f, nil
}
