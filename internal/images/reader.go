// Package images reads what container images are: how they say that they are to
// be run, and the metadata of their files. It asks the registries that serve
// them, and keeps what it learned by digest.
//
// Parts build on each other: registry.go finds a manifest and yields an image of
// go-containerregistry, stream.go sends each layer once past all who want to see
// it, layer.go reads the uncompressed stream of one layer, and merge.go lays the
// layers over each other.
//
// A Scanner also finds what is vulnerable in images, with Trivy's packages, in a
// child process (package trivy). This package knows nothing of them.
package images

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images/store"
)

// Options say how images are read.
type Options struct {
	// Keychain has the user's credentials; nil: those of Docker and Podman
	// (~/.docker/config.json and its credential helpers).
	Keychain authn.Keychain
	// Insecure are registries, HOST or HOST:PORT, that may be spoken to over plain
	// HTTP, besides localhost and loopback addresses.
	Insecure  []string
	Mirrors   map[string][]string // registry host -> hosts that are asked first
	Offline   bool                // no registry is asked: what is kept is all there is
	CacheDir  string              // where facts are kept; empty: nowhere
	Limits    Limits              // zero: defaults
	Transport http.RoundTripper   // nil: remote.DefaultTransport
	Silence   time.Duration       // how long a registry may send nothing; zero: 30 seconds
	Wait      time.Duration       // before a request is repeated for the first time; zero: a second
	Now       func() time.Time    // nil: time.Now
}

// A Reader reads images. Its methods may be called in parallel.
type Reader struct {
	options  Options
	cache    store.Dir
	facts    factStore
	patience patience
}

// New makes a Reader; nothing is read yet.
func New(o Options) *Reader {
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	if o.Transport == nil {
		o.Transport = remote.DefaultTransport
	}
	if o.Offline {
		o.Transport = offline{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Silence = cmp.Or(o.Silence, 30*time.Second)
	o.Limits = o.Limits.withDefaults()
	patience := patient
	patience.first = cmp.Or(o.Wait, patience.first)
	dir := store.Dir(o.CacheDir)
	return &Reader{options: o, cache: dir, facts: factStore{dir}, patience: patience}
}

// Look reads the facts of one image, with the credentials given (may be nil),
// with the user's, or with none. It does not fail: what could not be read is
// said in Why and FilesWhy.
func (r *Reader) Look(ctx context.Context, key harden.ImageKey, credentials authn.Keychain) *harden.ImageFacts {
	if facts := r.Known(key); facts != nil {
		return facts
	}
	image, facts := r.Find(ctx, key, credentials)
	if image == nil {
		return facts
	}
	if facts := image.Known(); facts != nil {
		return facts
	}
	if facts := image.Read(ctx); facts != nil {
		return facts
	}
	return image.Facts(ctx)
}

// Known returns the facts of an image that are complete and kept; nil when there
// are none, or when the registry would have to say which image it is.
func (r *Reader) Known(key harden.ImageKey) *harden.ImageFacts {
	ref, _, err := r.understand(key)
	if err != nil {
		return nil
	}
	if digest, ok := ref.(name.Digest); ok {
		return r.facts.get(digest.DigestStr(), key.Platform)
	}
	return nil
}

// Find finds an image in its registry, or in a mirror of it. The image is nil
// when that could not be done, and the facts say why.
func (r *Reader) Find(ctx context.Context, key harden.ImageKey, credentials authn.Keychain) (*Image, *harden.ImageFacts) {
	image := &Image{reader: r, key: key, facts: harden.ImageFacts{Platform: key.Platform, Time: r.options.Now().UTC().Round(0)}}
	ref, platform, err := r.understand(key)
	if err != nil {
		return nil, image.unknown(err.Error())
	}
	image.platform = platform
	if image.source, err = r.open(ctx, ref, credentials); err != nil {
		return nil, image.unknown(err.Error())
	}
	return image, nil
}

// platformForm is OS/ARCHITECTURE[/VARIANT], also safe as part of a file's name.
var platformForm = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$`)

func (r *Reader) understand(key harden.ImageKey) (name.Reference, *v1.Platform, error) {
	ref, err := r.parse(key.Reference)
	if err != nil {
		return nil, nil, err
	}
	if !platformForm.MatchString(key.Platform) {
		return nil, nil, fmt.Errorf("the platform %s is not of the form OS/ARCHITECTURE", quote(key.Platform))
	}
	platform, err := v1.ParsePlatform(key.Platform)
	return ref, platform, err
}

// Say names the image before what is said of it. Registries and images are free
// in what they send: nothing of it may reach a terminal as a command.
func Say(reference, why string) string {
	return "image " + quote(reference) + ": " + harden.OneLine(why)
}
