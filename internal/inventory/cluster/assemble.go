package cluster

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// input is what workloads are assembled from.
type input struct {
	carriers []carrier // objects with a pod template, but not Pods
	pods     []*corev1.Pod
	readable map[string]bool // resources that were read, at least in part
}

// A carrier is an object with a pod template.
type carrier struct {
	ref    harden.Ref
	object object
}

// add takes the objects of one kind.
func (in *input) add(k *kind, objects map[types.NamespacedName]object) {
	for _, o := range objects {
		switch p := o.(type) {
		case *corev1.Pod:
			if len(in.pods) == cap(in.pods) {
				in.pods = slices.Grow(in.pods, len(objects))
			}
			in.pods = append(in.pods, p)
		case *appsv1.Deployment, *appsv1.StatefulSet, *appsv1.DaemonSet, *appsv1.ReplicaSet, *corev1.ReplicationController, *batchv1.Job, *batchv1.CronJob:
			if len(in.carriers) == cap(in.carriers) {
				in.carriers = slices.Grow(in.carriers, len(objects))
			}
			in.carriers = append(in.carriers, carrier{ref: refTo(k.apiVersion, k.name, o), object: o})
		default:
			return
		}
	}
}

func refTo(apiVersion, kind string, o object) harden.Ref {
	return harden.Ref{APIVersion: apiVersion, Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID()}
}

// assembled is the result, with what is needed to share it with the next one.
type assembled struct {
	workloads []*harden.Workload
	parts     map[types.UID]part
	// through lists what lies between a workload and its pods: ReplicaSets and Jobs.
	through map[types.UID][]harden.Ref
}

// A part is what a workload was made of.
type part struct {
	workload *harden.Workload
	object   object
}

// matches reports whether a name of the scope means the workload.
func (out *assembled) matches(w *harden.Workload, name harden.Ref) bool {
	same := func(kind, namespace, n string) bool {
		return kind == name.Kind && n == name.Name && (name.Namespace == "" || namespace == name.Namespace)
	}
	if same(w.Ref.Kind, w.Ref.Namespace, w.Ref.Name) {
		return true
	}
	for _, p := range w.Pods {
		if same("Pod", p.Namespace, p.Name) {
			return true
		}
	}
	return slices.ContainsFunc(out.through[w.Ref.UID], func(r harden.Ref) bool { return same(r.Kind, r.Namespace, r.Name) })
}

// An assembly climbs from pods and carriers to the topmost readable carrier.
type assembly struct {
	in      *input
	byUID   map[types.UID]*carrier
	pods    map[types.UID][]*corev1.Pod // of a top carrier or of a pod that stands alone
	through map[types.UID][]harden.Ref
	// deployments by namespace and name, for pods whose ReplicaSet may not be read.
	deployments map[types.NamespacedName]*appsv1.Deployment
	newest      map[types.UID]*appsv1.ReplicaSet // that with the highest revision, by owner
}

// revisionAnnotation counts the templates of a Deployment on its ReplicaSets
// (pkg/controller/deployment/util).
const revisionAnnotation = "deployment.kubernetes.io/revision"

func (a *assembly) note(rs *appsv1.ReplicaSet) {
	owner := metav1.GetControllerOfNoCopy(rs)
	if owner == nil {
		return
	}
	if before := a.newest[owner.UID]; before == nil || revisionOf(before) < revisionOf(rs) {
		a.newest[owner.UID] = rs
	}
}

func revisionOf(rs *appsv1.ReplicaSet) int {
	n, _ := strconv.Atoi(rs.Annotations[revisionAnnotation])
	return n
}

// revision is the label of pods that are of the current template, or "".
func (a *assembly) revision(c *carrier) string {
	switch o := c.object.(type) {
	case *appsv1.Deployment:
		rs := a.newest[o.UID]
		// The controller writes the revision to both once it has seen the template.
		if rs == nil || o.Annotations[revisionAnnotation] != rs.Annotations[revisionAnnotation] || o.Status.ObservedGeneration < o.Generation {
			return ""
		}
		return appsv1.DefaultDeploymentUniqueLabelKey + "=" + rs.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	case *appsv1.StatefulSet:
		if o.Status.UpdateRevision == "" || o.Status.ObservedGeneration < o.Generation {
			return ""
		}
		return appsv1.StatefulSetRevisionLabel + "=" + o.Status.UpdateRevision
	case *appsv1.DaemonSet:
		if g := o.Annotations[appsv1.DeprecatedTemplateGeneration]; g != "" {
			return "pod-template-generation=" + g
		}
	}
	return ""
}

