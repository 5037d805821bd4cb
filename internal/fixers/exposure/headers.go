package exposure

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// headerState is what the configuration of a proxy says about a response header.
type headerState int

const (
	headerUnsaid headerState = iota // nothing: the application may send it or not
	headerSet
	headerGone // it is taken away, or its default is switched off
	headerIdle // it is written down, but has no effect
)

// A header is what the configuration says about one response header.
type header struct {
	state headerState
	value string
	where string // a clause on what says so
}

// headers are those of a route, by lower-case name.
type headers map[string]header

func (h headers) put(name, value, where string) {
	h[strings.ToLower(name)] = header{headerSet, value, where}
}

func (h headers) drop(name, where string) {
	if h[strings.ToLower(name)].state != headerSet {
		h[strings.ToLower(name)] = header{headerGone, "", where}
	}
}

// judged are the headers that the rules of this package look at.
var judged = []string{
	"strict-transport-security", "content-security-policy", "content-security-policy-report-only", "x-content-type-options", "x-frame-options", "referrer-policy",
}

// any reports whether the proxy sets one of the headers that rules look at:
// then they are the proxy's business on this route, and not the application's alone.
func (h headers) any() bool {
	return slices.ContainsFunc(judged, func(name string) bool {
		s := h[name].state
		return s == headerSet || s == headerIdle
	})
}

// all is what holds for every rule of a route: a header is set if all rules set
// it, and gone if one takes it away.
func all(rules []headers) headers {
	out := headers{}
	if len(rules) == 0 {
		return out
	}
	for _, rule := range rules {
		for name, h := range rule {
			if h.state == headerGone && out[name].state != headerGone {
				out[name] = h
			}
		}
	}
	for name, h := range rules[0] {
		if _, ok := out[name]; !ok && !slices.ContainsFunc(rules, func(r headers) bool { return r[name].state != h.state }) {
			out[name] = h
		}
	}
	return out
}

// headersOf reads what the configuration of the proxy says for the route of the
// pass; false where the object is none, or where no proxy sees the answers.
func headersOf(p *harden.Pass) (headers, bool) {
	if in := harden.Content[*networkingv1.Ingress](p.Item); in != nil {
		if ingressOf(p) == nil || in.Annotations[nginxPrefix+"ssl-passthrough"] == "true" || strings.HasPrefix(in.Annotations[nginxPrefix+"backend-protocol"], "GRPC") {
			return nil, false
		}
		switch p.Inventory.IngressControllerOf(in) {
		case harden.IngressNginx:
			return nginxHeaders(p.Inventory, in), true
		case harden.AWSALB:
			return albHeaders(p.Inventory, in), true
		case harden.Traefik:
			return middlewareHeaders(annotated(p.Inventory, p.Item)), true
		}
		return headers{}, true
	}
	o := customOf(p)
	var rules []headers
	switch p.Item.Ref.GroupVersionKind().GroupKind() {
	case harden.KindHTTPRoute:
		for _, rule := range harden.Maps(o, "spec", "rules") {
			if h, ok := routeHeaders(rule); ok {
				rules = append(rules, h)
			}
		}
	case harden.KindVirtualService:
		for _, rule := range harden.Maps(o, "spec", "http") {
			if !harden.Has(rule, "redirect") {
				rules = append(rules, istioHeaders(rule))
			}
		}
	case harden.KindIngressRoute:
		for _, rule := range harden.Maps(o, "spec", "routes") {
			rules = append(rules, middlewareHeaders(resolve(p.Inventory, harden.Maps(rule, "middlewares"), p.Object.Namespace)))
		}
	case harden.KindHTTPProxy:
		for _, rule := range harden.Maps(o, "spec", "routes") {
			rules = append(rules, contourHeaders(rule))
		}
	}
	return all(rules), len(rules) > 0
}

