package harden

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// An Object is one that carries no pod template: what rules of SubjectObject
// judge, and what other rules look up.
type Object struct {
	Ref Ref
	// Content is a pointer to the type of k8s.io/api where there is one, a
	// *SecretMeta for a Secret, and an *unstructured.Unstructured for custom resources.
	Content metav1.Object
}

// Objects are those that were read, by kind, each list ordered by namespace,
// name and source. A kind that was listed has an entry even if there are none.
type Objects map[schema.GroupKind][]*Object

// A SecretMeta is what is known of a Secret: its data is never read. The value of
// kubectl's last-applied-configuration is dropped, its key is kept.
type SecretMeta struct {
	metav1.ObjectMeta
	Type corev1.SecretType // empty when the server did not tell
	// Keys are the names of its entries, sorted; known for files alone.
	Keys []string
	// Entries is how many there are; -1 when that is not known.
	Entries int
}

// Listed reports whether objects of the kind were read, be there some or none.
// Where it is false, Unreadable tells whether they could not be, or the server
// has no such kind (or no file such an object).
func (i *Inventory) Listed(kind schema.GroupKind) bool {
	_, ok := i.Others[kind]
	return ok
}

// Object finds one; of several in files that with the last source. Nil: there is none.
func (i *Inventory) Object(kind schema.GroupKind, namespace, name string) *Object {
	list := i.Others[kind]
	at, found := slices.BinarySearchFunc(list, [2]string{namespace, name}, func(o *Object, key [2]string) int {
		return cmp.Or(strings.Compare(o.Ref.Namespace, key[0]), strings.Compare(o.Ref.Name, key[1]))
	})
	if !found {
		return nil
	}
	for at+1 < len(list) && list[at+1].Ref.Namespace == namespace && list[at+1].Ref.Name == name {
		at++
	}
	return list[at]
}

// InNamespace are the objects of the kind in one namespace; "" for those of the cluster.
func (i *Inventory) InNamespace(kind schema.GroupKind, namespace string) []*Object {
	list := i.Others[kind]
	from, _ := slices.BinarySearchFunc(list, namespace, func(o *Object, ns string) int { return strings.Compare(o.Ref.Namespace, ns) })
	to := from
	for to < len(list) && list[to].Ref.Namespace == namespace {
		to++
	}
	return list[from:to]
}

// All goes through the objects of a kind that have the content T.
func All[T metav1.Object](i *Inventory, kind schema.GroupKind) iter.Seq2[*Object, T] {
	return func(yield func(*Object, T) bool) {
		for _, o := range i.Others[kind] {
			if t, ok := o.Content.(T); ok && !yield(o, t) {
				return
			}
		}
	}
}

// Content is that of an object as T; the zero value for no object and for another type.
func Content[T metav1.Object](o *Object) T {
	var none T
	if o == nil {
		return none
	}
	if t, ok := o.Content.(T); ok {
		return t
	}
	return none
}

// Add puts an object into the list of its kind; Sort must follow.
func (o Objects) Add(object *Object) {
	kind := object.Ref.GroupVersionKind().GroupKind()
	o[kind] = append(o[kind], object)
}

// Sort orders all lists.
func (o Objects) Sort() {
	for _, list := range o {
		slices.SortStableFunc(list, CompareObjects)
	}
}

// CompareObjects orders objects as a list of Objects holds them.
func CompareObjects(a, b *Object) int {
	return cmp.Or(
		strings.Compare(a.Ref.Namespace, b.Ref.Namespace), strings.Compare(a.Ref.Name, b.Ref.Name),
		strings.Compare(a.Ref.Source.File, b.Ref.Source.File), cmp.Compare(a.Ref.Source.Document, b.Ref.Source.Document), cmp.Compare(a.Ref.Source.Item, b.Ref.Source.Item),
	)
}
