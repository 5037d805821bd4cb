package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

const (
	gitRepository = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: infra, namespace: flux-system}
spec: {url: 'https://bot:s3cret@git.example.com/acme/infra?token=s3cret', ref: {branch: main}}`
	kustomization = `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: apps}
spec: {interval: 10m, path: ./apps/shop, sourceRef: {kind: GitRepository, name: infra, namespace: flux-system}}
status: {lastAppliedRevision: main@sha1:4f2}`
	helmRepository = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: apps}
spec: {url: https://charts.example.com}`
	helmRelease = `
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop, namespace: apps, labels: {kustomize.toolkit.fluxcd.io/name: shop, kustomize.toolkit.fluxcd.io/namespace: apps}}
spec:
  interval: 15m
  chart: {spec: {chart: shop, version: 1.x, sourceRef: {kind: HelmRepository, name: charts}}}`
	application = `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  source: {repoURL: 'https://git.example.com/acme/shop', path: deploy, targetRevision: v2}
  destination: {server: https://kubernetes.default.svc, namespace: demo}
status:
  sync: {revision: 4f2}
  resources: [{group: apps, version: v1, kind: Deployment, namespace: demo, name: shop}]`

	byHelm    = "labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: shop, meta.helm.sh/release-namespace: demo}"
	byFlux    = "labels: {kustomize.toolkit.fluxcd.io/name: shop, kustomize.toolkit.fluxcd.io/namespace: apps}"
	byRelease = "labels: {helm.toolkit.fluxcd.io/name: shop, helm.toolkit.fluxcd.io/namespace: apps}"
	byArgo    = `annotations: {argocd.argoproj.io/tracking-id: "shop:apps/Deployment:demo/shop"}`
	byLabel   = "labels: {app.kubernetes.io/instance: shop}"

	infra = "path ./apps/shop of https://git.example.com/acme/infra at main (Kustomization apps/shop)"
	way   = ": change it in a checkout with 'kubectl harden fix --source CHECKOUT', or write patches for it with '-o kustomize --out DIR'"
)

// with adds lines under the spec of the manifest.
func with(manifest, spec string) string {
	return strings.Replace(manifest, "\nspec:", "\nspec:\n  "+strings.ReplaceAll(spec, "\n", "\n  "), 1)
}

// A delivery is what a plan says of one object.
type delivery struct {
	How  harden.Delivery
	Fate harden.Fate
	Why  string
	Next string
}

// owned plans for the Deployment, whose template the manager wrote, with what the tellers say.
func owned(t *testing.T, meta, manager string, operation metav1.ManagedFieldsOperationType, set string, opts harden.PlanOptions, tellers ...string) *harden.ObjectPlan {
	t.Helper()
	w := cluster(t, strings.Replace(deployment, "metadata: {name: shop, namespace: demo", "metadata: {name: shop, namespace: demo, "+meta, 1))
	managed(t, w.objects[longDeployment], manager, operation, wholeTemplate)
	for _, m := range tellers {
		w.inv.Owners.Objects = append(w.inv.Owners.Objects, object(t, m))
	}
	return one(t, w.build(opts, pick("x", harden.Low, security(t, w.ref(longDeployment), set))))
}

func deliveryOf(op *harden.ObjectPlan) delivery {
	d := delivery{op.Delivery, op.Fate, op.DeliveryWhy, ""}
	if op.Owner != nil {
		d.Next = op.Owner.Next
	}
	return d
}

const (
	adds    = "runAsNonRoot: true" // a field that nobody set
	changes = "privileged: false"  // one that the owner sets
	field   = `.spec.template.spec.containers[name="web"].securityContext.privileged`
)

