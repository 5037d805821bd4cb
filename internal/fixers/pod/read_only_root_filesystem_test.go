package pod

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestReadOnlyRoot(t *testing.T) {
	text := deployment(`
initContainers: [{name: setup, image: setup:1, securityContext: {readOnlyRootFilesystem: false}}]
containers:
- {name: web, image: web:1}
- {name: log, image: log:1, volumeMounts: [{name: scratch, mountPath: /tmp/}]}
- {name: ok, image: ok:1, securityContext: {readOnlyRootFilesystem: true}}
volumes: [{name: scratch, emptyDir: {}}]
`)
	expect(t, ReadOnlyRootFilesystem, text, []string{"setup medium", "web medium", "log medium"})
	expectAfter(t, text, []*harden.Fixer{ReadOnlyRootFilesystem}, `
initContainers: [{name: setup, image: setup:1, securityContext: {readOnlyRootFilesystem: true}, volumeMounts: [{name: harden-tmp-setup, mountPath: /tmp}]}]
containers:
- {name: web, image: web:1, securityContext: {readOnlyRootFilesystem: true}, volumeMounts: [{name: harden-tmp-web, mountPath: /tmp}]}
- {name: log, image: log:1, securityContext: {readOnlyRootFilesystem: true}, volumeMounts: [{name: scratch, mountPath: /tmp/}]}
- {name: ok, image: ok:1, securityContext: {readOnlyRootFilesystem: true}}
volumes: [{name: scratch, emptyDir: {}}, {name: harden-tmp-setup, emptyDir: {}}, {name: harden-tmp-web, emptyDir: {}}]
`)
	for _, fixes := range fixtest.AllFixes(t, ReadOnlyRootFilesystem, text) {
		expectClasses(t, fixes, "review")
	}
}

func TestTmpVolumeNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	names := map[string]bool{}
	for _, test := range []struct{ container, volumes string }{
		{"web", `[]`},
		{long, `[]`},
		{long[:62] + "b", `[]`},
		{"api", `[{name: harden-tmp-api, configMap: {name: x}}]`},
	} {
		fixes := fixtest.Fixes(t, ReadOnlyRootFilesystem, deployment(`
containers: [{name: `+test.container+`, image: web:1}]
volumes: `+test.volumes))
		spec := fixes[0].Changes[0].Set.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
		name := spec["volumes"].([]any)[0].(map[string]any)["name"].(string)
		if bad := validation.IsDNS1123Label(name); len(bad) > 0 {
			t.Errorf("volume %q: %v", name, bad)
		}
		if names[name] || name == "harden-tmp-api" {
			t.Errorf("volume name %q is taken", name)
		}
		names[name] = true
	}
}
