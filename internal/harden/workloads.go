package harden

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

// WorkloadResources are the resources that workloads are read from, as in Unread.
var WorkloadResources = []string{
	"pods", "replicationcontrollers", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps", "jobs.batch", "cronjobs.batch",
}

// WorkloadsIn are the workloads of one namespace.
func (i *Inventory) WorkloadsIn(namespace string) []*Workload {
	from, _ := slices.BinarySearchFunc(i.Workloads, namespace, func(w *Workload, ns string) int { return strings.Compare(w.Ref.Namespace, ns) })
	to := from
	for to < len(i.Workloads) && i.Workloads[to].Ref.Namespace == namespace {
		to++
	}
	return i.Workloads[from:to]
}

// UnreadWorkloads tells why some workloads of the namespace ("" for all) may be
// missing from the inventory, or "".
func (i *Inventory) UnreadWorkloads(namespace string) string {
	for _, u := range i.Unread {
		if slices.Contains(WorkloadResources, u.Resource) && (namespace == "" || u.Namespace == "" || u.Namespace == namespace) {
			return u.Resource + " could not be read: " + u.Why
		}
	}
	return ""
}

// SelectedBy reports whether the selector is for the pods of the workload: for
// what its template makes, or for one that runs.
func (w *Workload) SelectedBy(selector labels.Selector) bool {
	if selector.Matches(labels.Set(w.Template.Labels)) {
		return true
	}
	for _, pod := range w.Pods {
		if selector.Matches(labels.Set(pod.Labels)) {
			return true
		}
	}
	return false
}

// HasReplicas reports whether the kind has replicas in the sense of several
// copies of one pod.
func (w *Workload) HasReplicas() bool {
	switch w.Ref.Kind {
	case "Deployment", "StatefulSet", "ReplicaSet", "ReplicationController":
		return true
	}
	return false
}

// LeastReplicas is how many pods of the workload there always are: what an
// autoscaler keeps, if one that was read scales it, else spec.replicas. It is 0
// for what is switched off and for kinds without replicas.
func (i *Inventory) LeastReplicas(w *Workload) int32 {
	if !w.HasReplicas() {
		return 0
	}
	replicas := int32(1) // the API server's default
	if w.Replicas != nil {
		replicas = *w.Replicas
	}
	if s := i.ScalerOf(HorizontalPodAutoscaler, w.Ref); s != nil && replicas > 0 {
		return s.MinReplicas
	}
	return replicas
}
