package plan

import (
	"cmp"
	"math"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Project is the object as it will be: what a server-side apply of set (nil:
// nothing) makes of before, then without the fields and list items of remove.
// Lists keep their order and new items come last. A list map that becomes empty
// is taken out; a struct that becomes empty stays as {}. The arguments are not
// changed. It is an error when the object does not match its schema, or when a
// path leads into an atomic list.
func Project(before, set *unstructured.Unstructured, remove []harden.Path, conv managedfields.TypeConverter) (*unstructured.Unstructured, error) {
	after := before.DeepCopy()
	if set != nil {
		ordered, err := inOrderOf(before, set, conv)
		if err != nil {
			return nil, err
		}
		if after, err = merge(before, ordered, conv); err != nil {
			return nil, err
		}
	}
	for _, path := range remove {
		if _, err := drop(after.Object, path); err != nil {
			return nil, err
		}
	}
	return after, nil
}

// inOrderOf is a copy of the body with the items of its list maps in the order
// in which the object has them, and new ones after those.
func inOrderOf(object, body *unstructured.Unstructured, conv managedfields.TypeConverter) (*unstructured.Unstructured, error) {
	items, err := itemsOf(body, conv)
	if err != nil {
		return nil, err
	}
	out := body.DeepCopy()
	lists := map[string][]harden.Path{}
	for _, item := range items {
		list := PathString(item[:len(item)-1])
		lists[list] = append(lists[list], item)
	}
	for _, items := range lists {
		at := items[0][:len(items[0])-1]
		theirs, _ := lookup(object.Object, at)
		theirList, _ := theirs.([]any)
		ours, _ := lookup(out.Object, at)
		place := func(item any) int {
			for _, path := range items {
				if pe := path[len(path)-1]; means(pe, item) {
					if i := index(theirList, pe); i >= 0 {
						return i
					}
				}
			}
			return math.MaxInt
		}
		slices.SortStableFunc(ours.([]any), func(a, b any) int { return cmp.Compare(place(a), place(b)) })
	}
	return out, nil
}
