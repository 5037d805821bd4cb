package harden

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// exposures are the ways into the cluster, by namespace.
type exposures map[string][]exposure

type exposure struct {
	selector labels.Selector
	by       string
}

// ExposedBy is by what the workload can be reached from outside of the cluster,
// such as "Service web of type LoadBalancer" or "Ingress shop"; empty where
// nothing is known that leads to it. Ports of nodes that its own pods open do not count.
func (i *Inventory) ExposedBy(w *Workload) string {
	for _, e := range Derive(i, exposed)[w.Ref.Namespace] {
		if e.selector.Matches(labels.Set(w.Template.Labels)) {
			return e.by
		}
	}
	return ""
}

func exposed(i *Inventory) exposures {
	ingresses := map[[2]string]string{}
	for _, in := range i.Net.Ingresses {
		for _, service := range backends(in) {
			if at := [2]string{in.Namespace, service}; ingresses[at] == "" {
				ingresses[at] = in.Name
			}
		}
	}
	out := exposures{}
	for _, s := range i.Net.Services {
		by := ""
		switch {
		case s.Spec.Type == corev1.ServiceTypeLoadBalancer, s.Spec.Type == corev1.ServiceTypeNodePort:
			by = fmt.Sprintf("Service %s of type %s", s.Name, s.Spec.Type)
		case len(s.Spec.ExternalIPs) > 0:
			by = fmt.Sprintf("Service %s with external addresses", s.Name)
		case ingresses[[2]string{s.Namespace, s.Name}] != "":
			by = "Ingress " + ingresses[[2]string{s.Namespace, s.Name}]
		}
		// A Service without a selector has its endpoints from somewhere else.
		if by != "" && len(s.Spec.Selector) > 0 {
			out[s.Namespace] = append(out[s.Namespace], exposure{labels.SelectorFromSet(s.Spec.Selector), by})
		}
	}
	return out
}

// backends are the names of the Services that an Ingress leads to.
func backends(i *networkingv1.Ingress) []string {
	var services []string
	add := func(b *networkingv1.IngressBackend) {
		if b != nil && b.Service != nil {
			services = append(services, b.Service.Name)
		}
	}
	add(i.Spec.DefaultBackend)
	for _, rule := range i.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for n := range rule.HTTP.Paths {
			add(&rule.HTTP.Paths[n].Backend)
		}
	}
	return services
}
