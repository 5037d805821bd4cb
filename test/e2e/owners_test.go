package e2e

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// Owners that would undo a live patch, or be hurt by it, get a source patch.
func TestOwners(t *testing.T) {
	l := labtest.Shared(t)
	for _, test := range []struct {
		name     string
		metadata string   // added to the Deployment
		apply    []string // how its owner applies it
		live     bool
		says     string
	}{
		{"Helm release, field not in the chart", "  labels: {app.kubernetes.io/managed-by: Helm}\n  annotations: {meta.helm.sh/release-name: shop, meta.helm.sh/release-namespace: shop}\n", []string{"--field-manager=helm"}, true, "Helm"},
		{"Helm label alone", "  labels: {app.kubernetes.io/managed-by: Helm}\n", nil, true, ""},
		{"Argo CD, field not in Git", "  annotations: {argocd.argoproj.io/tracking-id: \"shop:apps/Deployment:shop/web\"}\n", []string{"--field-manager=argocd-controller"}, true, "Argo CD"},
		{"Argo CD label alone (T109)", "  labels: {app.kubernetes.io/instance: shop}\n", nil, true, ""},
		{"Flux", "  labels: {kustomize.toolkit.fluxcd.io/name: shop, kustomize.toolkit.fluxcd.io/namespace: flux-system}\n", []string{"--server-side", "--field-manager=kustomize-controller"}, false, "Flux"},
		{"kubectl apply --server-side", "", []string{"--server-side"}, false, "kubectl"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ns := labtest.Namespace(t, l)
			u := admin(t, l)
			kubectlApply(t, l, ns, strings.Replace(restrictedFailing, "  name: web\n", "  name: web\n"+test.metadata, 1), test.apply...)
			kubectl(t, l, "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
			before := get(t, l, ns, "deployment/web")
			r := u.harden(t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", "--yes")
			if !strings.Contains(r.stdout, test.says) {
				t.Errorf("the owner %q is not named: %s", test.says, r)
			}
			written := before.GetGeneration() != get(t, l, ns, "deployment/web").GetGeneration()
			if test.live {
				if r.code != 0 || !written {
					t.Errorf("was not applied: %s", r)
				}
				return
			}
			if r.code != 2 || written || !strings.Contains(r.stdout, "runAsNonRoot: true") {
				t.Errorf("an owner that applies was not respected, or the partial object is not shown: %s", r)
			}
			// --live overrides, with the warning.
			if r := u.harden(t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", "--yes", "--live"); r.code != 0 {
				t.Errorf("--live: %s", r)
			}
			u.ok(t, "undo", "--yes")
		})
	}
}
