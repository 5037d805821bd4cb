package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A source is one list: a kind in a namespace, or in all of them ("").
type source struct {
	kind      *kind
	namespace string
	selector  string // labels
	field     string // fields
}

// A key tells sources apart.
type key struct{ resource, namespace string }

func (s source) key() key { return key{s.kind.resource, s.namespace} }

// content is what a source held when it was last read.
type content struct {
	source          source
	objects         map[types.NamespacedName]object
	resourceVersion string
	err             error // why it could not be read
}

// absent reports whether the server turned out not to have the kind, which is
// normal for some.
func (c *content) absent() bool { return c.source.kind.group != "" && apierrors.IsNotFound(c.err) }

const (
	pageSize    = 500
	parallelism = 12
)

// sources lists what has to be read of the kinds for a scope.
func sources(kinds []*kind, scope harden.Scope) []source {
	var out []source
	for _, k := range kinds {
		switch {
		case scope.All || !k.namespaced && !k.isNamespace():
			out = append(out, source{kind: k})
		case k.namespaced:
			for _, ns := range scope.Namespaces {
				out = append(out, source{kind: k, namespace: ns})
			}
		case k.isNamespace():
			for _, ns := range scope.Namespaces {
				// Not listed but read by name: rights in a namespace include that, and not more.
				out = append(out, source{kind: k, namespace: ns, field: "metadata.name=" + ns})
			}
		}
	}
	return out
}

func normalize(scope harden.Scope) harden.Scope {
	if scope.All {
		scope.Namespaces = nil
		return scope
	}
	if len(scope.Namespaces) == 0 {
		scope.Namespaces = []string{metav1.NamespaceDefault}
	}
	scope.Namespaces = slices.Clone(scope.Namespaces)
	slices.Sort(scope.Namespaces)
	scope.Namespaces = slices.Compact(scope.Namespaces)
	return scope
}

// A reading says what read reads.
type reading struct {
	scope harden.Scope
	// known are namespaces to look into where they may not be listed.
	known []string
	whole bool   // all that tells how pods are reached
	steps *steps // nil: nobody counts
}

func (r *Reader) read(ctx context.Context, what reading) (*state, error) {
	scope := normalize(what.scope)
	s := newState(scope)
	g, gctx := errgroup.WithContext(ctx)
	var contents, more []*content
	g.Go(func() (err error) {
		if s.who, err = r.identify(gctx); err != nil {
			return err
		}
		optional := slices.DeleteFunc(slices.Clone(r.kinds), func(k *kind) bool { return k.group == "" || s.who.lacks(k) })
		optional = append(optional, r.customKinds(s.who)...)
		if s.who.groups == nil {
			s.unread = append(s.unread, harden.Unread{Resource: harden.CustomResources, Why: "which of them the server has may not be asked"})
		}
		if what.whole {
			optional = append(optional, r.wholeKinds()...)
		}
		more, err = r.readAll(gctx, sources(optional, scope), what.steps)
		return err
	})
	g.Go(func() (err error) {
		always := slices.DeleteFunc(slices.Clone(r.kinds), func(k *kind) bool { return k.group != "" })
		contents, err = r.readAll(gctx, sources(always, scope), what.steps)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", describe(scope), err)
	}
	contents = append(contents, more...)
	if scope.All {
		var err error
		if contents, err = r.namespaceByNamespace(ctx, contents, what); err != nil {
			return nil, fmt.Errorf("reading %s: %w", describe(scope), err)
		}
	}
	for _, c := range contents {
		s.put(c)
	}
	if err := s.nothingRead(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", describe(scope), err)
	}
	var err error
	if s.seen, err = r.readSeen(ctx, s.who, s.daemonSets()); err != nil {
		return nil, fmt.Errorf("reading %s: %w", describe(scope), err)
	}
	return s, nil
}

func describe(scope harden.Scope) string {
	switch {
	case scope.All:
		return "all namespaces"
	case len(scope.Namespaces) == 1:
		return fmt.Sprintf("namespace %q", scope.Namespaces[0])
	default:
		return fmt.Sprintf("namespaces %q", scope.Namespaces)
	}
}

// readAll reads the sources in parallel. Refusals are in the contents; an error
// is one that concerns all.
func (r *Reader) readAll(ctx context.Context, sources []source, steps *steps) ([]*content, error) {
	steps.ahead(len(sources))
	out := make([]*content, len(sources))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelism)
	for i, src := range sources {
		g.Go(func() error {
			c := r.readSource(ctx, src)
			steps.done()
			out[i] = c
			if isFatal(c.err) {
				return c.err
			}
			return nil
		})
	}
	return out, g.Wait()
}

