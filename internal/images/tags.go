package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	// maxPlatforms is how many manifests an index may name; builders write some dozens.
	maxPlatforms = 500
	// maxTags is how many tags of a repository are looked at, and maxPages how many
	// answers are read: a registry may send few a page, or none.
	maxTags  = 50_000
	maxPages = 500
)

// Resolve asks the registry what a reference names now: it reads the manifest or
// the index, and of a plain manifest the config, which says for which platform
// it is. It does not fail: what could not be read is said in Why.
func (r *Reader) Resolve(ctx context.Context, reference string, credentials authn.Keychain) *harden.ImageTag {
	tag := &harden.ImageTag{Time: r.options.Now().UTC().Round(0)}
	unknown := func(err error) *harden.ImageTag {
		tag.Why = Say(reference, err.Error())
		return tag
	}
	ref, err := r.parse(reference)
	if err != nil {
		return unknown(err)
	}
	source, err := r.open(ctx, ref, credentials)
	if err != nil {
		return unknown(err)
	}
	kind, err := mediaType(source.top)
	if err != nil {
		return unknown(err)
	}
	switch {
	case kind.IsIndex():
		if tag.Platforms, err = platforms(source.top.Manifest); err != nil {
			return unknown(err)
		}
	case kind.IsImage():
		if tag.Platforms, err = source.onlyPlatform(); err != nil {
			return unknown(errors.New(explain(err, source.ref)))
		}
	default:
		return unknown(fmt.Errorf("it is no container image but %s", quote(string(kind))))
	}
	tag.Known, tag.Digest = true, source.top.Digest.String()
	return tag
}

// platforms are the digests in an index by OS/ARCHITECTURE. Of several variants
// that is the one that pick takes; each has an entry OS/ARCHITECTURE/VARIANT too.
func platforms(index []byte) (map[string]string, error) {
	manifest, err := v1.ParseIndexManifest(bytes.NewReader(index))
	if err != nil {
		return nil, fmt.Errorf("broken index: %w", err)
	}
	if len(manifest.Manifests) > maxPlatforms {
		return nil, tooLarge("its index names %d manifests", len(manifest.Manifests))
	}
	found := map[string]string{}
	for _, m := range manifest.Manifests {
		p := m.Platform
		if p == nil || p.OS == "unknown" || !m.MediaType.IsImage() && !m.MediaType.IsIndex() {
			continue
		}
		plain := p.OS + "/" + p.Architecture
		if !platformForm.MatchString(plain) {
			continue
		}
		if full := plain + "/" + p.Variant; p.Variant != "" && platformForm.MatchString(full) {
			found[full] = m.Digest.String()
		}
		if found[plain] == "" {
			if digest, err := pick(index, v1.Platform{OS: p.OS, Architecture: p.Architecture}); err == nil {
				found[plain] = digest.String()
			}
		}
	}
	return found, nil
}

func (s *source) onlyPlatform() (map[string]string, error) {
	image, err := s.top.Image()
	if err != nil {
		return nil, err
	}
	s.wire.most.Store(s.limits.Config)
	var facts harden.ImageFacts
	if err := readConfig(image, s.limits, &facts); err != nil {
		return nil, err
	}
	if !platformForm.MatchString(facts.Platform) {
		return nil, nil
	}
	return map[string]string{facts.Platform: s.top.Digest.String()}, nil
}

// ConfigDigest asks for the digest of the config of an image on a platform, by
// which some tools know it; empty when the registry does not tell.
func (r *Reader) ConfigDigest(ctx context.Context, key harden.ImageKey, credentials authn.Keychain) string {
	ref, platform, err := r.understand(key)
	if err != nil {
		return ""
	}
	source, err := r.open(ctx, ref, credentials)
	if err != nil {
		return ""
	}
	image, _, err := source.image(ctx, *platform)
	if err != nil {
		return ""
	}
	manifest, err := image.Manifest()
	if err != nil {
		return ""
	}
	return manifest.Config.Digest.String()
}

// tagForm is what the distribution specification allows as a tag.
var tagForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// Tags lists the tags of the repository of a reference, in no order that means
// anything. Why says why there are none, or why there may be more.
func (r *Reader) Tags(ctx context.Context, reference string, credentials authn.Keychain) (tags []string, why string) {
	ref, err := r.parse(reference)
	if err != nil {
		return nil, Say(reference, err.Error())
	}
	repository := ref.Context()
	err = r.asking(ctx, repository, credentials, func(puller *remote.Puller) error {
		tags, why = nil, ""
		lister, err := puller.Lister(ctx, repository)
		for page := 1; err == nil && lister.HasNext(); page++ {
			var next *remote.Tags
			if next, err = lister.Next(ctx); err != nil {
				break
			}
			tags = append(tags, slices.DeleteFunc(next.Tags, func(t string) bool { return !tagForm.MatchString(t) })...)
			if len(tags) > maxTags || page == maxPages {
				why = Say(reference, fmt.Sprintf("the repository has more tags than the %d that were looked at", len(tags)))
				return nil
			}
		}
		return err
	})
	if err != nil {
		return nil, Say(reference, "its tags cannot be listed: "+explain(err, ref))
	}
	return tags, why
}

// asking puts a question to a registry with each of the credentials until one is
// taken, as open does for manifests. Mirrors are not asked: they may lack tags.
func (r *Reader) asking(ctx context.Context, repository name.Repository, given authn.Keychain, question func(*remote.Puller) error) error {
	credentials, noCredentials := r.credentials(ctx, given, repository)
	var first error
	for _, c := range credentials {
		w := &wire{base: r.options.Transport, plainHTTP: r.plainHTTP, silence: r.options.Silence, patience: r.patience}
		w.most.Store(r.options.Limits.Manifest)
		puller, err := remote.NewPuller(remote.WithTransport(w), remote.WithAuth(c), remote.WithUserAgent("kubectl-harden"), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
		if err != nil {
			return err
		}
		err = question(puller)
		if err == nil || !unauthorized(err) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	if noCredentials != nil {
		return fmt.Errorf("%w; %w", first, noCredentials)
	}
	return first
}
