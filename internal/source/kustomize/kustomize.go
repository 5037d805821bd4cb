// Package kustomize renders kustomizations with kustomize's own library, and
// writes patches for them, from local files only: nothing is fetched, no plugin
// is run.
package kustomize

import (
	"fmt"
	"os"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Rendered is what a kustomization gives.
type Rendered struct {
	Objects []Object // in kustomize's order
	Uses    *Uses    // what it was made from
	text    []byte
}

// An Object is one rendered object, and the file from which it came before it
// was transformed; empty when it was generated.
type Object struct {
	*unstructured.Unstructured
	Origin string // a path below or beside the folder
}

// Render renders the kustomization in the folder.
func Render(folder string) (*Rendered, error) { return RenderEdited(folder, nil) }

// RenderEdited is Render as if the edits were written.
func RenderEdited(folder string, edits []harden.FileChange) (*Rendered, error) {
	disk, err := newOverlay(edits)
	if err != nil {
		return nil, err
	}
	uses, err := disk.look(folder)
	if err != nil {
		return nil, err
	}
	m, err := disk.build(folder, uses)
	if err != nil {
		return nil, fmt.Errorf("rendering the kustomization %q: %s", folder, words(err, uses))
	}
	r := &Rendered{Uses: uses}
	if r.text, err = m.AsYaml(); err != nil {
		return nil, fmt.Errorf("rendering the kustomization %q: %s", folder, words(err, uses))
	}
	if r.Objects, err = objects(m); err != nil {
		return nil, fmt.Errorf("rendering the kustomization %q: %w", folder, err)
	}
	disk.origins(folder, r)
	return r, nil
}

// Text is the rendered objects as kustomize build prints them.
func (r *Rendered) Text() ([]byte, error) { return r.text, nil }

// library guards kustomize's library, whose schema is a global variable.
var library sync.Mutex

// build runs kustomize with the options that kubectl kustomize has: files from
// below the folder only, no plugins, the order of the resources.
func build(fs filesys.FileSystem, folder string) (resmap.ResMap, error) {
	library.Lock()
	defer library.Unlock()
	restore := quiet()
	defer restore()
	return krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, folder)
}

// quiet keeps kustomize from writing to the terminal of a program that may be
// drawing on it: for each deprecated field of each kustomization it prints a
// warning to os.Stderr, which it gives no other way to turn off
// (sigs.k8s.io/kustomize/api/internal/target, KustTarget.Load).
func quiet() (restore func()) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return func() {}
	}
	terminal := os.Stderr
	os.Stderr = null
	return func() {
		os.Stderr = terminal
		_ = null.Close()
	}
}

func (o *overlay) build(folder string, uses *Uses) (resmap.ResMap, error) {
	m, err := build(o, folder)
	if uses.schema {
		// The library keeps a schema that a kustomization brings for the next one.
		library.Lock()
		openapi.ResetOpenAPI()
		library.Unlock()
	}
	return m, err
}

func objects(m resmap.ResMap) ([]Object, error) {
	var out []Object
	for _, res := range m.Resources() {
		data, err := res.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", res.CurId(), err)
		}
		u := &unstructured.Unstructured{}
		if err := utiljson.Unmarshal(data, &u.Object); err != nil {
			return nil, fmt.Errorf("reading %s: %w", res.CurId(), err)
		}
		out = append(out, Object{Unstructured: u})
	}
	return out, nil
}
