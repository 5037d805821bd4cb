package kustomize

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: registry.example/web:1
`

const everything = `
-- base/kustomization.yml --
bases: [../lower]
commonLabels: {app: web}
patchesStrategicMerge: [patch.yaml]
-- base/patch.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {hostNetwork: true}}}
-- lower/Kustomization --
resources: [web.yaml]
-- lower/web.yaml --
` + deployment + `
-- component/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [policy.yaml]
-- component/policy.yaml --
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}}
-- prod/kustomization.yaml --
namespace: shop
namePrefix: prod-
nameSuffix: -one
resources: [../base, service.yaml]
components: [../component]
images: [{name: registry.example/web, newTag: "2"}]
replicas: [{name: web, count: 3}]
configMapGenerator: [{name: settings, literals: [a=b]}]
secretGenerator: [{name: password, literals: [password=hunter2]}]
patches:
- target: {kind: Service}
  patch: |
    - {op: add, path: /spec/ports/0/name, value: http}
replacements:
- source: {kind: Service, name: web, fieldPath: metadata.name}
  targets: [{select: {kind: Deployment}, fieldPaths: [metadata.annotations.service], options: {create: true}}]
-- prod/service.yaml --
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
`

func TestRender(t *testing.T) {
	dir := tree(t, everything)
	r, err := Render(filepath.Join(dir, "prod"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(r.Objects), 5; got != want {
		t.Fatalf("got %d objects: %s", got, renderedNames(r.Objects))
	}
	origins := map[string]string{
		"Deployment":    filepath.Join(dir, "lower", "web.yaml"),
		"Service":       filepath.Join(dir, "prod", "service.yaml"),
		"NetworkPolicy": filepath.Join(dir, "component", "policy.yaml"),
		"ConfigMap":     "",
		"Secret":        "",
	}
	for _, o := range r.Objects {
		if o.GetNamespace() != "shop" || !strings.HasPrefix(o.GetName(), "prod-") {
			t.Errorf("%s: want it in shop, with a prefix", describe(o.Unstructured))
		}
		if o.Origin != origins[o.GetKind()] {
			t.Errorf("%s: got origin %q, want %q", describe(o.Unstructured), o.Origin, origins[o.GetKind()])
		}
		if strings.Contains(text(o.Object), "config.kubernetes.io") {
			t.Errorf("%s: annotations of kustomize are left", describe(o.Unstructured))
		}
	}
	out, _ := r.Text()
	for _, want := range []string{"image: registry.example/web:2", "replicas: 3", "hostNetwork: true", "service: prod-web-one", "name: http"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the text lacks %q", want)
		}
	}
}

// A patch that replaces all annotations takes the note of the origin with it: to
// ask for origins must not change what is rendered.
func TestOriginsDoNotChangeWhatIsRendered(t *testing.T) {
	dir := tree(t, `
-- kustomization.yaml --
resources: [web.yaml]
patches:
- target: {kind: Deployment}
  patch: |
    - {op: add, path: /metadata/annotations, value: {a: b}}
    - {op: add, path: /spec/paused, value: true}
