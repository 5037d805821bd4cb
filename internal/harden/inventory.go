package harden

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// An Inventory is everything that was read, at one moment, in one scope. It is
// not changed once built: a new look at the cluster is a new Inventory.
type Inventory struct {
	Cluster Cluster // zero for files
	Now     time.Time
	// Namespaces that were read, by name. From files: only those declared there.
	Namespaces map[string]*corev1.Namespace
	// NamespaceSources tells in which file a Namespace was declared; nil for a cluster.
	NamespaceSources map[string]Source
	// Scope lists the namespaces that this inventory covers even if their
	// Namespace objects may not be read; sorted.
	Scope     []string
	Workloads []*Workload // ordered by namespace, kind, name, source
	// ServiceAccounts by namespace and name.
	ServiceAccounts map[string]map[string]*corev1.ServiceAccount
	// ServiceAccountSources tells, by namespace and name, in which file a ServiceAccount was declared; nil for a cluster.
	ServiceAccountSources map[string]map[string]Source
	// NetworkPolicies by namespace, ordered by name. Ask Unreadable before concluding from an empty list.
	NetworkPolicies map[string][]*networkingv1.NetworkPolicy
	// NetworkPolicySources tells, by namespace and name, in which file a NetworkPolicy was declared; nil for a cluster.
	NetworkPolicySources map[string]map[string]Source
	Net                  Net            // how pods are reached, and by whose leave
	Scalers              []Scaler       // ordered by namespace, kind, name; ask Unreadable as well
	Nodes                []*corev1.Node // empty when they may not be listed
	Others               Objects        // of all kinds that carry no pod template, but those above (Nodes and what Net holds are here too)
	// Clusterwide says that what has no namespace is judged too: all namespaces
	// are in scope, or all files.
	Clusterwide bool
	// What costs to look at is there only when somebody asked for it.
	Facts
	Unread  []Unread
	Objects int // how many objects were read

	derived *derived
}

// Facts are what was looked at beyond the objects of the API. They outlive an
// inventory: a session hands them to each new one.
type Facts struct {
	Images map[ImageKey]*ImageFacts
	Scans  map[ImageKey]*ImageScan
	// Tags and Updates are by image reference as it stands in a pod spec.
	Tags       map[string]*ImageTag
	Updates    map[string]*ImageUpdates
	Signatures map[ImageKey]*ImageSignature
	Probes     map[ProbeKey]*Probe
	// Kubelets are the configurations of kubelets, by node name.
	Kubelets map[string]*Kubelet
	// Lessons are what failed rollouts taught, by LessonName.
	Lessons map[string][]Lesson
	// Whole is the whole cluster, or all files, as they were when somebody looked
	// at the network; its Net is complete. Nil: nobody looked. See Around.
	Whole *Inventory
	// Flows are connections that something else saw, as imported.
	Flows []ObservedFlow
	// Owners are about the objects of one plan, and in the inventory of that alone.
	Owners OwnerFacts
}

// A Cluster is where a live inventory came from.
type Cluster struct {
	UID     string // UID of the namespace kube-system; empty when it may not be read
	Context string // kubeconfig context
	Server  string // URL of the API server
	Version string // GitVersion such as v1.37.2
	Minor   int    // minor version of the server, 0 when unknown
	// Groups are the API groups that the server has, apart from the core one; nil when unknown.
	Groups map[string]bool
	// OpenShift says that the server has OpenShift's API groups: its admission
	// gives each namespace a range of user ids.
	OpenShift bool
}

// A Scaler is an autoscaler that writes a workload or its pods: a
// HorizontalPodAutoscaler, or a VerticalPodAutoscaler that does not only advise.
type Scaler struct {
	Ref    Ref
	Target Ref // what it scales, in its own namespace; without UID and Source
	// MinReplicas is below what a HorizontalPodAutoscaler never goes; 1 where it
	// says nothing. 0 for a VerticalPodAutoscaler.
	MinReplicas int32
}

// Kinds and resources of Scalers.
const (
	HorizontalPodAutoscaler = "HorizontalPodAutoscaler"
	VerticalPodAutoscaler   = "VerticalPodAutoscaler"

	HorizontalPodAutoscalers = "horizontalpodautoscalers.autoscaling"
	VerticalPodAutoscalers   = "verticalpodautoscalers.autoscaling.k8s.io"
)

// Services and NetworkPolicies are their resources, as in Unread.
const (
	Services        = "services"
	NetworkPolicies = "networkpolicies.networking.k8s.io"
)

// ScalerOf is the scaler of the kind whose target is the object, or nil. The
// version of the target does not count, as it does not for the autoscalers.
func (i *Inventory) ScalerOf(kind string, target Ref) *Scaler {
	for n := range i.Scalers {
		s := &i.Scalers[n]
		if s.Ref.Kind == kind && s.Target.Namespace == target.Namespace && s.Target.Name == target.Name &&
			s.Target.GroupVersionKind().GroupKind() == target.GroupVersionKind().GroupKind() {
			return s
		}
	}
	return nil
}

