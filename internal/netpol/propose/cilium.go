package propose

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An entityRule is a peer that Cilium knows by what it is and never by an
// ipBlock (docs.cilium.io, "Layer 3 policies": entities based).
type entityRule struct {
	entity string
	port   harden.Port // number 0: all
}

func (d *drafter) cilium() bool { return d.inv.Net.Engine.Name == harden.EngineCilium }

func (m *made) entity(name string, port harden.Port) {
	if r := (entityRule{name, port}); !slices.Contains(m.engine, r) {
		m.engine = append(m.engine, r)
	}
}

// ciliumPolicy is the CiliumNetworkPolicy beside a NetworkPolicy, for what that
// cannot say; nil where there is nothing of the kind.
func (d *drafter) ciliumPolicy(m *made, name string) *unstructured.Unstructured {
	if len(m.engine) == 0 {
		return nil
	}
	key, list := "toEntities", "egress"
	if m.direction == harden.Ingress {
		key, list = "fromEntities", "ingress"
	}
	byPort := map[harden.Port][]any{}
	for _, r := range m.engine {
		byPort[r.port] = append(byPort[r.port], r.entity)
	}
	var rules []any
	for _, port := range slices.SortedFunc(maps.Keys(byPort), harden.ComparePorts) {
		rule := map[string]any{key: byPort[port]}
		if port.Number != 0 {
			rule["toPorts"] = []any{map[string]any{"ports": []any{ciliumPort(port)}}}
		}
		rules = append(rules, rule)
	}
	return d.ciliumObject(m, name, list, rules)
}

func (d *drafter) ciliumObject(m *made, name, list string, rules []any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "cilium.io/v2",
		"kind":       "CiliumNetworkPolicy",
		"metadata":   map[string]any{"name": name, "namespace": d.namespace, "labels": map[string]any{managedBy: manager}},
		"spec":       map[string]any{"endpointSelector": selectorFields(m.subject), list: rules},
	}}
}

func selectorFields(s *subject) map[string]any {
	labels := map[string]any{}
	for k, v := range s.selector.MatchLabels {
		labels[k] = v
	}
	out := map[string]any{"matchLabels": labels}
	var expressions []any
	for _, e := range s.selector.MatchExpressions {
		expressions = append(expressions, map[string]any{"key": e.Key, "operator": string(e.Operator)})
	}
	if len(expressions) > 0 {
		out["matchExpressions"] = expressions
	}
	return out
}

func ciliumPort(p harden.Port) map[string]any {
	return map[string]any{"port": fmt.Sprint(p.Number), "protocol": string(p.Protocol)}
}

// byHost is a CiliumNetworkPolicy that names the hosts that the flows ask for
// instead of opening a port to the internet, with the rule that shows Cilium the
// answers of DNS; nil where no flow names one.
func (d *drafter) byHost(m *made, name string, needs []harden.Flow) *unstructured.Unstructured {
	if !d.cilium() || m.direction != harden.Egress {
		return nil
	}
	ports := map[string][]any{}
	for _, f := range needs {
		if f.Host == "" {
			continue
		}
		if _, err := netip.ParseAddr(f.Host); err == nil {
			continue
		}
		ports[f.Host] = append(ports[f.Host], ciliumPort(f.Port))
	}
	if len(ports) == 0 {
		return nil
	}
	dns := map[string]any{"k8s:io.kubernetes.pod.namespace": d.dns.Namespace}
	for k, v := range d.dns.Selector {
		dns["k8s:"+k] = v
	}
	var resolver []any
	for _, p := range d.dns.Ports {
		resolver = append(resolver, ciliumPort(p))
	}
	rules := []any{map[string]any{
		"toEndpoints": []any{map[string]any{"matchLabels": dns}},
		"toPorts":     []any{map[string]any{"ports": resolver, "rules": map[string]any{"dns": []any{map[string]any{"matchPattern": "*"}}}}},
	}}
	for _, host := range slices.Sorted(maps.Keys(ports)) {
		match := "matchName"
		if strings.Contains(host, "*") {
			match = "matchPattern"
		}
		rules = append(rules, map[string]any{"toFQDNs": []any{map[string]any{match: host}}, "toPorts": []any{map[string]any{"ports": ports[host]}}})
	}
	return d.ciliumObject(m, name, "egress", rules)
}
