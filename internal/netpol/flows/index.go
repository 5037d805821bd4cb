package flows

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An index finds what is in an inventory by name, labels and address.
type index struct {
	inv       *harden.Inventory
	workloads map[string][]*harden.Workload // by namespace, those that run or will run again
	slices    map[name][]*discoveryv1.EndpointSlice
	services  map[netip.Addr]*corev1.Service // by the addresses that clients use
	pods      map[netip.Addr]*harden.Workload
	nodes     map[netip.Addr]bool
	api       map[netip.Addr]bool
	maps      map[name]*corev1.ConfigMap
	hosts     map[string][]*corev1.Service // that answer for the names of Ingresses and routes
	nodeLocal []netip.Addr
}

type name struct{ namespace, name string }

func newIndex(inv *harden.Inventory) *index {
	x := &index{
		inv: inv, workloads: map[string][]*harden.Workload{}, slices: map[name][]*discoveryv1.EndpointSlice{}, services: map[netip.Addr]*corev1.Service{},
		pods: map[netip.Addr]*harden.Workload{}, nodes: map[netip.Addr]bool{}, api: map[netip.Addr]bool{}, maps: map[name]*corev1.ConfigMap{}, hosts: map[string][]*corev1.Service{},
	}
	for _, n := range inv.Nodes {
		for _, a := range n.Status.Addresses {
			if addr, ok := address(a.Address); ok {
				x.nodes[addr] = true
			}
		}
	}
	for _, w := range inv.Workloads {
		if w.Finished {
			continue
		}
		x.workloads[w.Ref.Namespace] = append(x.workloads[w.Ref.Namespace], w)
		for _, p := range w.Pods {
			if p.Spec.HostNetwork || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
				continue
			}
			for _, ip := range append([]corev1.PodIP{{IP: p.Status.PodIP}}, p.Status.PodIPs...) {
				if addr, ok := address(ip.IP); ok {
					x.pods[addr] = w
				}
			}
		}
	}
	for _, s := range inv.Net.EndpointSlices {
		if service := s.Labels[discoveryv1.LabelServiceName]; service != "" {
			key := name{s.Namespace, service}
			x.slices[key] = append(x.slices[key], s)
		}
	}
	for _, s := range inv.Net.Services {
		for _, a := range serviceAddresses(s) {
			x.services[a] = s
		}
	}
	for _, a := range APIServerOf(inv).Endpoints {
		x.api[a.Addr()] = true
	}
	for _, m := range inv.Net.ConfigMaps {
		x.maps[name{m.Namespace, m.Name}] = m
	}
	x.publish()
	x.nodeLocal = parseAddresses(inv.Net.Engine.NodeLocalDNS)
	return x
}

// publish notes who answers for the names that the outside uses.
func (x *index) publish() {
	for _, i := range x.inv.Net.Ingresses {
		for _, r := range i.Spec.Rules {
			for _, b := range ingressBackends(i) {
				x.answer(r.Host, x.inv.Net.Service(i.Namespace, b.Name))
			}
		}
	}
	for _, r := range x.inv.Net.Routes {
		hostnames, _, _ := unstructured.NestedStringSlice(r.Object, "spec", "hostnames")
		for _, rule := range list(r.Object, "spec", "rules") {
			for _, b := range list(rule, "backendRefs") {
				for _, h := range hostnames {
					x.answer(h, x.inv.Net.Service(field(b, "namespace", r.GetNamespace()), field(b, "name", "")))
				}
			}
		}
	}
}

func (x *index) answer(host string, s *corev1.Service) {
	if host = strings.ToLower(host); host != "" && s != nil {
		x.hosts[host] = append(x.hosts[host], s)
	}
}

// answersFor reports whether a name from outside leads to the workload itself.
func (x *index) answersFor(w *harden.Workload, host string) bool {
	return slices.ContainsFunc(x.hosts[host], func(s *corev1.Service) bool {
		return slices.Contains(x.selected(s.Namespace, s.Spec.Selector), w)
	})
}

func address(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

func parseAddresses(all []string) []netip.Addr {
	var out []netip.Addr
	for _, s := range all {
		if a, ok := address(s); ok {
			out = append(out, a)
		}
	}
	return out
}

// serviceAddresses are those that kube-proxy and its like translate.
func serviceAddresses(s *corev1.Service) []netip.Addr {
	all := append([]string{s.Spec.ClusterIP, s.Spec.LoadBalancerIP}, s.Spec.ClusterIPs...)
	all = append(all, s.Spec.ExternalIPs...)
	for _, i := range s.Status.LoadBalancer.Ingress {
		all = append(all, i.IP)
	}
	return parseAddresses(all)
}

// selected are the workloads of the namespace whose pods carry the labels that a
// Service asks for.
func (x *index) selected(namespace string, selector map[string]string) []*harden.Workload {
	if len(selector) == 0 {
		return nil
	}
	return x.matching(namespace, labels.SelectorFromSet(selector))
}

func (x *index) matching(namespace string, selector labels.Selector) []*harden.Workload {
	var out []*harden.Workload
	for _, w := range x.workloads[namespace] {
		if selector.Matches(labels.Set(w.Template.Labels)) {
			out = append(out, w)
		}
	}
	return out
}

// labelled are the workloads of any namespace whose pods carry the labels.
func (x *index) labelled(want map[string]string) []*harden.Workload {
	selector := labels.SelectorFromSet(want)
	var out []*harden.Workload
	for _, w := range x.inv.Workloads {
		if !w.Finished && selector.Matches(labels.Set(w.Template.Labels)) {
			out = append(out, w)
		}
	}
	return out
}

// containers are those of the template that live as long as the pod does, or
// run before: all that may open connections.
func containers(spec *corev1.PodSpec) []*corev1.Container {
	var out []*corev1.Container
	for i := range spec.InitContainers {
		out = append(out, &spec.InitContainers[i])
	}
	for i := range spec.Containers {
		out = append(out, &spec.Containers[i])
	}
	return out
}

// listening are the containers that may listen while the pod serves.
func listening(spec *corev1.PodSpec) []*corev1.Container {
	return slices.DeleteFunc(containers(spec), func(c *corev1.Container) bool {
		return slices.ContainsFunc(spec.InitContainers, func(i corev1.Container) bool {
			return i.Name == c.Name && (i.RestartPolicy == nil || *i.RestartPolicy != corev1.ContainerRestartPolicyAlways)
		})
	})
}

// namedPort is the number that a container of the workload gives to a port name,
// by template or, for containers that are injected, by a live pod.
func namedPort(w *harden.Workload, port string, protocol corev1.Protocol) int32 {
	specs := []*corev1.PodSpec{&w.Template.Spec}
	for _, p := range w.Pods {
		specs = append(specs, &p.Spec)
	}
	for _, spec := range specs {
		for _, c := range listening(spec) {
			for _, p := range c.Ports {
				if p.Name == port && protocolOf(p.Protocol) == protocol {
					return p.ContainerPort
				}
			}
		}
	}
	return 0
}

func protocolOf(p corev1.Protocol) corev1.Protocol {
	if p == "" {
		return corev1.ProtocolTCP
	}
	return p
}

// declaredPorts are those of the containers that listen, each once.
func declaredPorts(w *harden.Workload) []harden.Port {
	var out []harden.Port
	for _, c := range listening(&w.Template.Spec) {
		for _, p := range c.Ports {
			port := harden.Port{Protocol: protocolOf(p.Protocol), Number: p.ContainerPort}
			if !slices.Contains(out, port) {
				out = append(out, port)
			}
		}
	}
	slices.SortFunc(out, harden.ComparePorts)
	return out
}