// routeHeaders reads the filters of a rule of an HTTPRoute; false for one that only redirects.
func routeHeaders(rule map[string]any) (headers, bool) {
	out := headers{}
	for _, f := range harden.Maps(rule, "filters") {
		switch harden.Text(f, "type") {
		case "RequestRedirect":
			return nil, false
		case modifier:
			listed(out, f["responseHeaderModifier"], "its filter "+modifier)
		}
	}
	return out, true
}

const modifier = "ResponseHeaderModifier"

// listed reads set, add and remove, with name and value in each item.
func listed(out headers, from any, where string) {
	m, _ := from.(map[string]any)
	for _, key := range []string{"set", "add"} {
		for _, item := range harden.Maps(m, key) {
			out.put(harden.Text(item, "name"), harden.Text(item, "value"), where)
		}
	}
	for _, name := range harden.Texts(m, "remove") {
		out.drop(name, where+" removes it")
	}
}

func istioHeaders(rule map[string]any) headers {
	out := headers{}
	response, _ := harden.Field(rule, "headers", "response").(map[string]any)
	for _, key := range []string{"set", "add"} {
		values, _ := response[key].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(values)) {
			out.put(name, harden.Text(values, name), "headers.response of its route")
		}
	}
	for _, name := range harden.Texts(response, "remove") {
		out.drop(name, "headers.response of its route removes it")
	}
	return out
}

func contourHeaders(rule map[string]any) headers {
	out := headers{}
	listed(out, rule["responseHeadersPolicy"], "its responseHeadersPolicy")
	return out
}

// middlewareHeaders reads the headers of Middlewares; a later one wins.
func middlewareHeaders(middlewares []*unstructured.Unstructured) headers {
	out := headers{}
	for _, m := range middlewares {
		h, _ := harden.Field(m.Object, "spec", "headers").(map[string]any)
		where := "Middleware " + m.GetNamespace() + "/" + m.GetName()
		if seconds := asInt(h["stsSeconds"]); seconds > 0 {
			out.put("Strict-Transport-Security", "max-age="+text(seconds), where)
		}
		for field, name := range map[string]string{
			"contentSecurityPolicy": "Content-Security-Policy", "contentSecurityPolicyReportOnly": "Content-Security-Policy-Report-Only", "referrerPolicy": "Referrer-Policy",
			"customFrameOptionsValue": "X-Frame-Options", "customBrowserXSSValue": "X-XSS-Protection",
		} {
			if v := harden.Text(h, field); v != "" {
				out.put(name, v, where)
			}
		}
		for field, of := range map[string][2]string{"contentTypeNosniff": {"X-Content-Type-Options", "nosniff"}, "frameDeny": {"X-Frame-Options", "DENY"}, "browserXssFilter": {"X-XSS-Protection", "1; mode=block"}} {
			if _, set := out[strings.ToLower(of[0])]; h[field] == true && !set {
				out.put(of[0], of[1], where)
			}
		}
		custom, _ := h["customResponseHeaders"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(custom)) {
			if v := harden.Text(custom, name); v != "" {
				out.put(name, v, where)
			} else {
				out.drop(name, where+" removes it")
			}
		}
	}
	return out
}

// albAttributes are the attributes of listeners that set headers, by the header's lower-case name.
var albAttributes = map[string]string{
	"strict-transport-security": "routing.http.response.strict_transport_security.header_value",
	"content-security-policy":   "routing.http.response.content_security_policy.header_value",
	"x-content-type-options":    "routing.http.response.x_content_type_options.header_value",
	"x-frame-options":           "routing.http.response.x_frame_options.header_value",
}

const albListener = albPrefix + "listener-attributes.HTTPS-443"

func albHeaders(inv *harden.Inventory, in *networkingv1.Ingress) headers {
	out := headers{}
	for _, member := range albGroup(inv, in) {
		for _, key := range slices.Sorted(maps.Keys(member.Annotations)) {
			if !strings.HasPrefix(key, albPrefix+"listener-attributes.") {
				continue
			}
			for _, attribute := range splitAttributes(member.Annotations[key]) {
				key, value, _ := strings.Cut(strings.TrimSpace(attribute), "=")
				for name, known := range albAttributes {
					if key == known && value != "" {
						out.put(name, strings.ReplaceAll(value, `\,`, ","), "a listener attribute")
					}
				}
			}
		}
	}
	return out
}

