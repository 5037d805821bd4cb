package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A source is one image in its registry, as far as it was followed.
type source struct {
	ref    name.Reference
	wire   *wire
	limits Limits
	puller *remote.Puller
	top    *remote.Descriptor // what the reference names: an index or a manifest
}

// open asks for what the reference names: the mirrors of its registry first,
// then the registry itself. The error is in words for people.
func (r *Reader) open(ctx context.Context, ref name.Reference, given authn.Keychain) (*source, error) {
	var mirrored string
	for _, host := range r.options.Mirrors[hostOf(ref)] {
		there, err := r.at(host, ref)
		if err == nil {
			var s *source
			if s, err = r.ask(ctx, there, given); err == nil {
				return s, nil
			}
		}
		if ctx.Err() != nil {
			return nil, err
		}
		mirrored += "; its mirror: " + err.Error()
	}
	s, err := r.ask(ctx, ref, given)
	if err != nil {
		return nil, errors.New(err.Error() + mirrored)
	}
	return s, nil
}

// ask asks one registry, with each of the credentials until one is taken, as the
// kubelet does.
func (r *Reader) ask(ctx context.Context, ref name.Reference, given authn.Keychain) (*source, error) {
	credentials, noCredentials := r.credentials(ctx, given, ref.Context())
	s := &source{ref: ref, limits: r.options.Limits, wire: &wire{base: r.options.Transport, plainHTTP: r.plainHTTP, silence: r.options.Silence, patience: r.patience}}
	s.wire.most.Store(s.limits.Manifest)
	var first error
	for _, c := range credentials {
		// The wire tries again by itself.
		puller, err := remote.NewPuller(remote.WithTransport(s.wire), remote.WithAuth(c), remote.WithUserAgent("kubectl-harden"), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
		if err != nil {
			return nil, err
		}
		s.puller = puller
		if s.top, err = puller.Get(ctx, ref); err == nil {
			return s, nil
		}
		if first == nil || !unauthorized(err) {
			first = err
		}
		if !unauthorized(err) {
			break
		}
	}
	why := explain(first, ref)
	if noCredentials != nil && unauthorized(first) {
		why += "; " + noCredentials.Error()
	}
	return nil, errors.New(why)
}

func unauthorized(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden)
}

// maxNesting is how many indexes are followed to a manifest; builders write one.
const maxNesting = 3

// image follows indexes to the manifest of the platform.
func (s *source) image(ctx context.Context, platform v1.Platform) (v1.Image, v1.Hash, error) {
	at := s.top
	for range maxNesting {
		kind, err := mediaType(at)
		if err != nil {
			return nil, v1.Hash{}, err
		}
		switch {
		case kind.IsSchema1():
			return nil, v1.Hash{}, errors.New("its manifest has schema 1, which no runtime of today reads: push it again with a current tool")
		case kind.IsImage():
			at.MediaType = kind
			image, err := at.Image()
			return image, at.Digest, err
		case !kind.IsIndex():
			return nil, v1.Hash{}, fmt.Errorf("it is no container image but %s", quote(string(kind)))
		}
		child, err := pick(at.Manifest, platform)
		if err != nil {
			return nil, v1.Hash{}, err
		}
		if at, err = s.puller.Get(ctx, s.ref.Context().Digest(child.String())); err != nil {
			return nil, v1.Hash{}, err
		}
	}
	return nil, v1.Hash{}, errors.New("broken: an index that leads to an index, and on")
}

// mediaType says what a document is: what it says of itself outweighs the
// header. A document that is a manifest and an index at once is refused, because
// others may take it for the other one (CVE-2021-41190).
func mediaType(d *remote.Descriptor) (types.MediaType, error) {
	var document struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     types.MediaType   `json:"mediaType"`
		Manifests     []json.RawMessage `json:"manifests"`
		Layers        []json.RawMessage `json:"layers"`
	}
	if err := json.Unmarshal(d.Manifest, &document); err != nil {
		return "", fmt.Errorf("broken manifest: %w", err)
	}
	if document.Manifests != nil && document.Layers != nil {
		return "", errors.New("broken manifest: it has both manifests and layers")
	}
	header, _, _ := strings.Cut(string(d.MediaType), ";")
	switch {
	case document.SchemaVersion == 1:
		return types.DockerManifestSchema1, nil
	case document.MediaType != "":
		return document.MediaType, nil
	default:
		return types.MediaType(header), nil
	}
}

// pick finds the manifest of a platform in an index. A manifest whose platform
// is not said is taken when nothing else fits.
func pick(index []byte, want v1.Platform) (v1.Hash, error) {
	manifest, err := v1.ParseIndexManifest(bytes.NewReader(index))
	if err != nil {
		return v1.Hash{}, fmt.Errorf("broken index: %w", err)
	}
	var fitting, unsaid []v1.Descriptor
	var there []string
	for _, m := range manifest.Manifests {
		switch p := m.Platform; {
		case !m.MediaType.IsImage() && !m.MediaType.IsIndex():
		case p == nil:
			unsaid = append(unsaid, m)
		case p.OS == "unknown": // attestations of BuildKit
		case p.OS == want.OS && p.Architecture == want.Architecture && (want.Variant == "" || p.Variant == want.Variant):
			fitting = append(fitting, m)
		default:
			there = append(there, p.String())
		}
	}
	// Of several variants the oldest runs everywhere; 32 bit ARM nodes are v7 today.
	slices.SortStableFunc(fitting, func(a, b v1.Descriptor) int {
		if want.Architecture == "arm" {
			a, b = b, a
		}
		return strings.Compare(a.Platform.Variant, b.Platform.Variant)
	})
	switch {
	case len(fitting) > 0:
		return fitting[0].Digest, nil
	case len(unsaid) > 0:
		return unsaid[0].Digest, nil
	case len(there) == 0:
		return v1.Hash{}, fmt.Errorf("it is not there for %s, nor for any other platform", want.String())
	}
	slices.Sort(there)
	return v1.Hash{}, fmt.Errorf("it is not there for %s, only for %s", want.String(), quote(strings.Join(slices.Compact(there), ", ")))
}