func TestWhatOwnersSay(t *testing.T) {
	const apply, update = metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	inline := func(manifest string) string { // spec in flow style takes more keys
		return strings.Replace(manifest, "spec: {", "spec: {suspend: true, ", 1)
	}
	for _, test := range []struct {
		name, meta, manager string
		operation           metav1.ManagedFieldsOperationType
		set                 string
		tellers             []string
		want                delivery
	}{
		{
			"Flux, a field of its source", byFlux, "kustomize-controller", apply, changes,
			[]string{kustomization, gitRepository},
			delivery{
				harden.DeliverSource, harden.Contested, "Flux Kustomization apps/shop sets " + field + ", and re-applies it within 10m: change it in its source; it comes from " + infra + way,
				"every 10m (spec.interval), and with each new revision of its source",
			},
		},
		{
			"Flux, suspended", byFlux, "kustomize-controller", apply, changes,
			[]string{inline(kustomization), gitRepository},
			delivery{
				harden.DeliverSource, harden.Contested, "Flux Kustomization apps/shop sets " + field + ", and re-applies it once it is resumed (it is suspended): change it in its source; it comes from " + infra + way,
				"not before it is resumed (spec.suspend)",
			},
		},
		{
			"Flux, without its repository", byFlux, "kustomize-controller", apply, changes,
			[]string{kustomization},
			delivery{
				harden.DeliverSource, harden.Contested, "Flux Kustomization apps/shop sets " + field + ", and re-applies it within 10m: change it in its source; it comes from path ./apps/shop (Kustomization apps/shop)" + way,
				"every 10m (spec.interval), and with each new revision of its source",
			},
		},
		{
			"HelmRelease that does not correct drift", byRelease, "helm-controller", update, changes,
			[]string{helmRelease, helmRepository, kustomization, gitRepository},
			delivery{
				harden.DeliverSource, harden.Contested, "Flux HelmRelease apps/shop sets " + field + ", and its next upgrade (another chart or other values) sets it again: change it in its source; it comes from chart shop 1.x of https://charts.example.com (HelmRelease apps/shop), and " + infra + way,
				"when its chart or values change, which it looks for every 15m (driftDetection: disabled)",
			},
		},
		{
			"HelmRelease that corrects drift", byRelease, "helm-controller", update, changes,
			[]string{with(helmRelease, "driftDetection: {mode: enabled}"), helmRepository},
			delivery{
				harden.DeliverSource, harden.Contested, "Flux HelmRelease apps/shop sets " + field + ", and its drift correction puts it back within 15m: change it in its source; it comes from chart shop 1.x of https://charts.example.com (HelmRelease apps/shop)" + way,
				"every 15m it corrects drift (driftDetection: enabled), and it upgrades when its chart or values change",
			},
		},
		{
			"HelmRelease that ignores drift of the field", byRelease, "helm-controller", update, changes,
			[]string{with(helmRelease, "driftDetection: {mode: enabled, ignore: [{paths: [/spec/template/spec/containers/0/securityContext], target: {kind: Deployment}}]}")},
			delivery{
				harden.DeliverSource, harden.Contested, "Flux HelmRelease apps/shop sets " + field + ", and ignores drift there, but its next upgrade (another chart or other values) sets it again: change it in its source; it comes from chart shop 1.x (HelmRelease apps/shop)" + way,
				"every 15m it corrects drift (driftDetection: enabled), and it upgrades when its chart or values change",
			},
		},
		{
			"HelmRelease, another field", byRelease, "helm-controller", update, adds,
			[]string{with(helmRelease, "driftDetection: {mode: enabled}")},
			delivery{
				harden.DeliverLive, harden.Durable, "Flux HelmRelease apps/shop does not set these fields: they stay when it upgrades or corrects drift; set them in its values too",
				"every 15m it corrects drift (driftDetection: enabled), and it upgrades when its chart or values change",
			},
		},
		{
			"HelmRelease that replaces", byRelease, "helm-controller", update, adds,
			[]string{with(helmRelease, "upgrade: {force: true}")},
			delivery{
				harden.DeliverSource, harden.Futile, "Flux HelmRelease apps/shop replaces the whole object (spec.upgrade.force): whatever is patched live is gone after that; it comes from chart shop 1.x (HelmRelease apps/shop)" + way,
				"when its chart or values change, which it looks for every 15m (driftDetection: disabled)",
			},
		},
		{
			"T107: Argo CD that heals itself, a field that is not in Git", byArgo, "argocd-controller", update, adds,
			[]string{with(application, "syncPolicy: {automated: {selfHeal: true}}")},
			delivery{
				harden.DeliverLive, harden.Durable, "Argo CD application shop does not set these fields: they stay and show as Synced",
				"within seconds when it differs from its source (selfHeal), and with each new revision",
			},
		},
		{
			"T107: Argo CD that heals itself, a field in Git", byArgo, "argocd-controller", update, changes,
			[]string{with(application, "syncPolicy: {automated: {selfHeal: true, prune: true}}")},
			delivery{
				harden.DeliverSource, harden.Contested, "Argo CD application shop sets " + field + ", and self-heal puts it back within seconds: change it in its source; it comes from path deploy of https://git.example.com/acme/shop at v2 (Application argocd/shop)" + way,
				"within seconds when it differs from its source (selfHeal), and with each new revision; what its source no longer has is deleted (prune)",
			},
		},
		{
			"Argo CD that is synced by hand", byArgo, "argocd-controller", update, changes,
			[]string{with(application, "syncPolicy: {automated: {enabled: false, selfHeal: true}}")},
			delivery{
				harden.DeliverSource, harden.Contested, "Argo CD application shop sets " + field + ", and the next sync puts it back: change it in its source; it comes from path deploy of https://git.example.com/acme/shop at v2 (Application argocd/shop)" + way,
				"when somebody syncs it (no automated sync)",
			},
		},
		{
			"Argo CD that replaces", byArgo, "argocd-controller", update, adds,
			[]string{with(application, "syncPolicy: {automated: {}, syncOptions: [Replace=true]}")},
			delivery{
				harden.DeliverSource, harden.Futile, "Argo CD application shop replaces the whole object (Replace=true in its syncOptions): whatever is patched live is gone after that; it comes from path deploy of https://git.example.com/acme/shop at v2 (Application argocd/shop)" + way,
				"with each new revision of its source (automated, no selfHeal)",
			},
		},
		{
			"Argo CD that is told to apply server-side, and has not yet", byArgo, "argocd-controller", update, adds,
			[]string{with(application, "syncPolicy: {automated: {}, syncOptions: [ServerSideApply=true]}")},
			delivery{
				harden.DeliverSource, harden.Durable, `Argo CD applies this pod template server-side (manager "argocd-controller"): a live patch would co-own its containers, volumes or mounts, ` +
					"and its next apply that renames or removes one of them is refused (containers[0].image: Required value); it comes from path deploy of https://git.example.com/acme/shop at v2 (Application argocd/shop)" + way,
				"with each new revision of its source (automated, no selfHeal); it forces conflicts (ServerSideApply=true)",
			},
		},
		{
			"Argo CD that ignores the difference, until it syncs", byArgo, "argocd-controller", update, changes,
			[]string{with(application, "syncPolicy: {automated: {selfHeal: true}}\nignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/template/spec/containers/0/securityContext/privileged]}]")},
			delivery{
				harden.DeliverSource, harden.Contested, "Argo CD application shop sets " + field + ", and though it ignores differences there, the next sync puts it back: change it in its source; it comes from path deploy of https://git.example.com/acme/shop at v2 (Application argocd/shop)" + way,
				"within seconds when it differs from its source (selfHeal), and with each new revision",
			},
		},
		{
			"Argo CD that respects the difference", byArgo, "argocd-controller", update, changes,
			[]string{with(application, "syncPolicy: {automated: {selfHeal: true}, syncOptions: [RespectIgnoreDifferences=true]}\nignoreDifferences: [{group: '*', kind: '*', managedFieldsManagers: [harden]}]")},
			delivery{
				harden.DeliverLive, harden.Durable, "Argo CD application shop is told to leave " + field + " as others set it (ignoreDifferences, RespectIgnoreDifferences=true)",
				"within seconds when it differs from its source (selfHeal), and with each new revision",
			},
		},
		{
			"T108: Helm 4, a field of the chart", strings.Replace(byHelm, "managed-by: Helm", "managed-by: Helm, helm.sh/chart: shop-1.2.3_4", 1), "helm", apply, changes, nil,
			delivery{
				harden.DeliverSource, harden.Contested, "Helm release demo/shop sets " + field + ", and applies it server-side: with another value there, the next helm upgrade fails with a conflict, or takes it back with --force-conflicts: change its values; it comes from chart shop 1.2.3+4 (release demo/shop)" + way,
				"at the next helm upgrade or rollback",
			},
		},
		{
			"T109: the label alone", byLabel, "kubectl-edit", update, changes, nil,
			delivery{How: harden.DeliverLive, Fate: harden.Durable},
		},
		{
			"T109: the label, and an Application of that name that does not list it", byLabel, "kubectl-edit", update, changes,
			[]string{strings.Replace(application, "namespace: demo, name: shop", "namespace: other, name: shop", 1)},
			delivery{How: harden.DeliverLive, Fate: harden.Durable},
		},
		{
			"T109: the label, and an Application that lists it, in another cluster", byLabel, "kubectl-edit", update, changes,
			[]string{strings.Replace(application, "https://kubernetes.default.svc", "https://elsewhere.example.com", 1)},
			delivery{How: harden.DeliverLive, Fate: harden.Durable},
		},
		{
			"T109: the label, and the Application lists it", byLabel, "kubectl-edit", update, adds,
			[]string{application},
			delivery{harden.DeliverLive, harden.Durable, "Argo CD application shop does not set these fields: they stay and show as Synced", "when somebody syncs it (no automated sync)"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.want, deliveryOf(owned(t, test.meta, test.manager, test.operation, test.set, harden.PlanOptions{}, test.tellers...))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// What is futile stays what it is, and no value is taken from who applies it.
func TestLiveDoesNotOverrideEverything(t *testing.T) {
	const apply, update = metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	for _, test := range []struct {
		name, meta, manager string
		operation           metav1.ManagedFieldsOperationType
		set                 string
		tellers             []string
		want                harden.Delivery
		why                 string
	}{
		{"a field that Flux applies", byFlux, "kustomize-controller", apply, changes, nil, harden.DeliverSource, "; --live does not override that; "},
		{"another field of what Flux applies", byFlux, "kustomize-controller", apply, adds, nil, harden.DeliverLive, "live by your choice, although Flux applies"},
		{"a field that Helm 3 resets", byHelm, "helm", update, changes, nil, harden.DeliverLive, "live by your choice, although Helm release demo/shop sets"},
		{"what Argo CD replaces", byArgo, "argocd-controller", update, adds, []string{with(application, "syncPolicy: {syncOptions: [Replace=true]}")}, harden.DeliverSource, "--live does not override that"},
		{"T115: what an operator generates", "ownerReferences: [{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: pg, uid: x, controller: true}]", "cnpg", update, adds, nil, harden.DeliverManual, "Cluster/pg generates this object and would undo a live change within seconds: set it there; --live does not override that"},
		{"an add-on", "labels: {kubernetes.azure.com/managedby: aks}", "aks", update, adds, nil, harden.DeliverManual, "--live does not override that"},
		{"a field that somebody else applies", byHelm, "platform-team", apply, changes, nil, harden.DeliverSource, `manager "platform-team" sets ` + field + ", and its next apply would fail with a conflict: change its manifest; --live does not override that"},
		{"kapp", "labels: {kapp.k14s.io/app: '17'}", "kapp", update, adds, nil, harden.DeliverLive, "live by your choice, although kapp app 17 sets this object back"},
	} {
		t.Run(test.name, func(t *testing.T) {
			op := owned(t, test.meta, test.manager, test.operation, test.set, harden.PlanOptions{Live: true}, test.tellers...)
			if op.Delivery != test.want || !strings.Contains(op.DeliveryWhy, test.why) {
				t.Errorf("got %s: %s", op.Delivery, op.DeliveryWhy)
			}
		})
	}
}

func TestWhatMayNotBeReadIsSaid(t *testing.T) {
	for _, test := range []struct {
		name, meta string
		missing    harden.MissingOwner
		unknown    string // of the owner
		why        string // a part of DeliveryWhy
	}{
		{
			"forbidden", byFlux,
			harden.MissingOwner{Ref: harden.Ref{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "apps", Name: "shop"}, Forbidden: true, Why: "no\x1b[2J"},
			"Kustomization apps/shop may not be read (no[2J): who may read it could say where this comes from and when it is written next", "applies this pod template",
		},
		{
			"elsewhere", byArgo,
			harden.MissingOwner{Ref: harden.Ref{APIVersion: "argoproj.io/v1alpha1", Kind: "Application", Name: "shop"}, Why: "this API server has no applications"},
			"Application shop: this API server has no applications; it may be in the cluster from which this one is managed", "unless it syncs with Replace=true",
		},
		{
			"the label alone, and nobody knows", byLabel,
			harden.MissingOwner{Ref: harden.Ref{APIVersion: "argoproj.io/v1alpha1", Kind: "Application", Name: "shop"}, Forbidden: true, Why: "no"},
			"", "whether Argo CD manages this is not known",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := cluster(t, strings.Replace(deployment, "metadata: {name: shop, namespace: demo", "metadata: {name: shop, namespace: demo, "+test.meta, 1))
			managed(t, w.objects[longDeployment], "someone", metav1.ManagedFieldsOperationUpdate, wholeTemplate)
			w.inv.Owners.Missing = []harden.MissingOwner{test.missing}
			op := one(t, w.build(harden.PlanOptions{}, pick("x", harden.Low, security(t, w.ref(longDeployment), adds))))
			unknown := ""
			if op.Owner != nil {
				unknown = op.Owner.Unknown
			}
			same(t, "unknown", test.unknown, unknown)
			if !strings.Contains(op.DeliveryWhy, test.why) {
				t.Errorf("got %q", op.DeliveryWhy)
			}
		})
	}
}

func TestFieldOwners(t *testing.T) {
	w := cluster(t, deployment)
	u := w.objects[longDeployment]
	managed(t, u, "helm", metav1.ManagedFieldsOperationApply, wholeTemplate)
	managed(t, u, "kubectl-edit", metav1.ManagedFieldsOperationUpdate, wholeTemplate)
	entries := u.GetManagedFields()
	entries[1].Subresource = "scale"
	u.SetManagedFields(entries)
	op := one(t, w.build(harden.PlanOptions{}, pick("x", harden.Low, security(t, ref(u), "{privileged: false, runAsNonRoot: true}"))))
	want := []harden.FieldOwners{
		{Field: field, Managers: []harden.FieldOwner{{Manager: "helm", Applies: true}}},
		{Field: strings.Replace(field, "privileged", "runAsNonRoot", 1)},
	}
	if d := cmp.Diff(want, op.Fields); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestTellersAndSources(t *testing.T) {
	long := func(refs []harden.Ref) []string {
		out := []string{}
		for _, r := range refs {
			out = append(out, r.APIVersion+" "+r.Long())
		}
		return out
	}
	inOwn := strings.Replace(deployment, "metadata: {name: shop", `metadata: {annotations: {argocd.argoproj.io/tracking-id: "team_shop:apps/Deployment:demo/shop"}, name: shop`, 1)
	for _, test := range []struct {
		name string
		got  []harden.Ref
		want []string
	}{
		{"nothing", plan.Tellers(object(t, deployment)), []string{}},
		{"an Application in a namespace of its own", plan.Tellers(object(t, inOwn)), []string{"argoproj.io/v1alpha1 team/Application/shop"}},
		{"a release of a Kustomization", plan.Sources(object(t, helmRelease)), []string{
			"source.toolkit.fluxcd.io/v1 apps/HelmRepository/charts", "kustomize.toolkit.fluxcd.io/v1 apps/Kustomization/shop",
		}},
		{"chartRef", plan.Sources(object(t, `{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: a, namespace: apps}, spec: {chartRef: {kind: OCIRepository, name: c, namespace: oci}}}`)), []string{"source.toolkit.fluxcd.io/v1 oci/OCIRepository/c"}},
		{"a Kustomization", plan.Sources(object(t, kustomization)), []string{"source.toolkit.fluxcd.io/v1 flux-system/GitRepository/infra"}},
		{"a repository", plan.Sources(object(t, gitRepository)), []string{}},
	} {
		if d := cmp.Diff(test.want, long(test.got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, d)
		}
	}
}

func TestOrigins(t *testing.T) {
	const update = metav1.ManagedFieldsOperationUpdate
	for _, test := range []struct {
		name, meta string
		tellers    []string
		want       string
	}{
		{
			"chart with values in Git", byArgo,
			[]string{strings.Replace(application, "source: {repoURL: 'https://git.example.com/acme/shop', path: deploy, targetRevision: v2}", "sources: [{repoURL: 'git@git.example.com:acme/values.git', targetRevision: main, ref: values}, {repoURL: https://charts.example.com, chart: shop, targetRevision: 1.2.3}]", 1)},
			"chart shop 1.2.3 of https://charts.example.com (Application argocd/shop), and git@git.example.com:acme/values.git at main",
		},
		{
			"hydrated", byArgo,
			[]string{strings.Replace(application, "source: {repoURL: 'https://git.example.com/acme/shop', path: deploy, targetRevision: v2}", "sourceHydrator: {drySource: {repoURL: 'ssh://git:pw@git.example.com/dry', path: charts/shop, targetRevision: HEAD}, syncSource: {targetBranch: env}}", 1)},
			"path charts/shop of ssh://git@git.example.com/dry at HEAD (Application argocd/shop)",
		},
		{
			"bucket", byFlux,
			[]string{strings.Replace(kustomization, "kind: GitRepository", "kind: Bucket", 1), `{apiVersion: source.toolkit.fluxcd.io/v1, kind: Bucket, metadata: {name: infra, namespace: flux-system}, spec: {endpoint: s3.example.com, bucketName: deploy}}`},
			"path ./apps/shop of s3.example.com/deploy (Kustomization apps/shop)",
		},
		{
			"chartRef of a HelmChart", byRelease,
			[]string{
				`{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: shop, namespace: apps}, spec: {chartRef: {kind: HelmChart, name: c}}}`,
				`{apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmChart, metadata: {name: c, namespace: apps}, spec: {chart: ./charts/shop, version: '*', sourceRef: {kind: GitRepository, name: g}}}`,
				`{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: g, namespace: apps}, spec: {url: 'ssh://git@git.example.com/g', ref: {branch: x, tag: v1}}}`,
			},
			"chart ./charts/shop * of ssh://git@git.example.com/g at v1 (HelmRelease apps/shop)",
		},
		{"a URL that is none", byFlux, []string{kustomization, strings.Replace(gitRepository, "https://bot:s3cret@git", "https://bot:s3cr%et@git", 1)}, "path ./apps/shop of https://git.example.com/acme/infra at main (Kustomization apps/shop)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			op := owned(t, test.meta, "someone", update, adds, harden.PlanOptions{}, test.tellers...)
			if op.Owner == nil || op.Owner.Origin == nil {
				t.Fatalf("no origin: %+v", op.Owner)
			}
			same(t, "origin", test.want, op.Owner.Origin.String())
		})
	}
}
