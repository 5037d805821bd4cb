package session

import (
	"context"
	"errors"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
	"github.com/kubectl-harden/kubectl-harden/internal/images/database"
	"github.com/kubectl-harden/kubectl-harden/internal/probe"
)

// LookOptions say how images and containers are looked into, once somebody asks.
type LookOptions struct {
	// Insecure are registries that are spoken to over plain HTTP.
	Insecure []string
	Mirrors  map[string][]string // registry host -> hosts that are asked first
	// Repositories of the vulnerability databases (OCI references, tried in
	// order); empty: Trivy's own.
	DatabaseRepositories, JavaDatabaseRepositories []string
	DatabasePath                                   string        // an existing folder with trivy.db, used as it is
	Offline                                        bool          // nothing is fetched: what was kept of images and databases is all there is
	Server, ServerToken                            string        // a Trivy server that matches instead of a database here
	ImageTimeout                                   time.Duration // for one image; zero: that of images.ScannerOptions
	Parallel                                       int           // images at a time; zero: that of images.ScannerOptions
	// ProbeImage is the image of the ephemeral container that looks into
	// containers without a shell; empty: those are not looked into.
	ProbeImage string
	// Flows are connections that something else saw, imported for a look at the network.
	Flows []harden.ObservedFlow
}

// outside looks at registries, running containers and kubelets.
type outside struct {
	config func() *rest.Config // as it is now; nil for files
	opts   LookOptions
}

func (o *outside) credentials() func(context.Context, []*harden.Workload) (authn.Keychain, string) {
	if o.config == nil {
		return func(context.Context, []*harden.Workload) (authn.Keychain, string) { return nil, "" }
	}
	client, err := kubernetes.NewForConfig(o.config())
	if err != nil {
		return func(context.Context, []*harden.Workload) (authn.Keychain, string) { return nil, err.Error() }
	}
	p := &pullSecrets{client: client, secrets: map[string]answer[*corev1.Secret]{}, accounts: map[string]answer[*corev1.ServiceAccount]{}}
	return p.of
}

func (o *outside) flows() []harden.ObservedFlow { return o.opts.Flows }

func (o *outside) registry() registry {
	return images.New(images.Options{Insecure: o.opts.Insecure, Offline: o.opts.Offline, Mirrors: o.opts.Mirrors})
}

func (o *outside) scanner(ctx context.Context, vulnerabilities bool, progress func(what string, done, total int64)) (scanner, error) {
	options := images.ScannerOptions{
		Options: images.Options{Insecure: o.opts.Insecure, Offline: o.opts.Offline, Mirrors: o.opts.Mirrors, CacheDir: cacheDir()}, Parallel: o.opts.Parallel, Timeout: o.opts.ImageTimeout,
		Server: o.opts.Server, ServerToken: o.opts.ServerToken,
	}
	stale := ""
	if vulnerabilities && options.Server == "" {
		status, err := database.Ensure(ctx, database.Options{
			Repositories: o.opts.DatabaseRepositories, JavaRepositories: o.opts.JavaDatabaseRepositories, Java: len(o.opts.JavaDatabaseRepositories) > 0,
			Path: o.opts.DatabasePath, Offline: o.opts.Offline, Insecure: o.opts.Insecure,
		}, progress)
		if err != nil {
			return nil, err
		}
		options.Database, options.DatabaseWhy, options.JavaDatabase = status.Dir, status.Why, status.JavaDir
		if status.Stale {
			stale = status.Why
		}
	}
	return doubtful{images.NewScanner(options), stale}, nil
}

// cacheDir is where facts of images are kept; without a home there is no such place.
func cacheDir() string {
	dir, err := images.CacheLocation()
	if err != nil {
		return ""
	}
	return dir
}

// doubtful is a scanner whose database is stale, unless that is empty: what it
// finds is there, but it does not know all that there is.
type doubtful struct {
	*images.Scanner
	stale string
}

// Look looks into images, and says in each scan what the database lacks.
func (d doubtful) Look(ctx context.Context, wanted []images.Wanted, each func(images.Looked)) error {
	return d.Scanner.Look(ctx, wanted, func(l images.Looked) {
		if d.stale != "" && l.Scan != nil && l.Scan.Known {
			l.Scan.Gaps = append(l.Scan.Gaps, "what became known since: "+d.stale)
		}
		each(l)
	})
}

func (o *outside) probes(ctx context.Context, pods []*corev1.Pod, progress func(done, total int)) map[harden.ProbeKey]*harden.Probe {
	p, err := o.prober()
	if err != nil {
		return nil
	}
	return p.Look(ctx, pods, nil, progress)
}

func (o *outside) kubelets(ctx context.Context, nodes []*corev1.Node) map[string]*harden.Kubelet {
	p, err := o.prober()
	if err != nil {
		return nil
	}
	return p.Kubelets(ctx, nodes)
}

func (o *outside) prober() (*probe.Prober, error) {
	if o.config == nil {
		return nil, errors.New("there are no containers behind files")
	}
	return probe.New(probe.Options{Config: o.config(), Image: o.opts.ProbeImage})
}
