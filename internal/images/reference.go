package images

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/name"
)

// imageID is what a runtime calls an image that came from no registry.
var imageID = regexp.MustCompile(`^(docker://)?(sha256:)?[0-9a-f]{64}$`)

var errImageID = errors.New("it is the id of an image on a node, which no registry knows: it was built there, or its runtime does not tell where it came from")

// parse understands an image as Kubernetes does: without a host it is Docker
// Hub's, without tag and digest it is latest, and a digest outweighs a tag.
func (r *Reader) parse(image string) (name.Reference, error) {
	image = strings.TrimPrefix(image, "docker-pullable://")
	if imageID.MatchString(image) {
		return nil, errImageID
	}
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return nil, err
	}
	host := reference.Domain(named)
	var options []name.Option
	if r.plainHTTP(host) {
		options = append(options, name.Insecure)
	}
	registry, err := name.NewRegistry(host, options...)
	if err != nil {
		return nil, err
	}
	repository := registry.Repo(reference.Path(named))
	if d, ok := named.(reference.Digested); ok {
		return repository.Digest(d.Digest().String()), nil
	}
	return repository.Tag(reference.TagNameOnly(named).(reference.Tagged).Tag()), nil
}

// hostOf is the registry of a reference as people write it: Docker Hub is docker.io.
func hostOf(ref name.Reference) string {
	if host := ref.Context().RegistryStr(); host != name.DefaultRegistry {
		return host
	}
	return "docker.io"
}

// at is the same repository, tag and digest in another registry.
func (r *Reader) at(host string, ref name.Reference) (name.Reference, error) {
	separator := ":"
	if _, ok := ref.(name.Digest); ok {
		separator = "@"
	}
	return r.parse(host + "/" + ref.Context().RepositoryStr() + separator + ref.Identifier())
}

// plainHTTP reports whether a host, with or without a port, may be spoken to without TLS.
func (r *Reader) plainHTTP(host string) bool {
	if slices.Contains(r.options.Insecure, host) {
		return true
	}
	bare := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		bare = h
	}
	bare = strings.Trim(bare, "[]")
	ip := net.ParseIP(bare)
	return bare == "localhost" || strings.HasSuffix(bare, ".localhost") || ip != nil && ip.IsLoopback()
}

func plainHTTPRefused(host string) error {
	return fmt.Errorf("the registry %q speaks no TLS, so anybody on the way could change the image or read the credentials: "+
		"let it serve HTTPS with a certificate that this machine trusts, or allow it with --insecure-registry %s", host, host)
}
