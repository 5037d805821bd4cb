package flows

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// scrapers are labels of pods that collect metrics.
var scrapers = []map[string]string{
	{"app.kubernetes.io/name": "prometheus"},
	{"app": "prometheus"},
	{"app": "prometheus", "component": "server"},
	{"app.kubernetes.io/name": "vmagent"},
	{"app.kubernetes.io/name": "prometheus-agent"},
	{"app.kubernetes.io/name": "alloy"},
	{"app.kubernetes.io/name": "grafana-agent"},
}

// monitors are the connections of those who collect metrics: by ServiceMonitors,
// PodMonitors and the annotations prometheus.io/scrape and prometheus.io/port.
func (f *finder) monitors() {
	peers := f.scrapers()
	if len(peers) == 0 {
		return
	}
	for _, m := range f.inv.Net.Monitors {
		switch m.GetKind() {
		case "ServiceMonitor":
			f.serviceMonitor(m, peers)
		case "PodMonitor":
			f.podMonitor(m, peers)
		}
	}
	for _, w := range f.inv.Workloads {
		if !w.Finished {
			f.scraped(w, w.Template.Annotations, "the pods", peers)
			for _, p := range w.Pods {
				f.scraped(w, p.Annotations, "the pods", peers) // as injectors of meshes rewrite it
			}
		}
	}
	for _, s := range f.inv.Net.Services {
		for _, w := range f.selected(s.Namespace, s.Spec.Selector) {
			f.scraped(w, s.Annotations, "Service "+s.Name, peers)
		}
	}
}

// scrapers are the pods of the Prometheus objects, named as their operator names
// them, and others that carry well-known labels.
func (f *finder) scrapers() []harden.Peer {
	peers := f.pick(scrapers)
	for _, m := range f.inv.Net.Monitors {
		if m.GetKind() != "Prometheus" && m.GetKind() != "PrometheusAgent" {
			continue
		}
		for _, w := range f.workloads[m.GetNamespace()] {
			p := harden.WorkloadPeer(w.Ref)
			if w.Ref.Kind == "StatefulSet" && (w.Ref.Name == "prometheus-"+m.GetName() || w.Ref.Name == "prom-agent-"+m.GetName()) && !slices.Contains(peers, p) {
				peers = append(peers, p)
			}
		}
	}
	return peers
}

func (f *finder) serviceMonitor(m *unstructured.Unstructured, peers []harden.Peer) {
	selector, ok := selectorOf(m)
	if !ok {
		return
	}
	for _, s := range f.inv.Net.Services {
		if !monitored(m, s.Namespace) || !selector.Matches(labels.Set(s.Labels)) {
			continue
		}
		for _, e := range list(m.Object, "spec", "endpoints") {
			targets := f.targets(s, servicePort{name: field(e, "port", "")})
			if target := portValue(e["targetPort"]); target != (intstr.IntOrString{}) {
				targets = f.podTargets(f.selected(s.Namespace, s.Spec.Selector), target)
			}
			f.scrape(m, targets, peers)
		}
	}
}

func (f *finder) podMonitor(m *unstructured.Unstructured, peers []harden.Peer) {
	selector, ok := selectorOf(m)
	if !ok {
		return
	}
	for namespace := range f.workloads {
		if !monitored(m, namespace) {
			continue
		}
		pods := f.matching(namespace, selector)
		for _, e := range list(m.Object, "spec", "podMetricsEndpoints") {
			port := portValue(e["targetPort"])
			if n := number(e, "portNumber"); n != 0 {
				port = intstr.FromInt32(n)
			}
			if s := field(e, "port", ""); s != "" {
				port = intstr.FromString(s)
			}
			f.scrape(m, f.podTargets(pods, port), peers)
		}
	}
}

func (f *finder) scrape(m *unstructured.Unstructured, targets []target, peers []harden.Peer) {
	for _, p := range peers {
		f.addAll(p, targets, declared, "E-SLICES", fmt.Sprintf("%s %s/%s has its metrics collected", m.GetKind(), m.GetNamespace(), m.GetName()))
	}
}

func (f *finder) scraped(w *harden.Workload, annotations map[string]string, where string, peers []harden.Peer) {
	if annotations["prometheus.io/scrape"] != "true" {
		return
	}
	var ports []harden.Port
	if n := portNumber(annotations["prometheus.io/port"]); n != 0 {
		ports = []harden.Port{{Protocol: corev1.ProtocolTCP, Number: n}}
	} else {
		ports = slices.DeleteFunc(declaredPorts(w), func(p harden.Port) bool { return p.Protocol != corev1.ProtocolTCP })
	}
	for _, from := range peers {
		for _, port := range ports {
			f.add(from, target{peer: harden.WorkloadPeer(w.Ref), port: port}, declared, "E-SLICES", fmt.Sprintf("annotation prometheus.io/scrape of %s", where))
		}
	}
}

// podTargets are a port of the pods themselves, by number or name.
func (f *finder) podTargets(pods []*harden.Workload, port intstr.IntOrString) []target {
	var out []target
	for _, w := range pods {
		n := port.IntVal
		if port.Type == intstr.String {
			n = namedPort(w, port.StrVal, corev1.ProtocolTCP)
		}
		out = append(out, target{peer: harden.WorkloadPeer(w.Ref), port: harden.Port{Protocol: corev1.ProtocolTCP, Number: n}})
	}
	return out
}

func portValue(v any) intstr.IntOrString {
	if s, ok := v.(string); ok {
		if n := portNumber(s); n != 0 {
			return intstr.FromInt32(n)
		}
		return intstr.FromString(s)
	}
	return intstr.FromInt32(number(map[string]any{"": v}, ""))
}

func selectorOf(m *unstructured.Unstructured) (labels.Selector, bool) {
	raw, found, _ := unstructured.NestedMap(m.Object, "spec", "selector")
	if !found {
		return nil, false
	}
	var s metav1.LabelSelector
	if runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &s) != nil {
		return nil, false
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	return selector, err == nil
}

func monitored(m *unstructured.Unstructured, namespace string) bool {
	if all, _, _ := unstructured.NestedBool(m.Object, "spec", "namespaceSelector", "any"); all {
		return true
	}
	names, _, _ := unstructured.NestedStringSlice(m.Object, "spec", "namespaceSelector", "matchNames")
	if len(names) == 0 {
		return namespace == m.GetNamespace()
	}
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, namespace) })
}
