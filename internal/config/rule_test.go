package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const objects = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {team: shop}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      hostPID: true
      initContainers: [{name: setup, image: busybox}]
      containers:
      - {name: web, image: registry.example.com/web:1, ports: [{containerPort: 8080}, {containerPort: 5005}]}
      - {name: log, image: registry.example.com/log:1, securityContext: {privileged: true}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "@daily"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: run, image: registry.example.com/run:1}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec: {rules: [{host: shop.example.com}]}
---
apiVersion: v1
kind: Secret
metadata: {name: web, namespace: shop}
type: Opaque
`

// runCustom runs the rule of a configuration over the objects above.
func runCustom(t *testing.T, fields string, opts ...fixtest.Option) (*engine.Engine, *harden.Result) {
	t.Helper()
	c, err := parse(custom("title: is wrong\n  " + strings.ReplaceAll(fields, "\n", "\n  ")))
	if err != nil {
		t.Fatal(err)
	}
	e := &engine.Engine{Suite: c.Suite(nil), Settle: c.Settle}
	return e, e.Run(fixtest.Load(t, objects, opts...))
}

func TestCustomRules(t *testing.T) {
	for _, test := range []struct {
		name, fields string
		want         []string
	}{
		{"all workloads", `expression: has(object.metadata.labels) && "team" in object.metadata.labels`, []string{"CronJob/nightly fail: is wrong"}},
		{"kinds", "kinds: [Deployment]\nexpression: 'false'", []string{"Deployment/web fail: is wrong"}},
		{"replicas", "kinds: [Deployment]\nexpression: object.spec.replicas > 3", []string{"Deployment/web fail: is wrong"}},
		{"pod spec", "expression: '!has(podSpec.hostPID) || !podSpec.hostPID'\nmessage: sees the processes of the node", []string{"Deployment/web fail: sees the processes of the node"}},
		{"containers", "expression: containers.all(c, c.image.contains(':'))", []string{"Deployment/web fail: is wrong"}},
		{"template of a CronJob", "kinds: [CronJob.batch]\nexpression: object.spec.jobTemplate.spec.template.spec.restartPolicy == 'OnFailure'", []string{"CronJob/nightly fail: is wrong"}},
		{"each container", "each: container\nexpression: container.?securityContext.?privileged.orValue(false) == false", []string{"Deployment/web app:log fail: is wrong"}},
		{
			"when, and a message", "each: container\nwhen: has(container.ports)\nexpression: container.ports.all(p, p.containerPort != 5005)\nmessage-expression: '\"port 5005 of \" + container.name'",
			[]string{"Deployment/web app:web fail: port 5005 of web"},
		},
		{"a field that is not there", "kinds: [CronJob]\nexpression: object.metadata.labels.team == 'x'", []string{"CronJob/nightly unknown: could not be checked"}},
		{"namespaceObject", "kinds: [CronJob]\nexpression: namespaceObject.metadata.labels.team == 'x'", []string{"CronJob/nightly fail: is wrong"}},
		{"Ingress", "kinds: [Ingress.networking.k8s.io]\nexpression: object.spec.rules.all(r, r.host.endsWith('.internal'))", []string{"Ingress/web fail: is wrong"}},
		{"Secret", "kinds: [Secret]\nexpression: has(object.data) || object.type != 'Opaque'", []string{"Secret/web fail: is wrong"}},
		{"Namespace", "kinds: [Namespace]\nexpression: object.metadata.labels.team == 'x'", []string{"Namespace/shop fail: is wrong"}},
		{"libraries of the API server", "kinds: [Deployment]\nexpression: quantity('1Gi').isGreaterThan(quantity('2Gi')) || isIP('x') || semver('1.0.0').major() == 2", []string{"Deployment/web fail: is wrong"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, res := runCustom(t, test.fields)
			var got []string
			for _, f := range res.Findings {
				got = append(got, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", f.Object, f.Container, f.Status)), " ")+": "+f.Reason)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What costs too much is unknown, and does not hang: nested loops over a list of
// a million pairs would take seconds.
func TestCostLimit(t *testing.T) {
	list := "[" + strings.TrimSuffix(strings.Repeat("1,", 1000), ",") + "]"
	_, res := runCustom(t, "kinds: [Deployment]\nexpression: |\n  "+list+".all(a, "+list+".all(b, a == b))")
	if len(res.Findings) != 1 {
		t.Fatalf("%d findings, want 1", len(res.Findings))
	}
	if f := res.Findings[0]; f.Status != harden.StatusUnknown || !strings.Contains(f.Detail, "costs more than the limit") {
		t.Errorf("status %s: %s", f.Status, f.Detail)
	}
}

func TestCustomFixes(t *testing.T) {
	for _, test := range []struct {
		name, fields, want string
	}{
		{"object", "kinds: [CronJob]\nexpression: 'false'\nfix: {title: name the team, object: {metadata: {labels: {team: unknown}}}}", `
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop, labels: {team: unknown}}`},
		{"pod spec", "kinds: [CronJob]\nexpression: 'false'\nfix: {pod-spec: {terminationGracePeriodSeconds: 10}}", `
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec: {jobTemplate: {spec: {template: {spec: {terminationGracePeriodSeconds: 10}}}}}`},
		{"container", "each: container\nkinds: [CronJob]\nexpression: 'false'\nfix: {container: {securityContext: {privileged: false}}}", `
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: run, securityContext: {privileged: false}}]}}}}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, res := runCustom(t, test.fields)
			if len(res.Findings) != 1 {
				t.Fatalf("%d findings, want 1", len(res.Findings))
			}
			fixes := e.Fixes(res.Inventory, res.Findings[0])
			if len(fixes) != 1 || fixes[0].Class != harden.Review || len(fixes[0].Changes) != 1 {
				t.Fatalf("fixes are %+v", fixes)
			}
			var want map[string]any
			if err := yaml.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			got, err := yaml.Marshal(fixes[0].Changes[0].Set)
			if err != nil {
				t.Fatal(err)
			}
			wanted, _ := yaml.Marshal(want)
			if diff := cmp.Diff(string(wanted), string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A custom rule with a fix on an object: after it nothing is found.
func TestCustomFixRepairs(t *testing.T) {
	c, err := parse(custom("title: x\n  each: container\n  expression: container.?tty.orValue(false) == false\n  fix: {container: {tty: false}}"))
	if err != nil {
		t.Fatal(err)
	}
	const before = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: registry.example.com/web:1, tty: true}]
