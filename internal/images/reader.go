// Package images reads what container images are: how they say that they are to
// be run, and the metadata of their files. It asks the registries that serve
// them, and keeps what it learned by digest.
//
// Three parts build on each other: registry.go finds a manifest and yields an
// image of go-containerregistry, layer.go reads the uncompressed stream of one
// layer, and merge.go lays the layers over each other.
package images

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Options say how images are read.
type Options struct {
	// Keychain has the user's credentials; nil: those of Docker and Podman
	// (~/.docker/config.json and its credential helpers).
	Keychain authn.Keychain
	// Insecure are registries, HOST or HOST:PORT, that may be spoken to over plain
	// HTTP, besides localhost and loopback addresses.
	Insecure  []string
	CacheDir  string            // where facts are kept; empty: nowhere
	Limits    Limits            // zero: defaults
	Transport http.RoundTripper // nil: remote.DefaultTransport
	Silence   time.Duration     // how long a registry may send nothing; zero: 30 seconds
	Now       func() time.Time  // nil: time.Now
}

// A Reader reads images. Its methods may be called in parallel.
type Reader struct {
	options Options
	cache   cache
}

// New makes a Reader; nothing is read yet.
func New(o Options) *Reader {
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	if o.Transport == nil {
		o.Transport = remote.DefaultTransport
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Silence = cmp.Or(o.Silence, 30*time.Second)
	o.Limits = o.Limits.withDefaults()
	return &Reader{options: o, cache: cache{o.CacheDir}}
}

// Look reads the facts of one image, with the credentials given (may be nil),
// with the user's, or with none. It does not fail: what could not be read is
// said in Why and FilesWhy.
func (r *Reader) Look(ctx context.Context, key harden.ImageKey, credentials authn.Keychain) *harden.ImageFacts {
	l := look{reader: r, key: key, facts: harden.ImageFacts{Platform: key.Platform, Time: r.options.Now().UTC().Round(0)}}
	return l.run(ctx, credentials)
}

// A look is one call of Look.
type look struct {
	reader *Reader
	key    harden.ImageKey
	facts  harden.ImageFacts
}

// platformForm is OS/ARCHITECTURE[/VARIANT], also safe as part of a file's name.
var platformForm = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$`)

func (l *look) run(ctx context.Context, given authn.Keychain) *harden.ImageFacts {
	r := l.reader
	ref, err := r.parse(l.key.Reference)
	if err != nil {
		return l.unknown(err.Error())
	}
	if !platformForm.MatchString(l.key.Platform) {
		return l.unknown(fmt.Sprintf("the platform %s is not of the form OS/ARCHITECTURE", quote(l.key.Platform)))
	}
	platform, err := v1.ParsePlatform(l.key.Platform)
	if err != nil {
		return l.unknown(err.Error())
	}
	if digest, ok := ref.(name.Digest); ok {
		if facts := r.cache.get(digest.DigestStr(), l.key.Platform); facts != nil {
			return facts
		}
	}
	credentials, noCredentials := r.credentials(ctx, given, ref.Context())
	source, err := r.open(ctx, ref, credentials)
	if err != nil {
		why := explain(err, ref)
		if noCredentials != nil && unauthorized(err) {
			why += "; " + noCredentials.Error()
		}
		return l.unknown(why)
	}
	top := source.top.Digest.String()
	if facts := r.cache.get(top, l.key.Platform); facts != nil {
		return facts
	}
	image, digest, err := source.image(ctx, *platform)
	if err != nil {
		return l.unknown(explain(err, ref))
	}
	source.wire.most.Store(r.options.Limits.Config)
	if err := readConfig(image, r.options.Limits, &l.facts); err != nil {
		return l.unknown(explain(err, ref))
	}
	l.facts.Digest = digest.String()
	if strings.HasPrefix(l.facts.Platform, "windows/") {
		l.facts.FilesWhy = l.say("the files of Windows images are not read")
		return &l.facts
	}
	source.wire.most.Store(r.options.Limits.Compressed)
	if l.facts.Files, err = readFiles(ctx, image, r.options.Limits); err != nil {
		l.facts.Files, l.facts.FilesWhy = nil, l.say(explain(err, ref))
		return &l.facts
	}
	r.cache.put(top, l.key.Platform, &l.facts)
	return &l.facts
}

func (l *look) unknown(why string) *harden.ImageFacts {
	return &harden.ImageFacts{Why: l.say(why), Platform: l.facts.Platform, Time: l.facts.Time}
}

// say names the image. Registries and images are free in what they send: nothing of it may reach a terminal as a command.
func (l *look) say(why string) string {
	printable := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, why)
	return "image " + quote(l.key.Reference) + ": " + printable
}
