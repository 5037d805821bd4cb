package plan

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A candidate is a fix that may go into the plan.
type candidate struct {
	finding *harden.Finding
	fix     harden.Fix
	changes []harden.Change // of fix, as plain JSON values
	paths   []harden.Path   // what the changes touch: leaves of Set and Remove

	others  []*candidate // further fixes of the finding that may be planned, best first
	best    *harden.Fix  // where this one is not the best fix of the finding: that one
	refused string       // and why it is not taken; empty for the best
}

// A merged object is the union of what the accepted fixes ask of one object.
type merged struct {
	ref    harden.Ref
	verb   harden.Verb
	set    *unstructured.Unstructured // nil: nothing yet
	remove []harden.Path
	fixes  []*candidate
}

// with is the union with one more change, or the reason why there is none: a
// *contradiction, or an error of the schema. M itself is not changed.
func (m *merged) with(c *candidate, change harden.Change, conv managedfields.TypeConverter) (*merged, error) {
	next := &merged{ref: m.ref, verb: m.verb, set: m.set, remove: slices.Clone(m.remove), fixes: slices.Clone(m.fixes)}
	if change.Verb == harden.Create {
		next.verb = harden.Create
	}
	if change.Set != nil {
		if err := m.contradicts(change.Set, conv); err != nil {
			return nil, err
		}
		base := m.set
		if base == nil {
			base = harden.Partial(m.ref)
		}
		set, err := merge(base, change.Set, conv)
		if err != nil {
			return nil, err
		}
		next.set = set
	}
	next.remove = outermost(append(next.remove, change.Remove...))
	if err := next.setsWhatIsRemoved(conv); err != nil {
		return nil, err
	}
	if !slices.Contains(next.fixes, c) {
		next.fixes = append(next.fixes, c)
	}
	return next, nil
}

// A contradiction is a path that two fixes want differently.
type contradiction struct {
	path harden.Path
	how  string // with %s for the path
}

func (c *contradiction) Error() string { return fmt.Sprintf(c.how, PathString(c.path)) }

// contradicts looks for leaves with another value; atomic lists are one leaf.
func (m *merged) contradicts(set *unstructured.Unstructured, conv managedfields.TypeConverter) error {
	if m.set == nil {
		return nil
	}
	mine, err := toTyped(m.set, conv)
	if err != nil {
		return err
	}
	theirs, err := toTyped(set, conv)
	if err != nil {
		return err
	}
	changes, err := mine.Compare(theirs)
	if err != nil {
		return fmt.Errorf("comparing the changes of %s: %w", m.ref, err)
	}
	for _, path := range Paths(changes.Modified) {
		return &contradiction{path, "%s is set to different values"}
	}
	return nil
}

// setsWhatIsRemoved looks for something that is set at or below what is taken
// away. Setting the zero that the server stores as absent is no contradiction.
func (m *merged) setsWhatIsRemoved(conv managedfields.TypeConverter) error {
	if m.set == nil || len(m.remove) == 0 {
		return nil
	}
	leaves, err := FieldSet(m.set, conv)
	if err != nil {
		return err
	}
	for _, leaf := range Paths(leaves) {
		for _, gone := range m.remove {
			if !within(leaf, gone) {
				continue
			}
			v, _ := lookup(m.set.Object, leaf)
			if zero, ok := zeroOf(m.set.GroupVersionKind(), leaf); ok && sameScalar(zero, v) && len(leaf) == len(gone) {
				continue
			}
			return &contradiction{gone, "%s is both set and removed"}
		}
	}
	return nil
}

// whoTouches names the accepted fixes that have to do with the path.
func (m *merged) whoTouches(path harden.Path) string {
	var ids []string
	for _, c := range m.fixes {
		if touchesAny(c.paths, path) && !slices.Contains(ids, c.finding.Fixer.ID) {
			ids = append(ids, c.finding.Fixer.ID)
		}
	}
	return strings.Join(ids, ", ")
}

// touchesAny reports whether one of the paths lies at, below or above the path.
func touchesAny(paths []harden.Path, path harden.Path) bool {
	return slices.ContainsFunc(paths, func(p harden.Path) bool { return within(p, path) || within(path, p) })
}

// effective is what of the change the object does not have yet. Identical
// values go, the keys that address what stays do not; neither does the name
// next to a field of a list item that stays (a mount without its volume's name
// would be invalid once its owner gives it up). Set is nil when nothing is left.
func effective(before, set *unstructured.Unstructured, remove []harden.Path, conv managedfields.TypeConverter) (*unstructured.Unstructured, []harden.Path, error) {
	var left []harden.Path
	for _, path := range remove {
		v, ok := lookup(before.Object, path)
		zero, omitted := zeroOf(before.GroupVersionKind(), path)
		if ok && !(omitted && sameScalar(zero, v)) {
			left = append(left, path)
		}
	}
	if set == nil {
		return nil, left, nil
	}
	out, err := suppress(before, set, conv)
	return out, left, err
}

func suppress(before, set *unstructured.Unstructured, conv managedfields.TypeConverter) (*unstructured.Unstructured, error) {
	leaves, err := FieldSet(set, conv)
	if err != nil {
		return nil, err
	}
	stays, err := unmet(before, set, conv)
	if err != nil || len(stays) == 0 {
		return nil, err
	}
	staying := fieldpath.NewSet(stays...)
	had := slices.DeleteFunc(Paths(leaves), func(path harden.Path) bool { return staying.Has(path) || isKeyLeaf(path) })
	had = slices.DeleteFunc(had, func(path harden.Path) bool { return isNameOf(path, stays) })
	items, err := itemsOf(set, conv)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		v, _ := lookup(set.Object, item)
		_, there := lookup(before.Object, item)
		if there && saysNothing(item[len(item)-1], v) {
			had = append(had, item)
		}
	}
	return Without(set, had, conv)
}

// isKeyLeaf reports whether the path is a key field of a list item.
func isKeyLeaf(path harden.Path) bool {
	n := len(path)
	return n > 1 && path[n-1].FieldName != nil && path[n-2].Key != nil && isKey(path[n-2], *path[n-1].FieldName)
}

// isNameOf reports whether the path is the name field of a list item of which
// something stays.
func isNameOf(path harden.Path, stays []harden.Path) bool {
	n := len(path)
	if n < 2 || path[n-2].Key == nil || path[n-1].FieldName == nil || *path[n-1].FieldName != "name" {
		return false
	}
	return slices.ContainsFunc(stays, func(p harden.Path) bool { return within(p, path[:n-1]) })
}

// duplicates names a list that the paths lead into and in which the object has
// two items of one key, or "": the server refuses or confuses them (KEP-555;
// kubernetes issue 113482).
func duplicates(object *unstructured.Unstructured, paths []harden.Path) string {
	for _, path := range paths {
		for n, pe := range path {
			if pe.Key == nil {
				continue
			}
			v, _ := lookup(object.Object, path[:n])
			list, _ := v.([]any)
			if hasDuplicates(list, *pe.Key) {
				return PathString(path[:n])
			}
		}
	}
	return ""
}
