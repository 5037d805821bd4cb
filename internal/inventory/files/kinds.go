package files

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// A kindID is an apiVersion and a kind.
type kindID struct{ apiVersion, kind string }

// typed returns a new value of the kinds that are judged or that the rules look
// up, or nil. Only these are decoded strictly: what nobody judges cannot pass by mistake.
func typed(id kindID) any {
	switch id {
	case kindID{"v1", "Pod"}:
		return &corev1.Pod{}
	case kindID{"v1", "ReplicationController"}:
		return &corev1.ReplicationController{}
	case kindID{"apps/v1", "Deployment"}:
		return &appsv1.Deployment{}
	case kindID{"apps/v1", "StatefulSet"}:
		return &appsv1.StatefulSet{}
	case kindID{"apps/v1", "DaemonSet"}:
		return &appsv1.DaemonSet{}
	case kindID{"apps/v1", "ReplicaSet"}:
		return &appsv1.ReplicaSet{}
	case kindID{"batch/v1", "Job"}:
		return &batchv1.Job{}
	case kindID{"batch/v1", "CronJob"}:
		return &batchv1.CronJob{}
	case kindID{"v1", "ServiceAccount"}:
		return &corev1.ServiceAccount{}
	case kindID{"v1", "Namespace"}:
		return &corev1.Namespace{}
	case kindID{"networking.k8s.io/v1", "NetworkPolicy"}:
		return &networkingv1.NetworkPolicy{}
	case kindID{"autoscaling/v2", harden.HorizontalPodAutoscaler}:
		return &autoscalingv2.HorizontalPodAutoscaler{}
	case kindID{"autoscaling/v1", harden.HorizontalPodAutoscaler}:
		return &autoscalingv1.HorizontalPodAutoscaler{}
	case kindID{"autoscaling.k8s.io/v1", harden.VerticalPodAutoscaler}:
		return &unstructured.Unstructured{} // a custom resource
	}
	return nil
}

// aside returns a new value of the kinds that carry no pod template and have no
// place of their own, or nil. They are not decoded strictly: what is wrong with
// one is said, but does not hold up the document.
func aside(id kindID) any {
	gvk := schema.FromAPIVersionAndKind(id.apiVersion, id.kind)
	gk := gvk.GroupKind()
	if k, ok := harden.ObjectKindOf(gk); ok && (k.Custom() || k.Version == gvk.Version) {
		return inventory.NewContent(gk)
	}
	switch {
	case id == kindID{"discovery.k8s.io/v1", "EndpointSlice"}:
		return &discoveryv1.EndpointSlice{}
	case gk.Group == harden.ConstraintGroup, inventory.ListOf(gk) != inventory.NoList:
		return &unstructured.Unstructured{}
	}
	return nil
}

// removed are API versions of those kinds that Kubernetes 1.25 and later do not
// serve: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
var removed = map[kindID]string{
	{"extensions/v1beta1", "Deployment"}:                                       "apps/v1",
	{"extensions/v1beta1", "DaemonSet"}:                                        "apps/v1",
	{"extensions/v1beta1", "ReplicaSet"}:                                       "apps/v1",
	{"extensions/v1beta1", "NetworkPolicy"}:                                    "networking.k8s.io/v1",
	{"apps/v1beta1", "Deployment"}:                                             "apps/v1",
	{"apps/v1beta1", "StatefulSet"}:                                            "apps/v1",
	{"apps/v1beta2", "Deployment"}:                                             "apps/v1",
	{"apps/v1beta2", "StatefulSet"}:                                            "apps/v1",
	{"apps/v1beta2", "DaemonSet"}:                                              "apps/v1",
	{"apps/v1beta2", "ReplicaSet"}:                                             "apps/v1",
	{"autoscaling/v2beta1", harden.HorizontalPodAutoscaler}:                    "autoscaling/v2",
	{"batch/v1beta1", "CronJob"}:                                               "batch/v1",
	{"batch/v2alpha1", "CronJob"}:                                              "batch/v1",
	{"extensions/v1beta1", "Ingress"}:                                          "networking.k8s.io/v1",
	{"networking.k8s.io/v1beta1", "Ingress"}:                                   "networking.k8s.io/v1",
	{"networking.k8s.io/v1beta1", "IngressClass"}:                              "networking.k8s.io/v1",
	{"policy/v1beta1", "PodDisruptionBudget"}:                                  "policy/v1",
	{"rbac.authorization.k8s.io/v1beta1", "Role"}:                              "rbac.authorization.k8s.io/v1",
	{"rbac.authorization.k8s.io/v1beta1", "RoleBinding"}:                       "rbac.authorization.k8s.io/v1",
	{"rbac.authorization.k8s.io/v1beta1", "ClusterRole"}:                       "rbac.authorization.k8s.io/v1",
	{"rbac.authorization.k8s.io/v1beta1", "ClusterRoleBinding"}:                "rbac.authorization.k8s.io/v1",
	{"storage.k8s.io/v1beta1", "StorageClass"}:                                 "storage.k8s.io/v1",
	{"storage.k8s.io/v1beta1", "CSIDriver"}:                                    "storage.k8s.io/v1",
	{"admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration"}: "admissionregistration.k8s.io/v1",
	{"admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration"}:   "admissionregistration.k8s.io/v1",
}

func removedReason(id kindID) string {
	if now, ok := removed[id]; ok {
		return fmt.Sprintf("%s %s is not served by Kubernetes 1.25 and later: use %s", id.apiVersion, id.kind, now)
	}
	return ""
}
