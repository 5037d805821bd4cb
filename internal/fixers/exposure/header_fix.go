package exposure

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const notSeen = "Nobody has looked at an answer: what the application sends itself is replaced."

// setHeader is how the proxy of the route is told to send a header.
func setHeader(p *harden.Pass, f *harden.Finding, name, value string) []harden.Fix {
	title := fmt.Sprintf("send %s: %s", name, value)
	const warning = "Where the application sends the header itself, this value replaces its own: look at an answer first (curl -sI)."
	by := func(changes ...harden.Change) []harden.Fix { return checked(title, warning, notSeen, changes...) }
	list := func(field string, edit func(map[string]any)) []harden.Fix {
		rules := deepCopy(customOf(p), "spec", field)
		for _, item := range rules {
			if rule, ok := item.(map[string]any); ok {
				edit(rule)
			}
		}
		return by(harden.SetObject(p.Object, map[string]any{"spec": map[string]any{field: rules}}))
	}
	switch p.Item.Ref.GroupVersionKind().GroupKind() {
	case harden.KindHTTPRoute:
		if r := p.Inventory.RouteOf(p.Item.Content); r != nil && r.Controller == harden.AWSALB {
			return viaListener(p, title, name, value)
		}
		return list("rules", func(rule map[string]any) { modifyRule(rule, name, value) })
	case harden.KindVirtualService:
		return list("http", func(rule map[string]any) { modifyIstio(rule, name, value) })
	case harden.KindHTTPProxy:
		return list("routes", func(rule map[string]any) {
			policy, _ := rule["responseHeadersPolicy"].(map[string]any)
			rule["responseHeadersPolicy"] = withHeader(policy, name, value)
		})
	case harden.KindIngress:
		in := harden.Content[*networkingv1.Ingress](p.Item)
		switch p.Inventory.IngressControllerOf(in) {
		case harden.IngressNginx:
			return viaNginx(p, f, in, title, name, value)
		case harden.AWSALB:
			if attribute := albAttributes[strings.ToLower(name)]; attribute != "" {
				list := withoutAttribute(in.Annotations[albListener], attribute) + attribute + "=" + strings.ReplaceAll(value, ",", `\,`)
				return by(annotate(p, map[string]any{albListener: list}))
			}
			return manual(title, fmt.Sprintf("An ALB has no attribute for %s: let the application send it.", name))
		case harden.Traefik:
			if f.Verdict == "" {
				return by(viaMiddleware(p, in, name, value)...)
			}
		}
	case harden.KindIngressRoute:
		if f.Verdict == "" {
			m := middleware(p, name, value)
			fixes := list("routes", func(rule map[string]any) {
				now, _ := rule["middlewares"].([]any)
				rule["middlewares"] = append(now, map[string]any{"name": m.Target.Name})
			})
			fixes[0].Changes = append([]harden.Change{m}, fixes[0].Changes...)
			return fixes
		}
	}
	return manual(title, fmt.Sprintf("Let the proxy of %s %s/%s send %s: %s in the way of its controller (a Middleware of Traefik, a response-transformer of Kong, a BackendConfig of GKE), or let the application send it.",
		p.Object.Kind, p.Object.Namespace, p.Object.Name, name, value))
}

// modifyRule puts the header into the one filter that a rule of an HTTPRoute may have for it.
func modifyRule(rule map[string]any, name, value string) {
	if _, ok := routeHeaders(rule); !ok {
		return
	}
	filters, _ := rule["filters"].([]any)
	for _, item := range filters {
		if f, ok := item.(map[string]any); ok && harden.Text(f, "type") == modifier {
			now, _ := f["responseHeaderModifier"].(map[string]any)
			f["responseHeaderModifier"] = withHeader(now, name, value)
			return
		}
	}
	rule["filters"] = append(filters, map[string]any{"type": modifier, "responseHeaderModifier": withHeader(nil, name, value)})
}

// withHeader is a policy of set, add and remove that sets the header.
func withHeader(policy map[string]any, name, value string) map[string]any {
	if policy == nil {
		policy = map[string]any{}
	}
	keep := func(key string, drop func(any) bool) {
		now, ok := policy[key].([]any)
		if !ok {
			return
		}
		if now = slices.DeleteFunc(now, drop); len(now) == 0 {
			delete(policy, key)
			return
		}
		policy[key] = now
	}
	named := func(item any) bool {
		m, _ := item.(map[string]any)
		return strings.EqualFold(harden.Text(m, "name"), name)
	}
	keep("set", named)
	keep("add", named)
	keep("remove", func(item any) bool { s, _ := item.(string); return strings.EqualFold(s, insteadOf(name)) })
	set, _ := policy["set"].([]any)
	policy["set"] = append(set, map[string]any{"name": name, "value": value})
	return policy
}

// insteadOf is the header whose removal has to end when this one is set.
func insteadOf(name string) string { return strings.TrimSuffix(name, "-Report-Only") }

