package checkout

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// carry makes the fix of a change on the object as a source says it.
func (c *Checkout) carry(source *unstructured.Unstructured, change harden.ObjectChange) (*unstructured.Unstructured, error) {
	if change.Set == nil && len(change.Remove) == 0 {
		return nil, errors.New("the change does not say what it sets or removes")
	}
	set := change.Set.DeepCopy()
	if set != nil {
		if at := missing("", set.Object, change.Before.Object, source.Object); at != "" {
			return nil, fmt.Errorf("%s is not in it: something else adds that to the object", at)
		}
		identify(set, source)
	}
	// The schema goes by the version, which the source may give otherwise.
	after, err := plan.Project(source, set, change.Remove, c.conv)
	if err != nil {
		return nil, fmt.Errorf("carrying the fix over: %w", err)
	}
	return after, nil
}

// identify gives the body of a fix the version, name and namespace of the source.
func identify(set, source *unstructured.Unstructured) {
	set.SetAPIVersion(source.GetAPIVersion())
	set.SetName(source.GetName())
	if source.GetName() == "" {
		unstructured.RemoveNestedField(set.Object, "metadata", "name")
	}
	set.SetNamespace(source.GetNamespace())
	unstructured.RemoveNestedField(set.Object, "metadata", "uid")
	unstructured.RemoveNestedField(set.Object, "metadata", "resourceVersion")
}

// missing is the first list item that the fix changes and that is on the cluster,
// but not in the source: there the fix would make half an item.
func missing(at string, set, live, source any) string {
	switch set := set.(type) {
	case map[string]any:
		l, _ := live.(map[string]any)
		s, _ := source.(map[string]any)
		for name, v := range set {
			if where := missing(at+"."+name, v, l[name], s[name]); where != "" {
				return where
			}
		}
	case []any:
		l, _ := live.([]any)
		s, _ := source.([]any)
		for _, item := range set {
			m, ok := item.(map[string]any)
			if !ok {
				return ""
			}
			key, id := keyOf(m)
			if key == "" {
				continue
			}
			was := find(l, key, m)
			if was == nil {
				continue // it is new
			}
			is := find(s, key, m)
			where := fmt.Sprintf("%s[%s]", at, id)
			if is == nil {
				return where[1:]
			}
			if deeper := missing(where, m, was, is); deeper != "" {
				return deeper
			}
		}
	}
	return ""
}