func (r *Reader) readSource(ctx context.Context, src source) *content {
	c := &content{source: src, objects: map[types.NamespacedName]object{}}
	if src.kind.isNamespace() && src.namespace != "" {
		c.err = r.readNamespace(ctx, c)
	} else {
		c.err = r.list(ctx, c)
	}
	if src.kind.group != "" && errors.Is(c.err, ErrUnreachable) {
		c.err = &noAnswer{c.err}
	}
	if c.err != nil {
		clear(c.objects)
	}
	return c
}

func (r *Reader) readNamespace(ctx context.Context, c *content) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	ns, err := r.client.CoreV1().Namespaces().Get(ctx, c.source.namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%w: %w", ErrNamespaceNotFound, err)
	}
	if err != nil {
		return classify(err)
	}
	trim(ns)
	c.objects[types.NamespacedName{Name: ns.Name}] = ns
	return nil
}

// list reads all pages. When the server forgets where it was (a continue token
// lives for about five minutes), it begins anew.
func (r *Reader) list(ctx context.Context, c *content) error {
	const attempts = 3
	var err error
	for range attempts {
		clear(c.objects)
		if err = r.pages(ctx, c); !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
			return err
		}
	}
	return err
}

func (r *Reader) pages(ctx context.Context, c *content) error {
	opts := metav1.ListOptions{Limit: cmp.Or(c.source.kind.limit, pageSize), LabelSelector: c.source.selector, FieldSelector: c.source.field}
	siblings := sharer{}
	for {
		p, err := r.page(ctx, c.source, opts)
		if err != nil {
			return classify(err)
		}
		for _, o := range p.objects {
			siblings.see(o)
			c.objects[types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}] = o
		}
		c.resourceVersion = p.resourceVersion
		if opts.Continue = p.continueWithToken; opts.Continue == "" {
			return nil
		}
	}
}

func (r *Reader) page(ctx context.Context, src source, opts metav1.ListOptions) (page, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	return src.kind.list(ctx, src.namespace, opts)
}

// namespaceByNamespace reads the kinds that may not be listed in all namespaces
// at once in each namespace that is listed or, where that is refused, known. Somebody with rights in a few
// namespaces sees those.
func (r *Reader) namespaceByNamespace(ctx context.Context, contents []*content, what reading) ([]*content, error) {
	names := slices.Clone(what.known)
	var refused []*content
	for _, c := range contents {
		switch {
		case c.source.kind.isNamespace() && c.err == nil:
			names = nil
			for n := range c.objects {
				names = append(names, n.Name)
			}
		case (c.source.kind.namespaced || c.source.kind.isNamespace()) && apierrors.IsForbidden(c.err):
			refused = append(refused, c)
		}
	}
	if len(names) == 0 || len(refused) == 0 {
		return contents, nil
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, whole := range refused {
		var sources []source
		for _, ns := range names {
			sources = append(sources, source{kind: whole.source.kind, namespace: ns})
		}
		parts, err := r.readAll(ctx, sources, what.steps)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(parts, func(c *content) bool { return c.err == nil }) {
			continue // one refusal says it
		}
		// That there may be more namespaces stays said.
		if !whole.source.kind.isNamespace() {
			contents = slices.DeleteFunc(contents, func(c *content) bool { return c == whole })
		}
		contents = append(contents, parts...)
	}
	return contents, nil
}
