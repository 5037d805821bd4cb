package harden

import (
	"bytes"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A FileChange is one file before and after an edit.
type FileChange struct {
	Path   string // as the user named it, or below a folder that they named; "-" for standard input
	Before []byte // as it was read; nil for a file that will be made
	After  []byte
	Notes  []string // what a person should know: an anchor that was written out, a shared base
}

// New reports whether the file will be made.
func (c FileChange) New() bool { return c.Before == nil }

// Changed reports whether writing it would change anything.
func (c FileChange) Changed() bool { return c.Before == nil || !bytes.Equal(c.Before, c.After) }

// An ObjectChange is what must become of one object, whoever carries it out.
type ObjectChange struct {
	Target Ref
	Before *unstructured.Unstructured // as the source says it now, or as it is on the cluster; nil for an object that will be made
	After  *unstructured.Unstructured
	// Set and Remove are the fix itself, as in ObjectPlan: what is to be carried over
	// to a source that says less than Before. Set is nil for removals alone.
	Set    *unstructured.Unstructured
	Remove []Path
	// Of is the object of the finding that a new object is for; zero otherwise.
	Of Ref
}

// SourceKind says what brings an object.
type SourceKind string

// Source kinds.
const (
	SourceManifest  SourceKind = "manifest"      // a document in a file
	SourceKustomize SourceKind = "kustomization" // what a kustomization renders
	SourceHelm      SourceKind = "chart"         // what a chart renders
)

// SourceOptions say where the sources of objects are looked for.
type SourceOptions struct {
	Folder string   // a checkout, or a part of it
	Values []string // values files of the release, as given to helm with -f, in that order
	// KubeVersion is the GitVersion of the cluster, for which charts are rendered; empty: helm's default.
	KubeVersion string
}

// SourceEdits is what changes in a checkout, so that a plan comes from there.
type SourceEdits struct {
	Files   []FileChange   // each once, with the edits of all objects in it
	Objects []SourceObject // one for each object of the plan, in its order
}

// A SourceObject tells where one object comes from, and whether its change was
// brought there.
type SourceObject struct {
	Object Ref
	Kind   SourceKind // empty when it was not found
	Where  string     // the file, the folder of the kustomization, or the chart
	Files  []string   // those that are changed for it; none when nothing is
	// Why says why there is no edit: not found, several places, or that what is
	// rendered after it is not what was planned.
	Why string
	// Notes are what a person should know about the edit.
	Notes []string
}

// Brought reports whether the change of the object is in the files.
func (o SourceObject) Brought() bool { return o.Why == "" }

// An ExportForm is what a plan is exported as.
type ExportForm string

// Forms of an export.
const (
	ExportKustomize ExportForm = "kustomize" // a kustomization with a patch an object
	ExportManifests ExportForm = "manifests" // a file an object: partial objects for kubectl apply --server-side
)
