package owners_test

import (
	"log/slog"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// A helmWay is how a release is written.
type helmWay int

const (
	clientSide helmWay = iota // as Helm 3 does
	serverSide                // as Helm 4 installs
	forcing                   // as helm-controller does by default (docs/spec/v2/helmreleases.md)
)

// helmEngine installs and upgrades the chart, with values that say what the object
// should be. The labels and annotations of the object are the chart's and Helm's
// own; helm-controller adds its labels in a post-renderer, here Helm does it.
func helmEngine(manager string, way helmWay) func(*bench) engine {
	return func(b *bench) engine {
		before := kube.ManagedFieldsManager
		kube.ManagedFieldsManager = manager
		b.Cleanup(func() { kube.ManagedFieldsManager = before })
		getter := genericclioptions.NewConfigFlags(false)
		kubeconfig := b.lab.Kubeconfig()
		getter.KubeConfig, getter.Namespace = &kubeconfig, &b.namespace
		cfg := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
		must(b.T, cfg.Init(getter, b.namespace, "memory"))
		chart, err := loader.Load("testdata/shop")
		must(b.T, err)
		installed := false
		return func(u *unstructured.Unstructured) error {
			if installed {
				upgrade := action.NewUpgrade(cfg)
				upgrade.Namespace, upgrade.WaitStrategy, upgrade.ForceConflicts = b.namespace, kube.HookOnlyStrategy, way == forcing
				_, err := upgrade.RunWithContext(b.Context(), "shop", chart, values(u))
				return err
			}
			installed = true
			install := action.NewInstall(cfg)
			install.ReleaseName, install.Namespace, install.WaitStrategy = "shop", b.namespace, kube.HookOnlyStrategy
			install.ServerSideApply = way != clientSide
			_, err := install.RunWithContext(b.Context(), chart, values(u))
			return err
		}
	}
}

// values are those with which the chart renders what the object says.
func values(u *unstructured.Unstructured) map[string]any {
	containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
	web := containers[0].(map[string]any)
	pod, _, _ := unstructured.NestedMap(u.Object, "spec", "template", "spec", "securityContext")
	labels := map[string]any{}
	for k, v := range u.GetLabels() {
		labels[k] = v
	}
	return map[string]any{
		"container": web["name"], "securityContext": web["securityContext"], "podSecurityContext": pod,
		"revision": u.GetAnnotations()[revisionMark], "labels": labels,
	}
}
