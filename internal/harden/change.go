package harden

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Partial is the empty body of a change to the object: identity only.
func Partial(r Ref) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetAPIVersion(r.APIVersion)
	u.SetKind(r.Kind)
	u.SetName(r.Name)
	if r.Namespace != "" {
		u.SetNamespace(r.Namespace)
	}
	return u
}

// SetObject is the change that makes fields of the object true. Fields hold
// plain JSON values: map[string]any, []any, string, bool, int64, float64.
func SetObject(r Ref, fields map[string]any) Change {
	u := Partial(r)
	for k, v := range fields {
		if k == "metadata" {
			meta := u.Object["metadata"].(map[string]any)
			for mk, mv := range v.(map[string]any) {
				meta[mk] = mv
			}
			continue
		}
		u.Object[k] = v
	}
	return Change{Target: r, Verb: Apply, Set: u}
}

// CreateObject is the change that makes a new object with these fields, which are
// as for SetObject. It carries the label by which objects of ours are known.
func CreateObject(r Ref, fields map[string]any) Change {
	c := SetObject(r, fields)
	c.Verb = Create
	c.Set.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "harden"})
	return c
}

// OwnPrefix begins the names of what fixes make: objects, and volumes of pods.
const OwnPrefix = "harden-"

// OwnName is the name of an object that is made for the one of the name.
func OwnName(name string) string {
	const most = 253
	return OwnPrefix + strings.TrimRight(name[:min(len(name), most-len(OwnPrefix))], "-.")
}

// SelectorValue is a selector as a value of JSON.
func SelectorValue(s *metav1.LabelSelector) map[string]any {
	out, err := runtime.DefaultUnstructuredConverter.ToUnstructured(s)
	if err != nil { // its types are plain
		return map[string]any{}
	}
	return out
}

// SetPodSpec is the change that makes fields of the pod spec true, wrapped for
// the kind of the object that carries it.
func SetPodSpec(r Ref, spec map[string]any) Change {
	path := TemplatePath(r.Kind)
	body := map[string]any{"spec": spec}
	for i := len(path) - 1; i >= 0; i-- {
		body = map[string]any{path[i]: body}
	}
	return SetObject(r, body)
}

// SetContainer is the change that makes fields of one container true.
func SetContainer(r Ref, c ContainerRef, fields map[string]any) Change {
	item := map[string]any{"name": c.Name}
	for k, v := range fields {
		item[k] = v
	}
	return SetPodSpec(r, map[string]any{c.List(): []any{item}})
}

// SetSecurityContext is SetContainer for the container's securityContext.
func SetSecurityContext(r Ref, c ContainerRef, fields map[string]any) Change {
	return SetContainer(r, c, map[string]any{"securityContext": fields})
}

// RemoveFrom is the change that takes fields or list items away.
func RemoveFrom(r Ref, paths ...Path) Change {
	return Change{Target: r, Verb: Apply, Remove: paths}
}

// PodSpecPath is the path of a field of the pod spec in the object. Parts are as
// for fieldpath.MakePathOrDie: a string is a field, a KeyByFields is a list item.
func PodSpecPath(r Ref, parts ...any) Path {
	return TemplateFieldPath(r, append([]any{"spec"}, parts...)...)
}

// TemplateFieldPath is the path of a field of the pod template in the object.
func TemplateFieldPath(r Ref, parts ...any) Path {
	var all []any
	for _, f := range TemplatePath(r.Kind) {
		all = append(all, f)
	}
	return fieldpath.MakePathOrDie(append(all, parts...)...)
}

// ContainerPath is the path of a field of one container in the object.
func ContainerPath(r Ref, c ContainerRef, parts ...any) Path {
	return PodSpecPath(r, append([]any{c.List(), fieldpath.KeyByFields("name", c.Name)}, parts...)...)
}
