package session

import (
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// knownTypes converts objects by the schema of the types built into client-go,
// which is read when the first object is converted: that takes longer than
// scanning a few files. Of custom resources the schema is deduced, with lists
// that are replaced as a whole, as they are where a definition says nothing else.
type knownTypes struct{}

var readBuiltInTypes = sync.OnceValue(func() managedfields.TypeConverter {
	return applyconfigurations.NewTypeConverter(scheme.Scheme)
})

var deducedTypes = managedfields.NewDeducedTypeConverter()

func (knownTypes) ObjectToTyped(o runtime.Object, opts ...typed.ValidationOptions) (*typed.TypedValue, error) {
	if gvk := o.GetObjectKind().GroupVersionKind(); !gvk.Empty() && !scheme.Scheme.Recognizes(gvk) {
		return deducedTypes.ObjectToTyped(o, opts...)
	}
	return readBuiltInTypes().ObjectToTyped(o, opts...)
}

func (knownTypes) TypedToObject(v *typed.TypedValue) (runtime.Object, error) {
	return readBuiltInTypes().TypedToObject(v)
}
