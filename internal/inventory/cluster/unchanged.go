package cluster

import (
	"maps"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	case *batchv1.Job:
		return finished(before) == finished(after) && sameGeneration(before, after)
	default:
		return sameGeneration(before, after)
	}
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
