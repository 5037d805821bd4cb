package exposure

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ingress is an Ingress with one host, of a class, with annotations as lines of YAML.
func ingress(class, tls string, annotations ...string) string {
	text := `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
  annotations:
    x: ""
`
	for _, a := range annotations {
		text += "    " + a + "\n"
	}
	text += "spec:\n  ingressClassName: " + class + "\n"
	if tls != "" {
		text += "  tls: [{hosts: [" + tls + "], secretName: web-tls}]\n"
	}
	return text + `  rules:
  - host: shop.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`
}

// settingsMap is the ConfigMap of an ingress-nginx controller.
func settingsMap(entries ...string) string {
	return "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: ingress-nginx-controller, namespace: ingress-nginx, labels: {app.kubernetes.io/name: ingress-nginx}}\ndata: {" + strings.Join(entries, ", ") + "}\n"
}

func headersMap(entries ...string) string {
	return "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-headers, namespace: shop}\ndata: {" + strings.Join(entries, ", ") + "}\n"
}

// gatewayWith is an HTTPRoute on a public Gateway of a controller, with the filters of its one rule.
func gatewayWith(controller, filters string) string {
	return `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: ` + controller + `}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: infra}
spec:
  gatewayClassName: edge
  listeners: [{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: edge-tls}]}}]
status: {addresses: [{type: IPAddress, value: 203.0.113.7}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: infra}]
  rules: [{filters: ` + filters + `, backendRefs: [{name: web, port: 80}]}]
`
}

const (
	customHeadersLine = "nginx.ingress.kubernetes.io/custom-headers: shop/web-headers"
	albHTTPS          = `alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS": 443}]'`
	albPublic         = "alb.ingress.kubernetes.io/scheme: internet-facing"
	albHeaderLine     = "alb.ingress.kubernetes.io/listener-attributes.HTTPS-443: "
)

// one is the status, severity and verdict of the only finding, or "pass" or "n/a".
func one(t *testing.T, f *harden.Fixer, text string, opts ...fixtest.Option) (string, *harden.Finding) {
	t.Helper()
	findings := fixtest.Run(t, f, text, opts...)
	switch {
	case len(findings) > 1:
		t.Fatalf("more than one finding: %v", fixtest.Reasons(findings))
	case len(findings) == 1:
		return strings.TrimSpace(findings[0].Status.String() + " " + findings[0].Severity.String() + " " + findings[0].Verdict), findings[0]
	case fixtest.NotApplicable(t, f, text, opts...):
		return "n/a", nil
	}
	return "pass", nil
}

