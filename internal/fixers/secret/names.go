package secret

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// secretNames tells which Secrets something names.
type secretNames struct {
	all  map[string][]string // namespaces of the Secrets of each name
	used map[types.NamespacedName]bool
}

// newSecretNames looks through all that may name a Secret. A text counts where the
// name stands in it between characters that names do not have.
func newSecretNames(inv *harden.Inventory) *secretNames {
	n := &secretNames{all: map[string][]string{}, used: map[types.NamespacedName]bool{}}
	for _, o := range inv.Others[harden.KindSecret] {
		n.all[o.Ref.Name] = append(n.all[o.Ref.Name], o.Ref.Namespace)
	}
	for _, w := range inv.Workloads {
		n.inPod(w.Ref.Namespace, &w.Template.Spec)
		for _, v := range w.Meta.Annotations {
			n.inText(w.Ref.Namespace, v)
		}
		for _, v := range w.Template.Annotations {
			n.inText(w.Ref.Namespace, v)
		}
		for _, pod := range w.Pods {
			n.inPod(w.Ref.Namespace, &pod.Spec) // what admission added
		}
	}
	for ns, accounts := range inv.ServiceAccounts {
		for _, sa := range accounts {
			for _, s := range sa.Secrets {
				n.name(ns, s.Name)
			}
			for _, s := range sa.ImagePullSecrets {
				n.name(ns, s.Name)
			}
			for _, v := range sa.Annotations {
				n.inText(ns, v)
			}
		}
	}
	for kind, list := range inv.Others {
		if kind == harden.KindSecret {
			continue
		}
		for _, o := range list {
			n.inObject(o)
		}
	}
	return n
}

func (n *secretNames) inObject(o *harden.Object) {
	ns := o.Ref.Namespace
	for _, v := range o.Content.GetAnnotations() {
		n.inText(ns, v)
	}
	switch c := o.Content.(type) {
	case *networkingv1.Ingress:
		for _, t := range c.Spec.TLS {
			n.name(ns, t.SecretName)
		}
	case *corev1.ConfigMap:
		for _, v := range c.Data {
			n.inText(ns, v)
		}
	case *unstructured.Unstructured:
		n.inValue(ns, c.Object["spec"])
	}
}

// name notes the Secret of the name: in the namespace, or for objects of the
// cluster in all of them.
func (n *secretNames) name(namespace, name string) {
	for _, ns := range n.all[name] {
		// A name in another namespace counts too: custom resources refer across them.
		if namespace == "" || ns == namespace {
			n.used[types.NamespacedName{Namespace: ns, Name: name}] = true
		}
	}
}

func (n *secretNames) everywhere(name string) { n.name("", name) }

func (n *secretNames) inText(namespace, text string) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
	}) {
		n.name(namespace, strings.Trim(word, "-."))
	}
}

func (n *secretNames) inValue(namespace string, v any) {
	switch v := v.(type) {
	case string:
		n.everywhere(v)
		if strings.ContainsAny(v, " /\n:") {
			n.inText(namespace, v)
		}
	case []any:
		for _, item := range v {
			n.inValue(namespace, item)
		}
	case map[string]any:
		for _, field := range v {
			n.inValue(namespace, field)
		}
	}
}

func (n *secretNames) inPod(namespace string, spec *corev1.PodSpec) {
	for _, s := range spec.ImagePullSecrets {
		n.name(namespace, s.Name)
	}
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			n.inContainer(namespace, &list[i])
		}
	}
	for i := range spec.Volumes {
		v := &spec.Volumes[i]
		for _, name := range volumeSecrets(v) {
			n.name(namespace, name)
		}
		for _, ref := range volumeReferences(v) {
			n.name(namespace, ref)
		}
	}
}

func (n *secretNames) inContainer(namespace string, c *corev1.Container) {
	for _, from := range c.EnvFrom {
		if from.SecretRef != nil {
			n.name(namespace, from.SecretRef.Name)
		}
	}
	for i := range c.Env {
		e := &c.Env[i]
		n.inText(namespace, e.Value)
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			n.name(namespace, e.ValueFrom.SecretKeyRef.Name)
		}
	}
	for _, line := range commandLines(c) {
		for _, word := range line.words {
			n.inText(namespace, word)
		}
	}
}

// volumeReferences are the Secrets that drivers of volumes log in with.
func volumeReferences(v *corev1.Volume) []string {
	var names []string
	add := func(r *corev1.LocalObjectReference) {
		if r != nil {
			names = append(names, r.Name)
		}
	}
	switch {
	case v.CSI != nil:
		add(v.CSI.NodePublishSecretRef)
	case v.CephFS != nil:
		add(v.CephFS.SecretRef)
	case v.RBD != nil:
		add(v.RBD.SecretRef)
	case v.ISCSI != nil:
		add(v.ISCSI.SecretRef)
	case v.FlexVolume != nil:
		add(v.FlexVolume.SecretRef)
	case v.ScaleIO != nil:
		add(v.ScaleIO.SecretRef)
	case v.StorageOS != nil:
		add(v.StorageOS.SecretRef)
	case v.Cinder != nil:
		add(v.Cinder.SecretRef)
	case v.AzureFile != nil:
		names = append(names, v.AzureFile.SecretName)
	}
	return names
}
