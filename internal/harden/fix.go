package harden

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A Fix is one way to repair a finding: data that can be shown, merged,
// exported, tested, applied and undone.
type Fix struct {
	Title    string // a verb phrase
	Class    Class
	Evidence []Claim
	// Changes are made in order; usually one. Empty when Manual says what a
	// person has to do instead.
	Changes []Change
	// Manual is what a person has to do where no change can be said or sent.
	Manual string
	// Warning is what the fix may break, in one sentence; optional.
	Warning string
}

// A Change names one object and says what must be true and what must be gone.
type Change struct {
	Target Ref // the owner that must change, never a controlled Pod
	Verb   Verb
	// Set is a partial object: apiVersion, kind, metadata.name, metadata.namespace
	// and what must be true; the body of a server-side apply.
	Set *unstructured.Unstructured
	// Remove are fields or list items that must be gone, addressed by key.
	// A path may lead to a field of the object or to an item of a list map.
	Remove []Path
}

// Verb is what a change does with its target.
type Verb int

// Verbs.
const (
	Apply  Verb = iota // change an object that exists
	Create             // make a new one
)

var verbNames = []string{"apply", "create"}

func (v Verb) String() string { return name(verbNames, int(v)) }

// MarshalText writes the name.
func (v Verb) MarshalText() ([]byte, error) { return []byte(v.String()), nil }