const customHeaders = nginxPrefix + "custom-headers"

// snippetHeader matches the directives of nginx that set a response header.
var snippetHeader = regexp.MustCompile(`(?:more_set_headers\s+["']?([\w-]+)\s*:\s*|add_header\s+["']?([\w-]+)["']?\s+["']?)([^"';\n]*)`)

func nginxHeaders(inv *harden.Inventory, in *networkingv1.Ingress) headers {
	out := headers{}
	global, _ := nginxSetting(inv, "add-headers")
	data := dataOf(inv, global)
	for _, name := range slices.Sorted(maps.Keys(data)) {
		out.put(name, data[name], "add-headers of the controller")
	}
	for _, key := range []string{"http-snippet", "server-snippet", "location-snippet"} {
		snippet, _ := nginxSetting(inv, key)
		fromSnippet(out, snippet, key+" of the controller")
	}
	for _, key := range []string{"server-snippet", "configuration-snippet"} {
		fromSnippet(out, in.Annotations[nginxPrefix+key], key)
	}
	data = dataOf(inv, in.Annotations[customHeaders])
	refused := notAllowed(inv, data)
	for _, name := range slices.Sorted(maps.Keys(data)) {
		switch {
		case len(nginxSettings(inv)) == 0: // whether they are allowed is not known
		case len(refused) > 0:
			out[strings.ToLower(name)] = header{headerIdle, data[name], fmt.Sprintf("%s of the controller does not list %s, which %s names: the annotation has no effect but that the controller answers 503",
				allowedHeaders, harden.OneLine(strings.Join(refused, ", ")), customHeaders)}
		default:
			out.put(name, data[name], "custom-headers")
		}
	}
	hidden, _ := nginxSetting(inv, "hide-headers")
	for _, name := range splitList(hidden) {
		out.drop(name, "hide-headers of the controller")
	}
	const hsts = "strict-transport-security"
	if on, _ := nginxSetting(inv, "hsts"); out[hsts].state == headerUnsaid && len(in.Spec.TLS) > 0 && !settingsUnread(inv) {
		age, _ := nginxSetting(inv, "hsts-max-age")
		if on == "false" {
			out[hsts] = header{headerGone, "", "hsts is false in the controller's ConfigMap"}
		} else {
			out.put(hsts, "max-age="+cmp.Or(age, "31536000"), "the controller sets it on hosts with TLS by default")
		}
	}
	return out
}

// settingsUnread reports whether the settings of the controllers may say something that could not be read.
func settingsUnread(inv *harden.Inventory) bool {
	return len(nginxSettings(inv)) == 0 && slices.ContainsFunc(inv.Unread, func(u harden.Unread) bool { return u.Resource == harden.ConfigMaps })
}

// notAllowed are the names of custom headers that the controllers do not allow, sorted. They compare
// letter by letter, and one that is missing makes them refuse the whole Ingress.
func notAllowed(inv *harden.Inventory, custom map[string]string) []string {
	list, _ := nginxSetting(inv, allowedHeaders)
	allowed := splitList(list)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(custom)), func(name string) bool { return slices.Contains(allowed, name) })
}

const allowedHeaders = "global-allowed-response-headers"

func fromSnippet(out headers, snippet, where string) {
	for _, m := range snippetHeader.FindAllStringSubmatch(snippet, -1) {
		out.put(m[1]+m[2], strings.TrimSpace(m[3]), where)
	}
}

func splitList(s string) []string {
	var out []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// dataOf is the data of the ConfigMap NAMESPACE/NAME.
func dataOf(inv *harden.Inventory, at string) map[string]string {
	ns, name, _ := strings.Cut(at, "/")
	if cm := harden.Content[*corev1.ConfigMap](inv.Object(harden.KindConfigMap, ns, name)); cm != nil {
		return cm.Data
	}
	return nil
}
