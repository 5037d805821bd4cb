package plan

import (
	"reflect"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// builtins knows the Go types of the kinds that fixes touch. Only these tell
// whether an explicit zero is stored: hostNetwork: false becomes absent, but
// automountServiceAccountToken: false (a pointer) is kept and means something.
// OpenAPI does not say it.
var builtins = sync.OnceValue(func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
		rbacv1.AddToScheme, storagev1.AddToScheme, autoscalingv2.AddToScheme,
	} {
		if err := add(s); err != nil {
			panic(err) // the types of one module contradict each other
		}
	}
	return s
})

func goType(gvk schema.GroupVersionKind) reflect.Type {
	object, err := builtins().New(gvk)
	if err != nil {
		return nil
	}
	return reflect.TypeOf(object).Elem()
}

// jsonField is the Go field that the struct stores under the JSON name.
func jsonField(t reflect.Type, name string) (field reflect.StructField, omitempty, ok bool) {
	for f := range t.Fields() {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" {
			if inner, omit, ok := jsonField(deref(f.Type), name); ok {
				return inner, omit, true
			}
			continue
		}
		if tag == name {
			return f, strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"), true
		}
	}
	return reflect.StructField{}, false, false
}

func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// zeroOf is the zero value that the API server stores as absent at the path,
// and whether there is one.
func zeroOf(gvk schema.GroupVersionKind, path harden.Path) (any, bool) {
	t := goType(gvk)
	if t == nil {
		return nil, false
	}
	var (
		field reflect.StructField
		omit  bool
	)
	for _, pe := range path {
		t = deref(t)
		omit = false
		switch {
		case pe.FieldName != nil && t.Kind() == reflect.Struct:
			var ok bool
			if field, omit, ok = jsonField(t, *pe.FieldName); !ok {
				return nil, false
			}
			t = field.Type
		case pe.FieldName != nil && t.Kind() == reflect.Map, pe.FieldName == nil && t.Kind() == reflect.Slice:
			t = t.Elem()
		default:
			return nil, false
		}
	}
	if !omit {
		return nil, false
	}
	return scalarZero(t.Kind())
}

func scalarZero(kind reflect.Kind) (any, bool) {
	switch kind {
	case reflect.Bool:
		return false, true
	case reflect.String:
		return "", true
	case reflect.Int, reflect.Int32, reflect.Int64:
		return int64(0), true
	default:
		return nil, false
	}
}

// stored is a copy of the object in the form in which the API server keeps it:
// without nulls and without zeros that mean the same as absent. Values of kinds
// that are not built in stay as they are.
func stored(u *unstructured.Unstructured) *unstructured.Unstructured {
	out := u.DeepCopy()
	if t := goType(u.GroupVersionKind()); t != nil {
		prune(t, out.Object)
	}
	return out
}

func prune(t reflect.Type, data any) {
	t = deref(t)
	switch v := data.(type) {
	case map[string]any:
		for name, child := range v {
			var childType reflect.Type
			omit := false
			switch t.Kind() {
			case reflect.Struct:
				field, o, ok := jsonField(t, name)
				if !ok {
					continue
				}
				childType, omit = field.Type, o
			case reflect.Map:
				childType = t.Elem()
			default:
				continue
			}
			prune(childType, child)
			if child == nil || omit && isAbsent(childType, child) {
				delete(v, name)
			}
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return
		}
		for _, item := range v {
			prune(t.Elem(), item)
		}
	}
}

// isAbsent reports whether the value of an omitempty field is stored as absent
// or, for a struct without pointer, carries nothing.
func isAbsent(t reflect.Type, v any) bool {
	switch t.Kind() {
	case reflect.Slice:
		list, ok := v.([]any)
		return ok && len(list) == 0
	case reflect.Map, reflect.Struct:
		m, ok := v.(map[string]any)
		return ok && len(m) == 0
	default:
		zero, ok := scalarZero(t.Kind())
		return ok && sameScalar(zero, v)
	}
}

func sameScalar(zero, v any) bool {
	switch n := v.(type) {
	case float64:
		return zero == int64(0) && n == 0
	case int:
		return zero == int64(0) && n == 0
	default:
		return zero == v
	}
}