func modifyIstio(rule map[string]any, name, value string) {
	if harden.Has(rule, "redirect") {
		return
	}
	h, _ := rule["headers"].(map[string]any)
	if h == nil {
		h = map[string]any{}
		rule["headers"] = h
	}
	response, _ := h["response"].(map[string]any)
	if response == nil {
		response = map[string]any{}
		h["response"] = response
	}
	for _, key := range []string{"set", "add"} {
		values, _ := response[key].(map[string]any)
		for now := range values {
			if strings.EqualFold(now, name) {
				delete(values, now)
			}
		}
	}
	if now, ok := response["remove"].([]any); ok {
		response["remove"] = slices.DeleteFunc(now, func(item any) bool { s, _ := item.(string); return strings.EqualFold(s, insteadOf(name)) })
	}
	set, _ := response["set"].(map[string]any)
	if set == nil {
		set = map[string]any{}
		response["set"] = set
	}
	set[name] = value
}

// viaListener is for Gateways of the AWS Load Balancer Controller, which does not
// implement the filter: the route would be refused.
func viaListener(p *harden.Pass, title, name, value string) []harden.Fix {
	attribute := albAttributes[strings.ToLower(name)]
	if attribute == "" {
		return manual(title, fmt.Sprintf("The AWS Load Balancer Controller does not implement the filter %s, and an ALB has no attribute for %s: let the application send it.", modifier, name))
	}
	return manual(title, fmt.Sprintf("The AWS Load Balancer Controller does not implement the filter %s and refuses routes with it. Set the attribute of the listener instead, in spec.listenerConfigurations[].listenerAttributes "+
		"of the LoadBalancerConfiguration of the Gateway of %s/%s: {key: %s, value: %q}.", modifier, p.Object.Namespace, p.Object.Name, attribute, value))
}

// viaNginx takes three objects: the list of names that the controller allows, a
// ConfigMap with the headers, and the annotation that names it. The list goes
// first: with a name that is not on it the controller answers 503 for the Ingress.
func viaNginx(p *harden.Pass, f *harden.Finding, in *networkingv1.Ingress, title, name, value string) []harden.Fix {
	const warning = "The headers hold for all Ingresses that name the ConfigMap, and replace what the application sends itself: look at an answer first (curl -sI). " +
		"Until the controller has read the new list it answers 503 for the Ingress."
	known := nginxSettings(p.Inventory)
	at := in.Annotations[customHeaders]
	ns, cm, _ := strings.Cut(at, "/")
	existing := p.Inventory.Object(harden.KindConfigMap, ns, cm)
	if len(known) != 1 || f.Verdict == "wrong" && existing == nil || at != "" && existing == nil {
		return manual(title, fmt.Sprintf("Add %s to %s in the ConfigMap of the controller, put %q: %q into the data of a ConfigMap in namespace %s, and name that in the annotation %s of Ingress %s as NAMESPACE/NAME: "+
			"for a name that is not on the list the controller answers 503.", name, allowedHeaders, name, value, in.Namespace, customHeaders, in.Name))
	}
	own := harden.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: in.Namespace, Name: in.Name + "-headers"}
	if existing == nil {
		existing = p.Inventory.Object(harden.KindConfigMap, own.Namespace, own.Name)
	}
	custom, key := map[string]string{}, name
	if existing != nil {
		own = existing.Ref
		maps.Copy(custom, harden.Content[*corev1.ConfigMap](existing).Data)
	}
	for _, now := range slices.Sorted(maps.Keys(custom)) {
		if strings.EqualFold(now, name) {
			key = now
		}
	}
	set := data(own, map[string]any{key: value})
	if existing == nil {
		set.Verb = harden.Create
	}
	var changes []harden.Change
	custom[key] = value
	if refused := notAllowed(p.Inventory, custom); len(refused) > 0 {
		allowed := append(splitList(known[0].data[allowedHeaders]), refused...)
		changes = append(changes, data(known[0].ref, map[string]any{allowedHeaders: strings.Join(allowed, ",")}))
	}
	if f.Verdict != "no-effect" { // there the value is right already
		changes = append(changes, set)
	}
	if at == "" {
		changes = append(changes, annotate(p, map[string]any{customHeaders: own.Namespace + "/" + own.Name}))
	}
	return checked(title, warning, notSeen, changes...)
}

// data sets entries of a ConfigMap.
func data(r harden.Ref, entries map[string]any) harden.Change {
	return harden.SetObject(r, map[string]any{"data": entries})
}

// middleware makes a Middleware of Traefik that sends the header.
func middleware(p *harden.Pass, name, value string) harden.Change {
	version := "traefik.io/v1alpha1"
	if p.Item.Ref.Kind == harden.KindIngressRoute.Kind {
		version = p.Object.APIVersion
	}
	ref := harden.Ref{APIVersion: version, Kind: "Middleware", Namespace: p.Object.Namespace, Name: p.Object.Name + "-" + strings.ToLower(name)}
	change := harden.SetObject(ref, map[string]any{"spec": map[string]any{"headers": map[string]any{"customResponseHeaders": map[string]any{name: value}}}})
	change.Verb = harden.Create
	return change
}

func viaMiddleware(p *harden.Pass, in *networkingv1.Ingress, name, value string) []harden.Change {
	m := middleware(p, name, value)
	names := append(splitList(in.Annotations[traefikMiddlewares]), m.Target.Namespace+"-"+m.Target.Name+"@kubernetescrd")
	return []harden.Change{m, annotate(p, map[string]any{traefikMiddlewares: strings.Join(names, ",")})}
}
