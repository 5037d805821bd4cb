package apply

import (
	"context"
	"fmt"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// A rollout is the state of a workload that replaces its pods, in one form for
// all kinds that do so.
type rollout struct {
	observed bool // the controller has seen the current generation
	want     int32
	updated  int32 // pods of the current template
	ready    int32 // available pods, old and new
	old      int32 // pods of older templates that still run
	paused   bool
	// manual is why the controller leaves old pods alone; empty when it replaces them.
	manual string
	// kept is how many pods keep the old template on purpose.
	kept int32
	// stuck is the controller's own verdict that it does not get on; refused
	// says that it may not even make the pods.
	stuck   string
	refused bool
	// lame are pods of a DaemonSet on nodes that were not ready when the rollout
	// began: they will not be replaced, and say nothing.
	lame int32
	// minReady is how long a pod must be ready to count as available.
	minReady time.Duration
	template *corev1.PodSpec
	// revision names the current template; see newPod.
	revision string
	selector *metav1.LabelSelector
}

// rolloutOf reads the state of a live object; nil when the kind replaces no pods by itself.
// The rules are those of kubectl rollout status (k8s.io/kubectl, pkg/polymorphichelpers/rollout_status.go).
func rolloutOf(u *unstructured.Unstructured) (*rollout, error) {
	switch u.GroupVersionKind().GroupKind().String() {
	case "Deployment.apps":
		d, err := convert[appsv1.Deployment](u)
		if err != nil {
			return nil, err
		}
		return deployment(d), nil
	case "StatefulSet.apps":
		s, err := convert[appsv1.StatefulSet](u)
		if err != nil {
			return nil, err
		}
		return statefulSet(s), nil
	case "DaemonSet.apps":
		d, err := convert[appsv1.DaemonSet](u)
		if err != nil {
			return nil, err
		}
		return daemonSet(d), nil
	case "ReplicaSet.apps":
		r, err := convert[appsv1.ReplicaSet](u)
		if err != nil {
			return nil, err
		}
		return replicaSet(r), nil
	}
	return nil, nil
}

func convert[T any](u *unstructured.Unstructured) (*T, error) {
	out := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, out); err != nil {
		return nil, fmt.Errorf("reading %s %q: %w", u.GetKind(), u.GetName(), err)
	}
	return out, nil
}

func deployment(d *appsv1.Deployment) *rollout {
	r := &rollout{
		observed: d.Status.ObservedGeneration >= d.Generation,
		want:     replicas(d.Spec.Replicas),
		updated:  d.Status.UpdatedReplicas,
		ready:    d.Status.AvailableReplicas,
		old:      max(0, d.Status.Replicas-d.Status.UpdatedReplicas),
		paused:   d.Spec.Paused,
		revision: d.Annotations[deploymentRevision],
		selector: d.Spec.Selector,
		minReady: seconds(d.Spec.MinReadySeconds), template: &d.Spec.Template.Spec,
	}
	for _, c := range d.Status.Conditions {
		switch {
		case c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" && !r.refused:
			r.stuck = c.Message
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			r.stuck, r.refused = c.Reason+": "+c.Message, true
		}
	}
	return r
}

// deploymentRevision numbers the templates of a Deployment; the controller
// writes it on the Deployment and on the ReplicaSet of that template.
const deploymentRevision = "deployment.kubernetes.io/revision"

func statefulSet(s *appsv1.StatefulSet) *rollout {
	r := &rollout{
		observed: s.Status.ObservedGeneration >= s.Generation,
		want:     replicas(s.Spec.Replicas),
		updated:  s.Status.UpdatedReplicas,
		ready:    s.Status.AvailableReplicas,
		revision: s.Status.UpdateRevision,
		selector: s.Spec.Selector,
		minReady: seconds(s.Spec.MinReadySeconds), template: &s.Spec.Template.Spec,
	}
	if s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		r.manual = "its pods are not replaced: the update strategy is OnDelete, so they keep the old template until somebody deletes them"
	}
	if u := s.Spec.UpdateStrategy.RollingUpdate; u != nil && u.Partition != nil {
		if r.kept = min(*u.Partition, r.want); r.kept > 0 && r.kept == r.want {
			r.manual = fmt.Sprintf("its pods are not replaced: the update partition is %d, so they keep the old template until that is lowered", *u.Partition)
		}
	}
	r.old = max(0, s.Status.Replicas-r.updated-r.kept)
	return r
}

func daemonSet(d *appsv1.DaemonSet) *rollout {
	r := &rollout{
		observed: d.Status.ObservedGeneration >= d.Generation,
		want:     d.Status.DesiredNumberScheduled,
		updated:  d.Status.UpdatedNumberScheduled,
		ready:    d.Status.NumberAvailable,
		old:      max(0, d.Status.CurrentNumberScheduled-d.Status.UpdatedNumberScheduled),
		revision: d.Annotations[appsv1.DeprecatedTemplateGeneration],
		selector: d.Spec.Selector,
		minReady: seconds(d.Spec.MinReadySeconds), template: &d.Spec.Template.Spec,
	}
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		r.manual = "its pods are not replaced: the update strategy is OnDelete, so they keep the old template until somebody deletes them"
	}
	return r
}