func TestVerdicts(t *testing.T) {
	public := "service.beta.kubernetes.io/azure-load-balancer-internal: \"false\""
	service := func(annotations, spec string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop, annotations: {" + annotations + "}}\nspec: {selector: {app: web}, " + spec + "}\n"
	}
	balancer := func(annotations, ranges, ports string) string {
		return service(annotations, "type: LoadBalancer, loadBalancerSourceRanges: ["+ranges+"], ports: ["+ports+"]")
	}
	nlb := `service.beta.kubernetes.io/aws-load-balancer-type: external, service.beta.kubernetes.io/aws-load-balancer-scheme: internet-facing`
	ip := nlb + `, service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip`
	kept := ip + `, service.beta.kubernetes.io/aws-load-balancer-target-group-attributes: preserve_client_ip.enabled=true`
	proxy := "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: registry.k8s.io/ingress-nginx/controller:v1.13.0}]}}}\n"
	allowed := settingsMap("global-allowed-response-headers: 'X-A, X-Frame-Options'")
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		text  string
		want  string
	}{
		{"T88 class of the AWS controller is internal", SvcLBPublic, service("", "type: LoadBalancer, loadBalancerClass: service.k8s.aws/nlb, ports: [{port: 80}]"), "pass"},
		{"T88 in-tree is public", SvcLBPublic, service("service.beta.kubernetes.io/aws-load-balancer-type: nlb", "type: LoadBalancer, ports: [{port: 80}]"), "fail medium"},
		{"a guestbook with a target port named for HTTP", SvcLBPublic, balancer(public, "", "{port: 3000, targetPort: http-server}"), "fail medium"},
		{"public and not HTTP", SvcLBPublic, balancer(public, "", "{port: 5671}"), "fail high"},
		{"the door of a controller", SvcLBPublic, balancer(public, "", "{port: 80}") + proxy, "fail low"},
		{"T89 ALB with a certificate and no spec.tls", IngressNoTLS, ingress("alb", "", albPublic, "alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:eu-west-1:111122223333:certificate/0a"), "pass"},
		{"ALB without certificate", IngressNoTLS, ingress("alb", "", albPublic), "fail high"},
		{"internal ALB without certificate", IngressNoTLS, ingress("alb", ""), "fail medium"},
		{"a star covers one label", IngressNoTLS, ingress("nginx", "'*.example.com'"), "pass"},
		{"a star covers one label only", IngressNoTLS, ingress("nginx", "'*.com'"), "fail high"},
		{"another host has TLS", IngressNoTLS, ingress("nginx", "api.example.com"), "fail high"},
		{"passthrough", IngressNoTLS, ingress("nginx", "", `nginx.ingress.kubernetes.io/ssl-passthrough: "true"`), "pass"},
		{"TLS ends before the controller", IngressNoTLS, ingress("nginx", "") + settingsMap(`use-forwarded-headers: "true"`), "pass"},
		{"a challenge of cert-manager", IngressNoTLS, strings.Replace(ingress("nginx", ""), "annotations:", `labels: {acme.cert-manager.io/http01-solver: "true"}`+"\n  annotations:", 1), "n/a"},

		{"T90 HSTS by default", HeaderHSTS, ingress("nginx", "shop.example.com"), "pass"},
		{"T90 HSTS by default, with settings", HeaderHSTS, ingress("nginx", "shop.example.com") + settingsMap("x: y"), "pass"},
		{"T90 HSTS switched off", HeaderHSTS, ingress("nginx", "shop.example.com") + settingsMap(`hsts: "false"`), "fail medium gone"},
		{"HSTS without TLS", HeaderHSTS, ingress("nginx", ""), "n/a"},
		{"HSTS with max-age 0", HeaderHSTS, gatewayWith("x.example.com/y", "[{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: strict-transport-security, value: max-age=0}]}}]"), "fail medium wrong"},
		{"HSTS not known", HeaderHSTS, gatewayWith("x.example.com/y", "[]"), "unknown medium"},
		{"HSTS of an internal ALB not known", HeaderHSTS, ingress("alb", "", albHTTPS), "n/a"},
		{"HSTS of a public ALB not known", HeaderHSTS, ingress("alb", "", albHTTPS, albPublic), "unknown medium"},
		{"HSTS of a public ALB", HeaderHSTS, ingress("alb", "", albHTTPS, albPublic, albHeaderLine+`routing.http.response.content_security_policy.header_value=a\, b,routing.http.response.strict_transport_security.header_value=max-age=9`), "pass"},

		{"T91 custom-headers without the controller's list", HeaderFrameOptions, ingress("nginx", "", customHeadersLine) + headersMap("X-Frame-Options: DENY") + settingsMap("x: y"), "fail low no-effect"},
		{"T91 custom-headers with the controller's list", HeaderFrameOptions, ingress("nginx", "", customHeadersLine) + headersMap("X-Frame-Options: DENY") + allowed, "pass"},
		{"T91 names are compared letter by letter", HeaderFrameOptions, ingress("nginx", "", customHeadersLine) + headersMap("X-Frame-Options: DENY") + settingsMap("global-allowed-response-headers: x-frame-options"), "fail low no-effect"},
		{"T91 one name that is missing spoils the others", HeaderFrameOptions, ingress("nginx", "", customHeadersLine) + headersMap("X-Frame-Options: DENY", "X-B: c") + allowed, "fail low no-effect"},
		{"T91 the controller's list is not known", HeaderFrameOptions, ingress("nginx", "", customHeadersLine) + headersMap("X-Frame-Options: DENY"), "n/a"},

		{"T93 a policy that is there", HeaderCSP, ingress("alb", "", albHTTPS, albPublic, albHeaderLine+`routing.http.response.content_security_policy.header_value=default-src 'none'\, x`), "pass"},
		{"a policy on trial", HeaderCSP, gatewayWith("x.example.com/y", "[{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: Content-Security-Policy-Report-Only, value: a}]}}]"), "fail low report-only"},
		{"a policy by a snippet", HeaderCSP, ingress("nginx", "", `nginx.ingress.kubernetes.io/configuration-snippet: 'more_set_headers "Content-Security-Policy: default-src https:";'`), "pass"},
		{"a header that the application may send", HeaderFrameOptions, ingress("nginx", ""), "n/a"},
		{"the proxy sends others", HeaderContentTypeOptions, ingress("nginx", "", customHeadersLine) + headersMap("X-Frame-Options: DENY") + allowed, "unknown low"},
		{"frame-ancestors is enough", HeaderFrameOptions, ingress("alb", "", albHTTPS, albPublic, albHeaderLine+`routing.http.response.content_security_policy.header_value=frame-ancestors 'none'`), "pass"},
		{"a header of one rule of two", HeaderFrameOptions, strings.Replace(gatewayWith("x.example.com/y", "[]"), "rules: [", "rules: [{filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: X-Frame-Options, value: DENY}]}}]}, ", 1), "n/a"},

		{"T94 the filter switched off", HeaderXSSProtection, ingress("nginx", "", customHeadersLine) + headersMap(`X-XSS-Protection: "0"`) + settingsMap("global-allowed-response-headers: X-XSS-Protection"), "pass"},
		{"T94 no header", HeaderXSSProtection, ingress("nginx", ""), "pass"},
		{"T94 the filter switched on", HeaderXSSProtection, ingress("nginx", "", customHeadersLine) + headersMap(`X-XSS-Protection: "1; mode=block"`) + settingsMap("global-allowed-response-headers: X-XSS-Protection"), "fail info wrong"},

		{"T97 ranges that are ignored", SvcLBSourceRanges, balancer(ip, "198.51.100.0/24", "{port: 5671}"), "fail medium ranges-ignored"},
		{"T97 client addresses are preserved", SvcLBSourceRanges, balancer(kept, "198.51.100.0/24", "{port: 5671}"), "pass"},
		{"T97 targets are instances", SvcLBSourceRanges, balancer(nlb, "198.51.100.0/24", "{port: 5671}"), "pass"},
		{"ports of the web are for the public", SvcLBSourceRanges, balancer(public, "", "{port: 443}"), "n/a"},

		{"a database behind source ranges", SvcSensitivePort, balancer(public, "198.51.100.0/24", "{port: 5432}"), "fail high"},
		{"a database behind ranges that are ignored", SvcSensitivePort, balancer(ip, "198.51.100.0/24", "{port: 5432}"), "fail critical"},
		{"a database on an internal load balancer", SvcSensitivePort, service("", "type: LoadBalancer, loadBalancerClass: service.k8s.aws/nlb, ports: [{port: 5432}]"), "pass"},
		{"an inference server that speaks gRPC on 8001", SvcSensitivePort, balancer(public, "", "{name: grpc, port: 8001}"), "pass"},
		{"a program that listens on 9090", SvcSensitivePort, balancer(public, "", "{port: 80, targetPort: 9090}"), "pass"},

		{"ssl-redirect is false for all", IngressHTTPOpen, ingress("nginx", "shop.example.com") + settingsMap(`ssl-redirect: "false"`), "fail medium"},
		{"force-ssl-redirect for all", IngressHTTPOpen, ingress("nginx", "shop.example.com", `nginx.ingress.kubernetes.io/ssl-redirect: "false"`) + settingsMap(`force-ssl-redirect: "true"`), "pass"},
		{"the old way of redirects of an ALB", IngressHTTPOpen, ingress("alb", "", `alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'`,
			`alb.ingress.kubernetes.io/actions.ssl-redirect: '{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS"}}'`), "pass"},
		{"TLS 1.2 for F5 is not looked at", IngressWeakTLS, ingress("alb", "", albHTTPS, "alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-FS-1-2-Res-2020-10"), "pass"},
		{"a policy from 2019", IngressWeakTLS, ingress("alb", "", albHTTPS, "alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-FS-1-1-2019-08"), "fail medium"},
		{"a line break in an annotation", IngressAnnotationInjection, ingress("nginx", "", `nginx.ingress.kubernetes.io/mirror-target: "http://a\nload_module b"`), "fail critical"},
		{"braces that close a block", IngressAnnotationInjection, ingress("nginx", "", `nginx.ingress.kubernetes.io/auth-tls-match-cn: "CN=a }} b"`), "fail critical"},
		{"a snippet that is refused", IngressSnippets, ingress("nginx", "", `nginx.ingress.kubernetes.io/server-snippet: "x"`) + settingsMap(`allow-snippet-annotations: "false"`), "fail medium"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, finding := one(t, test.fixer, test.text)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if finding != nil && finding.Severity != test.fixer.Severity && finding.SeverityWhy == "" {
				t.Error("the severity moved without a reason")
			}
		})
	}
}

