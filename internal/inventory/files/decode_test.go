package files

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files/filestest"
)

// everyForm holds a value of every form that the decoder knows.
const everyForm = `
apiVersion: v1
kind: Pod
metadata:
  name: a
  creationTimestamp: "2024-05-06T07:08:09Z"
  labels: {1: "x", on: "z", 1.5: "f"}
  generation: 3
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: u, controller: true}]
  managedFields: [{manager: m, fieldsV1: {"f:spec": {"f:x": {}}}}]
spec:
  hostNetwork: off
  terminationGracePeriodSeconds: 1e1
  nodeSelector:
  tolerations: null
  containers:
  - name: a
    image: "quoted \u00e9 \x01"
    args: [a, 'b', "c\n", ~]
    command:
    - |
      #!/bin/sh
      echo hello
    - >-
      folded
      text
    resources: {limits: {cpu: 1.5, memory: 128Mi}, requests: {cpu: 100m, memory: 1e9}}
    readinessProbe: {httpGet: {port: 80, path: /}}
    livenessProbe: {httpGet: {port: http}}
    securityContext: {runAsUser: 0644, capabilities: {drop: [ALL]}}
  ephemeralContainers: [{name: e, image: e, targetContainerName: a}]
  volumes:
  - {name: v, configMap: {name: c, defaultMode: 0755}}
  - {name: s, projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 3600}}]}}
  - {name: e, emptyDir: {sizeLimit: 1Gi}}
status: {startTime: 2024-05-06T07:08:09Z, phase: Running}
`

func decodeText(t testing.TB, text string, into any) []*ReadError {
	t.Helper()
	root, err := parseYAML(text, 1)
	if err != nil {
		t.Fatal(err)
	}
	d := decoder{}
	d.decode(root, into)
	return d.errs
}

// oracle reads as kubectl and the API server do together.
func oracle(t testing.TB, text string, into any) []error {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	strict, err := kjson.UnmarshalStrict(data, into)
	if err != nil {
		t.Fatal(err)
	}
	return strict
}

var compareQuantities = cmp.Comparer(func(a, b resource.Quantity) bool { return a.Cmp(b) == 0 })

func TestDecodeIsWhatTheServerReads(t *testing.T) {
	var want, got corev1.Pod
	if errs := oracle(t, everyForm, &want); len(errs) > 0 {
		t.Fatal(errs)
	}
	if errs := decodeText(t, everyForm, &got); len(errs) > 0 {
		t.Fatal(errs[0])
	}
	if diff := cmp.Diff(want, got, compareQuantities); diff != "" {
		t.Errorf("(-server +ours)\n%s", diff)
	}
	for _, sp := range splitYAML(string(filestest.Deployments(40))) {
		text := string(filestest.Deployments(40))[sp.start:sp.end]
		var want, got appsv1.Deployment
		oracle(t, text, &want)
		if errs := decodeText(t, text, &got); len(errs) > 0 {
			t.Fatal(errs[0])
		}
		if diff := cmp.Diff(want, got, compareQuantities); diff != "" {
			t.Fatalf("(-server +ours)\n%s", diff)
		}
	}
}
