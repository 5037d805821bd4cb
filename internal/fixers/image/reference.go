// Package image holds the fixers for which image a container runs.
package image

import (
	"fmt"

	"github.com/distribution/reference"
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

// Name is DOMAIN/PATH.
func (r Reference) Name() string { return r.Domain + "/" + r.Path }
