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
		w.Rollout.Stuck = stuckReplicas(o.Status.Conditions, func(c corev1.ReplicationControllerCondition) (string, corev1.ConditionStatus, string, string) {
			return string(c.Type), c.Status, c.Reason, c.Message
		})
		if o.Spec.Selector != nil {
			w.Selector = &metav1.LabelSelector{MatchLabels: o.Spec.Selector}
		}
		if o.Spec.Template == nil {
			return set(o.ObjectMeta, corev1.PodTemplateSpec{})
		}
		return set(o.ObjectMeta, *o.Spec.Template)
	case *appsv1.Deployment:
		w.Replicas, w.Suspended, w.Selector = o.Spec.Replicas, o.Spec.Paused, o.Spec.Selector
		w.Rollout = harden.Rollout{Strategy: string(o.Spec.Strategy.Type), HistoryLimit: o.Spec.RevisionHistoryLimit}
		if r := o.Spec.Strategy.RollingUpdate; r != nil {
			w.Rollout.MaxUnavailable = r.MaxUnavailable
		}
		w.Rollout.Stuck = stuckReplicas(o.Status.Conditions, func(c appsv1.DeploymentCondition) (string, corev1.ConditionStatus, string, string) {
			return string(c.Type), c.Status, c.Reason, c.Message
		})
		return set(o.ObjectMeta, o.Spec.Template)
	case *appsv1.StatefulSet:
		w.Replicas, w.Selector = o.Spec.Replicas, o.Spec.Selector
		w.Rollout = harden.Rollout{Strategy: string(o.Spec.UpdateStrategy.Type), HistoryLimit: o.Spec.RevisionHistoryLimit}
		if r := o.Spec.UpdateStrategy.RollingUpdate; r != nil {
			w.Rollout.MaxUnavailable = r.MaxUnavailable
		}
		for _, c := range o.Spec.VolumeClaimTemplates {
			w.Claims = append(w.Claims, c.Name)
		}
		return set(o.ObjectMeta, o.Spec.Template)
	case *appsv1.DaemonSet:
		w.Selector = o.Spec.Selector
		w.Rollout = harden.Rollout{Strategy: string(o.Spec.UpdateStrategy.Type), HistoryLimit: o.Spec.RevisionHistoryLimit}
		if r := o.Spec.UpdateStrategy.RollingUpdate; r != nil {
			w.Rollout.MaxUnavailable = r.MaxUnavailable
		}
		return set(o.ObjectMeta, o.Spec.Template)
	case *appsv1.ReplicaSet:
		w.Replicas, w.Selector = o.Spec.Replicas, o.Spec.Selector
		w.Rollout.Stuck = stuckReplicas(o.Status.Conditions, func(c appsv1.ReplicaSetCondition) (string, corev1.ConditionStatus, string, string) {
			return string(c.Type), c.Status, c.Reason, c.Message
		})
		return set(o.ObjectMeta, o.Spec.Template)
	case *batchv1.Job:
		w.Suspended, w.Job = isTrue(o.Spec.Suspend), jobLimits(o.Spec)
		return set(o.ObjectMeta, o.Spec.Template)
	case *batchv1.CronJob:
		w.Suspended, w.Job = isTrue(o.Spec.Suspend), jobLimits(o.Spec.JobTemplate.Spec)
		return set(o.ObjectMeta, o.Spec.JobTemplate.Spec.Template)
	}
	return nil
}

func jobLimits(spec batchv1.JobSpec) harden.JobLimits {
	limits := harden.JobLimits{Deadline: spec.ActiveDeadlineSeconds, Backoff: spec.BackoffLimit, TTL: spec.TTLSecondsAfterFinished}
	if limits.Deadline == nil {
		limits.Deadline = spec.Template.Spec.ActiveDeadlineSeconds
	}
	return limits
}

// stuckReplicas are the conditions by which the controllers say that they do not
// get on: no progress until the deadline, and pods that could not be made.
func stuckReplicas[C any](conditions []C, read func(C) (kind string, status corev1.ConditionStatus, reason, message string)) []string {
	var out []string
	for _, c := range conditions {
		kind, status, reason, message := read(c)
		switch {
		case kind == string(appsv1.DeploymentReplicaFailure) && status == corev1.ConditionTrue,
			kind == string(appsv1.DeploymentProgressing) && status == corev1.ConditionFalse && reason == "ProgressDeadlineExceeded":
			out = append(out, harden.OneLine(reason+": "+message))
		}
	}
	slices.Sort(out)
	return out
}

// Sort orders workloads as an Inventory holds them: by namespace, kind, name and source.
func Sort(workloads []*harden.Workload) {
	slices.SortStableFunc(workloads, harden.CompareWorkloads)
}
