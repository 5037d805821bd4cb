package harden

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// exposures are the ways into the cluster, by namespace.
type exposures map[string][]entrance

type entrance struct {
	selector map[string]string
	by       string
	Exposure
}

// PartsOfExposure are those of an inventory by which a workload is exposed.
var PartsOfExposure = append([]schema.GroupKind{ProxyWorkloads, KindService, KindIngressClass, KindIngressClassParams, KindGateway, KindGatewayClass, KindIstioGateway}, RouteKinds()...)

// ExposedBy is by what the workload can be reached from outside of the cluster,
// such as "Service web of type LoadBalancer" or "Ingress shop"; empty where
// nothing is known that leads to it, and where all that does is known to be
// private. Where it is not known whether the internet reaches it, the text says so.
// Ports of nodes that its own pods open count where a node has a public address.
func (i *Inventory) ExposedBy(w *Workload) string {
	by, e := i.ExposureOf(w)
	switch {
	case !e.Outside():
		return ""
	case e.Reachability == PerhapsInternet:
		return by + " (" + e.Why + ")"
	}
	return by
}

// ExposureOf is the widest way that leads to the workload, and how far it reaches.
func (i *Inventory) ExposureOf(w *Workload) (by string, e Exposure) {
	for _, way := range Derive(i, exposed, PartsOfExposure...)[w.Ref.Namespace] {
		if way.Reachability > e.Reachability && matches(way.selector, w.Template.Labels) {
			by, e = way.by, way.Exposure
		}
	}
	if nodes := nodesExposedOf(i); e.Reachability < nodes.Reachability && nodes.Reachability == FromInternet && opensNodePorts(&w.Template.Spec) {
		return "ports of its nodes", nodes.Exposure
	}
	return by, e
}

func exposed(i *Inventory) exposures {
	type way struct {
		by string
		Exposure
	}
	routes := map[[2]string]way{} // by namespace and Service
	lead := func(content metav1.Object) {
		r := i.RouteOf(content)
		if r == nil {
			return
		}
		for _, rule := range r.Rules {
			for _, b := range rule.Backends {
				at := [2]string{b.Namespace, b.Service}
				if r.Exposure.Reachability > routes[at].Reachability {
					routes[at] = way{r.Kind.Kind + " " + r.Name, r.Exposure}
				}
			}
		}
	}
	for _, in := range i.Net.Ingresses {
		lead(in)
	}
	for _, kind := range RouteKinds() {
		for _, u := range All[*unstructured.Unstructured](i, kind) {
			lead(u)
		}
	}
	out := exposures{}
	for _, s := range i.Net.Services {
		if len(s.Spec.Selector) == 0 || s.Spec.Type == corev1.ServiceTypeExternalName {
			continue // its endpoints are from somewhere else
		}
		e, by := i.ServiceExposure(s), fmt.Sprintf("Service %s of type %s", s.Name, s.Spec.Type)
		if len(s.Spec.ExternalIPs) > 0 && s.Spec.Type != corev1.ServiceTypeLoadBalancer && s.Spec.Type != corev1.ServiceTypeNodePort {
			by = fmt.Sprintf("Service %s with external addresses", s.Name)
		}
		if r := routes[[2]string{s.Namespace, s.Name}]; r.Reachability > e.Reachability {
			e, by = r.Exposure, r.by
		}
		if e.Reachability > ClusterOnly {
			out[s.Namespace] = append(out[s.Namespace], entrance{s.Spec.Selector, by, e})
		}
	}
	return out
}