// NetworkPolicyRef refers to a NetworkPolicy of the inventory.
func (i *Inventory) NetworkPolicyRef(p *networkingv1.NetworkPolicy) Ref {
	return Ref{
		APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "NetworkPolicy", Namespace: p.Namespace, Name: p.Name, UID: p.UID,
		Source: i.NetworkPolicySources[p.Namespace][p.Name],
	}
}

// Live reports whether the inventory came from a cluster.
func (i *Inventory) Live() bool { return i.Cluster.Server != "" }

// An Unread names something that was asked for and could not be read.
type Unread struct {
	Resource  string // plural name with group, such as networkpolicies.networking.k8s.io, or a file
	Namespace string // empty: cluster-wide
	Why       string
}

// Unreadable tells why the resource could not be read in the namespace, or "".
// A failed cluster-wide list (empty Namespace) counts for every namespace.
func (i *Inventory) Unreadable(resource, namespace string) string {
	for _, u := range i.Unread {
		if u.Resource == resource && (u.Namespace == "" || u.Namespace == namespace) {
			return u.Why
		}
	}
	return ""
}

// NoWorkloads reports whether the namespace was seen to hold no workloads. It
// is false where something that may be a workload could not be read.
func (i *Inventory) NoWorkloads(namespace string) bool {
	for _, u := range i.Unread {
		switch u.Resource {
		case "namespaces", "nodes", "serviceaccounts", HorizontalPodAutoscalers, VerticalPodAutoscalers, LessonsResource, VulnerabilityReports, VulnerabilityManifests:
			continue
		}
		if isAside(u.Resource) {
			continue
		}
		if u.Namespace == "" || u.Namespace == namespace {
			return false
		}
	}
	for _, w := range i.Workloads {
		if w.Ref.Namespace == namespace {
			return false
		}
	}
	return true
}

// A Workload is the topmost readable object that carries a pod template, with
// the live pods that it owns. A Pod without a controller is a workload too.
type Workload struct {
	Ref  Ref
	Meta metav1.ObjectMeta // without managedFields
	// Template is the pod template; for a Pod its own metadata and spec.
	Template corev1.PodTemplateSpec
	// Controller is the owner that carries no pod template known to us, such as
	// a custom resource: it will undo what is changed here.
	Controller *Ref
	Replicas   *int32                // nil where the kind has none
	Suspended  bool                  // a suspended Job or CronJob, a paused Deployment
	Finished   bool                  // a completed or failed Job, a Pod that ran to its end
	Selector   *metav1.LabelSelector // what the controller takes for its pods; nil where the kind has none, and for Jobs
	Rollout    Rollout
	Job        JobLimits // of a Job, and of those that a CronJob makes
	Claims     []string  // names of a StatefulSet's volumeClaimTemplates
	Pods       []*corev1.Pod
	// Revision is the label, KEY=VALUE, that tells the pods of the template as it
	// is now from older ones; empty where that is not known.
	Revision string
}

// Current are the running pods that were made from the template as it is now, as
// far as that is known. Those of a Job all are.
func (w *Workload) Current() []*corev1.Pod {
	key, value, known := strings.Cut(w.Revision, "=")
	var out []*corev1.Pod
	for _, p := range w.Pods {
		switch {
		case p.DeletionTimestamp != nil, p.Status.Phase == corev1.PodSucceeded, p.Status.Phase == corev1.PodFailed:
		case w.Ref.Kind == "Job", known && p.Labels[key] == value:
			out = append(out, p)
		}
	}
	return out
}

// A Rollout says how a workload replaces its pods. Fields are zero where the kind
// or the manifest does not have them.
type Rollout struct {
	Strategy       string              // RollingUpdate, Recreate or OnDelete
	MaxUnavailable *intstr.IntOrString // of a rolling update
	HistoryLimit   *int32              // revisionHistoryLimit
	// Stuck are the conditions that say that it does not go on, in words such as
	// "ProgressDeadlineExceeded: MESSAGE"; from status, so empty for most files.
	Stuck []string
}

// JobLimits bound how long a Job runs and how long it is kept; nil where nothing is said.
type JobLimits struct {
	Deadline *int64 // activeDeadlineSeconds, of the Job or else of its pods
	Backoff  *int32 // backoffLimit
	TTL      *int32 // ttlSecondsAfterFinished
}

// TemplatePath is where the pod template lies in the object: the fields that
// lead to the struct with metadata and spec. It is empty for a Pod.
func (w *Workload) TemplatePath() []string { return TemplatePath(w.Ref.Kind) }

// TemplatePath is where objects of the kind carry their pod template.
func TemplatePath(kind string) []string {
	switch kind {
	case "Pod":
		return nil
	case "CronJob":
		return []string{"spec", "jobTemplate", "spec", "template"}
	default:
		return []string{"spec", "template"}
	}
}

// IsStatic reports whether the workload is the mirror of a pod that a kubelet
// runs from a file on its node.
func (w *Workload) IsStatic() bool {
	_, ok := w.Meta.Annotations[corev1.MirrorPodAnnotationKey]
	return ok
}
