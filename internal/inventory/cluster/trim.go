package cluster

import (
	"maps"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// trim drops from a fresh object what no rule and no plan looks at; plans read
// the object anew before they change it. Dropped are managedFields, the value
// (not the key) of kubectl's last-applied-configuration, what autoscalers measure,
// the images and volumes in a Node's status, of container statuses what repeats
// the spec, certificates of webhooks, and binary data.
func trim(o object) {
	o.SetManagedFields(nil)
	if a := o.GetAnnotations(); a[corev1.LastAppliedConfigAnnotation] != "" {
		a[corev1.LastAppliedConfigAnnotation] = ""
		o.SetAnnotations(a)
	}
	switch o := o.(type) {
	case *autoscalingv2.HorizontalPodAutoscaler:
		o.Spec.Metrics, o.Spec.Behavior = nil, nil
		o.Status = autoscalingv2.HorizontalPodAutoscalerStatus{Conditions: o.Status.Conditions}
	case *unstructured.Unstructured:
		trimCustom(o)
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		for i := range o.Webhooks {
			o.Webhooks[i].ClientConfig.CABundle = nil
		}
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		for i := range o.Webhooks {
			o.Webhooks[i].ClientConfig.CABundle = nil
		}
	case *corev1.ConfigMap:
		inventory.TrimConfigMap(o)
	case *corev1.Node:
		o.Status.Images, o.Status.VolumesInUse, o.Status.VolumesAttached, o.Status.Conditions = nil, nil, nil, nil
	case *corev1.Pod:
		for _, list := range [][]corev1.ContainerStatus{o.Status.InitContainerStatuses, o.Status.ContainerStatuses, o.Status.EphemeralContainerStatuses} {
			for i := range list {
				list[i].AllocatedResources, list[i].Resources, list[i].VolumeMounts = nil, nil, nil
			}
		}
	}
}

func trimCustom(o *unstructured.Unstructured) {
	if _, listed := harden.ObjectKindOf(o.GroupVersionKind().GroupKind()); !listed {
		delete(o.Object, "status")
	}
	switch o.GetKind() {
	case harden.VerticalPodAutoscaler:
		unstructured.RemoveNestedField(o.Object, "spec", "resourcePolicy")
	case "APIService":
		unstructured.RemoveNestedField(o.Object, "spec", "caBundle")
	}
}

// A sharer lets siblings, objects of one controller, share what is equal in
// them: the pods of a ReplicaSet, the ReplicaSets of a Deployment's history. Ten
// thousand pods then cost a fraction of what they would, and nothing is lost.
// It holds the first of each family.
type sharer map[types.UID]sibling

type sibling struct {
	meta     *metav1.ObjectMeta
	template *metav1.ObjectMeta // nil for a Pod
	spec     *corev1.PodSpec
	status   *corev1.PodStatus // nil but for a Pod
}

func (s sharer) see(o object) {
	switch o := o.(type) {
	case *corev1.Pod:
		s.share(sibling{meta: &o.ObjectMeta, spec: &o.Spec, status: &o.Status})
	case *appsv1.ReplicaSet:
		s.share(sibling{meta: &o.ObjectMeta, template: &o.Spec.Template.ObjectMeta, spec: &o.Spec.Template.Spec})
	case *batchv1.Job:
		s.share(sibling{meta: &o.ObjectMeta, template: &o.Spec.Template.ObjectMeta, spec: &o.Spec.Template.Spec})
	}
}

func (s sharer) share(o sibling) {
	owner := controller(o.meta)
	if owner == nil {
		return
	}
	first, ok := s[owner.UID]
	if !ok {
		s[owner.UID] = o
		return
	}
	shareMeta(o.meta, first.meta)
	if o.template != nil {
		shareMeta(o.template, first.template)
	}
	o.spec.NodeSelector = shareMap(o.spec.NodeSelector, first.spec.NodeSelector)
	o.spec.Tolerations = shareSlice(o.spec.Tolerations, first.spec.Tolerations, func(a, b corev1.Toleration) bool {
		return a.Key == b.Key && a.Operator == b.Operator && a.Value == b.Value && a.Effect == b.Effect && equalPtr(a.TolerationSeconds, b.TolerationSeconds)
	})
	shareContainers(o.spec.InitContainers, first.spec.InitContainers)
	shareContainers(o.spec.Containers, first.spec.Containers)
	if o.status != nil {
		shareStatuses(o.status.InitContainerStatuses, first.status.InitContainerStatuses)
		shareStatuses(o.status.ContainerStatuses, first.status.ContainerStatuses)
	}
}

func controller(m *metav1.ObjectMeta) *metav1.OwnerReference {
	for i := range m.OwnerReferences {
		if r := &m.OwnerReferences[i]; r.Controller != nil && *r.Controller {
			return r
		}
	}
	return nil
}

func shareMeta(m, first *metav1.ObjectMeta) {
	shareString(&m.Namespace, first.Namespace)
	shareString(&m.GenerateName, first.GenerateName)
	m.Labels, m.Annotations = shareMap(m.Labels, first.Labels), shareMap(m.Annotations, first.Annotations)
	m.OwnerReferences = shareSlice(m.OwnerReferences, first.OwnerReferences, func(a, b metav1.OwnerReference) bool {
		return a.UID == b.UID && a.Kind == b.Kind && a.Name == b.Name && a.APIVersion == b.APIVersion &&
			equalPtr(a.Controller, b.Controller) && equalPtr(a.BlockOwnerDeletion, b.BlockOwnerDeletion)
	})
}

func shareContainers(cs, first []corev1.Container) {
	for i := range min(len(cs), len(first)) {
		c, f := &cs[i], &first[i]
		shareString(&c.Name, f.Name)
		shareString(&c.Image, f.Image)
		c.Command, c.Args = shareSlice(c.Command, f.Command, equal), shareSlice(c.Args, f.Args, equal)
		c.Env = shareSlice(c.Env, f.Env, equalEnv)
		c.Ports = shareSlice(c.Ports, f.Ports, equal)
		c.Resources.Limits = shareResources(c.Resources.Limits, f.Resources.Limits)
		c.Resources.Requests = shareResources(c.Resources.Requests, f.Resources.Requests)
	}
}

func shareStatuses(cs, first []corev1.ContainerStatus) {
	for i := range min(len(cs), len(first)) {
		shareString(&cs[i].Name, first[i].Name)
		shareString(&cs[i].Image, first[i].Image)
		shareString(&cs[i].ImageID, first[i].ImageID)
	}
}

func equal[T comparable](a, b T) bool { return a == b }

func equalPtr[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// equalEnv may say no for equal ones: they are then merely not shared.
func equalEnv(a, b corev1.EnvVar) bool {
	if a.Name != b.Name || a.Value != b.Value || (a.ValueFrom == nil) != (b.ValueFrom == nil) {
		return false
	}
	if a.ValueFrom == nil {
		return true
	}
	x, y := a.ValueFrom, b.ValueFrom
	return equalPtr(x.FieldRef, y.FieldRef) && equalSelector(x, y) && x.ResourceFieldRef == nil && y.ResourceFieldRef == nil && x.FileKeyRef == nil && y.FileKeyRef == nil
}

func equalSelector(x, y *corev1.EnvVarSource) bool {
	if (x.SecretKeyRef == nil) != (y.SecretKeyRef == nil) || (x.ConfigMapKeyRef == nil) != (y.ConfigMapKeyRef == nil) {
		return false
	}
	if s, t := x.SecretKeyRef, y.SecretKeyRef; s != nil && (s.Name != t.Name || s.Key != t.Key || !equalPtr(s.Optional, t.Optional)) {
		return false
	}
	s, t := x.ConfigMapKeyRef, y.ConfigMapKeyRef
	return s == nil || s.Name == t.Name && s.Key == t.Key && equalPtr(s.Optional, t.Optional)
}

func shareString(s *string, first string) {
	if *s == first {
		*s = first
	}
}

func shareSlice[T any](s, first []T, equal func(a, b T) bool) []T {
	if slices.EqualFunc(s, first, equal) {
		return first
	}
	return s
}

func shareMap(m, first map[string]string) map[string]string {
	if maps.Equal(m, first) {
		return first
	}
	return m
}

func shareResources(l, first corev1.ResourceList) corev1.ResourceList {
	if len(l) != len(first) {
		return l
	}
	for name, q := range l {
		if other, ok := first[name]; !ok || q.Cmp(other) != 0 || q.Format != other.Format {
			return l
		}
	}
	return first
}