func fixesOf(t *testing.T, f *harden.Fixer, text string, opts ...fixtest.Option) []harden.Fix {
	t.Helper()
	fixes := fixtest.Fixes(t, f, text, opts...)
	if len(fixes) == 0 {
		t.Fatal("no fix")
	}
	return fixes
}

func TestT92NoFilterForGatewaysOfTheAWSController(t *testing.T) {
	fix := fixesOf(t, HeaderHSTS, gatewayWith("gateway.k8s.aws/alb", "[]"))[0]
	if len(fix.Changes) > 0 || !strings.Contains(fix.Manual, "routing.http.response.strict_transport_security.header_value") {
		t.Errorf("got changes %v and text %q, want the attribute of the listener", fix.Changes, fix.Manual)
	}
	fix = fixesOf(t, HeaderHSTS, gatewayWith("example.com/other", "[]"))[0]
	if len(fix.Changes) != 1 || fix.Class != harden.Review {
		t.Errorf("another controller gets the filter, for review: %+v", fix)
	}
}

func TestT93HeadersThatAreThereAreKept(t *testing.T) {
	text := gatewayWith("example.com/other", "[{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: Content-Security-Policy, value: default-src 'none'}], add: [{name: X-A, value: b}]}}]")
	if got := fixtest.Run(t, HeaderCSP, text); len(got) > 0 {
		t.Fatalf("a stricter policy is found: %v", fixtest.Reasons(got))
	}
	rules := fixesOf(t, HeaderHSTS, text)[0].Changes[0].Set.Object["spec"].(map[string]any)["rules"].([]any)
	set, ok := routeHeaders(rules[0].(map[string]any))
	if want := "default-src 'none'"; !ok || set["content-security-policy"].value != want || set["x-a"].value != "b" || set["strict-transport-security"].value != "max-age=300" {
		t.Errorf("got %v", set)
	}
	if harden.Maps(rules[0].(map[string]any), "backendRefs") == nil {
		t.Error("the rule is not carried whole")
	}
}

