// Package image holds the fixers for which image a container runs.
package image

import (
	"fmt"
	"sync"

	"github.com/distribution/reference"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Reference is an image reference with what it leaves out filled in. It is
// read by the library that the kubelet and the container runtimes use, so a
// first segment without dot and colon that is not localhost is a path on
// docker.io, and a tag is looked for after the last slash only.
type Reference struct {
	Domain string // registry with its port, such as registry.example.com:5000
	Path   string // repository below it, such as library/nginx
	Tag    string // empty when none is named, which means latest unless there is a digest
	Digest string // ALGORITHM:HEX, empty when none is named
}

// ParseReference reads an image reference. An error means that no runtime can
// pull the image (InvalidImageName).
func ParseReference(s string) (Reference, error) {
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return Reference{}, fmt.Errorf("reading image reference %q: %w", s, err)
	}
	r := Reference{Domain: reference.Domain(named), Path: reference.Path(named)}
	if t, ok := named.(reference.Tagged); ok {
		r.Tag = t.Tag()
	}
	if d, ok := named.(reference.Digested); ok {
		r.Digest = d.Digest().String()
	}
	return r, nil
}

// references are what the images of an inventory say.
type references struct{ byText sync.Map } // string -> readReference

type readReference struct {
	Reference
	err error
}

// referenceOf is ParseReference, done once for each image of the inventory:
// many fixers ask for it.
func referenceOf(inv *harden.Inventory, s string) (Reference, error) {
	known := &harden.Derive(inv, func(*harden.Inventory) *references { return &references{} }).byText
	if r, ok := known.Load(s); ok {
		read := r.(readReference)
		return read.Reference, read.err
	}
	r, err := ParseReference(s)
	known.Store(s, readReference{r, err})
	return r, err
}

// Name is DOMAIN/PATH.
func (r Reference) Name() string { return r.Domain + "/" + r.Path }
