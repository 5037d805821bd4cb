package cluster

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ReadOne reads one object anew from the server with what its rules look at:
// a workload with its pods, its namespace with accounts, policies, autoscalers,
// Services and Ingresses, whom the API server calls, and the nodes that its pods
// run on; who enforces policies is taken from what was read last. For a Namespace, a
// ServiceAccount or a policy it reads the whole namespace, and for a policy of
// the cluster all namespaces, since their rules look at who lives there. The
// error wraps ErrNotFound when the object is gone.
func (r *Reader) ReadOne(ctx context.Context, ref harden.Ref) (*harden.Inventory, error) {
	namespace := ref.Namespace
	if ref.Kind == "Namespace" {
		namespace = ref.Name
	}
	if err := r.knowKinds(ctx); err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref.Long(), err)
	}
	k := r.kindOf(ref)
	if k == nil || !isJudged(k) {
		return nil, fmt.Errorf("reading %s: this kind is not one that is judged", ref.Long())
	}
	if !isCarrier(ref.Kind) {
		scope := harden.Scope{Namespaces: []string{namespace}, All: namespace == ""}
		if ref.Kind != "Namespace" {
			scope.Names = []harden.Ref{ref}
		}
		return r.readFresh(ctx, scope)
	}
	s := newState(harden.Scope{Namespaces: []string{namespace}, Names: []harden.Ref{ref}})
	s.who = r.known()
	first := []source{
		{kind: k, namespace: namespace, field: "metadata.name=" + ref.Name},
		{kind: r.kind("ServiceAccount"), namespace: namespace},
		{kind: r.kind("NetworkPolicy"), namespace: namespace},
		{kind: r.kind("Namespace"), namespace: namespace, field: "metadata.name=" + namespace},
	}
	beside := slices.DeleteFunc(r.allKinds(), func(k *kind) bool { return !k.net && !k.aside && !isScaler(k.name) || s.who.lacks(k) })
	if err := r.readInto(ctx, s, append(first, sources(beside, s.scope)...)); err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref.Long(), err)
	}
	c := s.contents[first[0].key()]
	if c.err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref.Long(), classify(c.err))
	}
	o := c.objects[types.NamespacedName{Namespace: namespace, Name: ref.Name}]
	if o == nil {
		return nil, notFound(ref)
	}
	if err := r.readInto(ctx, s, r.below(namespace, o)); err != nil {
		return nil, fmt.Errorf("reading the pods of %s: %w", ref.Long(), err)
	}
	if err := r.readNodes(ctx, s); err != nil {
		return nil, fmt.Errorf("reading the nodes of %s: %w", ref.Long(), err)
	}
	if s.engine = r.knownEngine(); s.engine == nil {
		var err error
		if s.seen, err = r.readSeen(ctx, s.who, nil); err != nil {
			return nil, fmt.Errorf("reading %s: %w", ref.Long(), err)
		}
	}
	return s.build(r.now())
}

// known is who the server is as far as it was asked.
func (r *Reader) known() identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	who := r.who
	who.cluster.Context, who.cluster.Server = r.context, r.server
	return who
}

// readFresh is Read without being remembered for Watch, and with the names of
// the scope applied only as a check that they exist.
func (r *Reader) readFresh(ctx context.Context, scope harden.Scope) (*harden.Inventory, error) {
	s, err := r.read(ctx, reading{scope: scope})
	if err != nil {
		return nil, err
	}
	if _, err := s.build(r.now()); err != nil {
		return nil, err
	}
	s.scope.Names = nil
	return s.build(r.now())
}

func (r *Reader) readInto(ctx context.Context, s *state, sources []source) error {
	contents, err := r.readAll(ctx, sources, nil)
	if err != nil {
		return err
	}
	for _, c := range contents {
		s.put(c)
	}
	return nil
}

func (r *Reader) kind(name string) *kind {
	i := slices.IndexFunc(r.kinds, func(k *kind) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return r.kinds[i]
}

// kindOf is the kind of a reference: where several groups have one of that name
// and none is that of the reference, the first.
func (r *Reader) kindOf(ref harden.Ref) *kind {
	kinds := r.allKinds()
	if i := slices.IndexFunc(kinds, func(k *kind) bool { return k.means(ref) }); i >= 0 {
		return kinds[i]
	}
	return r.kind(ref.Kind)
}

func isCarrier(kind string) bool {
	switch kind {
	case "Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob":
		return true
	}
	return false
}

// isJudged reports whether rules look at objects of the kind for their own sake.
func isJudged(k *kind) bool {
	switch k.name {
	case "Namespace", "ServiceAccount", "NetworkPolicy":
		return true
	}
	_, listed := harden.ObjectKindOf(schema.FromAPIVersionAndKind(k.apiVersion, k.name).GroupKind())
	return isCarrier(k.name) || listed || k.group == harden.ConstraintGroup || slices.Contains(policyGroups, k.group)
}

func isScaler(kind string) bool {
	return kind == harden.HorizontalPodAutoscaler || kind == harden.VerticalPodAutoscaler
}

// below lists the sources of what a workload owns.
func (r *Reader) below(namespace string, o object) []source {
	owned := func(name, selector string) source {
		return source{kind: r.kind(name), namespace: namespace, selector: selector}
	}
	selected := func(s *metav1.LabelSelector, kinds ...string) (out []source) {
		selector, err := metav1.LabelSelectorAsSelector(s)
		if err != nil || selector.Empty() || s == nil {
			return nil // selects nothing; the server lets none of these in
		}
		for _, k := range kinds {
			out = append(out, owned(k, selector.String()))
		}
		return out
	}
	switch o := o.(type) {
	case *appsv1.Deployment:
		return selected(o.Spec.Selector, "ReplicaSet", "Pod")
	case *appsv1.StatefulSet:
		return selected(o.Spec.Selector, "Pod")
	case *appsv1.DaemonSet:
		return selected(o.Spec.Selector, "Pod")
	case *appsv1.ReplicaSet:
		return selected(o.Spec.Selector, "Pod")
	case *corev1.ReplicationController:
		return selected(&metav1.LabelSelector{MatchLabels: o.Spec.Selector}, "Pod")
	case *batchv1.Job:
		return selected(o.Spec.Selector, "Pod")
	case *batchv1.CronJob:
		// Jobs of a CronJob carry no common label; their pods all have this one.
		return []source{owned("Job", ""), owned("Pod", batchv1.JobNameLabel)}
	}
	return nil
}

// manyNodes is how many nodes are read one by one at most; who has pods on more
// has other pods that show the same.
const manyNodes = 10

func (r *Reader) readNodes(ctx context.Context, s *state) error {
	names := map[string]bool{}
	for k, c := range s.contents {
		if k.resource != pods {
			continue
		}
		for _, o := range c.objects {
			if p, ok := o.(*corev1.Pod); ok && p.Spec.NodeName != "" && len(names) < manyNodes {
				names[p.Spec.NodeName] = true
			}
		}
	}
	all := &content{source: source{kind: r.kind("Node")}, objects: map[types.NamespacedName]object{}}
	for name := range names {
		c := r.readSource(ctx, source{kind: r.kind("Node"), field: "metadata.name=" + name})
		if isFatal(c.err) {
			return c.err
		}
		if c.err != nil {
			all.err = c.err
			break
		}
		for n, o := range c.objects {
			all.objects[n] = o
		}
	}
	s.put(all)
	return nil
}