func TestThreeObjectsForIngressNginx(t *testing.T) {
	text := ingress("nginx", "shop.example.com", customHeadersLine) + headersMap("X-Frame-Options: DENY") + settingsMap("global-allowed-response-headers: X-Frame-Options")
	fix := fixesOf(t, HeaderReferrerPolicy, text)[0]
	var got []string
	for _, c := range fix.Changes {
		got = append(got, c.Verb.String()+" "+c.Target.Long())
	}
	if want := "apply ingress-nginx/ConfigMap/ingress-nginx-controller; apply shop/ConfigMap/web-headers"; strings.Join(got, "; ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := harden.Text(fix.Changes[0].Set.Object, "data", allowedHeaders); got != "X-Frame-Options,Referrer-Policy" {
		t.Errorf("%s is %q", allowedHeaders, got)
	}
	fix = fixesOf(t, HeaderCSP, ingress("nginx", "shop.example.com")+settingsMap("x: y"))[0]
	if len(fix.Changes) != 3 || fix.Changes[1].Verb != harden.Create {
		t.Fatalf("got %+v, want the list, a new ConfigMap and the annotation", fix.Changes)
	}
	if fix = fixesOf(t, HeaderCSP, ingress("nginx", "shop.example.com"))[0]; fix.Manual == "" {
		t.Error("without the controller's ConfigMap nothing can be changed")
	}
}

