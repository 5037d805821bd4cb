package session

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/cluster"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files"
	"github.com/kubectl-harden/kubectl-harden/internal/source/kustomize"
)

// FileOptions say how files are looked at.
type FileOptions struct {
	DefaultNamespace string         // of objects that name none
	Kustomization    string         // a folder: what it renders is looked at, instead of paths
	Config           *config.Config // nil: nothing is configured
	Look             LookOptions
	Closed           func() // called by Close; may be nil
}

// OpenFiles starts a session over manifests. Files of which nothing could be
// read are an error; what else is wrong with them tells Incomplete.
func OpenFiles(paths []string, stdin io.Reader, opts FileOptions) (*Session, error) {
	set, err := load(paths, stdin, opts)
	if err != nil && (set == nil || len(set.Documents()) == 0) {
		return nil, err
	}
	src := &fileSource{paths: paths, opts: opts, set: set, err: err, now: time.Now}
	return newSession(src, &outside{opts: opts.Look}, opts.Config, time.Now), nil
}

func load(paths []string, stdin io.Reader, opts FileOptions) (*files.Set, error) {
	in := files.Options{DefaultNamespace: opts.DefaultNamespace}
	if opts.Kustomization == "" {
		return files.Load(paths, stdin, in)
	}
	rendered, err := kustomize.Render(opts.Kustomization)
	if err != nil {
		return nil, err
	}
	text, err := rendered.Text()
	if err != nil {
		return nil, err
	}
	return files.LoadTexts([]files.Text{{Name: opts.Kustomization, Data: string(text)}}, in)
}

type fileSource struct {
	paths []string
	opts  FileOptions
	now   func() time.Time

	mu  sync.Mutex
	set *files.Set
	err error // what could not be read
}

// loaded is what was read last, and what of it could not be.
func (f *fileSource) loaded() (*files.Set, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set, f.err
}

// reload reads the files anew, after they were written.
func (f *fileSource) reload() error {
	set, err := load(f.paths, nil, f.opts)
	if set == nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set, f.err = set, err
	return nil
}

func (f *fileSource) title() string {
	if f.opts.Kustomization != "" {
		return f.opts.Kustomization
	}
	return strings.Join(f.paths, " ")
}

func (f *fileSource) live() bool { return false }

func (f *fileSource) close() {
	if f.opts.Closed != nil {
		f.opts.Closed()
	}
}

func (f *fileSource) read(_ context.Context, scope harden.Scope) (*harden.Inventory, error) {
	set, _ := f.loaded()
	inv := set.Inventory(f.now())
	if len(scope.Namespaces) == 0 {
		return inv, nil
	}
	return within(inv, scope.Namespaces), nil
}

// within is the part of the inventory that lies in the namespaces.
func within(inv *harden.Inventory, namespaces []string) *harden.Inventory {
	in := map[string]bool{}
	for _, n := range namespaces {
		in[n] = true
	}
	part := *inv
	part.Workloads, part.Scope = nil, nil
	for _, w := range inv.Workloads {
		if in[w.Ref.Namespace] {
			part.Workloads = append(part.Workloads, w)
		}
	}
	for _, n := range inv.Scope {
		if in[n] {
			part.Scope = append(part.Scope, n)
		}
	}
	part.Namespaces = only(inv.Namespaces, in)
	part.ServiceAccounts = only(inv.ServiceAccounts, in)
	part.NetworkPolicies = only(inv.NetworkPolicies, in)
	part.Clusterwide = false
	part.Others = harden.Objects{}
	for kind, list := range inv.Others {
		part.Others[kind] = slices.DeleteFunc(slices.Clone(list), func(o *harden.Object) bool { return o.Ref.Namespace != "" && !in[o.Ref.Namespace] })
	}
	return &part
}

func only[V any](m map[string]V, in map[string]bool) map[string]V {
	out := map[string]V{}
	for k, v := range m {
		if in[k] {
			out[k] = v
		}
	}
	return out
}

// watch has nothing to tell: files are read once.
func (f *fileSource) watch(context.Context, harden.Scope, *harden.Inventory) <-chan update {
	ch := make(chan update)
	close(ch)
	return ch
}

func (f *fileSource) whole(context.Context, []string, func(done, total int)) (*harden.Inventory, error) {
	set, _ := f.loaded()
	return set.Inventory(f.now()), nil
}

func (f *fileSource) object(_ context.Context, ref harden.Ref) (*unstructured.Unstructured, error) {
	set, _ := f.loaded()
	o := set.Object(ref.Key())
	if o == nil {
		return nil, fmt.Errorf("reading %s: not in the files", ref.Long())
	}
	return o, nil
}

func (f *fileSource) reports(context.Context, []string, func(repository, digest string) bool) ([]cluster.Report, []harden.Unread) {
	return nil, nil
}

// rewrite is the text of all files, one after the other, with the changes made.
func (f *fileSource) rewrite(changes []harden.ObjectChange) ([]byte, error) {
	set, _ := f.loaded()
	rewritten, err := set.Rewrite(changes)
	if err != nil {
		return nil, err
	}
	var out []byte
	for i, file := range rewritten {
		if i > 0 && !startsDocument(file.After) {
			out = append(out, "---\n"...)
		}
		out = append(out, file.After...)
		if n := len(out); n > 0 && out[n-1] != '\n' {
			out = append(out, '\n')
		}
	}
	return out, nil
}

// startsDocument reports whether the text begins a document of its own, so that
// it can follow another file.
func startsDocument(text []byte) bool { return bytes.HasPrefix(text, []byte("---")) }
