package session

import (
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// builtInTypes converts objects by the schema of the types built into
// client-go, which is read when the first object is converted: that takes longer
// than scanning a few files.
type builtInTypes struct{}

var readBuiltInTypes = sync.OnceValue(func() managedfields.TypeConverter {
	return applyconfigurations.NewTypeConverter(scheme.Scheme)
})

func (builtInTypes) ObjectToTyped(o runtime.Object, opts ...typed.ValidationOptions) (*typed.TypedValue, error) {
	return readBuiltInTypes().ObjectToTyped(o, opts...)
}

func (builtInTypes) TypedToObject(v *typed.TypedValue) (runtime.Object, error) {
	return readBuiltInTypes().TypedToObject(v)
}
