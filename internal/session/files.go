package session

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/cluster"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// FileOptions say how files are looked at.
type FileOptions struct {
	DefaultNamespace string // of objects that name none
	Settings         harden.Settings
	Look             LookOptions
}

// OpenFiles starts a session over manifests. Files of which nothing could be
// read are an error; what else is wrong with them tells Incomplete.
func OpenFiles(paths []string, stdin io.Reader, opts FileOptions) (*Session, error) {
	set, err := files.Load(paths, stdin, files.Options{DefaultNamespace: opts.DefaultNamespace})
	if err != nil && (set == nil || len(set.Documents()) == 0) {
		return nil, err
	}
	src := &fileSource{paths: paths, set: set, err: err, now: time.Now}
	return newSession(src, &outside{opts: opts.Look}, opts.Settings, time.Now), nil
}

type fileSource struct {
	paths []string
	set   *files.Set
	err   error
	now   func() time.Time
}

func (f *fileSource) title() string { return strings.Join(f.paths, " ") }

func (f *fileSource) live() bool { return false }

func (f *fileSource) close() {}

func (f *fileSource) read(_ context.Context, scope harden.Scope) (*harden.Inventory, error) {
	inv := f.set.Inventory(f.now())
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
	return f.set.Inventory(f.now()), nil
}

func (f *fileSource) object(_ context.Context, ref harden.Ref) (*unstructured.Unstructured, error) {
	o := f.set.Object(ref.Key())
	if o == nil {
		return nil, fmt.Errorf("reading %s: not in the files", ref.Long())
	}
	return o, nil
}

func (f *fileSource) reports(context.Context, []string, func(repository, digest string) bool) ([]cluster.Report, []harden.Unread) {
	return nil, nil
}

// rewrite is the text of all files, one after the other, with the plan carried out.
func (f *fileSource) rewrite(p *harden.Plan, conv managedfields.TypeConverter) ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	after := map[harden.Key]*unstructured.Unstructured{}
	for _, op := range p.Objects {
		if op.Verb == harden.Create {
			return nil, fmt.Errorf("rewriting: %s is new, and new objects are not written into files", op.Target.Long())
		}
		// Not op.After: that is for looking at, without what people need not see.
		o, err := plan.Project(f.set.Object(op.Target.Key()), op.Set, op.Remove, conv)
		if err != nil {
			return nil, err
		}
		after[op.Target.Key()] = o
	}
	rewritten, err := f.set.Rewrite(after)
	if err != nil {
		return nil, err
	}
	var out []byte
	for i, file := range rewritten {
		if i > 0 && !startsDocument(file.Data) {
			out = append(out, "---\n"...)
		}
		out = append(out, file.Data...)
		if n := len(out); n > 0 && out[n-1] != '\n' {
			out = append(out, '\n')
		}
	}
	return out, nil
}

// startsDocument reports whether the text begins a document of its own, so that
// it can follow another file.
func startsDocument(text []byte) bool { return bytes.HasPrefix(text, []byte("---")) }
