package plan

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Lookup is the value at the path of the object, and whether there is one. It
// is shared with the object.
func Lookup(u *unstructured.Unstructured, path harden.Path) (any, bool) {
	return lookup(u.Object, path)
}

// Put sets the value at the path of the object and creates what leads there;
// a new list item comes last in its list.
func Put(u *unstructured.Unstructured, path harden.Path, value any) { put(u.Object, path, value) }

// Drop takes the field or list item at the path out of the object, and a list
// that becomes empty by that. It is an error when the path leads into an atomic list.
func Drop(u *unstructured.Unstructured, path harden.Path) error {
	_, err := drop(u.Object, path)
	return err
}

// Within reports whether the path lies at or below the other.
func Within(path, other harden.Path) bool { return within(path, other) }
