package harden

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A Fix is one way to repair a finding: data that can be shown, merged,
// exported, tested, applied and undone.
type Fix struct {
	Title    string // a verb phrase
	Class    Class
	Effect   Effect // what becomes of the finding
	Evidence []Claim
	// Changes are made in order; usually one. Empty when Manual says what a
	// person has to do instead.
	Changes []Change
	// Manual is what a person has to do where no change can be said or sent.
	Manual string
	// Warning is what the fix may break, in one sentence; optional.
	Warning string
}

// Effect is what a fix is to make of its finding.
type Effect int

// Effects.
const (
	Repairs  Effect = iota // it is gone
	Waives                 // it stays, and does not count any more
	Unwaives               // it stays, and counts again
	Tidies                 // nothing: a waiver goes that did nothing
)

var effectNames = []string{"repair", "waive", "unwaive", "tidy"}

func (e Effect) String() string { return name(effectNames, int(e)) }

// MarshalText writes the name.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads the name.
func (e *Effect) UnmarshalText(text []byte) error {
	i := slices.Index(effectNames, string(text))
	if i < 0 {
		return fmt.Errorf("unknown effect %q", text)
	}
	*e = Effect(i)
	return nil
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
