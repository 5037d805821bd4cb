package plan

import (
	"fmt"

	"github.com/aymanbagabas/go-udiff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A View is an object before and after a change, fit to be shown.
type View struct {
	Before, After *unstructured.Unstructured // nil where there is none
	Diff          string                     // as ObjectPlan.Diff
}

// Compare makes the view of a change: without status, managedFields and what
// else the server alone writes, and with the values of Secrets masked, as
// kubectl diff does. The diff shows no credential that lies in another object
// either; the objects have it, since files are written from them. Before is nil for an object that will be made. The answer
// of a dry run can be given as after.
func Compare(target harden.Ref, before, after *unstructured.Unstructured) (View, error) {
	v := View{}
	if before != nil {
		v.Before = stripped(before)
	}
	if after != nil {
		v.After = stripped(after)
		if before == nil {
			v.After.SetUID("") // of the dry run: the object will get another one
		}
	}
	mask(v.Before, v.After)
	before, after = withoutCredentials(v.Before, v.After)
	old, err := toYAML(before)
	if err != nil {
		return View{}, err
	}
	fixed, err := toYAML(after)
	if err != nil {
		return View{}, err
	}
	from := "live/"
	if !target.Source.IsZero() {
		from = "file/"
	}
	v.Diff = udiff.Unified(from+target.Long(), "fixed/"+target.Long(), old, fixed)
	return v, nil
}

func toYAML(u *unstructured.Unstructured) (string, error) {
	if u == nil {
		return "", nil
	}
	out, err := yaml.Marshal(u.Object)
	if err != nil {
		return "", fmt.Errorf("writing %s %q as YAML: %w", u.GetKind(), u.GetName(), err)
	}
	return string(out), nil
}

// mask hides the values of a Secret but shows which of them change.
func mask(before, after *unstructured.Unstructured) {
	for _, field := range []string{"data", "stringData"} {
		old, fixed := secretField(before, field), secretField(after, field)
		for key, v := range old {
			switch changed, both := fixed[key]; {
			case both && fmt.Sprint(v) != fmt.Sprint(changed):
				old[key], fixed[key] = "*** (before)", "*** (after)"
			case both:
				old[key], fixed[key] = "***", "***"
			default:
				old[key] = "***"
			}
		}
		for key := range fixed {
			if _, both := old[key]; !both {
				fixed[key] = "***"
			}
		}
	}
}

func secretField(u *unstructured.Unstructured, field string) map[string]any {
	if u == nil || u.GetKind() != "Secret" || u.GroupVersionKind().Group != "" {
		return nil
	}
	m, _ := u.Object[field].(map[string]any)
	if m == nil && u.Object[field] != nil {
		u.Object[field] = "***" // no Secret that a server would take; hide it all the same
	}
	return m
}

// canonical is a copy of the object that holds nothing but plain JSON values,
// whatever Go types it was written with.
func canonical(u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	raw, err := runtime.Encode(unstructured.UnstructuredJSONScheme, u)
	if err != nil {
		return nil, fmt.Errorf("reading the change of %s %q: %w", u.GetKind(), u.GetName(), err)
	}
	out := &unstructured.Unstructured{}
	if err := out.UnmarshalJSON(raw); err != nil {
		return nil, fmt.Errorf("reading the change of %s %q: %w", u.GetKind(), u.GetName(), err)
	}
	return out, nil
}
