package secret_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/cloud"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/secret"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// deployment is one with a container of these fields, each line of which is indented as one of its list.
func deployment(fields string) string {
	var b strings.Builder
	b.WriteString(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1
`)
	for line := range strings.Lines(strings.TrimSpace(fields) + "\n") {
		b.WriteString("        " + line)
	}
	return b.String()
}

func env(name, value string) string {
	return deployment(fmt.Sprintf("env:\n- {name: %q, value: %q}", name, value))
}

func configMap(key, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata:\n  %s: %q\n", key, value)
}

func reasons(fs []*harden.Finding) []string {
	var out []string
	for _, f := range fs {
		out = append(out, f.Discriminator+": "+f.Reason)
	}
	return out
}

func TestT82PathsAreNoCredentials(t *testing.T) {
	for _, yaml := range []string{env("MARIADB_ROOT_PASSWORD_FILE", "/opt/bitnami/mariadb/secrets/root"), env("METALLB_ML_SECRET_KEY_PATH", "/etc/ml_secret_key")} {
		if got := fixtest.Run(t, secret.LiteralEnv, yaml); len(got) > 0 {
			t.Errorf("found %q in:\n%s", reasons(got), yaml)
		}
	}
}

func TestT83ReferencesToSecretsAreNoLiterals(t *testing.T) {
	yaml := deployment(`
envFrom:
- secretRef: {name: web}
env:
- name: DB_PASSWORD
  valueFrom: {secretKeyRef: {name: web, key: password}}`)
	if got := fixtest.Run(t, secret.LiteralEnv, yaml); len(got) > 0 {
		t.Errorf("found %q", reasons(got))
	}
}

func TestT84CredentialsUnderDullNamesAreFound(t *testing.T) {
	id := "AK" + "IA" + "Q3EGRIZ7XW2NLP5T"
	for yaml, fixer := range map[string]*harden.Fixer{
		env("DB_URL", id): cloud.AWSStaticKeys,
		env("DB_URL", "mysql://shop:marker-one1@db/shop"): secret.LiteralEnv,
	} {
		for _, f := range []*harden.Fixer{cloud.AWSStaticKeys, secret.LiteralEnv} {
			if got, want := len(fixtest.Run(t, f, yaml)), map[bool]int{true: 1, false: 0}[f == fixer]; got != want {
				t.Errorf("%s: %d findings, want %d, in:\n%s", f.ID, got, want, yaml)
			}
		}
	}
}

func TestT85ReferencesInConfigMapsAreNoCredentials(t *testing.T) {
	for _, yaml := range []string{
		configMap("app.yaml", "db:\n  password: ${DB_PASSWORD}\n  secretName: foo\ntokenTTL: 3600\n"),
		configMap("password-policy.json", `{"minLength": 12}`),
		configMap("tokenTTL", "3600"),
	} {
		if got := fixtest.Run(t, secret.InConfigMap, yaml); len(got) > 0 {
			t.Errorf("found %q in:\n%s", reasons(got), yaml)
		}
	}
}

func TestT86AnnotationIsSeenInMetadataAlone(t *testing.T) {
	yaml := "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\n  namespace: shop\n  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{\"data\":{\"a\":\"bWFya2Vy\"}}'}\ndata: {a: bWFya2Vy}\n"
	inv := fixtest.Load(t, yaml, fixtest.Live())
	meta := harden.Content[*harden.SecretMeta](inv.Object(harden.KindSecret, "shop", "web"))
	if meta.Annotations[corev1.LastAppliedConfigAnnotation] != "" {
		t.Error("the inventory keeps the annotation's value")
	}
	e := &engine.Engine{Suite: []*harden.Fixer{secret.LastApplied}}
	res := e.Run(inv)
	if len(res.Findings) != 1 {
		t.Fatalf("%d findings, want 1", len(res.Findings))
	}
	fixes := e.Fixes(res.Inventory, res.Findings[0])
	if len(fixes) != 1 || len(fixes[0].Changes) != 1 || len(fixes[0].Changes[0].Remove) != 1 {
		t.Errorf("fixes are %+v, want the removal of the annotation", fixes)
	}
}

// everywhere has the marker in each place in which a credential is found.
const everywhere = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers:
      - name: setup
        image: registry.example.com/web:1
        command: [sh, -c, "PGPASSWORD=MARKER psql"]
      containers:
      - name: web
        image: registry.example.com/web:1
        args: [serve, --db-password, MARKER, "--url=amqp://a:MARKER@b/c"]
        env:
        - {name: DB_PASSWORD, value: MARKER}
        - {name: OTHER_PASSWORD, value: MARKER}
        - {name: DATABASE_URL, value: "postgres://shop:MARKER@db/shop"}
        - {name: AWS_SECRET_ACCESS_KEY, value: MARKER}
        livenessProbe: {exec: {command: [redis-cli, -a, MARKER, ping]}}
        lifecycle: {preStop: {exec: {command: [curl, -u, "admin:MARKER", "http://a/stop"]}}}
---
apiVersion: v1
kind: Secret
metadata:
  name: web-credentials
  namespace: shop
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"DB_PASSWORD":"MARKER"}}'}
stringData: {DB_PASSWORD: MARKER}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
data:
  password: MARKER
  app.properties: |
    spring.datasource.password=MARKER
    MARKER.password=MARKER
  app.json: '{"MARKER": {"password": "MARKER"}}'
`

// T87: what is worth a secret is in no output of a rule.
func TestT87ValuesAreInNoFindingAndNoFix(t *testing.T) {
	const marker = "x9Marker-Zq7walrus"
	for name, options := range map[string][]fixtest.Option{"files": nil, "live": {fixtest.Live()}} {
		t.Run(name, func(t *testing.T) {
			e := &engine.Engine{Suite: append(secret.Suite(), cloud.AWSStaticKeys)}
			res := e.Run(fixtest.Load(t, strings.ReplaceAll(everywhere, "MARKER", marker), options...))
			found := map[string]int{}
			for _, f := range res.Findings {
				found[f.Fixer.ID]++
				shown := fmt.Sprintf("%s %s %s %s %s %s", f.ID(), f.Field, f.Reason, f.Detail, f.SeverityWhy, f.Verdict)
				for _, fix := range e.Fixes(res.Inventory, f) {
					body, err := json.Marshal(fix)
					if err != nil {
						t.Fatal(err)
					}
					shown += string(body)
				}
				if strings.Contains(shown, marker) {
					t.Errorf("%s shows it: %s", f.ID(), shown)
				}
			}
			for id, n := range map[string]int{"secret-literal-env": 3, "secret-in-args": 5, "secret-in-configmap": 3, "secret-last-applied": 1, "aws-static-keys": 1} {
				if found[id] != n {
					t.Errorf("%s: %d findings, want %d", id, found[id], n)
				}
			}
		})
	}
}

func TestLiteralEnvFix(t *testing.T) {
	workload := env("DB_PASSWORD", "marker-one1")
	own := "---\napiVersion: v1\nkind: Secret\nmetadata: {name: web-credentials, namespace: shop}\nstringData: {%s: x}\n"
	store := "---\napiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: vault, namespace: shop}\nspec: {provider: {}}\n"
	for _, test := range []struct {
		name, yaml string
		live       bool
		changes    bool
		says       string
	}{
		{"no Secret", workload, false, false, "kubectl create secret generic web-credentials"},
		{"Secret with the key", workload + fmt.Sprintf(own, "DB_PASSWORD"), false, true, "withdraw the old one"},
		{"Secret without the key", workload + fmt.Sprintf(own, "OTHER"), false, false, "kubectl create secret generic"},
		{"Secret of a cluster", workload + fmt.Sprintf(own, "OTHER"), true, true, "withdraw the old one"},
		{"a store", workload + store, false, false, "kind: ExternalSecret"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var options []fixtest.Option
			if test.live {
				options = append(options, fixtest.Live())
			}
			fix := fixtest.Fixes(t, secret.LiteralEnv, test.yaml, options...)[0]
			if fix.Class != harden.Review || (len(fix.Changes) > 0) != test.changes || !strings.Contains(fix.Manual, test.says) {
				t.Errorf("fix is %+v", fix)
			}
		})
	}
}

func TestInArgsTellsThePlace(t *testing.T) {
	yaml := deployment(`
command: [mysqladmin, ping, -uroot, -pmarker-one1]
readinessProbe: {exec: {command: [sh, -c, "redis-cli -a marker-two2 ping"]}}
lifecycle: {postStart: {exec: {command: [sh, -c, "redis-cli -a $(REDIS_PASSWORD) ping"]}}}`)
	got := reasons(fixtest.Run(t, secret.InArgs, yaml))
	want := []string{"command -p: a password in the command line", "readinessProbe -a: a password in the command of readinessProbe"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInConfigMapNamesUsersAndLines(t *testing.T) {
	yaml := configMap("app.properties", "a=1\ndb.password=marker-one1\nsmtp.password=marker-two2\n") + "---\n" + deployment("envFrom:\n- configMapRef: {name: web}")
	f := fixtest.Only(t, secret.InConfigMap, yaml)
	if f.Reason != "app.properties holds 2 credentials" || !strings.Contains(f.Detail, "line 3, smtp.password: a password") {
		t.Errorf("reason %q, detail %q", f.Reason, f.Detail)
	}
	if fix := fixtest.Fixes(t, secret.InConfigMap, yaml)[0]; !strings.Contains(fix.Manual, "It is used by Deployment/web.") {
		t.Errorf("the text does not name who uses it: %s", fix.Manual)
	}
}

func TestUnused(t *testing.T) {
	old := func(extra string) string {
		return "---\napiVersion: v1\nkind: Secret\nmetadata: {name: old, namespace: shop, creationTimestamp: '2024-01-01T00:00:00Z'" + extra + "}\ntype: Opaque\n"
	}
	for _, test := range []struct {
		name, yaml string
		options    []fixtest.Option
		want       int
		status     harden.Status
	}{
		{"nothing names it", old(""), nil, 1, harden.StatusFail},
		{"an environment variable holds its name", env("CERT", "secrets/old") + old(""), nil, 0, 0},
		{"an argument holds its name", deployment("args: [--from=shop/old]") + old(""), nil, 0, 0},
		{"an account", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: shop}\nimagePullSecrets: [{name: old}]\n" + old(""), nil, 0, 0},
		{"a custom resource", "apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: a, namespace: shop}\nspec: {ca: {secretName: old}}\n" + old(""), nil, 0, 0},
		{"a ConfigMap", configMap("a", "use shop/old:key") + old(""), nil, 0, 0},
		{"a label by which it is found", old(", labels: {grafana_datasource: '1'}"), nil, 0, 0},
		{"an owner", old(", ownerReferences: [{apiVersion: v1, kind: X, name: x, uid: u}]"), nil, 0, 0},
		{"something could not be read", old(""), []fixtest.Option{fixtest.Unreadable("configmaps", "forbidden")}, 1, harden.StatusUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := fixtest.Run(t, secret.Unused, test.yaml, append([]fixtest.Option{fixtest.Live()}, test.options...)...)
			if len(got) != test.want || test.want > 0 && got[0].Status != test.status {
				t.Errorf("got %q", reasons(got))
			}
		})
	}
	if !fixtest.NotApplicable(t, secret.Unused, old("")) {
		t.Error("it is judged in files, where ages and users are not known")
	}
}

func TestVolumeMode(t *testing.T) {
	pod := func(extra string, users ...string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec:\n  volumes: [{name: key, secret: {secretName: web%s}}]\n  containers:\n", extra)
		for i, user := range users {
			fmt.Fprintf(&b, "  - {name: c%d, image: a, volumeMounts: [{name: key, mountPath: /key}]%s}\n", i, user)
		}
		return b.String()
	}
	const one, two, none = ", securityContext: {runAsUser: 1}", ", securityContext: {runAsUser: 2}", ""
	for _, test := range []struct {
		name, yaml string
		want       int
	}{
		{"two users", pod("", one, two), 1},
		{"one user", pod("", one, one), 0},
		{"users that are not known", pod("", none, none), 0},
		{"mode without others", pod(", defaultMode: 0440", one, two), 0},
		{"an item for others", pod(", defaultMode: 0440, items: [{key: a, path: a, mode: 0444}]", one, two), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := fixtest.Run(t, secret.VolumeMode, test.yaml); len(got) != test.want {
				t.Errorf("got %q", reasons(got))
			}
		})
	}
}

func TestBootstrapTokenInFiles(t *testing.T) {
	token := "apiVersion: v1\nkind: Secret\nmetadata: {name: bootstrap-token-abcdef, namespace: kube-system}\ntype: bootstrap.kubernetes.io/token\nstringData: {usage-bootstrap-signing: 'true'%s}\n"
	if got := fixtest.Run(t, secret.BootstrapToken, fmt.Sprintf(token, "")); len(got) != 1 {
		t.Errorf("got %q", reasons(got))
	}
	if got := fixtest.Run(t, secret.BootstrapToken, fmt.Sprintf(token, ", expiration: '2026-03-02T00:00:00Z'")); len(got) != 0 {
		t.Errorf("got %q", reasons(got))
	}
}

func TestCertExpiring(t *testing.T) {
	cert := func(status string) string {
		return "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: web, namespace: shop}\nspec: {secretName: web}\nstatus: {" + status + "}\n"
	}
	for _, test := range []struct {
		name, status string
		want         harden.Severity
		reason       string
	}{
		{"ended", `notAfter: "2026-02-28T00:00:00Z"`, harden.High, "ended on 2026-02-28"},
		{"days", `notAfter: "2026-03-04T13:00:00Z"`, harden.High, "ends in 3 days"},
		{"weeks", `notAfter: "2026-03-20T13:00:00Z"`, harden.Medium, "ends in 19 days"},
		{"months", `notAfter: "2026-06-20T13:00:00Z"`, 0, ""},
		{"renewed in time", `notAfter: "2026-03-02T00:00:00Z", renewalTime: "2026-03-01T18:00:00Z"`, 0, ""},
		{"about to be renewed and not ready", `notAfter: "2026-03-02T00:00:00Z", renewalTime: "2026-03-01T18:00:00Z", conditions: [{type: Ready, status: "False"}]`, harden.High, "ends in 0 days"},
		{"not issued yet", `conditions: [{type: Ready, status: "False"}]`, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := fixtest.Run(t, secret.CertExpiring, cert(test.status), fixtest.Live())
			if test.reason == "" {
				if len(got) > 0 {
					t.Errorf("got %q", reasons(got))
				}
				return
			}
			if len(got) != 1 || got[0].Reason != test.reason || got[0].Severity != test.want {
				t.Errorf("got %q", reasons(got))
			}
		})
	}
}

