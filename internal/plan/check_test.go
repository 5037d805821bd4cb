package plan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

func TestUnintended(t *testing.T) {
	r := ref(object(t, deployment))
	change := harden.SetPodSpec(r, fields(t, `
containers:
- name: web
  securityContext: {privileged: false, readOnlyRootFilesystem: true}
  volumeMounts: [{mountPath: /tmp, name: harden-tmp}]
- name: log
  securityContext: {runAsNonRoot: true}
  volumeMounts: [{mountPath: /tmp, name: harden-tmp}]
hostNetwork: false
volumes:
- {name: harden-tmp, emptyDir: {}}
- {name: harden-token, projected: {sources: [{serviceAccountToken: {path: token}}]}}`))
	volume := harden.PodSpecPath(r, "volumes", fieldpath.KeyByFields("name", "data"))
	op := &harden.ObjectPlan{Target: r, Set: change.Set, Remove: []harden.Path{volume}}
	intended, err := plan.Intended(op, converter())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		patch string // what the server does besides
		want  []string
	}{
		{"nothing", "status: {}", nil},
		{
			"status, generation and managedFields", `
metadata: {generation: 4, resourceVersion: "8", managedFields: [{manager: harden, operation: Apply, apiVersion: apps/v1}]}
status: {replicas: 1}`, nil,
		},
		{"zeros and empty structs that are stored as absent", "spec: {template: {spec: {hostPID: false, nodeName: '', containers: [{name: log, resources: {}}]}}}", nil},
		{"a default below what the body adds", "spec: {template: {spec: {volumes: [{name: harden-token, projected: {defaultMode: 420}}]}}}", nil},
		{
			"a sidecar", "spec: {template: {spec: {containers: [{name: proxy, image: proxy:1}]}}}",
			[]string{`.spec.template.spec.containers[name="proxy"]`, `.spec.template.spec.containers[name="proxy"].image`, `.spec.template.spec.containers[name="proxy"].name`},
		},
		{
			"another image", "spec: {template: {spec: {containers: [{name: log, image: mirror/log:1}]}}}",
			[]string{`.spec.template.spec.containers[name="log"].image`},
		},
		{
			"more in a securityContext that the body adds", "spec: {template: {spec: {containers: [{name: log, securityContext: {privileged: true}}]}}}",
			[]string{`.spec.template.spec.containers[name="log"].securityContext.privileged`},
		},
		{
			"a pointer's zero is a change", "spec: {template: {spec: {automountServiceAccountToken: false}}}",
			[]string{".spec.template.spec.automountServiceAccountToken"},
		},
		{
			"a label", "spec: {template: {metadata: {labels: {team: x}}}}",
			[]string{".spec.template.metadata.labels.team"},
		},
		{
			"a second volume", "spec: {template: {spec: {volumes: [{name: more, emptyDir: {}}]}}}",
			[]string{`.spec.template.spec.volumes[name="more"]`, `.spec.template.spec.volumes[name="more"].emptyDir`, `.spec.template.spec.volumes[name="more"].name`},
		},
		{
			"a second item of a list that the body adds", "spec: {template: {spec: {containers: [{name: log, volumeMounts: [{mountPath: /x, name: x}]}]}}}",
			[]string{
				`.spec.template.spec.containers[name="log"].volumeMounts[mountPath="/x"]`,
				`.spec.template.spec.containers[name="log"].volumeMounts[mountPath="/x"].mountPath`,
				`.spec.template.spec.containers[name="log"].volumeMounts[mountPath="/x"].name`,
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			live := object(t, deployment)
			returned, err := plan.Project(live, op.Set, op.Remove, converter())
			if err != nil {
				t.Fatal(err)
			}
			extra := harden.Partial(r)
			for k, v := range object(t, "apiVersion: apps/v1\nkind: Deployment\n"+test.patch).Object {
				extra.Object[k] = v
			}
			if returned, err = plan.Project(returned, extra, nil, converter()); err != nil {
				t.Fatal(err)
			}
			got, err := plan.Unintended(live, returned, intended, converter())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}

	t.Run("something taken away", func(t *testing.T) {
		live := object(t, deployment)
		returned, err := plan.Project(live, op.Set, append(op.Remove, harden.PodSpecPath(r, "serviceAccountName")), converter())
		if err != nil {
			t.Fatal(err)
		}
		got, err := plan.Unintended(live, returned, intended, converter())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{".spec.template.spec.serviceAccountName"}, got); d != "" {
			t.Error(d)
		}
	})
}

