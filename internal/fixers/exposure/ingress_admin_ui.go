package exposure

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressAdminUI finds consoles of administrators on the internet.
var IngressAdminUI = &harden.Fixer{
	ID:       "ingress-admin-ui",
	Title:    "opens a console of administrators",
	Area:     harden.AreaExposure,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress, harden.KindHTTPRoute, harden.KindVirtualService, harden.KindIngressRoute, harden.KindHTTPProxy},
	Doc: `
A route from outside leads to a dashboard, a monitoring or a database console, and nothing
before it asks who comes.

Fields:

    spec.containers[].image of the pods behind the route
    annotations, filters and middlewares of the route that authenticate

Consoles are known by their images: Kubernetes Dashboard, Prometheus, Alertmanager, Kibana,
Jupyter, Longhorn, Hubble, Kiali, Jaeger, phpMyAdmin, Adminer, Kafka UI and others without
a login that could be trusted; Argo CD, Grafana, Airflow, Jenkins, Portainer, MinIO and
others with one, which are one step milder.

Allowed: authentication by the proxy (auth-url, auth-type, client certificates, OIDC of an
ALB, basic or forward authentication of Traefik), a list of addresses that may come.

**Why it matters.** Such consoles run code, show Secrets or the whole inside of the
cluster, and are what robots look for first.

**The fix.** By hand: authentication at the route, or no route at all but kubectl
port-forward.

**Traps.** Policies of other kinds (of Envoy Gateway, AuthorizationPolicies of Istio) are
not read. Where the way may or may not be public, the finding is one step milder.
`,
	Refs:  refs("ATT&CK MS-TA9005", "Kubescape C-0021", "Kubescape C-0014"),
	Reads: harden.InCluster(routeAndBackendParts...),
	Check: checkIngressAdminUI,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return manual("ask who comes, or close the route", fmt.Sprintf("Authenticate at %s %s/%s (such as %sauth-url with oauth2-proxy, %sauth-type: oidc, or a forwardAuth Middleware), limit the addresses that may come, "+
			"or remove the route and use kubectl port-forward.", p.Object.Kind, p.Object.Namespace, p.Object.Name, nginxPrefix, albPrefix))
	},
}

// consoles are ends of image paths; true: it has a login of its own.
var consoles = map[string]bool{
	"kubernetesui/dashboard": false, "kubernetesui/dashboard-web": false, "prom/prometheus": false, "prometheus/prometheus": false, "prom/alertmanager": false, "prometheus/alertmanager": false,
	"kibana/kibana": false, "jupyter/base-notebook": false, "jupyter/scipy-notebook": false, "jupyter/datascience-notebook": false, "jupyter/tensorflow-notebook": false, "longhornio/longhorn-ui": false,
	"hubble-ui": false, "kiali": false, "jaeger-query": false, "jaegertracing/all-in-one": false, "adminer": false, "kafka-ui": false, "mongo-express": false, "redis-commander": false,
	"mher/flower": false, "weaveworks/scope": false, "headlamp-k8s/headlamp": false, "phpmyadmin": true, "phpmyadmin/phpmyadmin": true, "dpage/pgadmin4": true,
	"argoproj/argocd": true, "grafana/grafana": true, "apache/airflow": true, "jenkins/jenkins": true, "portainer/portainer-ce": true, "minio/console": true, "rancher/rancher": true,
	"hashicorp/consul": true, "sonarqube": true, "kubeapps/dashboard": true,
}

// consoleOf is the console that an image is, and whether it has a login of its own; empty for others.
func consoleOf(image string) (name string, login bool) {
	parts := strings.Split(harden.ImagePath(image), "/")
	for n := range min(len(parts), 2) {
		end := strings.Join(parts[len(parts)-1-n:], "/")
		if login, ok := consoles[end]; ok {
			return end, login
		}
	}
	return "", false
}

func checkIngressAdminUI(p *harden.Pass) {
	if p.Item.Ref.Kind == harden.KindIngress.Kind && ingressOf(p) == nil {
		return
	}
	r := p.Inventory.RouteOf(p.Item.Content)
	if r == nil || !r.Exposure.Outside() {
		p.NotApplicable()
		return
	}
	if authenticated(p.Inventory, p.Item) {
		return
	}
	seen := map[string]bool{}
	for _, rule := range r.Rules {
		for _, b := range rule.Backends {
			for _, w := range behind(p.Inventory, p.Inventory.Net.Service(b.Namespace, b.Service)) {
				for _, c := range w.Template.Spec.Containers {
					name, login := consoleOf(c.Image)
					at := b.Namespace + "/" + b.Service
					if name == "" || seen[at] {
						continue
					}
					seen[at] = true
					f := harden.Finding{
						Discriminator: at, Field: "spec", Reason: name + " through Service " + b.Service,
						Detail: fmt.Sprintf("%s, whose image %s is that of a console, is reached through Service %s, and the route asks for no authentication; %s.", w.Ref, name, b.Service, r.Exposure.Why),
					}
					switch {
					case login:
						f.Severity, f.SeverityWhy = harden.Medium, "it has a login of its own"
					case r.Exposure.Reachability == harden.PerhapsInternet:
						f.Severity, f.SeverityWhy = harden.Medium, "whether the internet reaches it is not known"
					}
					p.Report(f)
				}
			}
		}
	}
}

// authenticated reports whether the route itself asks who comes, or from where.
func authenticated(inv *harden.Inventory, item *harden.Object) bool {
	a := item.Content.GetAnnotations()
	for _, key := range []string{
		nginxPrefix + "auth-url", nginxPrefix + "auth-type", nginxPrefix + "auth-tls-secret", nginxPrefix + "whitelist-source-range", nginxPrefix + "allowlist-source-range",
		"nginx.org/policies", "haproxy.org/auth-type", "haproxy.org/allow-list", "ingress.kubernetes.io/auth-type",
	} {
		if a[key] != "" {
			return true
		}
	}
	if v := a[albPrefix+"auth-type"]; v == "oidc" || v == "cognito" {
		return true
	}
	for _, m := range middlewaresOf(inv, item) {
		for _, key := range []string{"basicAuth", "digestAuth", "forwardAuth", "ipAllowList", "ipWhiteList", "plugin"} {
			if harden.Has(m.Object, "spec", key) {
				return true
			}
		}
	}
	u := harden.Content[*unstructured.Unstructured](item)
	if u == nil {
		return false
	}
	if harden.Has(u.Object, "spec", "virtualhost", "authorization") || harden.Has(u.Object, "spec", "virtualhost", "tls", "clientValidation") {
		return true
	}
	return slices.ContainsFunc(harden.Maps(u.Object, "spec", "rules"), func(rule map[string]any) bool {
		return slices.ContainsFunc(harden.Maps(rule, "filters"), func(f map[string]any) bool {
			kind := harden.Text(f, "type")
			return kind == "ExtensionRef" || kind == "ExternalAuth" // nobody reads what the extension does
		})
	})
}
