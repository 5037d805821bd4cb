package images

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// protocol is the version of what parent and child say to each other. They are
// the same program, unless somebody replaced its file while it ran.
const protocol = 1

// Settings are what a child process is told first, as a line of JSON on its
// stdin. A line for each Task follows; a line for each Looked comes back on its
// stdout, in any order.
type Settings struct {
	Protocol     int
	Insecure     []string
	Offline      bool
	CacheDir     string
	Limits       Limits
	Silence      time.Duration
	Wait         time.Duration
	Mirrors      map[string][]string
	Database     string
	DatabaseWhy  string
	JavaDatabase string
	Server       string
	ServerToken  string
	Timeout      time.Duration
	Memory       int64
	Stamp        string // of results that are kept, see scanStamp
}

// A Task is an image for the child process to look into.
type Task struct {
	ID          int
	Key         harden.ImageKey
	Credentials Credentials
	Scan        bool
	SBOM        string
}

// An answer is what the child process says. The first one has no ID and Looked.
type answer struct {
	Protocol int
	ID       int
	Looked   *Looked
	Failed   string // why the child cannot work at all
}

// Credentials are those for one image, as the child process gets them: it asks
// no credential helpers and reads no configuration.
type Credentials struct {
	For map[string][]authn.AuthConfig // by repository
	Why string                        // what could not be asked
}

// Resolve returns the first credentials for a repository.
func (c Credentials) Resolve(target authn.Resource) (authn.Authenticator, error) {
	for _, a := range c.all(target) {
		return a, nil
	}
	return authn.Anonymous, nil
}

func (c Credentials) all(target authn.Resource) []authn.Authenticator {
	var all []authn.Authenticator
	for _, config := range c.For[target.String()] {
		all = append(all, authn.FromConfig(config))
	}
	return all
}

// resolve asks for all credentials that an image may need: those for its
// registry, and for the mirrors of it.
func (r *Reader) resolve(ctx context.Context, key harden.ImageKey, given authn.Keychain) Credentials {
	c := Credentials{For: map[string][]authn.AuthConfig{}}
	ref, err := r.parse(key.Reference)
	if err != nil {
		return c
	}
	repositories := []name.Repository{ref.Context()}
	for _, host := range r.options.Mirrors[hostOf(ref)] {
		if there, err := r.at(host, ref); err == nil {
			repositories = append(repositories, there.Context())
		}
	}
	var whys error
	for _, repository := range repositories {
		found, why := r.credentials(ctx, given, repository)
		whys = cmp.Or(whys, why)
		for _, a := range found {
			config, err := authn.Authorization(ctx, a)
			switch {
			case err != nil:
				whys = cmp.Or(whys, errors.New("reading your credentials for it: "+err.Error()))
			case *config != authn.AuthConfig{}:
				c.For[repository.String()] = append(c.For[repository.String()], *config)
			}
		}
	}
	if whys != nil {
		c.Why = whys.Error()
	}
	return c
}