func TestListenerAttributesKeepWhatIsThere(t *testing.T) {
	now := `routing.http.response.content_security_policy.header_value=a\, b`
	text := ingress("alb", "", albHTTPS, albPublic, albHeaderLine+now)
	value := func(fix harden.Fix) string {
		return harden.Text(fix.Changes[0].Set.Object, "metadata", "annotations", albListener)
	}
	if got, want := value(fixesOf(t, HeaderHSTS, text)[0]), now+",routing.http.response.strict_transport_security.header_value=max-age=300"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if fix := fixesOf(t, HeaderReferrerPolicy, text)[0]; fix.Manual == "" {
		t.Errorf("an ALB has no attribute for Referrer-Policy, got %q", value(fix))
	}
	if got := withoutAttribute(`a=1\,2,b=3,c=4`, "b"); got != `a=1\,2,c=4,` {
		t.Errorf("got %q", got)
	}
	if got := splitAttributes(`a=1\,2\,3,b=4`); len(got) != 2 || got[0] != `a=1\,2\,3` {
		t.Errorf("got %q", got)
	}
}

func TestTraefikGetsAMiddleware(t *testing.T) {
	fix := fixesOf(t, HeaderCSP, ingress("traefik", "", "traefik.ingress.kubernetes.io/router.middlewares: shop-a@kubernetescrd"))[0]
	if len(fix.Changes) != 2 || fix.Changes[0].Target.Kind != "Middleware" || fix.Changes[0].Verb != harden.Create {
		t.Fatalf("got %+v", fix.Changes)
	}
	if got := harden.Text(fix.Changes[1].Set.Object, "metadata", "annotations", traefikMiddlewares); got != "shop-a@kubernetescrd,shop-web-content-security-policy-report-only@kubernetescrd" {
		t.Errorf("got %q", got)
	}
}

func TestTLSListIsCarriedWhole(t *testing.T) {
	text := ingress("nginx", "api.example.com") + "---\napiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: ours}\nspec: {selfSigned: {}}\n"
	fix := fixesOf(t, IngressNoTLS, text)[0]
	list := harden.Maps(fix.Changes[0].Set.Object, "spec", "tls")
	if len(list) != 2 || harden.Text(list[0], "secretName") != "web-tls" || harden.Texts(list[1], "hosts")[0] != "shop.example.com" {
		t.Errorf("got %v", list)
	}
	two := text + "---\napiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: theirs}\nspec: {selfSigned: {}}\n"
	if fix := fixesOf(t, IngressNoTLS, two)[0]; fix.Manual == "" {
		t.Error("of two issuers none is guessed")
	}
}

func TestUnreadIsUnknown(t *testing.T) {
	text := ingress("nginx", "shop.example.com")
	if got, _ := one(t, IngressTLSSecret, text, fixtest.Live(), fixtest.Unreadable("secrets", "forbidden")); got != "unknown high" {
		t.Errorf("Secrets that may not be read: got %q", got)
	}
	if got, _ := one(t, IngressDangling, text, fixtest.Live(), fixtest.Unreadable("services", "forbidden")); got != "unknown low" {
		t.Errorf("Services that may not be read: got %q", got)
	}
	if got, _ := one(t, HeaderHSTS, text, fixtest.Live(), fixtest.Unreadable("configmaps", "forbidden")); got != "unknown medium" {
		t.Errorf("settings that may not be read: got %q", got)
	}
	if got, _ := one(t, IngressTLSSecret, text); got != "pass" {
		t.Errorf("in files a Secret may be somewhere else: got %q", got)
	}
}