func replicaSet(s *appsv1.ReplicaSet) *rollout {
	return &rollout{
		observed: s.Status.ObservedGeneration >= s.Generation,
		want:     replicas(s.Spec.Replicas),
		ready:    s.Status.AvailableReplicas,
		manual:   "its pods are not replaced: a ReplicaSet does not do that, so they keep the old template until somebody deletes them",
		selector: s.Spec.Selector,
		minReady: seconds(s.Spec.MinReadySeconds), template: &s.Spec.Template.Spec,
	}
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }

// replicas is the number with the default of the API.
func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// unfit says why a rollout must not be started now; empty when it may.
func (r *rollout) unfit() string {
	switch {
	case r.paused:
		return "its rollout is paused: resume it first (kubectl rollout resume)"
	case r.stuck != "":
		return "it is in trouble already: " + r.stuck
	case r.manual != "":
		return ""
	case !r.observed, r.old > r.lame, r.updated < r.want-r.kept-r.lame:
		return fmt.Sprintf("a rollout is under way (%s): wait until it ends", r.progress())
	case r.ready < r.want-r.lame:
		return fmt.Sprintf("it is not healthy now: %d of %d pods are available; whether a change breaks it could not be told", r.ready, r.want)
	}
	return ""
}

// done reports whether all pods that will be replaced are, and are available.
func (r *rollout) done() bool {
	return r.observed && r.old <= r.lame && r.updated >= r.want-r.kept-r.lame && r.ready >= r.want-r.lame
}

func (r *rollout) progress() string {
	switch {
	case !r.observed:
		return "waiting for the controller to see the change"
	case r.updated < r.want-r.kept:
		return fmt.Sprintf("%d of %s updated", r.updated, pods(r.want-r.kept))
	case r.old > 0:
		return pods(r.old) + " of the old template still to go"
	case r.ready < r.want:
		return fmt.Sprintf("%d of %s available", r.ready, pods(r.want))
	}
	return pods(r.updated) + " updated and available"
}

func pods(n int32) string {
	if n == 1 {
		return "1 pod"
	}
	return strconv.Itoa(int(n)) + " pods"
}

// unproven says why a finished rollout proves nothing; empty when it does.
func (r *rollout) unproven() string {
	switch {
	case r.manual != "":
		return r.manual
	case r.want == 0:
		return "no pod runs now, so none shows that it works"
	case r.lame > 0:
		return fmt.Sprintf("%d of %s sit on nodes that are not ready, and were not looked at", r.lame, pods(r.want))
	case r.kept > 0:
		return fmt.Sprintf("%d of %s keep the old template: the update partition says so", r.kept, pods(r.want))
	}
	return ""
}

// templateChanged reports whether the pods differ between two states of an object.
func templateChanged(before, after *unstructured.Unstructured) bool {
	if before == nil {
		return false
	}
	path := templatePath(before.GetKind())
	if len(path) == 0 {
		return false // a Pod is its own template, and is not replaced
	}
	was, had := plan.Lookup(before, path)
	is, has := plan.Lookup(after, path)
	return had != has || had && !same(was, is)
}

func templatePath(kind string) harden.Path {
	var path harden.Path
	for _, f := range harden.TemplatePath(kind) {
		path = append(path, fieldpath.FieldNameElement(f))
	}
	return path
}

// revisionOf tells the templates of a workload apart.
func revisionOf(u *unstructured.Unstructured) string {
	r, err := rolloutOf(u)
	if err != nil || r == nil {
		return ""
	}
	return r.revision
}

// newPods are the pods of the workload's current template.
func (a *Applier) newPods(ctx context.Context, ref harden.Ref, r *rollout) ([]corev1.Pod, error) {
	selector, err := metav1.LabelSelectorAsSelector(r.selector)
	if err != nil {
		return nil, fmt.Errorf("reading the selector of %s: %w", say(ref), err)
	}
	list, err := a.typed.CoreV1().Pods(ref.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return nil, err
	}
	owner, label := ref.UID, ""
	switch ref.Kind {
	case "Deployment":
		set, err := a.currentReplicaSet(ctx, ref, r, selector.String())
		if err != nil || set == nil {
			return nil, err
		}
		owner = set.UID
	case "StatefulSet":
		label = appsv1.ControllerRevisionHashLabelKey
	case "DaemonSet":
		label = podTemplateGeneration
	}
	var found []corev1.Pod
	for _, p := range list.Items {
		c := metav1.GetControllerOf(&p)
		if c != nil && c.UID == owner && (label == "" || p.Labels[label] == r.revision) {
			found = append(found, p)
		}
	}
	return found, nil
}

// podTemplateGeneration is the label of a DaemonSet's pods that names their
// template (k8s.io/kubernetes, pkg/controller/daemon/util: IsPodUpdated).
const podTemplateGeneration = "pod-template-generation"

func (a *Applier) currentReplicaSet(ctx context.Context, ref harden.Ref, r *rollout, selector string) (*appsv1.ReplicaSet, error) {
	list, err := a.typed.AppsV1().ReplicaSets(ref.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		s := &list.Items[i]
		c := metav1.GetControllerOf(s)
		if c != nil && c.UID == ref.UID && s.Annotations[deploymentRevision] == r.revision {
			return s, nil
		}
	}
	return nil, nil
}
