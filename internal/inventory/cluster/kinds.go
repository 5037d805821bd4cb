package cluster

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An object is any object, of a built-in type or not.
type object interface {
	metav1.Object
	runtime.Object
}

// A kind is one resource that an inventory is made of.
type kind struct {
	apiVersion, name string
	resource         string // plural with group, as in harden.Unread
	namespaced       bool
	group            string // API group that a server may lack; empty: every server has it
	unless           string // API group whose presence makes this kind superfluous
	net              bool   // tells how pods are reached; alone it says nothing of workloads
	aside            bool   // for rules of its own kind and for others to look up; alone it says nothing of workloads
	limit            int64  // objects asked for at once; 0: pageSize
	list             func(ctx context.Context, namespace string, opts metav1.ListOptions) (page, error)
	// watch is nil for what cannot be watched, and is listed from time to time instead.
	watch func(ctx context.Context, namespace string, opts metav1.ListOptions) (watch.Interface, error)
}

// A page is a part of a list.
type page struct {
	objects           []object
	resourceVersion   string
	continueWithToken string
}

// A lister is the part of a typed client that reading needs.
type lister[L any] interface {
	List(ctx context.Context, opts metav1.ListOptions) (L, error)
	Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error)
}

// define makes the kind of a typed client.
func define[T any, L metav1.ListInterface, P interface {
	*T
	object
}](apiVersion, name, resource string, namespaced bool, client func(namespace string) lister[L], items func(L) []T) *kind {
	return &kind{
		apiVersion: apiVersion, name: name, resource: resource, namespaced: namespaced,
		list: func(ctx context.Context, namespace string, opts metav1.ListOptions) (page, error) {
			l, err := client(namespace).List(ctx, opts)
			if err != nil {
				return page{}, err
			}
			all := items(l)
			p := page{objects: make([]object, len(all)), resourceVersion: l.GetResourceVersion(), continueWithToken: l.GetContinue()}
			for i := range all {
				// A copy of its own, so that the page's array can be freed.
				o := P(new(T))
				*o = all[i]
				trim(o)
				p.objects[i] = o
			}
			return p, nil
		},
		watch: func(ctx context.Context, namespace string, opts metav1.ListOptions) (watch.Interface, error) {
			return client(namespace).Watch(ctx, opts)
		},
	}
}

// The names of the kinds that reading singles out.
const (
	pods            = "pods"
	namespaces      = "namespaces"
	nodes           = "nodes"
	replicaSets     = "replicasets.apps"
	jobs            = "jobs.batch"
	serviceAccounts = "serviceaccounts"
	networkPolicies = "networkpolicies.networking.k8s.io"
)

// vpaGroup is the API group of VerticalPodAutoscalers.
const vpaGroup = "autoscaling.k8s.io"

// kindsOf lists all kinds of an inventory, that with the most objects first.
func kindsOf(c kubernetes.Interface, d dynamic.Interface) []*kind {
	core, apps, batch, net, scaling := c.CoreV1(), c.AppsV1(), c.BatchV1(), c.NetworkingV1(), c.AutoscalingV2()
	kinds := []*kind{
		define("v1", "Pod", pods, true,
			func(ns string) lister[*corev1.PodList] { return core.Pods(ns) }, func(l *corev1.PodList) []corev1.Pod { return l.Items }),
		define("apps/v1", "ReplicaSet", replicaSets, true,
			func(ns string) lister[*appsv1.ReplicaSetList] { return apps.ReplicaSets(ns) }, func(l *appsv1.ReplicaSetList) []appsv1.ReplicaSet { return l.Items }),
		define("apps/v1", "Deployment", "deployments.apps", true,
			func(ns string) lister[*appsv1.DeploymentList] { return apps.Deployments(ns) }, func(l *appsv1.DeploymentList) []appsv1.Deployment { return l.Items }),
		define("apps/v1", "StatefulSet", "statefulsets.apps", true,
			func(ns string) lister[*appsv1.StatefulSetList] { return apps.StatefulSets(ns) }, func(l *appsv1.StatefulSetList) []appsv1.StatefulSet { return l.Items }),
		define("apps/v1", "DaemonSet", "daemonsets.apps", true,
			func(ns string) lister[*appsv1.DaemonSetList] { return apps.DaemonSets(ns) }, func(l *appsv1.DaemonSetList) []appsv1.DaemonSet { return l.Items }),
		define("v1", "ReplicationController", "replicationcontrollers", true,
			func(ns string) lister[*corev1.ReplicationControllerList] { return core.ReplicationControllers(ns) }, func(l *corev1.ReplicationControllerList) []corev1.ReplicationController { return l.Items }),
		define("batch/v1", "Job", jobs, true,
			func(ns string) lister[*batchv1.JobList] { return batch.Jobs(ns) }, func(l *batchv1.JobList) []batchv1.Job { return l.Items }),
		define("batch/v1", "CronJob", "cronjobs.batch", true,
			func(ns string) lister[*batchv1.CronJobList] { return batch.CronJobs(ns) }, func(l *batchv1.CronJobList) []batchv1.CronJob { return l.Items }),
		define("v1", "ServiceAccount", serviceAccounts, true,
			func(ns string) lister[*corev1.ServiceAccountList] { return core.ServiceAccounts(ns) }, func(l *corev1.ServiceAccountList) []corev1.ServiceAccount { return l.Items }),
		define("networking.k8s.io/v1", "NetworkPolicy", networkPolicies, true,
			func(ns string) lister[*networkingv1.NetworkPolicyList] { return net.NetworkPolicies(ns) }, func(l *networkingv1.NetworkPolicyList) []networkingv1.NetworkPolicy { return l.Items }),
		define("autoscaling/v2", harden.HorizontalPodAutoscaler, harden.HorizontalPodAutoscalers, true,
			func(ns string) lister[*autoscalingv2.HorizontalPodAutoscalerList] {
				return scaling.HorizontalPodAutoscalers(ns)
			},
			func(l *autoscalingv2.HorizontalPodAutoscalerList) []autoscalingv2.HorizontalPodAutoscaler {
				return l.Items
			}),
		custom(d, vpaGroup, "v1", "verticalpodautoscalers", harden.VerticalPodAutoscaler, true),
		define("v1", "Namespace", namespaces, false,
			func(string) lister[*corev1.NamespaceList] { return core.Namespaces() }, func(l *corev1.NamespaceList) []corev1.Namespace { return l.Items }),
		define("v1", "Node", nodes, false,
			func(string) lister[*corev1.NodeList] { return core.Nodes() }, func(l *corev1.NodeList) []corev1.Node { return l.Items }),
	}
	return slices.Concat(kinds, netKinds(c, d), otherKinds(c))
}

func (k *kind) isNamespace() bool { return k.resource == namespaces }

// means reports whether a reference may be to an object of the kind. Where it
// names no group, the kind alone counts.
func (k *kind) means(ref harden.Ref) bool {
	group := ref.GroupVersionKind().Group
	return k.name == ref.Kind && (group == "" || schema.FromAPIVersionAndKind(k.apiVersion, k.name).Group == group)
}

// custom is a kind of which there is no typed client. A server may lack it.
func custom(d dynamic.Interface, group, version, plural, name string, namespaced bool) *kind {
	client := d.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: plural})
	k := define(group+"/"+version, name, plural+"."+group, namespaced,
		func(ns string) lister[*unstructured.UnstructuredList] { return client.Namespace(ns) },
		func(l *unstructured.UnstructuredList) []unstructured.Unstructured { return l.Items })
	k.group = group
	return k
}