func TestControllerVersions(t *testing.T) {
	for image, want := range map[string]string{
		"registry.k8s.io/ingress-nginx/controller:v1.11.4@sha256:00": "fail critical", "registry.k8s.io/ingress-nginx/controller:v1.11.5": "fail high", "registry.k8s.io/ingress-nginx/controller:v1.12.0": "fail critical",
		"registry.k8s.io/ingress-nginx/controller:v1.12.1": "fail high", "registry.k8s.io/ingress-nginx/controller": "fail high", "registry.example.com/nginx:1.29": "n/a", "traefik:v3.1": "pass",
	} {
		text := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: edge, namespace: shop}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: '" + image + "'}]}}}\n"
		if got, _ := one(t, IngressControllerEOL, text); got != want {
			t.Errorf("%s: got %q, want %q", image, got, want)
		}
	}
}

func TestTraefikIngressRouteGetsAMiddleware(t *testing.T) {
	text := `
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: web, namespace: shop}
spec:
  routes: [{kind: Rule, match: Host(a.example.com), middlewares: [{name: a}], services: [{name: web, port: 80}]}]
  tls: {}
`
	fix := fixesOf(t, HeaderHSTS, text)[0]
	if len(fix.Changes) != 2 {
		t.Fatalf("got %+v", fix)
	}
	routes := harden.Maps(fix.Changes[1].Set.Object, "spec", "routes")
	if len(routes) != 1 || len(harden.Maps(routes[0], "middlewares")) != 2 || harden.Text(routes[0], "kind") != "Rule" {
		t.Errorf("the list of routes is not carried whole: %v", routes)
	}
	if got := harden.Text(fix.Changes[0].Set.Object, "spec", "headers", "customResponseHeaders", "Strict-Transport-Security"); got != "max-age=300" {
		t.Errorf("got %q", got)
	}
}

