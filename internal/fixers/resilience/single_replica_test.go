package resilience

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func scaled(kind, spec string) string {
	return "apiVersion: apps/v1\nkind: " + kind + "\nmetadata: {name: web}\nspec: {" + spec +
		"selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: web, image: w}]}}}\n"
}

func autoscaler(target, least string) string {
	return "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: " + target + "}, " + least + "maxReplicas: 9}\n"
}

func TestSingleReplica(t *testing.T) {
	const deployment, statefulSet = "Deployment", "StatefulSet"
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		want       string // STATUS SEVERITY REASON
	}{
		{"one", scaled(deployment, "replicas: 1, "), nil, "fail low one replica"},
		{"none said is one", scaled(deployment, ""), nil, "fail low one replica"},
		{"two", scaled(deployment, "replicas: 2, "), nil, ""},
		{"switched off", scaled(deployment, "replicas: 0, "), nil, ""},
		{"switched off under an autoscaler", scaled(deployment, "replicas: 0, ") + autoscaler("Deployment, name: web", ""), nil, ""},
		{"T99 an autoscaler keeps more", scaled(deployment, "replicas: 1, ") + autoscaler("Deployment, name: web", "minReplicas: 3, "), nil, ""},
		{"an autoscaler may come down to one", scaled(deployment, "replicas: 5, ") + autoscaler("Deployment, name: web", ""), nil, "fail low may be scaled down to one replica"},
		{"the autoscaler of another", scaled(deployment, "replicas: 1, ") + autoscaler("Deployment, name: api", "minReplicas: 3, "), nil, "fail low one replica"},
		{"StatefulSet", scaled(statefulSet, "serviceName: s, "), nil, "fail info one replica"},
		{"autoscalers unread", scaled(deployment, ""), []fixtest.Option{fixtest.Unreadable(harden.HorizontalPodAutoscalers, "forbidden")}, "unknown low autoscalers were not read"},
		{"autoscalers unread, two now", scaled(deployment, "replicas: 2, "), []fixtest.Option{fixtest.Unreadable(harden.HorizontalPodAutoscalers, "forbidden")}, ""},
		{"DaemonSet", scaled("DaemonSet", ""), nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			for _, f := range fixtest.Run(t, SingleReplica, test.yaml, test.opts...) {
				got += fmt.Sprintf("%s %s %s", f.Status, f.Severity, f.Reason)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if !fixtest.NotApplicable(t, SingleReplica, scaled("DaemonSet", "")) {
		t.Error("a DaemonSet has no replicas of its own")
	}
}

// T99: whoever scales the workload owns the number.
func TestT99NoFixSetsReplicas(t *testing.T) {
	for yaml, want := range map[string]string{
		scaled("Deployment", ""): "spec.replicas",
		scaled("Deployment", "replicas: 5, ") + autoscaler("Deployment, name: web", ""): "HorizontalPodAutoscaler/h",
	} {
		for _, fix := range fixtest.Fixes(t, SingleReplica, yaml) {
			if len(fix.Changes) > 0 || fix.Class != harden.Review || !strings.Contains(fix.Manual, want) {
				t.Errorf("fix %+v: want words with %q and no change", fix, want)
			}
		}
	}
}
