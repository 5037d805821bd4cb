package plan

import (
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/secrets"
)

// withoutCredentials are copies to be shown, in which each credential that lies in
// the open is a number: equal ones have equal numbers.
func withoutCredentials(before, after *unstructured.Unstructured) (b, a *unstructured.Unstructured) {
	m := &secrets.Masker{Numbered: true}
	return masked(m, before), masked(m, after)
}

func masked(m *secrets.Masker, u *unstructured.Unstructured) *unstructured.Unstructured {
	if u == nil {
		return nil
	}
	object, _ := m.Value("", u.Object).(map[string]any)
	return &unstructured.Unstructured{Object: object}
}

// MaskAt is the value at the path without credentials, and whether it had any. The
// value of an environment variable is judged by its name.
func MaskAt(path harden.Path, value any) (any, bool) {
	name := ""
	for n := len(path) - 1; n >= 0 && name == ""; n-- {
		if field := path[n].FieldName; field != nil {
			name = *field
		}
	}
	if n := len(path); n > 1 && name == "value" && path[n-2].Key != nil {
		for _, key := range *path[n-2].Key {
			if key.Name == "name" && key.Value.IsString() {
				name = key.Value.AsString()
			}
		}
	}
	out := (&secrets.Masker{}).Value(name, value)
	return out, !reflect.DeepEqual(out, value)
}
