package session

import (
	"context"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
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
	Offline                                        bool          // nothing is downloaded: neither database nor images
	Server, ServerToken                            string        // a Trivy server that matches instead of a database here
	ImageTimeout                                   time.Duration // for one image; zero: that of images.ScannerOptions
	Parallel                                       int           // images at a time; zero: that of images.ScannerOptions
	// ProbeImage is the image of the ephemeral container that looks into
	// containers without a shell; empty: those are not looked into.
	ProbeImage string
}

// outside looks at registries, running containers and kubelets.
type outside struct {
	config *rest.Config // nil for files
	opts   LookOptions

	mu     sync.Mutex
	reader *images.Reader
}

// parallelImages bounds how many images are read at once.
const parallelImages = 4

func (o *outside) images(ctx context.Context, wanted map[harden.ImageKey][]*harden.Workload, opts harden.EvidenceOptions, progress func(done, total int)) map[harden.ImageKey]*harden.ImageFacts {
	reader := o.imageReader()
	found := map[harden.ImageKey]*harden.ImageFacts{}
	var g errgroup.Group
	g.SetLimit(parallelImages)
	var mu sync.Mutex
	progress(0, len(wanted))
	for key, workloads := range wanted {
		g.Go(func() error {
			var credentials authn.Keychain
			why := ""
			if opts.PullSecrets {
				credentials, why = o.pullSecrets(ctx, workloads)
			}
			facts := reader.Look(ctx, key, credentials)
			if !facts.Known && why != "" {
				facts.Why += "; " + why
			}
			mu.Lock()
			defer mu.Unlock()
			found[key] = facts
			progress(len(found), len(wanted))
			return nil
		})
	}
	_ = g.Wait() // nothing in it fails
	return found
}

func (o *outside) imageReader() *images.Reader {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reader == nil {
		dir, err := images.CacheLocation()
		if err != nil {
			dir = "" // without a home there is no cache
		}
		o.reader = images.New(images.Options{Insecure: o.opts.Insecure, CacheDir: dir})
	}
	return o.reader
}

// pullSecrets reads the pull secrets of the workloads and of their
// ServiceAccounts. Why says what could not be read.
func (o *outside) pullSecrets(ctx context.Context, workloads []*harden.Workload) (credentials authn.Keychain, why string) {
	if o.config == nil {
		return nil, ""
	}
	client, err := kubernetes.NewForConfig(o.config)
	if err != nil {
		return nil, err.Error()
	}
	var secrets []corev1.Secret
	seen := map[string]bool{}
	get := func(namespace string, refs []corev1.LocalObjectReference) {
		for _, r := range refs {
			if seen[namespace+"/"+r.Name] {
				continue
			}
			seen[namespace+"/"+r.Name] = true
			s, err := client.CoreV1().Secrets(namespace).Get(ctx, r.Name, metav1.GetOptions{})
			if err != nil {
				why = "pull secret " + namespace + "/" + r.Name + ": " + err.Error()
				continue
			}
			secrets = append(secrets, *s)
		}
	}
	for _, w := range workloads {
		spec, ns := &w.Template.Spec, w.Ref.Namespace
		get(ns, spec.ImagePullSecrets)
		name := spec.ServiceAccountName
		if name == "" {
			name = "default"
		}
		account, err := client.CoreV1().ServiceAccounts(ns).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			why = "ServiceAccount " + ns + "/" + name + ": " + err.Error()
			continue
		}
		get(ns, account.ImagePullSecrets)
	}
	credentials, err = images.PullSecrets(secrets)
	if err != nil {
		why = err.Error()
	}
	return credentials, why
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
	return probe.New(probe.Options{Config: o.config, Image: o.opts.ProbeImage})
}
