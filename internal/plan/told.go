package plan

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Versions of the APIs that tell about owners; a server may have others.
const (
	argoVersion   = "argoproj.io/v1alpha1"
	fluxKustomize = "kustomize.toolkit.fluxcd.io/v1"
	fluxHelm      = "helm.toolkit.fluxcd.io/v2"
	fluxSource    = "source.toolkit.fluxcd.io/v1"
)

// Tellers are the objects that could say who writes this one, from where and
// when, by the marks on it: Kustomizations and HelmReleases of Flux, Applications
// of Argo CD. An Application of which only the name is known has no namespace.
// Whether it is theirs at all is for Build to say.
func Tellers(object *unstructured.Unstructured) []harden.Ref {
	var refs []harden.Ref
	labels := object.GetLabels()
	add := func(apiVersion, kind, namespace, name string) {
		if name != "" {
			refs = append(refs, harden.Ref{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name})
		}
	}
	add(fluxKustomize, "Kustomization", labels[kustomizeMark+"namespace"], labels[kustomizeMark+"name"])
	add(fluxHelm, "HelmRelease", labels[helmMark+"namespace"], labels[helmMark+"name"])
	namespace, app := applicationOf(object)
	add(argoVersion, "Application", namespace, app)
	return refs
}

// Sources are the objects that say where the teller gets its objects from, or
// where it comes from itself.
func Sources(teller *unstructured.Unstructured) []harden.Ref {
	switch teller.GetKind() {
	case "Kustomization":
		return sourceRef(teller, "spec", "sourceRef")
	case "HelmChart":
		return sourceRef(teller, "spec", "sourceRef")
	case "HelmRelease":
		refs := append(sourceRef(teller, "spec", "chart", "spec", "sourceRef"), sourceRef(teller, "spec", "chartRef")...)
		return append(refs, Tellers(teller)...)
	case "Application":
		return Tellers(teller)
	default:
		return nil
	}
}

// sourceRef reads a reference to an object of Flux's source API, which is in the
// namespace of the teller unless it says otherwise.
func sourceRef(teller *unstructured.Unstructured, path ...string) []harden.Ref {
	ref, _, _ := unstructured.NestedStringMap(teller.Object, path...)
	if ref["name"] == "" || ref["kind"] == "" {
		return nil
	}
	namespace := ref["namespace"]
	if namespace == "" {
		namespace = teller.GetNamespace()
	}
	return []harden.Ref{{APIVersion: fluxSource, Kind: ref["kind"], Namespace: namespace, Name: ref["name"]}}
}

// told is what owners say of themselves.
type told struct{ facts harden.OwnerFacts }

// object is the teller, or nil with the reason in words why nothing is known of it.
// The reason is empty when nobody looked.
func (t told) object(ref harden.Ref) (*unstructured.Unstructured, string) {
	for _, o := range t.facts.Objects {
		if isMeant(ref, refOf(o)) {
			return o, ""
		}
	}
	for _, m := range t.facts.Missing {
		if !isMeant(ref, m.Ref) {
			continue
		}
		if m.Forbidden {
			return nil, fmt.Sprintf("%s may not be read (%s): who may read it could say where this comes from and when it is written next", longName(m.Ref), line(m.Why))
		}
		return nil, fmt.Sprintf("%s: %s; it may be in the cluster from which this one is managed", longName(m.Ref), line(m.Why))
	}
	return nil, ""
}

// isMeant reports whether the reference is to the object; its version does not
// count, nor does its namespace where the reference has none.
func isMeant(ref, object harden.Ref) bool {
	return ref.GroupVersionKind().GroupKind() == object.GroupVersionKind().GroupKind() && ref.Name == object.Name &&
		(ref.Namespace == "" || ref.Namespace == object.Namespace)
}

// longName is KIND NAMESPACE/NAME, as owners are named.
func longName(r harden.Ref) string {
	return line(r.Kind + " " + strings.TrimPrefix(r.Namespace+"/"+r.Name, "/"))
}

func nameOf(o *unstructured.Unstructured) string { return longName(refOf(o)) }

// said is a text of the object, fit for one line; empty when there is none.
func said(o *unstructured.Unstructured, path ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, path...)
	return line(s)
}

func isTrue(o *unstructured.Unstructured, path ...string) bool {
	b, _, _ := unstructured.NestedBool(o.Object, path...)
	return b
}

// maxSaid is how much of one text of an owner is kept, in bytes.
const maxSaid = 300

// line makes a text of a stranger fit for one line.
func line(s string) string {
	if s = harden.OneLine(s); len(s) > maxSaid {
		return strings.ToValidUTF8(s[:maxSaid], "") + "…"
	}
	return s
}

// fieldOwners says who holds each of the paths of the object. What is not there
// yet is held by nobody.
func fieldOwners(object *unstructured.Unstructured, paths []harden.Path) []harden.FieldOwners {
	var writers []writer
	for _, entry := range object.GetManagedFields() {
		if fields, err := entrySet(entry); err == nil && entry.Subresource == "" {
			writers = append(writers, writer{entry.Manager, entry.Operation == metav1.ManagedFieldsOperationApply, fields})
		}
	}
	var out []harden.FieldOwners
	for _, path := range paths {
		f := harden.FieldOwners{Field: PathString(path)}
		_, there := lookup(object.Object, path)
		for _, w := range writers {
			if there && w.holds(path) {
				f.Managers = append(f.Managers, harden.FieldOwner{Manager: line(w.manager), Applies: w.applies})
			}
		}
		out = append(out, f)
	}
	return out
}
