package cluster

import (
	"maps"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// unchanged reports whether an object differs from what was known at most in
// what no inventory shows. Statuses of Deployments and heartbeats of Nodes would
// otherwise keep a quiet cluster busy.
func unchanged(before, after object) bool {
	if before.GetUID() != after.GetUID() {
		return false
	}
	if before.GetResourceVersion() == after.GetResourceVersion() {
		return true
	}
	switch after := after.(type) {
	case *corev1.Pod:
		return false
	case *corev1.Node:
		b, ok := before.(*corev1.Node)
		return ok && sameMeta(before, after) && b.Status.NodeInfo == after.Status.NodeInfo
	case *autoscalingv2.HorizontalPodAutoscaler:
		b, ok := before.(*autoscalingv2.HorizontalPodAutoscaler)
		return ok && sameScaler(before, after) && sameMeta(before, after) && slices.EqualFunc(b.Status.Conditions, after.Status.Conditions,
			func(x, y autoscalingv2.HorizontalPodAutoscalerCondition) bool {
				return x.Type == y.Type && x.Status == y.Status
			})
	case *policyv1.PodDisruptionBudget:
		b, ok := before.(*policyv1.PodDisruptionBudget)
		return ok && sameGeneration(before, after) && b.Status.DisruptionsAllowed == after.Status.DisruptionsAllowed
	case *unstructured.Unstructured:
		if isScaler(after.GetKind()) {
			return sameScaler(before, after) && sameMeta(before, after)
		}
		return sameMeta(before, after) && sameCustom(before, after)
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		b, ok := before.(*admissionregistrationv1.ValidatingWebhookConfiguration)
		return ok && sameMeta(before, after) && equality.Semantic.DeepEqual(b.Webhooks, after.Webhooks)
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		b, ok := before.(*admissionregistrationv1.MutatingWebhookConfiguration)
		return ok && sameMeta(before, after) && equality.Semantic.DeepEqual(b.Webhooks, after.Webhooks)
	case *appsv1.Deployment:
		b, ok := before.(*appsv1.Deployment)
		return ok && sameGeneration(before, after) && (b.Status.ObservedGeneration < b.Generation) == (after.Status.ObservedGeneration < after.Generation) && sameStuck(before, after)
	case *appsv1.StatefulSet:
		b, ok := before.(*appsv1.StatefulSet)
		return ok && sameGeneration(before, after) && (b.Status.ObservedGeneration < b.Generation) == (after.Status.ObservedGeneration < after.Generation) && b.Status.UpdateRevision == after.Status.UpdateRevision
	case *appsv1.ReplicaSet:
		return sameGeneration(before, after) && sameStuck(before, after)
	case *batchv1.Job:
		return finished(before) == finished(after) && sameGeneration(before, after)
	default:
		return sameGeneration(before, after)
	}
}

// sameStuck compares what the conditions say of a rollout that does not get on.
func sameStuck(before, after object) bool {
	b, a := inventory.WorkloadOf(harden.Ref{}, before), inventory.WorkloadOf(harden.Ref{}, after)
	return b != nil && a != nil && slices.Equal(b.Rollout.Stuck, a.Rollout.Stuck)
}

// sameScaler compares what an inventory takes of an autoscaler. Those of a busy
// cluster write their status every 15 seconds.
func sameScaler(before, after object) bool {
	ref := func(o object) harden.Ref { return refTo("", o.GetObjectKind().GroupVersionKind().Kind, o) }
	b, a := inventory.ScalerOf(ref(before), before), inventory.ScalerOf(ref(after), after)
	return equalPtr(b, a)
}

// sameCustom compares all but metadata and what was trimmed.
func sameCustom(before object, after *unstructured.Unstructured) bool {
	b, ok := before.(*unstructured.Unstructured)
	if !ok || len(b.Object) != len(after.Object) {
		return false
	}
	for name, value := range after.Object {
		if name != "metadata" && !equality.Semantic.DeepEqual(b.Object[name], value) {
			return false
		}
	}
	return true
}

// sameGeneration compares by the counter that the server raises when the spec
// changes. Kinds without one (ServiceAccount, Namespace) have 0 and always differ.
func sameGeneration(before, after object) bool {
	return after.GetGeneration() != 0 && before.GetGeneration() == after.GetGeneration() && sameMeta(before, after)
}

func sameMeta(before, after object) bool {
	return maps.Equal(before.GetLabels(), after.GetLabels()) && maps.Equal(before.GetAnnotations(), after.GetAnnotations()) &&
		slices.EqualFunc(before.GetOwnerReferences(), after.GetOwnerReferences(), func(a, b metav1.OwnerReference) bool {
			return a.UID == b.UID && equalPtr(a.Controller, b.Controller)
		}) && (before.GetDeletionTimestamp() == nil) == (after.GetDeletionTimestamp() == nil)
}
