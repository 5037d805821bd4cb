package exposure

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const traefikMiddlewares = "traefik.ingress.kubernetes.io/router.middlewares"

// middlewaresOf are the Middlewares of Traefik that the route goes through.
func middlewaresOf(inv *harden.Inventory, item *harden.Object) []*unstructured.Unstructured {
	out := annotated(inv, item)
	if u := harden.Content[*unstructured.Unstructured](item); u != nil && item.Ref.Kind == harden.KindIngressRoute.Kind {
		for _, rule := range harden.Maps(u.Object, "spec", "routes") {
			out = append(out, resolve(inv, harden.Maps(rule, "middlewares"), item.Ref.Namespace)...)
		}
	}
	return out
}

// annotated are those that an annotation names, as NAMESPACE-NAME@kubernetescrd.
func annotated(inv *harden.Inventory, item *harden.Object) []*unstructured.Unstructured {
	var references []map[string]any
	for name := range strings.SplitSeq(item.Content.GetAnnotations()[traefikMiddlewares], ",") {
		name, ok := strings.CutSuffix(strings.TrimSpace(name), "@kubernetescrd")
		if !ok {
			continue
		}
		references = append(references, harden.Derive(inv, middlewaresByName, harden.KindMiddleware)[name]...)
	}
	return resolve(inv, references, item.Ref.Namespace)
}

// named are references to Middlewares, by NAMESPACE-NAME, which two may share.
type named map[string][]map[string]any

func middlewaresByName(inv *harden.Inventory) named {
	out := named{}
	for _, o := range inv.Others[harden.KindMiddleware] {
		name := o.Ref.Namespace + "-" + o.Ref.Name
		out[name] = append(out[name], map[string]any{"namespace": o.Ref.Namespace, "name": o.Ref.Name})
	}
	return out
}

// resolve finds Middlewares by references with name and namespace, and those of chains.
func resolve(inv *harden.Inventory, references []map[string]any, namespace string) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	type at struct{ namespace, name string }
	seen := map[at]bool{}
	var follow func([]map[string]any, string)
	follow = func(references []map[string]any, namespace string) {
		for _, r := range references {
			key := at{harden.Text(r, "namespace"), harden.Text(r, "name")}
			if key.namespace == "" {
				key.namespace = namespace
			}
			m := harden.Content[*unstructured.Unstructured](inv.Object(harden.KindMiddleware, key.namespace, key.name))
			if m == nil || seen[key] {
				continue
			}
			seen[key] = true
			out = append(out, m)
			follow(harden.Maps(m.Object, "spec", "chain", "middlewares"), key.namespace)
		}
	}
	follow(references, namespace)
	return out
}
