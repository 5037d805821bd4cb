package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	// parallelOwners bounds how many owners are asked for at once.
	parallelOwners = 8
	// namePage is how many names are asked for at once.
	namePage = 500
)

// usualNamespaces are where Argo CD keeps its Applications when nobody says
// otherwise (argo-cd, manifests; OpenShift GitOps), asked where not all may be listed.
var usualNamespaces = []string{"argocd", "openshift-gitops"}

// ReadOwners reads custom resources that tell about owners, each in a version
// that the server has; managedFields are dropped. A reference without namespace
// means the objects of that name in all namespaces. What cannot be read is in
// Missing: it is no error, since a plan is good without.
func (r *Reader) ReadOwners(ctx context.Context, refs []harden.Ref) harden.OwnerFacts {
	l := &ownerLook{Reader: r, who: r.known(), names: map[schema.GroupKind]*nameList{}}
	for _, ref := range refs {
		l.names[ref.GroupVersionKind().GroupKind()] = &nameList{}
	}
	found := make([][]*unstructured.Unstructured, len(refs))
	missing := make([]*harden.MissingOwner, len(refs))
	var g errgroup.Group
	g.SetLimit(parallelOwners)
	for i, ref := range refs {
		g.Go(func() error {
			found[i], missing[i] = l.read(ctx, ref)
			return nil
		})
	}
	_ = g.Wait() // no part returns an error
	var out harden.OwnerFacts
	for i := range refs {
		out.Objects = append(out.Objects, found[i]...)
		if missing[i] != nil {
			out.Missing = append(out.Missing, *missing[i])
		}
	}
	return out
}

// An ownerLook is one look at owners: names are listed at most once.
type ownerLook struct {
	*Reader
	who   identity
	names map[schema.GroupKind]*nameList
}

type nameList struct {
	once sync.Once
	all  []metav1.ObjectMeta
	err  error
}

func (l *ownerLook) read(ctx context.Context, ref harden.Ref) ([]*unstructured.Unstructured, *harden.MissingOwner) {
	missing := func(why string, forbidden bool) ([]*unstructured.Unstructured, *harden.MissingOwner) {
		return nil, &harden.MissingOwner{Ref: ref, Why: why, Forbidden: forbidden}
	}
	gvk := ref.GroupVersionKind()
	if !l.who.mayHave(gvk.Group) {
		return missing(fmt.Sprintf("this API server has no %s.%s", resourceOf(gvk), gvk.Group), false)
	}
	namespaces, err := []string{ref.Namespace}, error(nil)
	if ref.Namespace == "" {
		namespaces, err = l.namespacesOf(ctx, ref)
	}
	var objects []*unstructured.Unstructured
	for _, ns := range namespaces {
		o, failed := l.get(ctx, ref, ns)
		switch {
		case failed == nil:
			objects = append(objects, o)
		case !apierrors.IsNotFound(failed) && err == nil:
			err = failed
		}
	}
	switch {
	case len(objects) > 0:
		return objects, nil
	case err == nil || apierrors.IsNotFound(err):
		return missing("not found", false)
	default:
		return missing(why(classify(err)), apierrors.IsForbidden(err))
	}
}

// namespacesOf is where objects of that kind and name are. Where not all may be
// listed it is those of the usual places, with the error.
func (l *ownerLook) namespacesOf(ctx context.Context, ref harden.Ref) ([]string, error) {
	list := l.names[ref.GroupVersionKind().GroupKind()]
	list.once.Do(func() { list.all, list.err = l.listKind(ctx, ref) })
	var namespaces []string
	for _, o := range list.all {
		if o.Name == ref.Name {
			namespaces = append(namespaces, o.Namespace)
		}
	}
	return namespaces, list.err
}

// listKind lists the names of all objects of the kind, or those in the usual
// namespaces together with the error that keeps it from listing all.
func (l *ownerLook) listKind(ctx context.Context, ref harden.Ref) (all []metav1.ObjectMeta, err error) {
	resource := resourceOf(ref.GroupVersionKind())
	for _, gv := range l.versions(ref) {
		if all, err = l.listNames(ctx, "/apis/"+gv+"/"+resource); apierrors.IsNotFound(err) {
			continue
		}
		if apierrors.IsForbidden(err) {
			for _, ns := range usualNamespaces {
				// What fails here too is told by the error of the whole list.
				some, _ := l.listNames(ctx, "/apis/"+gv+"/namespaces/"+ns+"/"+resource)
				all = append(all, some...)
			}
		}
		break
	}
	return all, err
}

// get reads the object in the first version that has it. The error is that of
// the last version.
func (l *ownerLook) get(ctx context.Context, ref harden.Ref, namespace string) (o *unstructured.Unstructured, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	gvk := ref.GroupVersionKind()
	for _, version := range l.versions(ref) {
		gv, failed := schema.ParseGroupVersion(version)
		if failed != nil {
			continue
		}
		o, err = l.others.Resource(gv.WithResource(resourceOf(gvk))).Namespace(namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	o.SetManagedFields(nil)
	return o, nil
}

// versions are those of the group that the server has, the one that is meant first.
func (l *ownerLook) versions(ref harden.Ref) []string {
	out := []string{ref.APIVersion}
	for _, gv := range l.who.groups[ref.GroupVersionKind().Group] {
		if gv != ref.APIVersion {
			out = append(out, gv)
		}
	}
	return out
}

// resourceOf is the resource of the kind, by the rule that all of these kinds follow.
func resourceOf(gvk schema.GroupVersionKind) string {
	plural, _ := apimeta.UnsafeGuessKindToResource(gvk)
	return plural.Resource
}

// listNames lists the metadata of the objects, page by page. The objects
// themselves may be large: an Application lists all that it manages.
func (r *Reader) listNames(ctx context.Context, path string) ([]metav1.ObjectMeta, error) {
	const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	var all []metav1.ObjectMeta
	for token := ""; ; {
		request := r.client.Discovery().RESTClient().Get().AbsPath(path).SetHeader("Accept", accept).Param("limit", strconv.Itoa(namePage))
		if token != "" {
			request = request.Param("continue", token)
		}
		answer := request.Do(ctx)
		if err := answer.Error(); err != nil {
			return nil, err
		}
		data, err := answer.Raw()
		if err != nil {
			return nil, err
		}
		var list metav1.PartialObjectMetadataList
		if err := json.Unmarshal(data, &list); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		for _, o := range list.Items {
			all = append(all, metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name})
		}
		if token = list.Continue; token == "" {
			return all, nil
		}
	}
}
