package resilience

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A JVM takes a quarter of the limit for its heap: the limit alone may break it.
func TestT104TheLimitOfAJVMSpeaksOfItsHeap(t *testing.T) {
	pod := func(more string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: shop:1" + more + "}]}\n"
	}
	image := func(facts harden.ImageFacts) []fixtest.Option {
		facts.Known = true
		return []fixtest.Option{fixtest.Image("shop:1", facts)}
	}
	programs := func(path string) *harden.ImageFiles {
		return &harden.ImageFiles{Programs: map[string]harden.ImageFile{path: {Mode: 0o755}}}
	}
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		why        string // empty: no JVM is known
	}{
		{"nothing known", pod(""), nil, ""},
		{"env", pod(", env: [{name: JAVA_TOOL_OPTIONS, value: -Xmx1g}]"), nil, "it sets JAVA_TOOL_OPTIONS"},
		{"command", pod(", command: [/usr/bin/java, -jar, shop.jar]"), nil, "its command runs java"},
		{"line for a shell", pod(`, command: [sh, -c, "exec java -jar shop.jar"]`), nil, "its command runs java"},
		{"another program", pod(", command: [javascript, java.js]"), nil, ""},
		{"image cmd", pod(""), image(harden.ImageFacts{Cmd: []string{"java", "-jar", "shop.jar"}}), "its image runs java"},
		{"image env", pod(""), image(harden.ImageFacts{Env: []string{"PATH=/bin", "JAVA_HOME=/opt/jdk"}}), "its image sets JAVA_HOME"},
		{"image files", pod(""), image(harden.ImageFacts{Files: programs("/opt/jdk/bin/java")}), "its image holds /opt/jdk/bin/java"},
		{"image of another kind", pod(""), image(harden.ImageFacts{Cmd: []string{"node"}, Env: []string{"NODE_VERSION=24"}, Files: programs("/usr/bin/javac")}), ""},
		{"image that could not be read", pod(""), []fixtest.Option{fixtest.Image("shop:1", harden.ImageFacts{Env: []string{"JAVA_HOME=/opt/jdk"}})}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			fixes := fixtest.Fixes(t, MemoryLimit, test.yaml, test.opts...)
			if len(fixes) != 1 || fixes[0].Class != harden.Review || len(fixes[0].Changes) != 0 {
				t.Fatalf("fixes %+v: want words for review, and no number from nowhere", fixes)
			}
			if got := strings.Contains(fixes[0].Manual, "heap"); got != (test.why != "") || !strings.Contains(fixes[0].Manual, test.why) {
				t.Errorf("says %q; want it to speak of the heap: %v, since %s", fixes[0].Manual, test.why != "", test.why)
			}
		})
	}
}

func TestT118TheLimitOfAnAutoscaledPodIsTheAutoscalers(t *testing.T) {
	yaml := scaled("Deployment", "") + "---\napiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\nmetadata: {name: v}\nspec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n"
	for _, fix := range fixtest.Fixes(t, MemoryLimit, yaml) {
		if len(fix.Changes) > 0 || !strings.Contains(fix.Manual, "VerticalPodAutoscaler/v") {
			t.Errorf("fix %+v: want words about the autoscaler", fix)
		}
	}
}
