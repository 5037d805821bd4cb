// Package inventory holds what live and file inventories have in common.
package inventory

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// WorkloadOf makes the workload of an object of a built-in type, without pods
// and controller. It is nil for kinds that carry no pod template.
func WorkloadOf(ref harden.Ref, o any) *harden.Workload {
	w := &harden.Workload{Ref: ref}
	isTrue := func(b *bool) bool { return b != nil && *b }
	set := func(meta metav1.ObjectMeta, template corev1.PodTemplateSpec) *harden.Workload {
		w.Meta, w.Template = meta, template
		return w
	}
	switch o := o.(type) {
	case *corev1.Pod:
		return set(o.ObjectMeta, corev1.PodTemplateSpec{ObjectMeta: o.ObjectMeta, Spec: o.Spec})
	case *corev1.ReplicationController:
		w.Replicas = o.Spec.Replicas
		if o.Spec.Template == nil {
			return set(o.ObjectMeta, corev1.PodTemplateSpec{})
		}
		return set(o.ObjectMeta, *o.Spec.Template)
	case *appsv1.Deployment:
		w.Replicas, w.Suspended = o.Spec.Replicas, o.Spec.Paused
		return set(o.ObjectMeta, o.Spec.Template)
	case *appsv1.StatefulSet:
		w.Replicas = o.Spec.Replicas
		return set(o.ObjectMeta, o.Spec.Template)
	case *appsv1.DaemonSet:
		return set(o.ObjectMeta, o.Spec.Template)
	case *appsv1.ReplicaSet:
		w.Replicas = o.Spec.Replicas
		return set(o.ObjectMeta, o.Spec.Template)
	case *batchv1.Job:
		w.Suspended = isTrue(o.Spec.Suspend)
		return set(o.ObjectMeta, o.Spec.Template)
	case *batchv1.CronJob:
		w.Suspended = isTrue(o.Spec.Suspend)
		return set(o.ObjectMeta, o.Spec.JobTemplate.Spec.Template)
	}
	return nil
}

// Sort orders workloads as an Inventory holds them: by namespace, kind, name and source.
func Sort(workloads []*harden.Workload) {
	slices.SortStableFunc(workloads, harden.CompareWorkloads)
}
