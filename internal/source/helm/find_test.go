package helm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"sigs.k8s.io/yaml"
)

// restricted is what the restricted Pod Security Standard asks for, and more.
const restricted = `
  pod.securityContext.runAsNonRoot: true
  pod.securityContext.seccompProfile: {type: RuntimeDefault}
  pod.containers[NAME].securityContext.allowPrivilegeEscalation: false
  pod.containers[NAME].securityContext.capabilities: {drop: [ALL]}
  pod.containers[NAME].securityContext.readOnlyRootFilesystem: true
`

func restrictedOf(container string) string { return strings.ReplaceAll(restricted, "NAME", container) }

func TestFind(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, test := range map[string]struct {
		chart  string
		values string // of the release
		wanted string
		found  string
		left   map[string]string // by object: a part of the reason
	}{
		"the chart of helm create": {
			wanted: `
Deployment/rel-standard:` + restrictedOf("standard") + `
  pod.volumes: [{name: tmp, emptyDir: {}}]
  pod.containers[standard].volumeMounts: [{name: tmp, mountPath: /tmp}]
  pod.containers[standard].resources: {limits: {memory: 64Mi}}
  pod.containers[standard].image: nginx:1.16.0` + digest + `
  spec.template.metadata.annotations: {example.com/checked: "yes"}
ServiceAccount/rel-standard:
  automountServiceAccountToken: false
`,
			found: `
image: {tag: 1.16.0` + digest + `}
podAnnotations: {example.com/checked: "yes"}
podSecurityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
resources: {limits: {memory: 64Mi}}
securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true}
serviceAccount: {automount: false}
volumeMounts: [{name: tmp, mountPath: /tmp}]
volumes: [{name: tmp, emptyDir: {}}]
`,
		},
		"one value for three workloads is not taken for one": {
			chart:  "shared",
			wanted: "Deployment/rel-web:\n  pod.containers[web].securityContext.runAsNonRoot: true\n",
			left:   map[string]string{"Deployment/rel-web": "the value securityContext also changes container worker of Deployment/rel-worker"},
		},
		"one value for three workloads is taken for all": {
			chart: "shared",
			wanted: `
Deployment/rel-web: {"pod.containers[web].securityContext.runAsNonRoot": true}
Deployment/rel-worker: {"pod.containers[worker].securityContext.runAsNonRoot": true}
Job/rel-migrate: {"pod.containers[migrate].securityContext.runAsNonRoot": true}
`,
			found: "securityContext: {runAsNonRoot: true}",
		},
		"one gets more than the others": {
			chart: "shared",
			wanted: `
Deployment/rel-web: {"pod.containers[web].securityContext.runAsNonRoot": true}
Deployment/rel-worker:
  pod.containers[worker].securityContext.runAsNonRoot: true
  pod.containers[worker].securityContext.readOnlyRootFilesystem: true
Job/rel-migrate: {"pod.containers[migrate].securityContext.runAsNonRoot": true}
`,
			// What the worker has of its own replaces what all have.
			found: `
securityContext: {runAsNonRoot: true}
worker: {securityContext: {readOnlyRootFilesystem: true, runAsNonRoot: true}}
`,
		},
		"those that can be brought are, beside one that cannot": {
			chart: "shared",
			wanted: `
Deployment/rel-web: {"pod.containers[web].securityContext.runAsNonRoot": true}
Deployment/rel-worker: {"pod.containers[worker].securityContext.runAsNonRoot": true}
`,
			found: "worker: {securityContext: {runAsNonRoot: true}}",
			left:  map[string]string{"Deployment/rel-web": "also changes container migrate of Job/rel-migrate"},
		},
		"a default that is replaced is kept": {
			chart:  "shared",
			wanted: "Deployment/rel-worker:\n  pod.securityContext.seccompProfile: {type: RuntimeDefault}\n",
			found:  "worker: {podSecurityContext: {fsGroup: 2000, seccompProfile: {type: RuntimeDefault}}}",
		},
		"a digest in a tag, for all that share it": {
			chart: "shared",
			wanted: `
Deployment/rel-web: {"pod.containers[web].image": "example.com/web:1.0` + digest + `"}
Deployment/rel-worker: {"pod.containers[worker].image": "example.com/web:1.0` + digest + `"}
Job/rel-migrate: {"pod.containers[migrate].image": "example.com/web:1.0` + digest + `"}
`,
			found: "image: {tag: 1.0" + digest + "}",
		},
		"a digest in a tag, not for one of three": {
			chart:  "shared",
			wanted: `Deployment/rel-web: {"pod.containers[web].image": "example.com/web:1.0` + digest + `"}`,
			left:   map[string]string{"Deployment/rel-web": "the value image.tag also changes"},
		},
		"a field is taken away": {
			chart:  "shared",
			wanted: "Deployment/rel-web:\n  pod.hostNetwork: null\n",
			found:  "hostNetwork: null",
		},
		"what a values file says is changed, what it adds is kept": {
			chart: "shared",
			values: `
worker: {securityContext: {runAsNonRoot: false, privileged: true}}
volumes: [{name: data, emptyDir: {}}]
`,
			wanted: `
Deployment/rel-worker:
  pod.containers[worker].securityContext.runAsNonRoot: true
  pod.containers[worker].securityContext.privileged: null
Deployment/rel-web:
  pod.volumes: [{name: data, emptyDir: {}}, {name: tmp, emptyDir: {}}]
`,
			found: `
volumes: [{name: data, emptyDir: {}}, {name: tmp, emptyDir: {}}]
worker: {securityContext: {privileged: null, runAsNonRoot: true}}
`,
		},
		"an item of a list is taken away, another stays": {
			chart:  "shared",
			values: "volumes: [{name: data, emptyDir: {}}, {name: host, hostPath: {path: /}}]",
			wanted: "Deployment/rel-web:\n  pod.volumes[host]: null\n",
			found:  "volumes: [{name: data, emptyDir: {}}]",
		},
		"a value that does more than is wanted": {
			chart:  "account",
			wanted: "Deployment/app: {pod.automountServiceAccountToken: false}",
			left:   map[string]string{"Deployment/app": "the value serviceAccount.automount also changes spec.template.spec.volumes"},
		},
		"a dependency with an alias, and a switch": {
			chart:  "parent",
			wanted: "StatefulSet/rel-store:\n  pod.containers[db].securityContext: {allowPrivilegeEscalation: false}\n",
			found:  "store: {containerSecurityContext: {allowPrivilegeEscalation: false, enabled: true, runAsUser: null}}",
		},
		"global values, through a library": {
			chart: "parent",
			wanted: `
Deployment/web: {"pod.securityContext.runAsNonRoot": true}
StatefulSet/rel-store: {"pod.securityContext.runAsNonRoot": true}
ServiceAccount/web: {automountServiceAccountToken: false}
`,
			found: `
global: {podSecurity: {runAsNonRoot: true}}
web: {serviceAccount: {automount: false}}
`,
		},
		"global values change the dependency too": {
			chart:  "parent",
			wanted: `Deployment/web: {"pod.securityContext.runAsNonRoot": true}`,
			left:   map[string]string{"Deployment/web": "the value global.podSecurity also changes StatefulSet/rel-store"},
		},
		"containers from a map, and a value within a template within a value": {
			chart: "fixed",
			wanted: `
Deployment/app:
  pod.securityContext.runAsNonRoot: true
  pod.containers[app].securityContext.allowPrivilegeEscalation: false
  pod.containers[proxy].securityContext.privileged: null
  pod.containers[proxy].securityContext.capabilities: {add: [NET_BIND_SERVICE], drop: [ALL]}
`,
			found: `
containers:
  app: {securityContext: {allowPrivilegeEscalation: false}}
  proxy: {securityContext: {capabilities: {add: [NET_BIND_SERVICE], drop: [ALL]}, privileged: null}}
nonRoot: true
`,
		},
		"what the template says for itself": {
			chart: "fixed",
			wanted: `
DaemonSet/agent: {"pod.containers[agent].securityContext.privileged": false}
ServiceAccount/one: {automountServiceAccountToken: false}
`,
			left: map[string]string{
				"DaemonSet/agent":    `spec.template.spec.containers[name="agent"].securityContext.privileged: no value of the chart sets it: see templates/agent.yaml:16`,
				"ServiceAccount/one": "automountServiceAccountToken: no value of the chart sets it: see templates/accounts.yaml",
			},
		},
		"workers from a list": {
			chart: "list",
			wanted: `
Deployment/mail:
  pod.containers[mail].securityContext.runAsNonRoot: true
  pod.containers[mail].securityContext.privileged: null
Deployment/bills:
  pod.containers[bills].resources.limits: {memory: 64Mi}
`,
			found: `
workers:
- name: mail
  port: 3000000
  securityContext: {runAsUser: 1000, runAsNonRoot: true}
- name: bills
  resources: {limits: {memory: 64Mi}}
`,
		},
		"a value that the schema refuses": {
			chart:  "strict",
			wanted: "Deployment/app:\n  pod.containers[app].securityContext.allowPrivilegeEscalation: false\n",
			left:   map[string]string{"Deployment/app": "the values do not meet values.schema.json"},
		},
		"a value that the schema allows": {
			chart:  "strict",
			wanted: "Deployment/app:\n  pod.containers[app].securityContext.runAsNonRoot: true\n",
			found:  "securityContext: {runAsNonRoot: true}",
		},
		"nothing is wanted": {chart: "strict", wanted: "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			c := chartOf(t, test.chart)
			r := testRelease
			if test.values != "" {
				r.Values = append(r.Values, values(t, test.values))
			}
			objects, err := c.Objects(r)
			if err != nil {
				t.Fatal(err)
			}
			wanted := changes(t, objects, test.wanted)
			found, err := c.Find(r, wanted)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(normal(t, test.found), text(t, found.Values)); d != "" {
				t.Error(d)
			}
			for key, why := range found.Left {
				name := key.Kind + "/" + key.Name
				if part := test.left[name]; part == "" || !strings.Contains(why, part) {
					t.Errorf("%s is left: %s; want %q", name, why, part)
				}
			}
			if len(found.Left) != len(test.left) {
				t.Errorf("%d are left, want %d", len(found.Left), len(test.left))
			}
			prove(t, c, r, wanted, found)
			t.Logf("%d renders", found.renders)
		})
	}
}

// chartOf is a chart in testdata; without a name the one that helm create makes.
func chartOf(t testing.TB, name string) *Chart {
	t.Helper()
	if name != "" {
		return load(t, unpack(t, name, nil))
	}
	folder, err := chartutil.Create("standard", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return load(t, folder)
}

func text(t testing.TB, values map[string]any) string {
	t.Helper()
	out, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func normal(t testing.TB, yamlText string) string {
	t.Helper()
	return text(t, values(t, yamlText))
}
