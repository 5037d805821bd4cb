package images

import (
	"context"
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

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Kinds of signatures and attestations.
const (
	signedByCosign     = "cosign"
	attestedByCosign   = "cosign-attestation"
	signedBySigstore   = "sigstore-bundle"
	signedByNotation   = "notation"
	attestedByAnything = "attestation"
)

// artifactKinds tells what a referrer is by the beginning of its artifact type
// (sigstore/cosign specs/SIGNATURE_SPEC.md and BUNDLE_SPEC.md, notaryproject
// specifications/signature-specification.md, in-toto/attestation).
var artifactKinds = []struct{ prefix, kind string }{
	{"application/vnd.dev.cosign.artifact.sig", signedByCosign},
	{"application/vnd.dev.cosign.simplesigning", signedByCosign},
	{"application/vnd.dev.cosign.artifact.att", attestedByCosign},
	{"application/vnd.dev.sigstore.bundle", signedBySigstore},
	{"application/vnd.cncf.notary.signature", signedByNotation},
	{"application/vnd.in-toto", attestedByAnything},
	{"application/vnd.dsse.envelope", attestedByAnything},
}

// Signatures asks the registry which signatures and attestations it has for the
// digests, by the referrers API, or the tag that stands for it, and by the tags
// of cosign. Reference names the repository. Nothing is verified: that somebody
// signed is seen, not who. It does not fail: what could not be asked is said in Why.
func (r *Reader) Signatures(ctx context.Context, reference string, digests []string, credentials authn.Keychain) *harden.ImageSignature {
	s := &harden.ImageSignature{Time: r.options.Now().UTC().Round(0)}
	ref, err := r.parse(reference)
	if err != nil {
		s.Why = Say(reference, err.Error())
		return s
	}
	err = r.asking(ctx, ref.Context(), credentials, func(puller *remote.Puller) error {
		s.Found = nil
		for _, digest := range digests {
			hash, err := v1.NewHash(digest)
			if err != nil {
				return fmt.Errorf("%s is no digest", quote(digest))
			}
			found, err := signaturesOf(ctx, puller, ref.Context().Digest(hash.String()))
			if s.Found = append(s.Found, found...); err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(s.Found)
	s.Found = slices.Compact(s.Found)
	// What was found was found, whatever else could not be asked.
	if s.Known = err == nil || len(s.Found) > 0; !s.Known {
		s.Why = Say(reference, "its signatures cannot be asked for: "+explain(err, ref))
	}
	return s
}

func signaturesOf(ctx context.Context, puller *remote.Puller, digest name.Digest) (found []string, err error) {
	for suffix, kind := range map[string]string{".sig": signedByCosign, ".att": attestedByCosign} {
		switch _, err := puller.Head(ctx, cosignTag(digest, suffix)); {
		case err == nil:
			found = append(found, kind)
		case !absent(err):
			return found, err
		}
	}
	index, err := remote.Referrers(digest, remote.WithContext(ctx), remote.Reuse(puller))
	if err != nil {
		return found, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return found, fmt.Errorf("broken list of referrers: %w", err)
	}
	for _, m := range manifest.Manifests {
		for _, k := range artifactKinds {
			if strings.HasPrefix(m.ArtifactType, k.prefix) {
				found = append(found, k.kind)
			}
		}
	}
	return found, nil
}

// cosignTag is the tag under which cosign keeps what it has for a digest.
func cosignTag(digest name.Digest, suffix string) name.Tag {
	return digest.Context().Tag(strings.Replace(digest.DigestStr(), ":", "-", 1) + suffix)
}

func absent(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
