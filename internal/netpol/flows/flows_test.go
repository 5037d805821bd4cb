package flows_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest/nettest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
)

// workload is a Deployment without a token, in a namespace.
func workload(namespace, name, container string) string {
	return object("Deployment", namespace, name, "containers: [{name: main, image: i, "+container+"}]")
}

func object(kind, namespace, name, spec string) string {
	template := fmt.Sprintf("{metadata: {labels: {app: %s}}, spec: {automountServiceAccountToken: false, %s}}", name, spec)
	api, body := "apps/v1", fmt.Sprintf("spec: {selector: {matchLabels: {app: %s}}, template: %s}", name, template)
	if kind == "CronJob" {
		api, body = "batch/v1", fmt.Sprintf("spec: {schedule: '0 3 * * *', jobTemplate: {spec: {template: %s}}}", template)
	}
	return fmt.Sprintf("---\napiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: %s}\n%s\n", api, kind, name, namespace, body)
}

func service(namespace, name, spec string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s}\nspec: {%s}\n", name, namespace, spec)
}

func configMap(namespace, name, data string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata:\n%s\n", name, namespace, data)
}

// backend is a database behind a Service with another port than its pods have.
var backend = workload("shop", "db", "ports: [{name: sql, containerPort: 5433}]") +
	service("shop", "db", "clusterIP: 10.96.1.1, clusterIPs: [10.96.1.1], selector: {app: db}, ports: [{port: 5432, targetPort: sql}]")