// assemble rolls pods up to workloads by the owner that is their controller,
// again and again: Pod, ReplicaSet, Deployment; Pod, Job, CronJob. Where an
// owner was not read (a custom resource, a kind that is refused) the object
// below it is the workload and names that owner.
func assemble(in *input, before assembled) assembled {
	a := &assembly{
		in: in, byUID: make(map[types.UID]*carrier, len(in.carriers)),
		pods: make(map[types.UID][]*corev1.Pod, len(before.parts)), through: make(map[types.UID][]harden.Ref, len(before.through)),
		deployments: map[types.NamespacedName]*appsv1.Deployment{}, newest: map[types.UID]*appsv1.ReplicaSet{},
	}
	for i := range in.carriers {
		c := &in.carriers[i]
		a.byUID[c.object.GetUID()] = c
		if rs, ok := c.object.(*appsv1.ReplicaSet); ok {
			a.note(rs)
		}
		if d, ok := c.object.(*appsv1.Deployment); ok {
			a.deployments[types.NamespacedName{Namespace: d.Namespace, Name: d.Name}] = d
		}
	}
	var alone []*corev1.Pod
	for _, p := range in.pods {
		if top := a.topOfPod(p); top != nil {
			a.pods[top.object.GetUID()] = append(a.pods[top.object.GetUID()], p)
		} else {
			alone = append(alone, p)
		}
	}
	out := assembled{parts: make(map[types.UID]part, len(before.parts)), workloads: make([]*harden.Workload, 0, len(before.workloads)), through: a.through}
	idle := a.idleReplicaSets()
	for i := range in.carriers {
		c := &in.carriers[i]
		if top := a.top(c); top != c {
			a.through[top.object.GetUID()] = append(a.through[top.object.GetUID()], c.ref)
			continue
		}
		if !idle[c.object.GetUID()] {
			out.add(c.ref, c.object, a.pods[c.object.GetUID()], a.revision(c), before)
		}
	}
	for _, p := range alone {
		out.add(refTo("v1", "Pod", p), p, []*corev1.Pod{p}, "", before)
	}
	inventory.Sort(out.workloads)
	return out
}

// top climbs from a carrier.
func (a *assembly) top(c *carrier) *carrier {
	// Owners cannot be in a circle on a sane server; the limit is for the others.
	for range 10 {
		owner := metav1.GetControllerOfNoCopy(c.object)
		if owner == nil {
			break
		}
		parent := a.byUID[owner.UID]
		if parent == nil || parent.object.GetNamespace() != c.object.GetNamespace() {
			break
		}
		c = parent
	}
	return c
}

func (a *assembly) topOfPod(p *corev1.Pod) *carrier {
	owner := metav1.GetControllerOfNoCopy(p)
	if owner == nil {
		return nil
	}
	if c := a.byUID[owner.UID]; c != nil && c.object.GetNamespace() == p.Namespace {
		return a.top(c)
	}
	if d := a.deploymentBehind(owner, p); d != nil {
		return a.top(a.byUID[d.UID])
	}
	return nil
}

// deploymentBehind finds the Deployment of a pod whose ReplicaSet may not be
// read: the ReplicaSet is named after it and the pod-template-hash label
// (pkg/controller/deployment/sync.go), and its selector must match.
func (a *assembly) deploymentBehind(owner *metav1.OwnerReference, p *corev1.Pod) *appsv1.Deployment {
	hash := p.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	if owner.Kind != "ReplicaSet" || hash == "" || a.in.readable[replicaSets] {
		return nil
	}
	name, ok := strings.CutSuffix(owner.Name, "-"+hash)
	d := a.deployments[types.NamespacedName{Namespace: p.Namespace, Name: name}]
	if !ok || d == nil {
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil || !selector.Matches(labels.Set(p.Labels)) {
		return nil
	}
	return d
}

// idleReplicaSets are those that an owner who was not read keeps for a rollback:
// they run nothing. When all of an owner's are idle, the newest stands for it.
func (a *assembly) idleReplicaSets() map[types.UID]bool {
	type group struct {
		active bool
		newest *appsv1.ReplicaSet
	}
	idle := map[types.UID]bool{}
	groups := map[types.UID]*group{}
	for _, c := range a.in.carriers {
		rs, ok := c.object.(*appsv1.ReplicaSet)
		owner := metav1.GetControllerOfNoCopy(c.object)
		if !ok || owner == nil || a.byUID[owner.UID] != nil {
			continue
		}
		g := groups[owner.UID]
		if g == nil {
			g = &group{}
			groups[owner.UID] = g
		}
		if rs.Spec.Replicas == nil || *rs.Spec.Replicas > 0 {
			g.active = true
			continue
		}
		idle[rs.UID] = true
		if g.newest == nil || newer(rs, g.newest) {
			g.newest = rs
		}
	}
	for _, g := range groups {
		if !g.active {
			delete(idle, g.newest.UID)
		}
	}
	return idle
}

func newer(a, b *appsv1.ReplicaSet) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name > b.Name
	}
	return b.CreationTimestamp.Before(&a.CreationTimestamp)
}

// add makes the workload, or takes that of the last time when nothing changed.
func (out *assembled) add(ref harden.Ref, o object, pods []*corev1.Pod, revision string, before assembled) {
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	p := before.parts[ref.UID]
	if p.workload == nil || p.object != o || p.workload.Revision != revision || !slices.Equal(p.workload.Pods, pods) {
		w := inventory.WorkloadOf(ref, o)
		w.Pods, w.Revision = pods, revision
		w.Controller = controllerOf(o)
		w.Finished = finished(o)
		p = part{workload: w, object: o}
	}
	out.parts[ref.UID] = p
	out.workloads = append(out.workloads, p.workload)
}

func controllerOf(o object) *harden.Ref {
	owner := metav1.GetControllerOfNoCopy(o)
	if owner == nil {
		return nil
	}
	ref := harden.Ref{APIVersion: owner.APIVersion, Kind: owner.Kind, Namespace: o.GetNamespace(), Name: owner.Name, UID: owner.UID}
	if owner.Kind == "Node" && owner.APIVersion == "v1" {
		ref.Namespace = "" // the owner of a mirror pod
	}
	return &ref
}

func finished(o object) bool {
	switch o := o.(type) {
	case *corev1.Pod:
		return o.Status.Phase == corev1.PodSucceeded || o.Status.Phase == corev1.PodFailed
	case *batchv1.Job:
		return slices.ContainsFunc(o.Status.Conditions, func(c batchv1.JobCondition) bool {
			return c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed)
		})
	}
	return false
}
