package exposure

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// GatewayRoutesFromAll finds Gateways that take routes from every namespace.
var GatewayRoutesFromAll = &harden.Fixer{
	ID:       "gateway-routes-from-all",
	Title:    "takes routes from every namespace",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindGateway},
	Doc: `
A listener of a Gateway lets routes of all namespaces attach.

Fields:

    spec.listeners[].allowedRoutes.namespaces.from
    spec.listeners[].hostname

Allowed: Same (the default), Selector.

**Why it matters.** Whoever may write a route in any namespace puts something on the
internet under this address, and can take a path of a host that another team serves.

**The fix.** Selector, with the namespaces whose routes attach now; Same if there are none
but the Gateway's own. The list of listeners is carried whole.

**Traps.** Namespaces whose routes come later have to be added. Only routes that were read
are counted: where only some namespaces may be read, add the others.
`,
	Refs:  refs("Kubernetes Gateway API: cross-namespace routing https://gateway-api.sigs.k8s.io/guides/multiple-ns/"),
	Reads: harden.ReadsNothing,
	Check: checkGatewayRoutesFromAll,
	Fix:   fixGatewayRoutesFromAll,
}

func checkGatewayRoutesFromAll(p *harden.Pass) {
	for _, l := range harden.Maps(customOf(p), "spec", "listeners") {
		if harden.Text(l, "allowedRoutes", "namespaces", "from") == "All" {
			name := harden.Text(l, "name")
			p.Report(harden.Finding{
				Discriminator: name, Field: fmt.Sprintf("spec.listeners[%s].allowedRoutes.namespaces.from", name), Reason: fmt.Sprintf("listener %s: from All", name),
				Detail: fmt.Sprintf("Routes of every namespace may attach to the listener %s.", name),
			})
		}
	}
}

func fixGatewayRoutesFromAll(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	gateway := harden.Content[*unstructured.Unstructured](p.Item)
	if gateway == nil {
		return nil
	}
	var namespaces []string
	for _, r := range routesOn(p.Inventory, gateway.GetNamespace(), gateway.GetName()) {
		namespaces = append(namespaces, r.ref.Namespace)
	}
	slices.Sort(namespaces)
	namespaces = slices.Compact(namespaces)
	from := func() map[string]any { return map[string]any{"from": "Same"} }
	if others := slices.ContainsFunc(namespaces, func(ns string) bool { return ns != gateway.GetNamespace() }); others {
		from = func() map[string]any {
			return map[string]any{"from": "Selector", "selector": map[string]any{"matchExpressions": []any{
				map[string]any{"key": "kubernetes.io/metadata.name", "operator": "In", "values": anys(namespaces)},
			}}}
		}
	}
	listeners := deepCopy(gateway.Object, "spec", "listeners")
	for _, item := range listeners {
		if l, ok := item.(map[string]any); ok && harden.Text(l, "allowedRoutes", "namespaces", "from") == "All" {
			l["allowedRoutes"].(map[string]any)["namespaces"] = from()
		}
	}
	return draft("take routes from the namespaces that have some", "Routes of other namespaces, now or later, do not attach any more.",
		harden.SetObject(p.Object, map[string]any{"spec": map[string]any{"listeners": listeners}}))
}
