package files

import (
	"cmp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// object reads one object, or the items of a list. Item is -1 for the document
// itself; inherited is what items of a typed list may leave out.
func (s *Set) object(d *document, n *node, inherited kindID, item int, errs *[]*ReadError) {
	fail := func(at *node, object, msg string) {
		*errs = append(*errs, &ReadError{Line: int(at.line), Column: int(at.col), Object: object, Msg: msg})
	}
	if n.kind != mappingNode {
		if item < 0 {
			d.skipped = "not a Kubernetes object: " + n.what() + " instead of a mapping"
			return
		}
		fail(n, "", "want an object, got "+n.what())
		return
	}
	id := kindID{n.get("apiVersion").str(), n.get("kind").str()}
	if id.apiVersion == "" && id.kind == "" {
		id = inherited
	}
	switch {
	case id.kind == "" && item >= 0:
		fail(n, "", "this list item has no kind")
		return
	case id.kind == "":
		d.skipped = "not a Kubernetes object: it has no kind"
		return
	case id.apiVersion == "":
		fail(n, id.kind, "apiVersion is missing")
		return
	}
	if items := n.get("items"); items != nil && strings.HasSuffix(id.kind, "List") && items.kind == sequenceNode {
		s.items(d, items, id, item, errs)
		return
	}
	if why := removedReason(id); why != "" {
		d.skipped = why
	}
	o := &object{doc: d, typed: typed(id)}
	o.ref = s.ref(d, n, id, item)
	if o.typed != nil {
		dec := decoder{}
		dec.decode(n, o.typed)
		for _, e := range dec.errs {
			e.Object = o.ref.String()
			*errs = append(*errs, e)
		}
		if o.ref.Name == "" {
			if len(dec.errs) == 0 {
				fail(n, id.kind, "metadata.name is missing")
			}
			return
		}
		o.settle()
	} else if o.ref.Name != "" {
		o.setAside(n, aside(id))
	}
	d.objects = append(d.objects, o)
}

// setAside decodes what has no place of its own.
func (o *object) setAside(n *node, into any) {
	switch into := into.(type) {
	case nil:
		return
	case *corev1.Secret:
		o.aside = o.secret(n)
		return
	case *unstructured.Unstructured:
		if o.ref.Kind == "CustomResourceDefinition" {
			n = n.only("spec", "conversion") // the rest is large, and nobody looks at it
		}
		into.Object, _ = n.toAny().(map[string]any)
		delete(into.Object, "status")
		// Items of typed lists leave these out.
		into.SetAPIVersion(o.ref.APIVersion)
		into.SetKind(o.ref.Kind)
	default:
		dec := decoder{loose: true}
		dec.decode(n, into)
		if len(dec.errs) > 0 {
			o.unread = dec.errs[0].Msg
			return
		}
	}
	if m, ok := into.(metav1.Object); ok {
		m.SetNamespace(o.ref.Namespace)
		m.SetName(o.ref.Name)
		m.SetManagedFields(nil)
	}
	switch into := into.(type) {
	case *corev1.ConfigMap:
		inventory.TrimConfigMap(into)
	case *corev1.Service:
		defaultPorts(into)
	}
	o.aside = into
}

// secret keeps of a Secret all but its values: no mistake in them is looked for,
// so that none is quoted.
func (o *object) secret(n *node) *harden.SecretMeta {
	var s struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
		Type     corev1.SecretType `json:"type"`
	}
	dec := decoder{loose: true}
	dec.decode(n, &s)
	whole := &corev1.Secret{ObjectMeta: s.Metadata, Type: s.Type, Data: map[string][]byte{}}
	whole.Namespace, whole.Name, whole.ManagedFields = o.ref.Namespace, o.ref.Name, nil
	for _, field := range []string{"data", "stringData"} {
		values := n.get(field)
		if values == nil || values.kind != mappingNode {
			continue
		}
		for i := 0; i+1 < len(values.kids); i += 2 {
			if key, ok := values.kids[i].key(); ok {
				whole.Data[key] = nil
			}
		}
	}
	return inventory.SecretOf(whole)
}

// defaultPorts says what a Service leaves unsaid as the API server does
// (kubernetes pkg/apis/core/v1/defaults.go, SetDefaults_Service).
func defaultPorts(s *corev1.Service) {
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		p.Protocol = cmp.Or(p.Protocol, corev1.ProtocolTCP)
		if p.TargetPort == (intstr.IntOrString{}) || p.TargetPort == intstr.FromString("") {
			p.TargetPort = intstr.FromInt32(p.Port)
		}
	}
}

func (s *Set) items(d *document, items *node, list kindID, item int, errs *[]*ReadError) {
	inherited := kindID{}
	if list.kind != "List" {
		inherited = kindID{list.apiVersion, strings.TrimSuffix(list.kind, "List")}
	}
	if item >= 0 {
		*errs = append(*errs, &ReadError{Line: int(items.line), Column: int(items.col), Object: list.kind, Msg: "a list within a list"})
		return
	}
	for i := range items.kids {
		s.object(d, &items.kids[i], inherited, i, errs)
	}
}

func (s *Set) ref(d *document, n *node, id kindID, item int) harden.Ref {
	meta := n.get("metadata")
	ref := harden.Ref{
		APIVersion: id.apiVersion, Kind: id.kind,
		Namespace: meta.get("namespace").str(), Name: meta.get("name").str(),
		Source: harden.Source{File: d.file.name, Line: int(n.line), Item: item},
	}
	if d.file.rendered {
		ref.Source.Line = 0
	}
	if ref.Name == "" {
		ref.Name = meta.get("generateName").str()
	}
	switch {
	case inventory.ClusterScoped(ref.GroupVersionKind().GroupKind()):
		ref.Namespace = ""
	case ref.Namespace == "":
		ref.Namespace = s.opts.DefaultNamespace
	}
	return ref
}

// settle gives the typed object the namespace of its reference, drops what a
// manifest should not hold but an exported one does, and keeps only the pod
// template of kinds that have one, and of autoscalers what they scale.
func (o *object) settle() {
	if m, ok := o.typed.(metav1.Object); ok {
		m.SetNamespace(o.ref.Namespace)
		m.SetManagedFields(nil)
	}
	if w := inventory.WorkloadOf(o.ref, o.typed); w != nil {
		o.typed = w
	}
	if s := inventory.ScalerOf(o.ref, o.typed); s != nil {
		o.typed = s
	}
}

// locate finds the object of a list item, or the document itself for -1.
func locate(root *node, item int) *node {
	if item < 0 {
		return root
	}
	items := root.get("items")
	if items == nil || item >= len(items.kids) {
		return nil
	}
	return &items.kids[item]
}
