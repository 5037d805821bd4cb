package cluster

import (
	"cmp"
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/engine"
)

const daemonSets = "daemonsets.apps"

// readSeen reads what tells who enforces policies: the DaemonSets of all
// namespaces or, where that is refused, of those where engines live; and the
// ConfigMaps of the engines. DaemonSets that were read already are not read
// again. What may not be read is in Unread; an error is one that concerns all.
func (r *Reader) readSeen(ctx context.Context, who identity, read []appsv1.DaemonSet) (engine.Seen, error) {
	seen := engine.Seen{DaemonSets: read, Version: who.cluster.Version}
	for g := range who.groups {
		seen.Groups = append(seen.Groups, g)
	}
	slices.Sort(seen.Groups)
	if read == nil {
		if err := r.readDaemonSets(ctx, &seen); err != nil {
			return seen, err
		}
	}
	for _, name := range engine.ConfigMaps(seen) {
		c, err := r.configMap(ctx, name.Namespace, name.Name)
		switch {
		case isFatal(err):
			return seen, err
		case err == nil:
			seen.ConfigMaps = append(seen.ConfigMaps, *c)
		case !apierrors.IsNotFound(err):
			seen.Unread = append(seen.Unread, harden.Unread{Resource: harden.ConfigMaps, Namespace: name.Namespace, Why: why(err)})
		}
	}
	if who.has(engine.PolicyEndpointGroup) {
		var list metav1.PartialObjectMetadataList
		err := r.getJSON(ctx, "/apis/"+engine.PolicyEndpointGroup+"/v1alpha1/policyendpoints", map[string]string{"limit": "1"}, &list)
		seen.PolicyEndpoints = err == nil && len(list.Items) > 0
	}
	return seen, nil
}

func (r *Reader) configMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	c, err := r.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, classify(err)
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: c.Data}, nil
}

func (r *Reader) readDaemonSets(ctx context.Context, seen *engine.Seen) error {
	k := r.kind("DaemonSet")
	contents := []*content{r.readSource(ctx, source{kind: k})}
	if apierrors.IsForbidden(contents[0].err) {
		var places []source
		for _, ns := range engine.Namespaces {
			places = append(places, source{kind: k, namespace: ns})
		}
		parts, err := r.readAll(ctx, places, nil)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(parts, func(c *content) bool { return c.err == nil }) {
			contents = parts
		}
	}
	for _, c := range contents {
		if isFatal(c.err) {
			return c.err
		}
		if c.err != nil {
			seen.Unread = append(seen.Unread, harden.Unread{Resource: daemonSets, Namespace: c.source.namespace, Why: why(c.err)})
			continue
		}
		if seen.DaemonSets == nil {
			seen.DaemonSets = []appsv1.DaemonSet{} // read, and maybe empty
		}
		seen.DaemonSets = append(seen.DaemonSets, leanDaemonSets(c)...)
	}
	sortDaemonSets(seen.DaemonSets)
	return nil
}

// daemonSets are those of all namespaces; nil where the state does not have them.
func (s *state) daemonSets() []appsv1.DaemonSet {
	c := s.contents[key{resource: daemonSets}]
	if c == nil || c.err != nil {
		return nil
	}
	all := leanDaemonSets(c)
	sortDaemonSets(all)
	return all
}

// leanDaemonSets are never nil. They hold what tells an engine, so that two of
// them are equal when nothing of that changed.
func leanDaemonSets(c *content) []appsv1.DaemonSet {
	out := []appsv1.DaemonSet{}
	for _, o := range c.objects {
		d, ok := o.(*appsv1.DaemonSet)
		if !ok {
			continue
		}
		lean := appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.Name, Labels: d.Labels}}
		lean.Spec.Template.Spec = d.Spec.Template.Spec
		lean.Status.ObservedGeneration, lean.Status.DesiredNumberScheduled = min(d.Status.ObservedGeneration, 1), min(d.Status.DesiredNumberScheduled, 1)
		out = append(out, lean)
	}
	return out
}

func sortDaemonSets(list []appsv1.DaemonSet) {
	slices.SortFunc(list, func(a, b appsv1.DaemonSet) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

func (r *Reader) knowEngine(e harden.Engine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.engine = &e
}

func (r *Reader) knownEngine() *harden.Engine {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.engine
}
