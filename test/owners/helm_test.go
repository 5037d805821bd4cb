package owners_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/fluxcd/pkg/ssa/utils"
	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	helmrelease "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A helmWay is how a release is written.
type helmWay int

const (
	clientSide helmWay = iota // as Helm 3 does
	serverSide                // as Helm 4 installs
	forcing                   // as helm-controller does by default (docs/spec/v2/helmreleases.md)
)

// A release is one of the chart in testdata.
type release struct {
	*bench
	cfg      *action.Configuration
	chart    *chart.Chart
	way      helmWay
	manifest string // of the last revision; empty before it is installed
}

// helmEngine installs and upgrades the chart, with values that say what the object
// should be. The labels of the object are in the values too: helm-controller adds
// its own in a post-renderer.
func helmEngine(manager string, way helmWay) func(*bench) engine {
	return func(b *bench) engine { return b.release(manager, way).write }
}

func (b *bench) release(manager string, way helmWay) *release {
	b.Helper()
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
	return &release{bench: b, cfg: cfg, chart: chart, way: way}
}

func (r *release) write(u *unstructured.Unstructured) error {
	var done any
	var err error
	if r.manifest == "" {
		install := action.NewInstall(r.cfg)
		install.ReleaseName, install.Namespace, install.WaitStrategy = "shop", r.namespace, kube.HookOnlyStrategy
		install.ServerSideApply = r.way != clientSide
		done, err = install.RunWithContext(r.Context(), r.chart, values(u))
	} else {
		upgrade := action.NewUpgrade(r.cfg)
		upgrade.Namespace, upgrade.WaitStrategy, upgrade.ForceConflicts = r.namespace, kube.HookOnlyStrategy, r.way == forcing
		done, err = upgrade.RunWithContext(r.Context(), "shop", r.chart, values(u))
	}
	if err == nil {
		r.manifest = done.(*helmrelease.Release).Manifest
	}
	return err
}

// driftEngine is helm-controller with drift detection: it upgrades when the values
// are others, and otherwise corrects what differs from the manifest of the release.
func driftEngine(b *bench) engine {
	r := b.release("helm-controller", clientSide)
	var last map[string]any
	return func(u *unstructured.Unstructured) error {
		now := values(u)
		delete(now, "revision")
		if !reflect.DeepEqual(now, last) {
			last = now
			return r.write(u)
		}
		return r.correctDrift()
	}
}

// correctDrift does what helm-controller does (internal/action/diff.go): it patches
// what a server-side dry run of the manifest would change.
func (r *release) correctDrift() error {
	scheme := clientgoscheme.Scheme
	asks, err := client.New(r.config, client.Options{Scheme: scheme, DryRun: new(true)})
	must(r.T, err)
	objects, err := utils.ReadObjects(strings.NewReader(r.manifest))
	must(r.T, err)
	for _, o := range objects {
		o.SetNamespace(r.namespace)
	}
	set, err := jsondiff.UnstructuredList(r.Context(), asks, objects, jsondiff.FieldOwner("helm-controller"), jsondiff.Rationalize(true), jsondiff.Graceful(true))
	must(r.T, err)
	writes, err := client.New(r.config, client.Options{Scheme: scheme})
	must(r.T, err)
	for _, d := range set {
		if d.Type != jsondiff.DiffTypeUpdate {
			continue
		}
		patch, err := json.Marshal(d.Patch)
		must(r.T, err)
		if err := writes.Patch(r.Context(), d.DesiredObject.DeepCopyObject().(client.Object), client.RawPatch(types.JSONPatchType, patch), client.FieldOwner("helm-controller")); err != nil {
			return err
		}
	}
	return nil
}

// values are those with which the chart renders what the object says.
func values(u *unstructured.Unstructured) map[string]any {
	containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
	web := containers[0].(map[string]any)
	pod, _, _ := unstructured.NestedMap(u.Object, "spec", "template", "spec")
	labels := map[string]any{}
	for k, v := range u.GetLabels() {
		labels[k] = v
	}
	return map[string]any{
		"container": web["name"], "securityContext": web["securityContext"], "podSecurityContext": pod["securityContext"],
		"volumeMounts": web["volumeMounts"], "volumes": pod["volumes"],
		"revision": u.GetAnnotations()[revisionMark], "labels": labels,
	}
}

// inValues is the object as the chart renders it once the values file of the
// release is edited in a checkout of the chart.
func (b *bench) inValues(p *harden.Plan, desired *unstructured.Unstructured) *unstructured.Unstructured {
	b.Helper()
	dir := b.TempDir()
	must(b.T, os.CopyFS(filepath.Join(dir, "shop"), os.DirFS("testdata/shop")))
	now := values(desired)
	now["revision"] = b.mark()
	text, err := yaml.Marshal(now)
	must(b.T, err)
	file := filepath.Join(dir, "production.yaml")
	must(b.T, os.WriteFile(file, text, 0o644))
	edits, err := b.session.Edits(p, harden.SourceOptions{Folder: dir, Values: []string{file}})
	must(b.T, err)
	if len(edits.Files) != 1 || !edits.Objects[0].Brought() {
		b.Fatalf("the values are not edited: %+v", edits.Objects)
	}
	var edited struct {
		SecurityContext, PodSecurityContext map[string]any
		VolumeMounts, Volumes               []any
	}
	must(b.T, yaml.Unmarshal(edits.Files[0].After, &edited))
	u := desired.DeepCopy()
	pod := u.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	pod["securityContext"], pod["volumes"] = edited.PodSecurityContext, edited.Volumes
	web := pod["containers"].([]any)[0].(map[string]any)
	web["securityContext"], web["volumeMounts"] = edited.SecurityContext, edited.VolumeMounts
	return u
}
