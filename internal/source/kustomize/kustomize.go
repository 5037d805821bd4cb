// Package kustomize renders kustomizations with kustomize's own library, and
// writes patches for them, from local files only: nothing is fetched, no plugin
// is run.
package kustomize

import (
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	_ "sigs.k8s.io/kustomize/api/krusty"
	_ "sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Rendered is what a kustomization gives.
type Rendered struct {
	Objects []Object // in kustomize's order
}

// An Object is one rendered object, and the file from which it came before it
// was transformed; empty when it was generated.
type Object struct {
	*unstructured.Unstructured
	Origin string // a path below or beside the folder
}

// Render renders the kustomization in the folder.
func Render(folder string) (*Rendered, error) {
	return nil, errors.New("not built yet")
}

// Text is the rendered objects as kustomize build prints them.
func (r *Rendered) Text() ([]byte, error) {
	return nil, errors.New("not built yet")
}

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
func Patches(changes []harden.ObjectChange, opts Options) ([]harden.FileChange, error) {
	return nil, errors.New("not built yet")
}
