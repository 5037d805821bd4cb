// Package database keeps the vulnerability database of Trivy, and its database
// of jar files, in a folder of this program: downloaded from a registry,
// checked, and renewed as their makers advise. Of Trivy it needs nothing.
//
// The folder holds a folder for each database, by the digest of what was
// downloaded, and a small file for each kind that names the current one.
// Processes may share it: a download has a lock, a database appears whole or
// not at all, and one that a process has been given stays until it ends.
package database

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// Options say which databases are wanted and where they come from.
type Options struct {
	Dir              string   // where they are kept; empty: DefaultDir
	Repositories     []string // references, tried in this order; empty: DefaultRepositories
	JavaRepositories []string // empty: DefaultJavaRepositories
	// Path is a folder with trivy.db and metadata.json, or one whose folder db has
	// them, such as Trivy's own cache. It is used as it is, and never written.
	Path      string
	Offline   bool              // what is there is used, nothing is downloaded
	Java      bool              // the database of jar files is downloaded, too; one that is there is always given
	Insecure  []string          // registries that may be spoken to over plain HTTP
	Keychain  authn.Keychain    // nil: the user's
	Transport http.RoundTripper // nil: that of go-containerregistry
	Silence   time.Duration     // how long a registry may send nothing; zero: 30 seconds
	Wait      time.Duration     // before something is asked for again, doubled each time; zero: a second
	Now       func() time.Time  // nil: time.Now
}

// Progress tells how many bytes of what are there, of how many; 0 of 0 when it is
// something to wait for. What is in words for people.
type Progress func(what string, done, total int64)

// Status is what Ensure came to.
type Status struct {
	// Dir holds trivy.db and metadata.json; empty when there is no database that
	// can be used.
	Dir string
	// JavaDir holds trivy-java.db and metadata.json; empty when there is none.
	JavaDir string
	// Updated is when the database was built, Next when a newer one is due,
	// Downloaded when this one came; zero where that is not known.
	Updated, Next, Downloaded time.Time
	// Stale says that a newer database has been due for more than StaleAfter: what
	// became known since is missing.
	Stale  bool
	Source string // the reference that it came from, or the folder
	// Why is why there is none, why it is stale, or why it could not be renewed.
	Why     string
	JavaWhy string // the same about the database of jar files, if that was wanted
}

// StaleAfter is how long a newer database may be due. Trivy's is built every
// few hours and names the next day as the time of the next, so that a stale one
// is two days old: longer than a registry is out of order, or a weekend's image
// is not rebuilt, and about as long as it takes until a new vulnerability is
// used.
const StaleAfter = 24 * time.Hour

// The repositories that Trivy takes by default.
var (
	DefaultRepositories     = []string{"mirror.gcr.io/aquasec/trivy-db:2", "ghcr.io/aquasecurity/trivy-db:2"}
	DefaultJavaRepositories = []string{"mirror.gcr.io/aquasec/trivy-java-db:1", "ghcr.io/aquasecurity/trivy-java-db:1"}
)

// DefaultDir is $XDG_CACHE_HOME/kubectl-harden/db, found as images.CacheLocation is.
func DefaultDir() (string, error) {
	beside, err := images.CacheLocation()
	if err != nil {
		return "", errors.New("there is no place for the vulnerability database, as there is no home folder: set XDG_CACHE_HOME, or name a folder that has one with --db-path")
	}
	return filepath.Join(filepath.Dir(beside), "db"), nil
}

// Ensure finds the databases, and downloads them unless those at hand are of
// today. The error is that of ctx, or says which option is wrong; what else goes
// wrong is said in Status, and an older database is kept and given instead.
func Ensure(ctx context.Context, o Options, p Progress) (Status, error) {
	e := ensurer{options: o, progress: p}
	if err := e.complete(); err != nil {
		return Status{}, err
	}
	if e.options.Dir == "" && o.Path == "" {
		dir, err := DefaultDir()
		if err != nil {
			return Status{Why: err.Error()}, nil
		}
		e.options.Dir = dir
	}
	vulnerabilities := e.ensure(ctx, vulnerabilityKind, e.options.Repositories)
	s := Status{
		Dir: vulnerabilities.dir, Source: vulnerabilities.source, Why: vulnerabilities.why, Stale: vulnerabilities.stale(e.options.Now()),
		Updated: vulnerabilities.metadata.UpdatedAt, Next: vulnerabilities.metadata.NextUpdate, Downloaded: vulnerabilities.metadata.DownloadedAt,
	}
	switch {
	case ctx.Err() != nil:
	case o.Java:
		java := e.ensure(ctx, javaKind, e.options.JavaRepositories)
		s.JavaDir, s.JavaWhy = java.dir, java.why
	case o.Path != "":
		s.JavaDir = atPath(javaKind, o.Path).dir
	default:
		s.JavaDir = store{dir: e.options.Dir, kind: javaKind}.take().dir
	}
	return s, ctx.Err()
}

// An ensurer is one call of Ensure.
type ensurer struct {
	options  Options
	progress Progress
	reader   *images.Reader
}

func (e *ensurer) complete() error {
	o := &e.options
	if o.Now == nil {
		o.Now = time.Now
	}
	if e.progress == nil {
		e.progress = func(string, int64, int64) {}
	}
	o.Wait = cmp.Or(o.Wait, time.Second)
	if len(o.Repositories) == 0 {
		o.Repositories = DefaultRepositories
	}
	if len(o.JavaRepositories) == 0 {
		o.JavaRepositories = DefaultJavaRepositories
	}
	e.reader = images.New(images.Options{Keychain: o.Keychain, Insecure: o.Insecure, Transport: o.Transport, Silence: o.Silence, Wait: o.Wait})
	for _, list := range [][]string{o.Repositories, o.JavaRepositories} {
		for _, r := range list {
			if err := e.reader.CheckReference(r); err != nil {
				return fmt.Errorf("database repository %q: %w", r, err)
			}
		}
	}
	return nil
}