-- web.yaml --
`+deployment)
	r, err := Render(dir)
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := r.Text(); !strings.Contains(string(out), "paused: true") || strings.Contains(string(out), "origin") || r.Objects[0].Origin != "" {
		t.Errorf("got\n%s", out)
	}
	asked := tree(t, "-- kustomization.yaml --\nresources: [web.yaml]\nbuildMetadata: [originAnnotations]\n-- web.yaml --\n"+deployment)
	r, err = Render(asked)
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := r.Text(); !strings.Contains(string(out), "path: web.yaml") || r.Objects[0].Origin == "" {
		t.Errorf("the annotations that were asked for are missing:\n%s", out)
	}
}

// What would be fetched or run is refused before kustomize sees it: programs that
// it would start are not in reach, and would leave a trace.
func TestNothingIsFetchedOrRun(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	bin := t.TempDir()
	for _, name := range []string{"git", "helm", "docker", "sh"} {
		script := "#!/bin/sh\necho " + name + " >> " + trace + "\nexit 1\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	for _, test := range []struct{ name, files, want string }{
		{"https", "-- kustomization.yaml --\nresources: [https://example.com/a.yaml]", "resources"},
		{"git over https", "-- kustomization.yaml --\nresources: ['https://github.com/org/repo//deploy?ref=v1']", "resources"},
		{"git over ssh", "-- kustomization.yaml --\nresources: ['git@example.com:org/repo.git//deploy']", "resources"},
		{"without a scheme", "-- kustomization.yaml --\nresources: [github.com/org/repo/deploy]", "resources"},
		{"a folder of that name", "-- kustomization.yaml --\nresources: [github.com/org/repo]\n-- github.com/org/repo/kustomization.yaml --\nresources: []", "./"},
		{"a broken file of that name", "-- kustomization.yaml --\nresources: [github.com/org/repo]\n-- github.com/org/repo --\n{", "resources"},
		{"base", "-- kustomization.yaml --\nbases: [github.com/org/repo]", "bases"},
		{"component", "-- kustomization.yaml --\ncomponents: [github.com/org/repo]", "components"},
		{"in a base", "-- kustomization.yaml --\nresources: [./base]\n-- base/kustomization.yml --\nresources: [github.com/org/repo]", "base/kustomization.yml"},
		{"patch", "-- kustomization.yaml --\npatches: [{path: 'https://example.com/p.yaml'}]", "patches"},
		{"crds", "-- kustomization.yaml --\ncrds: ['https://example.com/p.yaml']", "crds"},
		{"schema", "-- kustomization.yaml --\nopenapi: {path: 'https://example.com/p.json'}", "openapi"},
		{"secret's file", "-- kustomization.yaml --\nsecretGenerator: [{name: a, files: ['x=https://example.com/p']}]", "secretGenerator"},
		{"chart", "-- kustomization.yaml --\nhelmCharts: [{name: nginx, repo: 'https://example.com'}]", "helm template"},
		{"exec plugin", "-- kustomization.yaml --\ngenerators: [gen.yaml]\n-- gen.yaml --\napiVersion: example.com/v1\nkind: Gen\nmetadata: {name: a, annotations: {config.kubernetes.io/function: 'exec: {path: ./gen}'}}", "plugin or a function"},
		{"inline function", "-- kustomization.yaml --\ntransformers:\n- |-\n  apiVersion: example.com/v1\n  kind: Gen\n  metadata: {name: a}", "plugin or a function"},
		{"chart plugin", "-- kustomization.yaml --\ngenerators: [gen.yaml]\n-- gen.yaml --\napiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: a}\nname: nginx", "helm template"},
		{"file of a builtin plugin", "-- kustomization.yaml --\ntransformers: [t]\n-- t/kustomization.yaml --\nresources: [p.yaml]\n-- t/p.yaml --\napiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: a}\npath: https://example.com/p.yaml", "https://example.com/p.yaml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Render(tree(t, test.files+"\n"))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "kustomization.y") {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
	if ran, err := os.ReadFile(trace); err == nil {
		t.Errorf("programs were started: %s", ran)
	}
}

func TestErrorsAreForPeople(t *testing.T) {
	for _, test := range []struct{ name, files, want string }{
		{"no kustomization", "-- a.yaml --\n", "holds no kustomization.yaml"},
		{"two", "-- kustomization.yaml --\n-- kustomization.yml --\n", "keep one of them"},
		{"unknown field", "-- kustomization.yaml --\nresource: [a]\n", `unknown field "resource"`},
		{"missing file", "-- kustomization.yaml --\nresources: [a.yaml]\n", `"a.yaml": there is no such file`},
		{"missing patch", "-- kustomization.yaml --\npatches: [{path: a.yaml}]\n", `"a.yaml": there is no such file`},
		{"cycle", "-- kustomization.yaml --\nresources: [./a]\n-- a/kustomization.yaml --\nresources: [..]\n", "cycle"},
		{"broken in a base", "-- kustomization.yaml --\nresources: [./a]\n-- a/kustomization.yaml --\nresources: [b.yaml]\n-- a/b.yaml --\na: [\n", "b.yaml"},
		{"secret", "-- kustomization.yaml --\nsecretGenerator: [{name: a, type: Opaque, literals: [hunter2hunter2]}]\n", "invalid literal source …"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := tree(t, test.files)
			_, err := Render(dir)
			if err == nil {
				t.Fatal("want an error")
			}
			got := err.Error()
			if !strings.Contains(got, test.want) || strings.Contains(got, "hunter2") || strings.Contains(got, "\n") || len(got) > 600 || strings.Contains(got, "accumulat") {
				t.Errorf("got %s", got)
			}
		})
	}
}