func TestUnmet(t *testing.T) {
	live := object(t, deployment)
	set := harden.SetPodSpec(ref(live), fields(t, `
hostNetwork: false
hostPID: false
automountServiceAccountToken: false
containers: [{name: web, image: web:1, ports: [{containerPort: 53, protocol: UDP, hostPort: 0}]}]`)).Set
	got, err := plan.Unmet(live, set, converter())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{".spec.template.spec.automountServiceAccountToken", ".spec.template.spec.hostNetwork"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestUnmetTellsEmptyFromAnything(t *testing.T) {
	live := object(t, `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: demo, labels: {app: x}}
spec: {podSelector: {matchLabels: {app: x}}, policyTypes: [Ingress]}
`)
	for set, want := range map[string][]string{
		"spec: {podSelector: {}}":    {".spec.podSelector"}, // an atomic struct: {} selects every pod
		"spec: {policyTypes: []}":    {".spec.policyTypes"}, // an atomic list is replaced
		"metadata: {labels: {}}":     nil,                   // a map: {} asks for nothing
		"spec: {ingress: [{}]}":      {".spec.ingress"},
		"metadata: {labels: {a: b}}": {".metadata.labels.a"},
	} {
		got, err := plan.Unmet(live, harden.SetObject(ref(live), fields(t, set)).Set, converter())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", set, d)
		}
	}
}

func TestRequestsAndRemovalPatch(t *testing.T) {
	live := object(t, deployment)
	r := ref(live)
	port := func(protocol string, more ...any) harden.Path {
		return harden.ContainerPath(r, web, append([]any{"ports", fieldpath.KeyByFields("containerPort", 53, "protocol", protocol)}, more...)...)
	}
	op := &harden.ObjectPlan{Target: r, Set: harden.SetPodSpec(r, fields(t, "hostNetwork: false")).Set, Remove: []harden.Path{
		port("TCP", "hostPort"),
		port("UDP", "hostPort"), // not there
		harden.PodSpecPath(r, "volumes", fieldpath.KeyByFields("name", "data")),
		harden.ContainerPath(r, web, "volumeMounts", fieldpath.KeyByFields("mountPath", "/data")),
		harden.ContainerPath(r, web, "securityContext", "privileged"),
	}}
	set, rest := plan.Requests(op, live)
	same(t, "set", `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: demo
spec:
  template:
    spec:
      containers:
      - name: web
        ports:
        - containerPort: 53
          hostPort: 0
          protocol: TCP
      hostNetwork: false
`, text(t, set))
	patch, err := plan.RemovalPatch(live, rest, converter())
	if err != nil {
		t.Fatal(err)
	}
	want := `[
{"op":"test","path":"/metadata/uid","value":"u-1"},
{"op":"test","path":"/spec/template/spec/containers/0/name","value":"web"},
{"op":"test","path":"/spec/template/spec/containers/0/securityContext/privileged","value":true},
{"op":"remove","path":"/spec/template/spec/containers/0/securityContext/privileged"},
{"op":"test","path":"/spec/template/spec/containers/0/name","value":"web"},
{"op":"test","path":"/spec/template/spec/containers/0/volumeMounts/0","value":{"mountPath":"/data","name":"data"}},
{"op":"remove","path":"/spec/template/spec/containers/0/volumeMounts/0"},
{"op":"test","path":"/spec/template/spec/volumes/0","value":{"hostPath":{"path":"/srv"},"name":"data"}},
{"op":"remove","path":"/spec/template/spec/volumes/0"}]`
	same(t, "patch", operations(t, []byte(want)), operations(t, patch))
}

// A zero is a removal only where the server stores it as absent.
func TestRequestsKeepsRemovalsThatZeroCannotSay(t *testing.T) {
	live := object(t, deployment)
	r := ref(live)
	for _, path := range []harden.Path{
		harden.ContainerPath(r, web, "securityContext", "privileged"),                                                         // a pointer
		harden.ContainerPath(r, web, "volumeMounts", fieldpath.KeyByFields("mountPath", "/data"), "name"),                     // required
		fieldpath.MakePathOrDie("spec", "replicas"),                                                                           // a pointer with a default
		harden.ContainerPath(r, web, "securityContext", "capabilities"),                                                       // a struct
		fieldpath.MakePathOrDie("spec", "template", "metadata", "labels", "app"),                                              // in a map
		harden.ContainerPath(r, web, "ports", fieldpath.KeyByFields("containerPort", 53, "protocol", "UDP")),                  // a list item
		harden.PodSpecPath(r, "volumes", fieldpath.KeyByFields("name", "data"), "hostPath", "path"),                           // required
		harden.ContainerPath(r, web, "ports", fieldpath.KeyByFields("containerPort", 53, "protocol", "UDP"), "containerPort"), // required
	} {
		if set, rest := plan.Requests(&harden.ObjectPlan{Target: r, Remove: []harden.Path{path}}, live); set != nil || len(rest) != 1 {
			t.Errorf("%s became %s", plan.PathString(path), text(t, set))
		}
	}
}

func operations(t *testing.T, patch []byte) string {
	t.Helper()
	var ops []any
	if err := json.Unmarshal(patch, &ops); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, op := range ops {
		line, err := json.Marshal(op)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestRemovalPatchGoesFromTheBack(t *testing.T) {
	live := object(t, `
apiVersion: v1
kind: Pod
metadata: {name: p, annotations: {"a/b~c": x}}
spec:
  containers:
  - name: a
    image: a
    command: [sleep]
    env: [{name: ONE, value: "1"}, {name: TWO, value: ""}, {name: THREE, value: "3"}]
  - {name: b, image: b}
`)
	r := ref(live)
	a := harden.ContainerRef{Kind: harden.AppContainer, Name: "a"}
	env := func(name string, more ...any) harden.Path {
		return harden.ContainerPath(r, a, append([]any{"env", fieldpath.KeyByFields("name", name)}, more...)...)
	}
	patch, err := plan.RemovalPatch(live, []harden.Path{
		env("ONE"), env("THREE", "value"), env("THREE"), env("TWO", "value"),
		fieldpath.MakePathOrDie("metadata", "annotations", "a/b~c"), env("FOUR"),
	}, converter())
	if err != nil {
		t.Fatal(err)
	}
	want := `[
{"op":"test","path":"/metadata/annotations/a~1b~0c","value":"x"},
{"op":"remove","path":"/metadata/annotations/a~1b~0c"},
{"op":"test","path":"/spec/containers/0/name","value":"a"},
{"op":"test","path":"/spec/containers/0/env/2","value":{"name":"THREE","value":"3"}},
{"op":"remove","path":"/spec/containers/0/env/2"},
{"op":"test","path":"/spec/containers/0/name","value":"a"},
{"op":"test","path":"/spec/containers/0/env/1/name","value":"TWO"},
{"op":"test","path":"/spec/containers/0/env/1/value","value":""},
{"op":"remove","path":"/spec/containers/0/env/1/value"},
{"op":"test","path":"/spec/containers/0/name","value":"a"},
{"op":"test","path":"/spec/containers/0/env/0","value":{"name":"ONE","value":"1"}},
{"op":"remove","path":"/spec/containers/0/env/0"}]`
	same(t, "patch", operations(t, []byte(want)), operations(t, patch))

	if patch, err := plan.RemovalPatch(live, []harden.Path{env("FOUR")}, converter()); err != nil || patch != nil {
		t.Errorf("nothing to remove: %s, %v", patch, err)
	}
	if _, err := plan.RemovalPatch(live, []harden.Path{harden.ContainerPath(r, a, "command", 0)}, converter()); err == nil {
		t.Error("an item of an atomic list was accepted")
	}
	twice := object(t, strings.Replace(text(t, live), "name: TWO", "name: ONE", 1))
	if _, err := plan.RemovalPatch(twice, []harden.Path{env("ONE")}, converter()); err == nil || !strings.Contains(err.Error(), "more than one item") {
		t.Errorf("an ambiguous key was accepted: %v", err)
	}
}

func TestProjectRemovals(t *testing.T) {
	before := object(t, deployment)
	r := ref(before)
	after, err := plan.Project(before, nil, []harden.Path{
		harden.PodSpecPath(r, "volumes", fieldpath.KeyByFields("name", "data")),
		harden.ContainerPath(r, web, "volumeMounts", fieldpath.KeyByFields("mountPath", "/data")),
		harden.ContainerPath(r, web, "securityContext", "privileged"),
		harden.ContainerPath(r, web, "securityContext", "capabilities", "add"),
	}, converter())
	if err != nil {
		t.Fatal(err)
	}
	view, err := plan.Compare(r, before, after)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "diff", `--- live/demo/Deployment/shop
+++ fixed/demo/Deployment/shop
@@ -24,13 +24,7 @@
           hostPort: 53
           protocol: TCP
         securityContext:
-          capabilities:
-            add:
-            - NET_ADMIN
-          privileged: true
-        volumeMounts:
-        - mountPath: /data
-          name: data
+          capabilities: {}
       - image: log:1
         name: log
       hostNetwork: true
@@ -40,7 +34,3 @@
       - image: migrate:1
         name: migrate
       serviceAccountName: shop
-      volumes:
-      - hostPath:
-          path: /srv
-        name: data
`, view.Diff)
}

func TestViewHidesWhatMustNotBeSeen(t *testing.T) {
	const secret = `
apiVersion: v1
kind: Secret
metadata:
  name: s
  namespace: demo
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"data":{"same":"c2FtZQ=="}}'}
  managedFields: [{manager: x}]
data: {same: c2FtZQ==, changes: b2xk, goes: Z29lcw==}
stringData: {new: text}
`
	before := object(t, secret)
	after := object(t, strings.NewReplacer("b2xk", "bmV3", "goes: Z29lcw==", "comes: Y29tZXM=").Replace(secret))
	view, err := plan.Compare(ref(before), before, after)
	if err != nil {
		t.Fatal(err)
	}
	shown := text(t, view.Before) + text(t, view.After) + view.Diff
	for _, hidden := range []string{"c2FtZQ", "b2xk", "bmV3", "Z29l", "Y29t", "text", "last-applied", "managedFields"} {
		if strings.Contains(shown, hidden) {
			t.Errorf("%s is shown:\n%s", hidden, shown)
		}
	}
	if !strings.Contains(view.Diff, "-  changes: '*** (before)'") || !strings.Contains(view.Diff, "+  changes: '*** (after)'") {
		t.Errorf("the change is not shown:\n%s", view.Diff)
	}
	if !strings.Contains(text(t, before), "c2FtZQ") {
		t.Error("the caller's object was masked too")
	}
}