// told are the flows in short: FROM -> TO PORT CONFIDENCE. Those to DNS are
// left out, since every pod has them.
func told(inv *harden.Inventory) []string {
	var out []string
	for _, f := range flows.Of(inv) {
		if f.To.Kind == harden.PeerDNS || f.To.Namespace == "kube-system" || f.From.Namespace == "kube-system" {
			continue
		}
		s := fmt.Sprintf("%s -> %s %s %s", short(f.From), short(f.To), f.Port, f.Confidence)
		if f.Host != "" {
			s += " " + f.Host
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

func short(p harden.Peer) string {
	if p.Kind == harden.PeerWorkload {
		return p.Namespace + "/" + p.Workload.Name
	}
	return p.String()
}

func TestReferences(t *testing.T) {
	const (
		medium = "shop/web -> shop/db tcp/5433 medium"
		low    = "shop/web -> shop/db tcp/5433 low"
	)
	env := func(pairs string) string { return workload("shop", "web", "env: ["+pairs+"]") }
	args := func(list string) string { return workload("shop", "web", "args: ["+list+"]") }
	public := func(service string) string {
		return "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\nspec: {rules: [{host: shop.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: " + service + "}}}]}}]}\n"
	}
	file := func(key, text string) string {
		return object("Deployment", "shop", "web", "containers: [{name: main, image: i}], volumes: [{name: c, configMap: {name: web}}]") +
			configMap("shop", "web", "  "+key+": |\n    "+strings.ReplaceAll(text, "\n", "\n    "))
	}
	for name, test := range map[string]struct {
		yaml string
		want []string
	}{
		"T49 host:port is translated":    {env("{name: DB, value: 'db:5432'}"), []string{medium}},
		"short name in a host variable":  {env("{name: DATABASE_HOST, value: db}"), []string{medium}},
		"camel case":                     {env("{name: dbHost, value: db}"), []string{medium}},
		"short name that may be a name":  {env("{name: POSTGRES_DB, value: db}"), []string{low}},
		"name of something":              {env("{name: HOST_GROUP_NAME, value: db}"), []string{low}},
		"service variable":               {env("{name: DB_SERVICE, value: db}"), []string{medium}},
		"SERVICE.NAMESPACE":              {env("{name: X, value: db.shop}"), []string{medium}},
		"FQDN":                           {env("{name: X, value: db.shop.svc.cluster.local}"), []string{medium}},
		"FQDN with a dot":                {env("{name: X, value: 'db.shop.svc.cluster.local.'}"), []string{medium}},
		"FQDN of another domain":         {env("{name: X, value: 'db.shop.svc.k8s.example:5432'}"), []string{medium}},
		"URL with a password":            {env("{name: DATABASE_URL, value: 'postgres://u:p@db:5432/x?sslmode=disable'}"), []string{medium}},
		"URL with an odd password":       {env("{name: DATABASE_URL, value: 'postgres://u:p/w@x@db:5432/x'}"), []string{medium}},
		"URL without a port":             {env("{name: DATABASE_URL, value: 'postgresql://db/x'}"), []string{medium}},
		"JDBC":                           {env("{name: URL, value: 'jdbc:postgresql://db:5432/x'}"), []string{medium}},
		"DSN of Go's MySQL driver":       {env("{name: DSN, value: 'u:p@tcp(db:5432)/x?parseTime=true'}"), []string{medium}},
		"DSN of libpq":                   {env("{name: PG, value: 'host=db port=5432 user=u password=p'}"), []string{medium}},
		"list of brokers":                {env("{name: BROKERS, value: 'other:9092,db:5432'}"), []string{medium}},
		"host and port apart":            {env("{name: DB_HOST, value: db}, {name: DB_PORT, value: '5432'}"), []string{medium}},
		"PGHOST and PGPORT":              {env("{name: PGHOST, value: db}, {name: PGPORT, value: '5432'}"), []string{medium}},
		"a port that the Service lacks":  {env("{name: DB, value: 'db:9999'}"), []string{low}},
		"variable within a variable":     {env("{name: H, value: db}, {name: URL, value: 'postgres://$(H):5432/'}"), []string{medium}},
		"variable of the kubelet":        {args("'--db=$(DB_SERVICE_HOST):$(DB_SERVICE_PORT)'"), []string{medium}},
		"flag with =":                    {args("--db-host=db"), []string{medium}},
		"flag with a space":              {args("--db-host, db"), []string{medium}},
		"psql -h":                        {args("psql -h db -U shop"), []string{medium}},
		"a word of a command":            {args("start, db"), nil},
		"a script that waits":            {args("'until nc -z -w 2 db 5432; do sleep 1; done'"), []string{medium}},
		"a script that resolves":         {args("'until nslookup db.shop.svc.cluster.local; do sleep 1; done'"), []string{medium}},
		"gRPC's names":                   {env("{name: T, value: 'dns:///db:5432'}"), []string{medium}},
		"options behind a port":          {env("{name: T, value: 'db:5432?ssl=1'}"), []string{medium}},
		"a variable named as a Service":  {env("{name: DB, value: db}"), []string{medium}},
		"who logs in before a host":      {env("{name: T, value: 'u:p@db:5432'}"), []string{medium}},
		"a hook":                         {workload("shop", "web", "lifecycle: {preStop: {exec: {command: [curl, 'http://db:5432/bye']}}}"), []string{medium}},
		"its own name":                   {workload("shop", "db2", "env: [{name: HOST, value: db2}], ports: [{containerPort: 1}]") + service("shop", "db2", "selector: {app: db2}, ports: [{port: 1}]"), nil},
		"another namespace's short name": {workload("other", "web", "env: [{name: DB_HOST, value: db}]"), []string{"other/web -> private tcp/443 low db"}},
		"another namespace":              {workload("other", "web", "env: [{name: DB_HOST, value: db.shop.svc}]"), []string{"other/web -> shop/db tcp/5433 medium"}},
		"address of a Service":           {env("{name: DB, value: '10.96.1.1:5432'}"), []string{medium}},
		"no_proxy":                       {env("{name: NO_PROXY, value: 'db,localhost'}"), nil},
		"envFrom": {
			workload("shop", "web", "envFrom: [{prefix: A_, configMapRef: {name: web}}]") + configMap("shop", "web", "  DB_HOST: db"), []string{medium},
		},
		"configMapKeyRef": {
			env("{name: T, valueFrom: {configMapKeyRef: {name: web, key: k}}}") + configMap("shop", "web", "  k: db:5432"), []string{medium},
		},
		"ConfigMap that is not there": {env("{name: T, valueFrom: {configMapKeyRef: {name: web, key: k}}}"), nil},
		"nginx proxy_pass":            {file("default.conf", "location / { proxy_pass http://db:5432/; }"), []string{medium}},
		"nginx upstream":              {file("default.conf", "upstream u {\n  server db:5432 weight=5;\n}"), []string{medium}},
		"nginx upstream without port": {file("default.conf", "upstream u {\n  server db;\n}"), []string{medium}},
		"comment":                     {file("default.conf", "# proxy_pass http://db:5432/;"), nil},
		"YAML":                        {file("app.yaml", "database:\n  host: db\n  port: 5432"), []string{medium}},
		"properties":                  {file("app.properties", "spring.datasource.url=jdbc:postgresql://db:5432/x"), []string{medium}},
		"Envoy":                       {file("envoy.yaml", "socket_address: { address: db, port_value: 5432 }"), []string{medium}},
		"Redis":                       {file("redis.conf", "replicaof db 5432"), []string{medium}},
		"a name in prose":             {file("app.yaml", "name: db\ndescription: about a db"), nil},
		"a page for people":           {file("index.html", "<a href='http://db:5432'>"), nil},
		"an item that is not mounted": {
			object("Deployment", "shop", "web", "containers: [{name: main, image: i}], volumes: [{name: c, configMap: {name: web, items: [{key: a, path: a}]}}]") + configMap("shop", "web", "  a: x\n  b: http://db:5432"), nil,
		},
		"T67 CronJob":     {object("CronJob", "shop", "web", "containers: [{name: main, image: i, env: [{name: DB_HOST, value: db}]}]"), []string{medium}},
		"external URL":    {env("{name: API_URL, value: 'https://api.example.com/v1'}"), []string{"shop/web -> internet tcp/443 medium api.example.com"}},
		"external host":   {env("{name: SMTP_HOST, value: mail.example.com}, {name: SMTP_PORT, value: '587'}"), []string{"shop/web -> internet tcp/587 medium mail.example.com"}},
		"database of AWS": {env("{name: DB_HOST, value: x.abc.eu-west-1.rds.amazonaws.com}, {name: DB_PORT, value: '3306'}"), []string{"shop/web -> private tcp/3306 medium x.abc.eu-west-1.rds.amazonaws.com"}},
		"its own public name": {
			env("{name: SHOP_URL, value: 'https://shop.example.com'}") + service("shop", "web", "selector: {app: web}, ports: [{port: 80}]") + public("web"),
			[]string{"load-balancer -> shop/web tcp/80 medium", "shop/web -> internet tcp/443 low shop.example.com"},
		},
		"the public name of another": {
			env("{name: ISSUER, value: 'https://shop.example.com'}") + public("db"),
			[]string{"load-balancer -> shop/db tcp/5433 medium", "shop/web -> internet tcp/443 medium shop.example.com"},
		},
		"allowed origins":    {env("{name: CORS_ORIGINS, value: 'https://shop.example.com'}"), []string{"shop/web -> internet tcp/443 low shop.example.com"}},
		"name of a format":   {file("a.xml", `<x xmlns="http://www.w3.org/2001/XMLSchema">`), nil},
		"private address":    {env("{name: DB, value: '10.1.2.3:5432'}"), []string{"shop/web -> 10.1.2.3/32 tcp/5432 medium"}},
		"metadata":           {env("{name: U, value: 'http://169.254.169.254/latest'}"), []string{"shop/web -> metadata tcp/80 medium"}},
		"loopback":           {env("{name: U, value: 'http://127.0.0.1:8080'}, {name: V, value: 'http://localhost:8080'}, {name: W, value: '0.0.0.0:80'}"), nil},
		"API server by name": {env("{name: U, value: 'https://kubernetes.default.svc'}"), []string{"shop/web -> api-server tcp/6443 medium"}},
		"a file, not a host": {env("{name: CONFIG_URL, value: app.conf}, {name: SERVER, value: main.py}"), nil},
		"socket":             {env("{name: U, value: 'unix:///var/run/db.sock'}"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, told(nettest.Known(t, harden.EngineCalico, backend, test.yaml))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoSecretIsQuoted(t *testing.T) {
	secret := "hunter2"
	inv := nettest.Known(t, harden.EngineCalico, backend, workload("shop", "web", `env: [
		{name: A_URL, value: 'postgres://shop:hunter2@db:5432/x'}, {name: B_URL, value: 'postgres://shop:a/hunter2@db:5432/x'}, {name: C, value: 'shop:hunter2@tcp(db:5432)/x'},
		{name: G_URL, value: 'https://u:p@hunter2.example.com/x@db:5432'}, {name: D, value: 'hunter2@db:5432'}, {name: DB_PASSWORD, value: hunter2.example.com}, {name: API_TOKEN, value: 'https://hunter2.example.com'},
		{name: F, value: 'https://x:12/hunter2.example.com@y'}, {name: F_PASSWORD, value: 'db:5432'}], args: ['--dsn=amqp://$(DB_PASSWORD)@db']`))
	seen := 0
	for _, f := range flows.Of(inv) {
		for _, o := range f.Origins {
			seen++
			if strings.Contains(o.Text, secret) {
				t.Errorf("%s to %s: %s", f.From, f.To, o.Text)
			}
		}
	}
	if seen == 0 {
		t.Error("no flows")
	}
}

func TestServices(t *testing.T) {
	web := func(to string) string { return workload("shop", "web", "env: [{name: U, value: '"+to+"'}]") }
	slice := func(service, endpoints string) string {
		return fmt.Sprintf("---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: %s-1, namespace: shop, labels: {kubernetes.io/service-name: %s}}\naddressType: IPv4\nports: [{name: '', port: 3306}]\nendpoints: [%s]\n", service, service, endpoints)
	}
	for name, test := range map[string]struct {
		yaml string
		want []string
	}{
		"T62 a named port is a number for each workload": {
			web("http://api:80") + workload("shop", "a", "ports: [{name: http, containerPort: 80}]") +
				strings.Replace(workload("shop", "b", "ports: [{name: http, containerPort: 8080}]"), "labels: {app: b}", "labels: {app: a}", 1) +
				service("shop", "api", "selector: {app: a}, ports: [{port: 80, targetPort: http}]"),
			[]string{"shop/web -> shop/a tcp/80 medium", "shop/web -> shop/b tcp/8080 medium"},
		},
		"protocols": {
			web("syslog://logs") + workload("shop", "logs", "") + service("shop", "logs", "selector: {app: logs}, ports: [{name: u, port: 514, protocol: UDP, targetPort: 1514}]"),
			[]string{"shop/web -> shop/logs udp/1514 medium"},
		},
		"headless, a pod's name": {
			web("redis://cache-0.cache.shop.svc.cluster.local:6379") + object("StatefulSet", "shop", "cache", "containers: [{name: c, image: c}]") + service("shop", "cache", "clusterIP: None, selector: {app: cache}, ports: [{port: 6379}]"),
			[]string{"shop/web -> shop/cache tcp/6379 medium"},
		},
		"T65 headless, a port of the pods": {
			web("cache-0.cache:7000") + object("StatefulSet", "shop", "cache", "containers: [{name: c, image: c}]") + service("shop", "cache", "clusterIP: None, selector: {app: cache}, ports: [{port: 6379}]"),
			[]string{"shop/web -> shop/cache tcp/7000 medium"},
		},
		"ExternalName": {
			web("mysql://db:3306") + service("shop", "db", "type: ExternalName, externalName: db.example.com"),
			[]string{"shop/web -> internet tcp/3306 medium db.example.com"},
		},
		"ExternalName of another Service": {
			web("http://alias") + service("shop", "alias", "type: ExternalName, externalName: api.other.svc.cluster.local") + workload("other", "api", "") + service("other", "api", "selector: {app: api}, ports: [{port: 80, targetPort: 8080}]"),
			[]string{"shop/web -> other/api tcp/8080 medium"},
		},
		"no selector": {
			web("mysql://db:3306") + service("shop", "db", "ports: [{port: 3306}]") + slice("db", "{addresses: [10.9.0.1]}, {addresses: [198.51.100.7]}"),
			[]string{"shop/web -> 10.9.0.1/32 tcp/3306 medium", "shop/web -> 198.51.100.7/32 tcp/3306 medium"},
		},
		"selector of pods that nobody read": {
			web("mysql://db:3306") + service("shop", "db", "selector: {app: gone}, ports: [{port: 3306}]") + slice("db", "{addresses: [10.9.0.1]}"),
			[]string{"shop/web -> 10.9.0.1/32 tcp/3306 medium"},
		},
		"replicas 0": {
			web("http://api") + strings.Replace(workload("shop", "api", ""), "spec: {selector", "spec: {replicas: 0, selector", 1) + service("shop", "api", "selector: {app: api}, ports: [{port: 80}]"),
			[]string{"shop/web -> shop/api tcp/80 medium"},
		},
		"StatefulSet peers": {
			strings.Replace(object("StatefulSet", "shop", "q", "containers: [{name: c, image: c, ports: [{containerPort: 4369}, {containerPort: 25672}]}]"), "spec: {selector", "spec: {replicas: 3, selector", 1),
			[]string{"shop/q -> shop/q tcp/25672 medium", "shop/q -> shop/q tcp/4369 medium"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, told(nettest.Known(t, harden.EngineCalico, test.yaml))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFromOutside(t *testing.T) {
	web := workload("shop", "web", "ports: [{name: http, containerPort: 8080}]") + service("shop", "web", "selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]")
	ingress := "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\nspec: {ingressClassName: nginx, rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}}]}\n"
	class := "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\nspec: {controller: k8s.io/ingress-nginx}\n"
	controller := func(spec string) string {
		return strings.Replace(object("DaemonSet", "edge", "controller", spec+"containers: [{name: c, image: c}]"), "labels: {app: controller}", "labels: {app: controller, app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}", 1)
	}
	gateway := func(kind, spec string) string {
		return fmt.Sprintf("---\napiVersion: gateway.networking.k8s.io/v1\nkind: %s\nmetadata: {name: g, namespace: shop}\nspec: {%s}\n", kind, spec)
	}
	for name, test := range map[string]struct {
		yaml string
		want []string
	}{
		"Ingress and its controller": {web + ingress + class + controller(""), []string{"edge/controller -> shop/web tcp/8080 medium"}},
		"class that was not read":    {web + ingress + controller(""), []string{"edge/controller -> shop/web tcp/8080 medium"}},
		"T59 on the host network":    {web + ingress + class + controller("hostNetwork: true, "), []string{"edge/controller -> shop/web tcp/8080 medium"}},
		"nobody knows who":           {web + ingress, []string{"load-balancer -> shop/web tcp/8080 medium"}},
		"load balancer of a cloud":   {web + strings.Replace(ingress, "nginx", "alb", 1) + controller(""), []string{"load-balancer -> shop/web tcp/8080 medium"}},
		"T60 LoadBalancer, Cluster": {
			workload("shop", "web", "") + service("shop", "web", "type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]"),
			[]string{"load-balancer -> shop/web tcp/8080 medium", "nodes -> shop/web tcp/8080 medium"},
		},
		"T60 NodePort, Local": {
			workload("shop", "web", "") + service("shop", "web", "type: NodePort, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]"),
			[]string{"load-balancer -> shop/web tcp/8080 medium"},
		},
		"host port":             {workload("shop", "web", "ports: [{containerPort: 80, hostPort: 8080}]"), []string{"load-balancer -> shop/web tcp/80 medium"}},
		"host port of loopback": {workload("shop", "web", "ports: [{containerPort: 80, hostPort: 8080, hostIP: 127.0.0.1}]"), nil},
		"Gateway API": {
			web + gateway("HTTPRoute", "parentRefs: [{name: g}], rules: [{backendRefs: [{name: web, port: 80}]}]") + gateway("Gateway", "gatewayClassName: c") +
				strings.Replace(workload("shop", "envoy", ""), "labels: {app: envoy}", "labels: {app: envoy, gateway.networking.k8s.io/gateway-name: g}", 1),
			[]string{"shop/envoy -> shop/web tcp/8080 medium"},
		},
		"Gateway API, who is not known": {
			web + gateway("HTTPRoute", "parentRefs: [{name: g}], rules: [{backendRefs: [{name: web, port: 80}]}]"),
			[]string{"load-balancer -> shop/web tcp/8080 medium"},
		},
		"VirtualService": {
			web + "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: edge}\nspec: {selector: {app: igw}}\n" + workload("edge", "igw", "") +
				"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: shop}\nspec: {gateways: [edge/g, mesh], http: [{route: [{destination: {host: web.shop.svc.cluster.local, port: {number: 80}}}]}]}\n",
			[]string{"edge/igw -> shop/web tcp/8080 medium"},
		},
		"scrape annotation": {
			strings.Replace(workload("shop", "web", ""), "metadata: {labels", "metadata: {annotations: {prometheus.io/scrape: 'true', prometheus.io/port: '9102'}, labels", 1) + workload("ops", "prometheus", ""),
			[]string{"ops/prometheus -> shop/web tcp/9102 medium"},
		},
		"ServiceMonitor": {
			web + workload("ops", "prometheus", "") + "---\napiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: m, namespace: ops}\nspec: {namespaceSelector: {any: true}, selector: {}, endpoints: [{port: http}]}\n",
			[]string{"ops/prometheus -> api-server tcp/6443 medium", "ops/prometheus -> shop/web tcp/8080 medium"},
		},
		"PodMonitor": {
			web + workload("ops", "prometheus", "") + "---\napiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nmetadata: {name: m, namespace: shop}\nspec: {selector: {matchLabels: {app: web}}, podMetricsEndpoints: [{port: http}]}\n",
			[]string{"ops/prometheus -> shop/web tcp/8080 medium"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, told(nettest.Known(t, harden.EngineCalico, test.yaml))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlatform(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, workload("shop", "web", ""), service("shop", "hook", "selector: {app: web}, ports: [{port: 443, targetPort: 9443}]"),
		strings.Replace(workload("shop", "robot", ""), "automountServiceAccountToken: false, ", "", 1),
		strings.Replace(workload("shop", "cloud", "env: [{name: AWS_CONTAINER_CREDENTIALS_FULL_URI, value: 'http://169.254.170.23/v1/credentials'}]"), "automount", "dnsPolicy: None, dnsConfig: {nameservers: [192.168.7.7]}, automount", 1),
		"---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: shop}\n")
	inv.Net.Callees = []harden.Callee{{By: harden.Ref{Kind: "ValidatingWebhookConfiguration", Name: "v"}, Webhook: "v.example.com", Namespace: "shop", Service: "hook", Port: 443}}
	want := []string{
		"api-server -> shop/web tcp/9443 medium",
		"shop/cloud -> 169.254.170.23/32 tcp/80 medium", // T56
		"shop/cloud -> 192.168.7.7/32 tcp/53 medium",
		"shop/cloud -> 192.168.7.7/32 udp/53 medium",
		"shop/robot -> api-server tcp/6443 medium", // T63: after translation
	}
	if diff := cmp.Diff(want, told(inv)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestT50DNS(t *testing.T) {
	dns := func(inv *harden.Inventory) []string {
		var out []string
		for _, f := range flows.Of(inv) {
			if f.From.Workload.Name == "web" {
				out = append(out, fmt.Sprintf("%s %s", short(f.To), f.Port))
			}
		}
		return out
	}
	web := workload("shop", "web", "")
	local := nettest.Known(t, harden.EngineCalico, web)
	local.Net.Engine.NodeLocalDNS = []string{"169.254.20.10"}
	for name, test := range map[string]struct {
		inv  *harden.Inventory
		want []string
	}{
		"CoreDNS": {nettest.Known(t, harden.EngineCalico, web), []string{"kube-system/coredns tcp/53", "kube-system/coredns udp/53"}},
		"NodeLocal": {local.Fresh(), []string{
			"kube-system/coredns tcp/53", "kube-system/coredns udp/53", "10.96.0.10/32 tcp/53", "10.96.0.10/32 udp/53", "169.254.20.10/32 tcp/53", "169.254.20.10/32 udp/53",
		}},
		"OpenShift": {
			nettest.Load(t, web, object("DaemonSet", "openshift-dns", "dns-default", "containers: [{name: dns, image: i, ports: [{name: dns, containerPort: 5353, protocol: UDP}, {name: dns-tcp, containerPort: 5353, protocol: TCP}]}]"),
				service("openshift-dns", "dns-default", "selector: {app: dns-default}, ports: [{name: dns, port: 53, protocol: UDP, targetPort: dns}, {name: dns-tcp, port: 53, targetPort: dns-tcp}]")),
			[]string{"openshift-dns/dns-default tcp/5353", "openshift-dns/dns-default udp/5353"},
		},
		"not read": {nettest.Load(t, web), []string{"dns tcp/53", "dns udp/53"}},
	} {
		if diff := cmp.Diff(test.want, dns(test.inv)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func pod(namespace, workload, name, ip string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s, uid: uid-%s, labels: {app: %s}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: %s, uid: u, controller: true}]}\nspec: {containers: [{name: main, image: i}]}\nstatus: {podIP: %s}\n",
		name, namespace, name, workload, workload, ip)
}

func TestObserved(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, backend, workload("shop", "web", "env: [{name: DB_HOST, value: db}]"), workload("shop", "job", ""),
		pod("shop", "web", "web-1", "10.244.0.7"), pod("shop", "db", "db-1", "10.244.0.8"), pod("shop", "job", "job-1", "10.244.0.9"))
	inv.Probes = map[harden.ProbeKey]*harden.Probe{
		{Pod: "uid-web-1", Container: "main"}: {Pod: "web-1", Known: true, Listeners: []harden.Socket{{Protocol: "tcp", Address: "::", Port: 8080}}, Peers: []harden.Socket{
			{Protocol: "tcp", Port: 40001, Peer: "10.96.1.1:5432"},           // the Service
			{Protocol: "tcp", Port: 40002, Peer: "198.51.100.9:443"},         // the internet
			{Protocol: "tcp", Port: 40003, Peer: "192.0.2.10:6443"},          // the API server
			{Protocol: "tcp", Port: 40004, Peer: "172.16.3.3:1234"},          // who knows
			{Protocol: "tcp", Port: 40005, Peer: "127.0.0.1:5000"},           // itself
			{Protocol: "tcp", Port: 8080, Peer: "[::ffff:10.244.0.9]:50000"}, // of another pod
			{Protocol: "tcp", Port: 8080, Peer: "192.0.2.21:50001"},          // of the kubelet
			{Protocol: "tcp", Port: 8080, Peer: "nonsense"},
		}},
	}
	want := []string{
		"shop/job -> shop/web tcp/8080 medium",
		"shop/web -> 172.16.3.3/32 tcp/1234 medium",
		"shop/web -> api-server tcp/6443 medium",
		"shop/web -> internet tcp/443 medium",
		"shop/web -> shop/db tcp/5433 high",
	}
	if diff := cmp.Diff(want, told(inv.Fresh())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMesh(t *testing.T) {
	injected := func(y string) string {
		return strings.Replace(y, "metadata: {labels: {", "metadata: {labels: {sidecar.istio.io/inject: 'true', ", 1)
	}
	inv := nettest.Known(t, harden.EngineCalico, injected(backend), injected(workload("shop", "web", "env: [{name: DB_HOST, value: db}]")), workload("istio-system", "istiod", ""), workload("shop", "plain", "env: [{name: DB_HOST, value: db}]"))
	want := []string{
		"shop/db -> istio-system/istiod tcp/15012 medium",
		"shop/plain -> shop/db tcp/5433 medium",
		"shop/web -> istio-system/istiod tcp/15012 medium",
		"shop/web -> shop/db tcp/15008 medium",
		"shop/web -> shop/db tcp/5433 medium",
	}
	if diff := cmp.Diff(want, told(inv)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for label, want := range map[string]flows.Mesh{"istio-injection: enabled": flows.Istio, "istio.io/dataplane-mode: ambient": flows.Ambient, "team: shop": flows.NoMesh} {
		inv := nettest.Load(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {"+label+"}}\n", workload("shop", "web", ""))
		if got := flows.MeshOf(inv, inv.Workloads[0]); got != want {
			t.Errorf("namespace with %s: mesh %q, want %q", label, got, want)
		}
	}
}

// T70: the order of objects makes no difference.
func TestOrderMakesNoDifference(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, nettest.Folder(t, "../../../examples/microshop"))
	want := flows.Of(inv)
	other := *inv
	other.Workloads = slices.Clone(inv.Workloads)
	slices.Reverse(other.Workloads)
	if diff := cmp.Diff(want, flows.Of(other.Fresh())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMalformedObjectsAreNoPanic(t *testing.T) {
	inv := nettest.Load(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: shop}
spec: {parentRefs: [7, {name: 3}], rules: [{backendRefs: [null, {name: web, port: eighty}]}, 4]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: r, namespace: shop}
spec: {gateways: [7], http: [{route: [{destination: 5}, {}]}]}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: r, namespace: shop}
spec: {selector: {matchLabels: 5}, endpoints: 4}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: r, namespace: shop}
spec: {rules: [{}, {http: {paths: [{path: /, pathType: Prefix, backend: {}}]}}]}
`, workload("shop", "web", "ports: [{containerPort: -5}, {containerPort: 99999}], env: [{name: U, value: 'http://[::1'}, {name: V, value: 'x://@:@/@'}, {name: W, value: '://:0,:'}, {name: H_HOST, value: ',,,'}]"),
		service("shop", "web", "selector: {app: web}, clusterIP: nonsense, ports: [{port: 80, targetPort: ghost}]"))
	inv.Net.Callees = []harden.Callee{{Namespace: "no", Service: "no"}}
	inv.Workloads[0].Template.Spec.Volumes = []corev1.Volume{{Name: "empty"}}
	flows.Of(inv)
}

// Files may leave the namespace to kubectl.
func TestFilesWithoutNamespaces(t *testing.T) {
	inv := nettest.Load(t, backend, workload("shop", "web", "env: [{name: DB_HOST, value: db}]"))
	for _, w := range inv.Workloads {
		w.Ref.Namespace, w.Meta.Namespace = "", ""
	}
	for _, s := range inv.Net.Services {
		s.Namespace = ""
	}
	if diff := cmp.Diff([]string{"/web -> /db tcp/5433 medium"}, told(inv.Fresh())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
