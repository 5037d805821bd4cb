package harden

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// A Ref names one object, in a cluster or in a file.
type Ref struct {
	APIVersion string
	Kind       string
	Namespace  string // empty for cluster-scoped objects
	Name       string
	UID        types.UID // empty for objects from files
	Source     Source    // zero for objects from a cluster
}

// A Source is the place of an object in a file.
type Source struct {
	File     string // as the user named it; "-" for standard input
	Line     int    // 1-based line where the document starts; 0 where lines mean nothing, such as for what a kustomization renders
	Document int    // 0-based position of the document in the file
	Item     int    // 0-based position in a List kind, -1 when the document is the object itself
}

// IsZero reports whether the object came from a cluster.
func (s Source) IsZero() bool { return s.File == "" }

// String is FILE:LINE, FILE where there are no lines, or empty.
func (s Source) String() string {
	if s.Line == 0 {
		return s.File
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

// A Key identifies an object in an inventory. Its Source tells objects of the
// same name in different files apart.
type Key struct {
	Group, Kind, Namespace, Name string
	Source                       Source
}

// Key is the comparable identity of the object.
func (r Ref) Key() Key {
	return Key{Group: r.GroupVersionKind().Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Source: r.Source}
}

// GroupVersionKind parses APIVersion; a malformed one yields an empty group.
func (r Ref) GroupVersionKind() schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(r.APIVersion, r.Kind)
}

// String is KIND/NAME, as people say it; the namespace is left out.
func (r Ref) String() string { return r.Kind + "/" + r.Name }

// Long is NAMESPACE/KIND/NAME, or KIND/NAME for cluster-scoped objects.
func (r Ref) Long() string {
	if r.Namespace == "" {
		return r.String()
	}
	return r.Namespace + "/" + r.String()
}

// Path is a place in an object; list items are addressed by key, never by index.
type Path = fieldpath.Path

// ContainerKind is the list that a container stands in, with restartable init
// containers ("sidecars", GA in Kubernetes 1.33) told apart.
type ContainerKind string

// Container kinds.
const (
	InitContainer      ContainerKind = "init"
	SidecarContainer   ContainerKind = "sidecar"
	AppContainer       ContainerKind = "app"
	EphemeralContainer ContainerKind = "ephemeral"
)

// A ContainerRef names a container within a pod. The zero value is the pod itself.
type ContainerRef struct {
	Kind ContainerKind
	Name string
}

// IsZero reports whether the reference is to the pod itself.
func (c ContainerRef) IsZero() bool { return c.Name == "" }

// String is KIND:NAME, or empty for the pod.
func (c ContainerRef) String() string {
	if c.IsZero() {
		return ""
	}
	return string(c.Kind) + ":" + c.Name
}

// List is the field of the pod spec that holds the container.
func (c ContainerRef) List() string {
	switch c.Kind {
	case InitContainer, SidecarContainer:
		return "initContainers"
	case EphemeralContainer:
		return "ephemeralContainers"
	default:
		return "containers"
	}
}
