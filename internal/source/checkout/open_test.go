package checkout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		opts harden.SourceOptions
		want string
	}{
		{harden.SourceOptions{Folder: "absent"}, "there is no folder"},
		{harden.SourceOptions{Folder: "empty"}, "no manifests"},
		{harden.SourceOptions{Folder: "empty", Values: []string{"v.yaml"}}, "there is no values file"},
	} {
		if _, err := Open(test.opts, conv); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "--") {
			t.Errorf("%v: got %v", test.opts, err)
		}
	}
	if _, err := OpenKustomization("empty", conv); err == nil || !strings.Contains(err.Error(), "kustomization.yaml") {
		t.Errorf("got %v", err)
	}
}

const pod = `apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec:
  containers:
  - name: a
    image: x
    ports: [{containerPort: 53, protocol: UDP, hostPort: 53}, {containerPort: 53, hostPort: 53}]
  topologySpreadConstraints:
  - {topologyKey: zone, maxSkew: 1, whenUnsatisfiable: DoNotSchedule}
  - {topologyKey: zone, maxSkew: 2, whenUnsatisfiable: ScheduleAnyway}
`

// Links that lead in circles, and a file that is there twice through one.
func TestLinks(t *testing.T) {
	w := newWorld(t, &txtar.Archive{Files: []txtar.File{{Name: "repo/a/pod.yaml", Data: []byte(pod)}}})
	for name, target := range map[string]string{"repo/a/loop": "..", "repo/self": "self", "repo/pod.yaml": "a/pod.yaml", "repo/gone.yaml": "nowhere", "link": "repo"} {
		if err := os.Symlink(target, filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Open(harden.SourceOptions{Folder: "link"}, conv)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.manifests) != 1 {
		t.Errorf("got %q, want one file", c.manifests)
	}
}

func TestRemoval(t *testing.T) {
	newWorld(t, &txtar.Archive{Files: []txtar.File{{Name: "repo/pod.yaml", Data: []byte(pod)}}})
	live := parse(t, pod)
	after := parse(t, strings.Replace(pod, ", hostPort: 53}]", "}]", 1))
	c, err := Open(harden.SourceOptions{Folder: "repo"}, conv)
	if err != nil {
		t.Fatal(err)
	}
	change := harden.ObjectChange{
		Target: refOf(live), Before: live, After: after,
		Remove: []harden.Path{fieldpath.MakePathOrDie("spec", "containers", fieldpath.KeyByFields("name", "a"), "ports",
			fieldpath.KeyByFields("containerPort", 53, "protocol", "TCP"), "hostPort")},
	}
	edits, err := c.Edit([]harden.ObjectChange{change})
	if err != nil {
		t.Fatal(err)
	}
	if len(edits.Files) != 1 || string(edits.Files[0].After) != strings.Replace(pod, ", hostPort: 53}]", "}]", 1) {
		t.Errorf("got %+v", show(edits))
	}
}

// What a source must say of a live object to be taken for its source.
func TestExplains(t *testing.T) {
	const live = `apiVersion: apps/v1
kind: Deployment
metadata: {name: a, labels: {a: b, injected: x}}
spec:
  replicas: 7
  template:
    spec:
      restartPolicy: Always
      tolerations: [{key: a, operator: Exists, effect: NoExecute}, {key: added, operator: Exists}]
      containers:
      - name: a
        image: x
        args: [a, b]
        env: [{name: A, value: "1"}]
        ports: [{containerPort: 53, protocol: TCP}, {containerPort: 53, protocol: UDP}]
        resources: {limits: {cpu: "1", memory: 1Gi}}
        securityContext: {privileged: true, runAsUser: 0}
      - name: injected
        image: y
      topologySpreadConstraints:
      - {topologyKey: zone, maxSkew: 1, whenUnsatisfiable: DoNotSchedule}
      - {topologyKey: zone, maxSkew: 2, whenUnsatisfiable: ScheduleAnyway}
`
	after := strings.Replace(live, "privileged: true", "privileged: false", 1)
	for _, test := range []struct{ name, source, want string }{
		{"a part of it", "spec: {template: {spec: {containers: [{name: a, image: x}]}}}", ""},
		{"other replicas", "spec: {replicas: 1}", ""},
		{"zeros and nothing", "spec: {paused: false, template: {metadata: {labels: {}}, spec: {hostNetwork: false, nodeSelector: null, containers: [{name: a, workingDir: ''}]}}}", ""},
		{"quantities", "spec: {template: {spec: {containers: [{name: a, resources: {limits: {cpu: 1000m, memory: 1024Mi}}}]}}}", ""},
		{"a number", "spec: {template: {spec: {containers: [{name: a, resources: {limits: {cpu: 1}}}]}}}", ""},
		{"other quantities", "spec: {template: {spec: {containers: [{name: a, resources: {limits: {cpu: 2}}}]}}}", "spec.template.spec.containers[a].resources.limits.cpu"},
		{"no quantity", "spec: {template: {spec: {containers: [{name: a, env: [{name: A, value: '1.0'}]}]}}}", "spec.template.spec.containers[a].env[A].value"},
		{"what is fixed", "spec: {template: {spec: {containers: [{name: a, securityContext: {privileged: false, runAsUser: 0}}]}}}", ""},
		{"beside what is fixed", "spec: {template: {spec: {containers: [{name: a, securityContext: {runAsUser: 5}}]}}}", "spec.template.spec.containers[a].securityContext.runAsUser"},
		{"order of arguments", "spec: {template: {spec: {containers: [{name: a, args: [b, a]}]}}}", "spec.template.spec.containers[a].args"},
		{"protocols", "spec: {template: {spec: {containers: [{name: a, ports: [{containerPort: 53}, {containerPort: 53, protocol: UDP}]}]}}}", ""},
		{"a port that is not there", "spec: {template: {spec: {containers: [{name: a, ports: [{containerPort: 53, protocol: SCTP}]}]}}}", "spec.template.spec.containers[a].ports[53]"},
		{"a container that is not there", "spec: {template: {spec: {containers: [{name: b}]}}}", "spec.template.spec.containers[b]"},
		{"items without names", "spec: {template: {spec: {tolerations: [{key: a, operator: Exists}]}}}", ""},
		{"other items without names", "spec: {template: {spec: {tolerations: [{key: b, operator: Exists}]}}}", "spec.template.spec.tolerations[0]"},
		{"two with one key", "spec: {template: {spec: {topologySpreadConstraints: [{topologyKey: zone, maxSkew: 2, whenUnsatisfiable: ScheduleAnyway}]}}}", ""},
		{"labels", "metadata: {labels: {a: c}}", "metadata.labels.a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := differs(parse(t, test.source), parse(t, live), parse(t, after)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A container that something injects is in no manifest: a fix must not make half
// of one there.
func TestFixOfWhatIsInjected(t *testing.T) {
	newWorld(t, &txtar.Archive{Files: []txtar.File{{Name: "repo/pod.yaml", Data: []byte(pod)}}})
	live := strings.Replace(pod, "  - name: a\n", "  - name: proxy\n    image: p\n  - name: a\n", 1)
	c, err := Open(harden.SourceOptions{Folder: "repo"}, conv)
	if err != nil {
		t.Fatal(err)
	}
	edits, err := c.Edit([]harden.ObjectChange{change(t, live, "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec: {containers: [{name: proxy, securityContext: {privileged: false}}]}")})
	if err != nil {
		t.Fatal(err)
	}
	if o := edits.Objects[0]; o.Brought() || !strings.Contains(o.Why, "spec.containers[proxy] is not in it") || len(edits.Files) > 0 {
		t.Errorf("got %+v", o)
	}
}
