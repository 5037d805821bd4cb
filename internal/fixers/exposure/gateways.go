package exposure

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// parentsOf are the Gateways, by namespace and name, that a route of the namespace attaches to.
func parentsOf(route map[string]any, namespace string) [][2]string {
	var out [][2]string
	for _, parent := range harden.Maps(route, "spec", "parentRefs") {
		if kind := harden.Text(parent, "kind"); kind != "" && kind != "Gateway" {
			continue
		}
		ns := harden.Text(parent, "namespace")
		if ns == "" {
			ns = namespace
		}
		out = append(out, [2]string{ns, harden.Text(parent, "name")})
	}
	return out
}

// overHTTPS reports whether an HTTPRoute attaches to a listener with TLS.
func overHTTPS(inv *harden.Inventory, route map[string]any, namespace string) bool {
	for _, parent := range harden.Maps(route, "spec", "parentRefs") {
		ns := harden.Text(parent, "namespace")
		if ns == "" {
			ns = namespace
		}
		gateway := harden.Content[*unstructured.Unstructured](inv.Object(harden.KindGateway, ns, harden.Text(parent, "name")))
		if gateway == nil {
			continue
		}
		for _, l := range harden.Maps(gateway.Object, "spec", "listeners") {
			if attaches(parent, l) && harden.Text(l, "protocol") == "HTTPS" {
				return true
			}
		}
	}
	return false
}

// attaches reports whether a parentRef means the listener: by its name, its port, or any.
func attaches(parent, listener map[string]any) bool {
	if section := harden.Text(parent, "sectionName"); section != "" && section != harden.Text(listener, "name") {
		return false
	}
	return !harden.Has(parent, "port") || same(parent["port"], listener["port"])
}

// same compares numbers that may have been read as integers or not.
func same(a, b any) bool { return asInt(a) == asInt(b) }

func asInt(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

// attached is a route that hangs on a Gateway.
type attached struct {
	ref   harden.Ref
	route map[string]any
}

type attachments map[[2]string][]attached

// routesOn are the routes of all kinds that attach to the Gateway, whichever listener they mean.
func routesOn(inv *harden.Inventory, namespace, name string) []attached {
	return harden.Derive(inv, func(inv *harden.Inventory) attachments {
		out := attachments{}
		for _, kind := range gatewayRoutes {
			for o, u := range harden.All[*unstructured.Unstructured](inv, kind) {
				var on [][2]string
				for _, gateway := range parentsOf(u.Object, o.Ref.Namespace) {
					if !slices.Contains(on, gateway) {
						on = append(on, gateway)
						out[gateway] = append(out[gateway], attached{o.Ref, u.Object})
					}
				}
			}
		}
		return out
	}, gatewayRoutes...)[[2]string{namespace, name}]
}

var gatewayRoutes = []schema.GroupKind{harden.KindHTTPRoute, harden.KindGRPCRoute, harden.KindTLSRoute, harden.KindTCPRoute, harden.KindUDPRoute}
