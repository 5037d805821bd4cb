package exposure

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// refs reads references written as "STANDARD ID" or "STANDARD ID URL".
func refs(list ...string) []harden.Reference {
	var out []harden.Reference
	for _, r := range list {
		r, url, linked := strings.Cut(r, " https://")
		if linked {
			url = "https://" + url
		}
		standard, id, _ := strings.Cut(r, " ")
		if rest, ok := strings.CutPrefix(r, "CIS EKS "); ok {
			standard, id = "CIS EKS", rest
		}
		out = append(out, harden.Reference{Standard: standard, ID: id, URL: url})
	}
	return out
}

// manual is the one fix that a person has to make.
func manual(title, text string) []harden.Fix {
	return []harden.Fix{{Title: title, Class: harden.Review, Manual: text}}
}

// draft is a fix that a person has to look at before it is made.
func draft(title, warning string, changes ...harden.Change) []harden.Fix {
	return []harden.Fix{{Title: title, Class: harden.Review, Changes: changes, Warning: warning}}
}

// checked is a draft that evidence from live requests would make safe.
func checked(title, warning, missing string, changes ...harden.Change) []harden.Fix {
	claims := []harden.Claim{{Code: "E-HTTP", State: harden.Missing, Text: missing}}
	return []harden.Fix{{Title: title, Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims, Changes: changes, Warning: warning}}
}

// annotate sets annotations of the object of the pass.
func annotate(p *harden.Pass, annotations map[string]any) harden.Change {
	return harden.SetObject(p.Object, map[string]any{"metadata": map[string]any{"annotations": annotations}})
}

func annotationField(key string) string { return "metadata.annotations['" + key + "']" }

// quoted is text from the cluster, in one line and shortened.
func quoted(s string) string {
	s = harden.OneLine(s)
	if r := []rune(s); len(r) > 80 {
		s = string(r[:80]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

func serviceOf(p *harden.Pass) *corev1.Service { return harden.Content[*corev1.Service](p.Item) }

// ingressOf is the Ingress of the pass; nil, and the rule does not apply, for one
// that cert-manager makes for an hour to prove that it owns a name.
func ingressOf(p *harden.Pass) *networkingv1.Ingress {
	in := harden.Content[*networkingv1.Ingress](p.Item)
	if in == nil || in.Labels["acme.cert-manager.io/http01-solver"] == "true" {
		p.NotApplicable()
		return nil
	}
	return in
}

// customOf is the custom resource of the pass.
func customOf(p *harden.Pass) map[string]any {
	if u := harden.Content[*unstructured.Unstructured](p.Item); u != nil {
		return u.Object
	}
	return nil
}

// deepCopy is a copy of a list of a custom resource, to be changed and carried whole.
func deepCopy(o map[string]any, path ...string) []any {
	list, _ := harden.Field(o, path...).([]any)
	u := unstructured.Unstructured{Object: map[string]any{"list": list}}
	out, _ := u.DeepCopy().Object["list"].([]any)
	return out
}

// routeParts are what a route is judged by: what it is served by, and how that is
// configured. routeAndBackendParts are these with what it leads to.
var (
	routeParts           = slices.Concat(harden.PartsOfExposure, []schema.GroupKind{harden.KindConfigMap, harden.KindMiddleware})
	routeAndBackendParts = slices.Concat(routeParts, []schema.GroupKind{
		harden.Templates, harden.KindNamespace, harden.KindSecret, harden.KindCertificate, harden.KindBackendTLSPolicy,
	})
)

// behind are the workloads that a Service leads to.
func behind(inv *harden.Inventory, s *corev1.Service) []*harden.Workload {
	if s == nil || len(s.Spec.Selector) == 0 {
		return nil
	}
	var out []*harden.Workload
	for _, w := range workloadsIn(inv, s.Namespace) {
		if harden.Selects(s, w) {
			out = append(out, w)
		}
	}
	return out
}

type workloads map[string][]*harden.Workload

func workloadsIn(inv *harden.Inventory, namespace string) []*harden.Workload {
	return harden.Derive(inv, byNamespace, harden.WorkloadParts...)[namespace]
}

func byNamespace(inv *harden.Inventory) workloads {
	out := workloads{}
	for _, w := range inv.Workloads {
		out[w.Ref.Namespace] = append(out[w.Ref.Namespace], w)
	}
	return out
}

// doorOf is the controller whose proxies the Service leads to; empty for others.
func doorOf(inv *harden.Inventory, s *corev1.Service) harden.Controller {
	for _, proxy := range inv.Proxies() {
		if harden.Selects(s, proxy.Workload) {
			return proxy.Controller
		}
	}
	return ""
}

// settings are those that an ingress-nginx controller reads from its ConfigMap.
type settings struct {
	ref  harden.Ref
	data map[string]string
}

// nginxSettings are the settings of all ingress-nginx controllers, by namespace and name of the ConfigMap.
func nginxSettings(inv *harden.Inventory) []settings {
	return harden.Derive(inv, func(inv *harden.Inventory) []settings {
		found := map[[2]string]settings{}
		add := func(namespace, name string) {
			o := inv.Object(harden.KindConfigMap, namespace, name)
			if cm := harden.Content[*corev1.ConfigMap](o); cm != nil {
				found[[2]string{namespace, name}] = settings{o.Ref, cm.Data}
			}
		}
		for _, proxy := range inv.Proxies() {
			if proxy.Controller != harden.IngressNginx {
				continue
			}
			if at, ok := proxy.Arg("--configmap"); ok {
				ns, name, _ := strings.Cut(strings.ReplaceAll(at, "$(POD_NAMESPACE)", proxy.Workload.Ref.Namespace), "/")
				add(ns, name)
			}
		}
		for o, cm := range harden.All[*corev1.ConfigMap](inv, harden.KindConfigMap) {
			if cm.Labels["app.kubernetes.io/name"] == "ingress-nginx" && cm.Name == "ingress-nginx-controller" {
				found[[2]string{cm.Namespace, cm.Name}] = settings{o.Ref, cm.Data}
			}
		}
		var out []settings
		for _, key := range slices.SortedFunc(maps.Keys(found), func(a, b [2]string) int { return strings.Compare(a[0]+"/"+a[1], b[0]+"/"+b[1]) }) {
			out = append(out, found[key])
		}
		return out
	}, routeParts...)
}

// nginxSetting is a setting of the controllers; false where none of their ConfigMaps says it.
func nginxSetting(inv *harden.Inventory, key string) (value string, ok bool) {
	for _, s := range nginxSettings(inv) {
		if v, set := s.data[key]; set {
			return v, true
		}
	}
	return "", false
}

// settingsOf are those of the ConfigMap of the pass, if it is one of an ingress-nginx controller.
func settingsOf(p *harden.Pass) (map[string]string, bool) {
	for _, s := range nginxSettings(p.Inventory) {
		if s.ref.Key() == p.Object.Key() {
			return s.data, true
		}
	}
	return nil, false
}

const (
	nginxPrefix = "nginx.ingress.kubernetes.io/"
	albPrefix   = "alb.ingress.kubernetes.io/"
)

// isFiles makes the rule not apply to files, where what is not there may be somewhere else.
func isFiles(p *harden.Pass) bool {
	if p.Inventory.Live() {
		return false
	}
	p.NotApplicable()
	return true
}

// anys is a list as it stands in the body of a change.
func anys(list []string) []any {
	out := make([]any, len(list))
	for n, s := range list {
		out[n] = s
	}
	return out
}