func TestExternalUnhealthy(t *testing.T) {
	secretYAML := "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: db, namespace: shop}\nspec: {%s}\n"
	spc := "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {name: db, namespace: shop}\nspec: {provider: aws}\n"
	driver := "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: csi, namespace: csi}\nspec:\n  selector: {matchLabels: {app: csi}}\n  template:\n    metadata: {labels: {app: csi}}\n    spec:\n      containers: [{name: d, image: registry.example.com/csi-secrets-store/secrets-store-csi-driver:v1.4, args: [%s]}]\n"
	for _, test := range []struct {
		name, yaml, want string
	}{
		{"interval of an hour", fmt.Sprintf(secretYAML, "refreshInterval: 1h"), ""},
		{"no interval is the default", fmt.Sprintf(secretYAML, ""), ""},
		{"interval 0", fmt.Sprintf(secretYAML, `refreshInterval: "0"`), "interval"},
		{"interval 0h0m0s", fmt.Sprintf(secretYAML, "refreshInterval: 0h0m0s"), "interval"},
		{"meant to be so", fmt.Sprintf(secretYAML, "refreshInterval: 0s, refreshPolicy: CreatedOnce"), ""},
		{"driver that was not seen", spc, ""},
		{"driver without rotation", spc + fmt.Sprintf(driver, ""), "rotation"},
		{"driver with rotation", spc + fmt.Sprintf(driver, "--enable-secret-rotation=true"), ""},
		{"driver that is asked again", spc + fmt.Sprintf(driver, "") + "---\napiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: secrets-store.csi.k8s.io}\nspec: {requiresRepublish: true}\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			for _, f := range fixtest.Run(t, secret.ExternalUnhealthy, test.yaml) {
				got += f.Discriminator
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestExternalStoreNeedsToReadSecrets(t *testing.T) {
	yaml := "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
	got := fixtest.Run(t, secret.ExternalStore, yaml, fixtest.Live(), fixtest.Unreadable("secrets", "forbidden"))
	if len(got) != 1 || got[0].Status != harden.StatusUnknown {
		t.Errorf("got %q, want one that is unknown", reasons(got))
	}
}