`
	if got := fixtest.Run(t, c.Custom[0], before); len(got) != 1 {
		t.Fatalf("before: %d findings, want 1", len(got))
	}
	after := fixtest.Repair(t, c.Custom, before)
	if got := fixtest.Run(t, c.Custom[0], after); len(got) != 0 {
		t.Errorf("after: %d findings in\n%s", len(got), after)
	}
}

// A rule is judged again when the Namespace of its object changes only if it looks there.
func TestCustomRulesDeclareWhatTheyRead(t *testing.T) {
	inNamespace := harden.InNamespace(harden.KindNamespace)
	for fields, want := range map[string]*harden.Reads{
		"expression: object.metadata.name == 'x'":                                            harden.ReadsNothing,
		"expression: namespaceObject == null":                                                inNamespace,
		"when: has(namespaceObject.metadata)\nexpression: 'true'":                            inNamespace,
		"expression: 'true'\nmessage-expression: string(namespaceObject.metadata.name)":      inNamespace,
		"expression: \"containers.all(c, c.name == namespaceObject.metadata.name)\"":         inNamespace,
		"kinds: [Service]\nexpression: object.metadata.namespace == 'namespaceObject'":       harden.ReadsNothing,
		"kinds: [Service]\nexpression: \"[1].all(i, has(namespaceObject.metadata.labels))\"": inNamespace,
	} {
		c, err := parse(custom("title: x\n  " + strings.ReplaceAll(fields, "\n", "\n  ")))
		if err != nil {
			t.Errorf("%s: %v", fields, err)
			continue
		}
		if diff := cmp.Diff(want, c.Custom[0].Reads); diff != "" {
			t.Errorf("%s: -want +got:\n%s", fields, diff)
		}
	}
}
