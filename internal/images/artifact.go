package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An Artifact is something else than an image that a registry keeps as one
// layer, such as a vulnerability database.
type Artifact struct {
	Layer  v1.Descriptor // digest, size and media type of its only layer
	ref    name.Reference
	wire   *wire
	client http.Client
}

// An ArtifactError says in words for people why an artifact cannot be read.
type ArtifactError struct {
	Why string
	// Cut says that the registry stopped in the middle: going on from there may help.
	Cut bool
	err error
}

func (e *ArtifactError) Error() string { return e.Why }
func (e *ArtifactError) Unwrap() error { return e.err }

// CheckReference says what is wrong with a reference to an artifact.
func (r *Reader) CheckReference(reference string) error {
	_, err := r.parse(reference)
	return err
}

// Artifact asks the registry for the manifest of an artifact. Errors are of type ArtifactError.
func (r *Reader) Artifact(ctx context.Context, reference string) (*Artifact, error) {
	ref, err := r.parse(reference)
	if err != nil {
		return nil, &ArtifactError{Why: err.Error(), err: err}
	}
	a := &Artifact{ref: ref, wire: &wire{base: r.options.Transport, plainHTTP: r.plainHTTP, silence: r.options.Silence, patience: r.patience}}
	a.wire.most.Store(r.options.Limits.Manifest)
	credentials, noCredentials := r.credentials(ctx, nil, ref.Context())
	var first error
	for _, c := range credentials {
		if err = a.open(ctx, c); err == nil {
			return a, nil
		}
		if first == nil {
			first = err
		}
		if !unauthorized(err) {
			return nil, a.explain(err)
		}
	}
	failed := a.explain(first)
	if noCredentials != nil {
		failed.Why += "; " + noCredentials.Error()
	}
	return nil, failed
}

func (a *Artifact) open(ctx context.Context, c authn.Authenticator) error {
	repository := a.ref.Context()
	authorized, err := transport.NewWithContext(ctx, repository.Registry, c, transport.NewUserAgent(a.wire, "kubectl-harden"), []string{repository.Scope(transport.PullScope)})
	if err != nil {
		return err
	}
	a.client.Transport = authorized
	top, err := remote.Get(a.ref, remote.WithContext(ctx), remote.WithTransport(authorized))
	if err != nil {
		return err
	}
	kind, err := mediaType(top)
	if err != nil {
		return err
	}
	if !kind.IsImage() {
		return fmt.Errorf("it is no artifact of one layer but %s", quote(string(kind)))
	}
	top.MediaType = kind
	image, err := top.Image()
	if err != nil {
		return err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return fmt.Errorf("broken manifest: %w", err)
	}
	if len(manifest.Layers) != 1 {
		return fmt.Errorf("it is no artifact of one layer: it has %d", len(manifest.Layers))
	}
	a.Layer = manifest.Layers[0]
	if a.Layer.Size <= 0 || a.Layer.Digest.Algorithm != "sha256" || len(a.Layer.Digest.Hex) != 64 {
		return errors.New("broken manifest: its layer has no sha256 digest or no size")
	}
	return nil
}

// Open reads the layer as the registry keeps it, from a byte on if the registry
// can do that: start is where it begins, from or 0. What is read is not checked
// against the digest. Errors, those of reading too, are of type ArtifactError.
func (a *Artifact) Open(ctx context.Context, from int64) (r io.ReadCloser, start int64, err error) {
	a.wire.most.Store(a.Layer.Size)
	repository := a.ref.Context()
	url := fmt.Sprintf("%s://%s/v2/%s/blobs/%s", repository.Scheme(), repository.RegistryStr(), repository.RepositoryStr(), a.Layer.Digest)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, a.explain(err)
	}
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, a.Layer.Size-1))
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, 0, a.explain(err)
	}
	switch {
	case response.StatusCode == http.StatusPartialContent && from > 0:
		// Some proxies answer with another part than the one asked for.
		if said := response.Header.Get("Content-Range"); !strings.HasPrefix(said, fmt.Sprintf("bytes %d-", from)) {
			response.Body.Close()
			return a.Open(ctx, 0)
		}
		start = from
	case response.StatusCode == http.StatusRequestedRangeNotSatisfiable && from > 0:
		response.Body.Close()
		return a.Open(ctx, 0)
	default:
		if err := transport.CheckError(response, http.StatusOK); err != nil {
			response.Body.Close()
			return nil, 0, a.explain(err)
		}
	}
	return &artifactBody{ReadCloser: response.Body, artifact: a, left: a.Layer.Size - start}, start, nil
}

// artifactBody explains what goes wrong on the way, an end that comes too early included.
type artifactBody struct {
	io.ReadCloser
	artifact *Artifact
	left     int64
}

func (b *artifactBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	host := b.artifact.ref.Context().RegistryStr()
	switch {
	case errors.Is(err, io.EOF) && b.left > 0, errors.Is(err, io.ErrUnexpectedEOF):
		return n, &ArtifactError{Why: fmt.Sprintf("the registry %q ended it %s too early", host, size(b.left)), Cut: true, err: io.ErrUnexpectedEOF}
	case err != nil && !errors.Is(err, io.EOF):
		failed := b.artifact.explain(err)
		failed.Cut = !errors.As(err, new(*tooLargeError))
		return n, failed
	}
	return n, err
}

func (a *Artifact) explain(err error) *ArtifactError {
	e := &ArtifactError{Why: harden.OneLine(explain(err, a.ref)), err: err}
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return e
	}
	host := a.ref.Context().RegistryStr()
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Why = fmt.Sprintf("the registry %q does not let it be read with the credentials at hand: log in with \"docker login %s\"", host, host)
	case http.StatusNotFound:
		e.Why = fmt.Sprintf("the registry %q has no such artifact", host)
	}
	return e
}
