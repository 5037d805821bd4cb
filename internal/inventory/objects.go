package inventory

import (
	"maps"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NewContent is an empty value to decode an object of the kind into; nil for
// kinds that are not among harden.ObjectKinds. A Secret has to become a
// SecretMeta by SecretOf at once.
func NewContent(kind schema.GroupKind) metav1.Object {
	if kind.Group == harden.ConstraintGroup {
		return &unstructured.Unstructured{}
	}
	k, ok := harden.ObjectKindOf(kind)
	switch {
	case !ok:
		return nil
	case k.Custom():
		return &unstructured.Unstructured{}
	}
	switch kind {
	case harden.KindNode:
		return &corev1.Node{}
	case harden.KindService:
		return &corev1.Service{}
	case harden.KindConfigMap:
		return &corev1.ConfigMap{}
	case harden.KindSecret:
		return &corev1.Secret{}
	case harden.KindPersistentVolume:
		return &corev1.PersistentVolume{}
	case harden.KindPersistentVolumeClaim:
		return &corev1.PersistentVolumeClaim{}
	case harden.KindResourceQuota:
		return &corev1.ResourceQuota{}
	case harden.KindLimitRange:
		return &corev1.LimitRange{}
	case harden.KindRole:
		return &rbacv1.Role{}
	case harden.KindRoleBinding:
		return &rbacv1.RoleBinding{}
	case harden.KindClusterRole:
		return &rbacv1.ClusterRole{}
	case harden.KindClusterRoleBinding:
		return &rbacv1.ClusterRoleBinding{}
	case harden.KindIngress:
		return &networkingv1.Ingress{}
	case harden.KindIngressClass:
		return &networkingv1.IngressClass{}
	case harden.KindPodDisruptionBudget:
		return &policyv1.PodDisruptionBudget{}
	case harden.KindHorizontalPodAutoscaler:
		return &autoscalingv2.HorizontalPodAutoscaler{}
	case harden.KindStorageClass:
		return &storagev1.StorageClass{}
	case harden.KindCSIDriver:
		return &storagev1.CSIDriver{}
	case harden.KindValidatingWebhookConfiguration:
		return &admissionregistrationv1.ValidatingWebhookConfiguration{}
	case harden.KindMutatingWebhookConfiguration:
		return &admissionregistrationv1.MutatingWebhookConfiguration{}
	case harden.KindValidatingAdmissionPolicy:
		return &admissionregistrationv1.ValidatingAdmissionPolicy{}
	case harden.KindValidatingAdmissionPolicyBinding:
		return &admissionregistrationv1.ValidatingAdmissionPolicyBinding{}
	}
	return nil
}

// SecretOf keeps of a Secret what may be known: its data is dropped.
func SecretOf(s *corev1.Secret) *harden.SecretMeta {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(s.Data)), maps.Keys(s.StringData))
	slices.Sort(keys)
	keys = slices.Compact(keys)
	meta := &harden.SecretMeta{ObjectMeta: s.ObjectMeta, Type: s.Type, Keys: keys, Entries: len(keys)}
	if meta.Type == "" {
		meta.Type = corev1.SecretTypeOpaque // as the API server says it
	}
	if a := meta.Annotations; a[corev1.LastAppliedConfigAnnotation] != "" {
		a = maps.Clone(a)
		a[corev1.LastAppliedConfigAnnotation] = ""
		meta.Annotations = a
	}
	return meta
}

// AddObject adds an object to those of its kind, if it is one that is read, and
// to what tells how pods are reached. Others.Sort and SortNet must follow.
func AddObject(inv *harden.Inventory, ref harden.Ref, content metav1.Object) {
	AddToNet(&inv.Net, ref, content)
	gk := ref.GroupVersionKind().GroupKind()
	if _, ok := harden.ObjectKindOf(gk); !ok && gk.Group != harden.ConstraintGroup {
		return
	}
	if inv.Others == nil {
		inv.Others = harden.Objects{}
	}
	inv.Others.Add(&harden.Object{Ref: ref, Content: content})
}