func TestRoutesOfOperators(t *testing.T) {
	service := "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n"
	pods := func(annotations, image, path string) string {
		return "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}, annotations: {" + annotations + "}}, " +
			"spec: {containers: [{name: c, image: '" + image + "', ports: [{name: http, containerPort: 8080}], readinessProbe: {httpGet: {port: http, path: " + path + "}}}]}}}\n"
	}
	scraped := `prometheus.io/scrape: "true", prometheus.io/port: "8080"`
	internal := "alb.ingress.kubernetes.io/scheme: internal"
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		text  string
		want  string
	}{
		{"metrics on the port of visitors", IngressManagementPath, ingress("nginx", "") + service + pods(scraped, "w", "/up"), "fail medium"},
		{"actuators on the port of visitors", IngressManagementPath, ingress("nginx", "") + service + pods("", "w", "/actuator/health"), "fail medium"},
		{"metrics on another port", IngressManagementPath, ingress("nginx", "") + service + pods(`prometheus.io/scrape: "true", prometheus.io/port: "9102"`, "w", "/up"), "pass"},
		{"metrics behind authentication", IngressManagementPath, ingress("nginx", "", "nginx.ingress.kubernetes.io/auth-url: https://a.example.com") + service + pods(scraped, "w", "/up"), "n/a"},
		{"metrics on an internal way", IngressManagementPath, ingress("alb", "", internal) + service + pods(scraped, "w", "/up"), "n/a"},
		{"a console", IngressAdminUI, ingress("alb", "", albPublic) + service + pods("", "docker.io/prom/prometheus:v3", "/"), "fail high"},
		{"a console, the way not known", IngressAdminUI, ingress("nginx", "") + service + pods("", "docker.io/prom/prometheus:v3", "/"), "fail medium"},
		{"a console with a login", IngressAdminUI, ingress("alb", "", albPublic) + service + pods("", "grafana/grafana:12.0.0", "/"), "fail medium"},
		{"a console behind OIDC", IngressAdminUI, ingress("alb", "", albPublic, "alb.ingress.kubernetes.io/auth-type: oidc") + service + pods("", "docker.io/prom/prometheus:v3", "/"), "pass"},
		{"a console on an internal way", IngressAdminUI, ingress("alb", "", internal) + service + pods("", "docker.io/prom/prometheus:v3", "/"), "n/a"},
		{"an image that is called alike", IngressAdminUI, ingress("alb", "", albPublic) + service + pods("", "registry.example.com/team/notkiali:1", "/"), "pass"},
		{"in clear to the pods", BackendTLS, ingress("nginx", "shop.example.com") + service, "fail info"},
		{"HTTPS to the pods", BackendTLS, ingress("nginx", "shop.example.com", "nginx.ingress.kubernetes.io/backend-protocol: HTTPS") + service, "pass"},
		{"a policy for the hop to the pods", BackendTLS, gatewayWith("example.com/x", "[]") + service +
			"---\napiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: web, namespace: shop}\nspec: {targetRefs: [{group: '', kind: Service, name: web}]}\n", "pass"},
		{"no policy for the hop to the pods", BackendTLS, gatewayWith("example.com/x", "[]") + service, "fail info"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, _ := one(t, test.fixer, test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestGateways(t *testing.T) {
	gateway := func(address, listener string) string {
		return "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: edge, namespace: infra}\nspec: {gatewayClassName: x, listeners: [" + listener + "]}\nstatus: {addresses: [{value: " + address + "}]}\n"
	}
	http, https := "{name: http, port: 80, protocol: HTTP}", "{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: tls, namespace: certs}]}}"
	route := func(parent, rule string) string {
		return "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web, namespace: shop}\nspec: {parentRefs: [{name: edge, namespace: infra, " + parent + "}], rules: [{" + rule + "}]}\n"
	}
	secret := "---\napiVersion: v1\nkind: Secret\nmetadata: {name: tls, namespace: certs}\ntype: kubernetes.io/tls\ndata: {tls.crt: e30=, tls.key: e30=}\n"
	grant := func(to string) string {
		return "---\napiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: g, namespace: certs}\nspec: {from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: infra}], to: [{group: '', kind: Secret" + to + "}]}\n"
	}
	pass := "---\napiVersion: v1\nkind: Secret\nmetadata: {name: other, namespace: infra}\ntype: kubernetes.io/tls\ndata: {tls.crt: e30=, tls.key: e30=}\n"
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		text  string
		live  bool
		want  string
	}{
		{"a route on all listeners", GatewayHTTPListener, gateway("203.0.113.7", http+", "+https) + route("", "backendRefs: [{name: web, port: 80}]"), false, "fail medium"},
		{"a route on the other listener", GatewayHTTPListener, gateway("203.0.113.7", http+", "+https) + route("sectionName: https", "backendRefs: [{name: web, port: 80}]"), false, "pass"},
		{"a route on the other port", GatewayHTTPListener, gateway("203.0.113.7", http+", "+https) + route("port: 443", "backendRefs: [{name: web, port: 80}]"), false, "pass"},
		{"a redirect to another host in clear", GatewayHTTPListener, gateway("203.0.113.7", http) + route("", "filters: [{type: RequestRedirect, requestRedirect: {hostname: a.example.com}}]"), false, "fail medium"},
		{"a private Gateway", GatewayHTTPListener, gateway("10.0.0.7", http) + route("", "backendRefs: [{name: web, port: 80}]"), false, "n/a"},
		{"a Secret of another namespace without grant", GatewayTLSRefs, gateway("203.0.113.7", https) + secret + grant(", name: else"), true, "fail high"},
		{"a Secret of another namespace with grant", GatewayTLSRefs, gateway("203.0.113.7", https) + secret + grant(", name: tls"), true, "pass"},
		{"a Secret that is not there", GatewayTLSRefs, gateway("203.0.113.7", https) + pass + grant(""), true, "fail high"},
		{"in files it may be somewhere else", GatewayTLSRefs, gateway("203.0.113.7", https), false, "pass"},
		{"passthrough", GatewayTLSRefs, gateway("203.0.113.7", "{name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}}"), true, "n/a"},
		{"no certificate", GatewayTLSRefs, gateway("203.0.113.7", "{name: tls, port: 443, protocol: HTTPS, tls: {}}"), false, "fail high"},
		{"all Secrets to one namespace", ReferenceGrantBroad, grant(""), false, "fail low"},
		{"one Secret to one namespace", ReferenceGrantBroad, grant(", name: tls"), false, "pass"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var opts []fixtest.Option
			if test.live {
				opts = append(opts, fixtest.Live())
			}
			if got, f := one(t, test.fixer, test.text, opts...); got != test.want {
				t.Errorf("got %q, want %q: %+v", got, test.want, f)
			}
		})
	}
}
