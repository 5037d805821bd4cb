package resilience

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
)

func TestMemoryLimit(t *testing.T) {
	const limit = "resources: {limits: {memory: 64Mi}}"
	deployment := func(spec string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec: {" + spec + "}\n"
	}
	pod := func(name, spec string) string {
		return "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name + "\n  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]\nspec: {" + spec + "}\n"
	}
	const without, with = "containers: [{name: web, image: w}]", "containers: [{name: web, image: w, " + limit + "}]"
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"none", deployment(without), []string{"medium app:web "}},
		{"limit", deployment(with), nil},
		{"limit of 0 is none", deployment("containers: [{name: web, image: w, resources: {limits: {memory: 0}}}]"), []string{"medium app:web "}},
		{"request and another limit", deployment("containers: [{name: web, image: w, resources: {requests: {memory: 1Gi}, limits: {cpu: 1}}}]"), []string{"medium app:web "}},
		{
			"init and sidecar", deployment("initContainers: [{name: i, image: i}, {name: s, image: s, restartPolicy: Always}], " + with),
			[]string{"low init:i an init container runs only until it is done", "medium sidecar:s "},
		},
		{"T36 supplied at admission", deployment(without) + pod("p1", with) + pod("p2", with), []string{"info app:web supplied at admission"}},
		{"T36 not in every pod", deployment(without) + pod("p1", with) + pod("p2", without), []string{"medium app:web "}},
		{"T37 at the pod", deployment("resources: {limits: {memory: 64Mi}}, " + without), nil},
		{"injected container", deployment(with) + pod("p1", "containers: [{name: web, image: w, "+limit+"}, {name: proxy, image: p}]"), []string{"medium app:proxy "}},
		{"ephemeral container", deployment(with) + pod("p1", with+", ephemeralContainers: [{name: debug, image: d}]"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range fixtest.Run(t, MemoryLimit, test.yaml) {
				got = append(got, fmt.Sprintf("%s %s %s", f.Severity, f.Container, f.SeverityWhy))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
