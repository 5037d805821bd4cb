package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// wholeTemplate is what somebody who applies the Deployment above owns.
const wholeTemplate = `
metadata: {labels: {app: shop}}
spec:
  template:
    spec:
      containers:
      - {name: web, image: web:1, securityContext: {privileged: true}}
`

// whoAlone leaves out what an owner says of itself.
var whoAlone = cmpopts.IgnoreFields(harden.Owner{}, "Next", "Origin", "Unknown")

func TestOwnerOf(t *testing.T) {
	helm := map[string]string{"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "demo"}
	yes := true
	for _, test := range []struct {
		name                string
		labels, annotations map[string]string
		manager             string // writes wholeTemplate
		operation           metav1.ManagedFieldsOperationType
		owners              []metav1.OwnerReference
		workload            *harden.Workload
		want                *harden.Owner
	}{
		{name: "nobody"},
		{name: "client-side kubectl apply is no owner", manager: "kubectl-client-side-apply", operation: metav1.ManagedFieldsOperationUpdate},
		{name: "our own entry is no owner", manager: harden.Manager, operation: metav1.ManagedFieldsOperationApply},
		{
			name: "kubectl apply --server-side", manager: "kubectl", operation: metav1.ManagedFieldsOperationApply,
			want: &harden.Owner{Name: "kubectl", What: "server-side apply", Manager: "kubectl", Applies: true},
		},
		{name: "Helm label only", labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"}},
		{name: "Helm annotations only", annotations: helm},
		{
			name: "Helm 3", labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"}, annotations: helm,
			manager: "helm", operation: metav1.ManagedFieldsOperationUpdate,
			want: &harden.Owner{Name: "Helm", What: "release demo/shop", Manager: "helm"},
		},
		{
			name: "Helm 4", labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"}, annotations: helm,
			manager: "helm", operation: metav1.ManagedFieldsOperationApply,
			want: &harden.Owner{Name: "Helm", What: "release demo/shop", Manager: "helm", Applies: true},
		},
		{name: "Argo CD's label alone (T109)", labels: map[string]string{"app.kubernetes.io/instance": "shop"}},
		{
			name: "Argo CD by tracking id", annotations: map[string]string{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:demo/shop"},
			want: &harden.Owner{Name: "Argo CD", What: "application shop"},
		},
		{
			name: "Argo CD by its manager", labels: map[string]string{"app.kubernetes.io/instance": "shop"}, manager: "argocd-controller", operation: metav1.ManagedFieldsOperationApply,
			want: &harden.Owner{Name: "Argo CD", What: "application shop", Manager: "argocd-controller", Applies: true},
		},
		{
			name: "Flux by label", labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "apps"},
			want: &harden.Owner{Name: "Flux", What: "Kustomization apps/shop", Applies: true},
		},
		{
			name: "Flux by manager", manager: "kustomize-controller", operation: metav1.ManagedFieldsOperationApply,
			want: &harden.Owner{Name: "Flux", What: "Kustomization", Manager: "kustomize-controller", Applies: true},
		},
		{
			name: "Flux before Helm", labels: map[string]string{"app.kubernetes.io/managed-by": "Helm", "helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "apps"}, annotations: helm,
			manager: "helm-controller", operation: metav1.ManagedFieldsOperationUpdate,
			want: &harden.Owner{Name: "Flux", What: "HelmRelease apps/shop", Manager: "helm-controller"},
		},
		{
			name: "operator, seen by the inventory", workload: &harden.Workload{Controller: &harden.Ref{Kind: "Cluster", Name: "pg"}},
			want: &harden.Owner{Name: "Cluster", What: "Cluster/pg"},
		},
		{
			name: "operator, by owner reference", owners: []metav1.OwnerReference{{APIVersion: "postgresql.cnpg.io/v1", Kind: "Cluster", Name: "pg", Controller: &yes}},
			want: &harden.Owner{Name: "Cluster", What: "Cluster/pg"},
		},
		{name: "a plain reference is no controller", owners: []metav1.OwnerReference{{APIVersion: "postgresql.cnpg.io/v1", Kind: "Cluster", Name: "pg"}}},
		{
			name: "OLM", labels: map[string]string{"olm.owner": "etcd.v1", "olm.owner.kind": "ClusterServiceVersion"},
			want: &harden.Owner{Name: "Operator Lifecycle Manager", What: "ClusterServiceVersion/etcd.v1"},
		},
		{
			name: "add-on manager", labels: map[string]string{"addonmanager.kubernetes.io/mode": "Reconcile"},
			want: &harden.Owner{Name: "addon-manager", What: "add-on"},
		},
		{name: "add-on that is only ensured to exist", labels: map[string]string{"addonmanager.kubernetes.io/mode": "EnsureExists"}},
		{
			name: "EKS", manager: "eks", operation: metav1.ManagedFieldsOperationApply,
			want: &harden.Owner{Name: "Amazon EKS", What: "add-on", Manager: "eks", Applies: true},
		},
		{name: "GKE", labels: map[string]string{"components.gke.io/component-name": "dns"}, want: &harden.Owner{Name: "GKE", What: "dns"}},
		{name: "AKS", labels: map[string]string{"kubernetes.azure.com/managedby": "aks"}, want: &harden.Owner{Name: "AKS", What: "aks"}},
		{name: "kapp", labels: map[string]string{"kapp.k14s.io/app": "17"}, want: &harden.Owner{Name: "kapp", What: "app 17"}},
		{name: "Fleet", annotations: map[string]string{"objectset.rio.cattle.io/id": "shop"}, want: &harden.Owner{Name: "Fleet", What: "bundle shop"}},
		{name: "Config Sync", annotations: map[string]string{"configmanagement.gke.io/managed": "enabled"}, want: &harden.Owner{Name: "Config Sync", What: "repository"}},
		{name: "Tanka", labels: map[string]string{"tanka.dev/environment": "prod"}, want: &harden.Owner{Name: "Tanka", What: "environment prod"}},
		{name: "KubeVela", labels: map[string]string{"app.oam.dev/name": "shop"}, want: &harden.Owner{Name: "KubeVela", What: "application shop"}},
		{
			name: "Terraform", manager: "Terraform", operation: metav1.ManagedFieldsOperationApply,
			want: &harden.Owner{Name: "Terraform", What: "configuration", Manager: "Terraform", Applies: true},
		},
		{
			name: "Pulumi", manager: "pulumi-kubernetes-1a2b", operation: metav1.ManagedFieldsOperationUpdate,
			want: &harden.Owner{Name: "Pulumi", What: "configuration", Manager: "pulumi-kubernetes-1a2b"},
		},
		{
			name: "Crossplane", manager: "crossplane-kubernetes-provider", operation: metav1.ManagedFieldsOperationUpdate,
			want: &harden.Owner{Name: "Crossplane", What: "configuration", Manager: "crossplane-kubernetes-provider"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := object(t, deployment)
			u.SetLabels(test.labels)
			u.SetAnnotations(test.annotations)
			u.SetOwnerReferences(test.owners)
			if test.manager != "" {
				managed(t, u, test.manager, test.operation, wholeTemplate)
			}
			got := plan.OwnerOf(u, test.workload)
			if d := cmp.Diff(test.want, got, whoAlone); d != "" {
				t.Errorf("owner (-want +got):\n%s", d)
			}
			if got != nil && got.Next == "" {
				t.Error("it is not said when it writes next")
			}
		})
	}

	t.Run("who applies something but the template is no owner", func(t *testing.T) {
		u := object(t, deployment)
		managed(t, u, "scaler", metav1.ManagedFieldsOperationApply, "spec: {replicas: 2}")
		if o := plan.OwnerOf(u, nil); o != nil {
			t.Errorf("got %+v", o)
		}
	})
	t.Run("mirror pod", func(t *testing.T) {
		u := object(t, `{apiVersion: v1, kind: Pod, metadata: {name: etcd-cp, annotations: {kubernetes.io/config.mirror: x}}, spec: {nodeName: cp, containers: []}}`)
		if d := cmp.Diff(&harden.Owner{Name: "kubelet", What: "node cp"}, plan.OwnerOf(u, nil), whoAlone); d != "" {
			t.Error(d)
		}
	})
}

func TestDelivery(t *testing.T) {
	helm := "labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: shop, meta.helm.sh/release-namespace: demo}"
	flux := "labels: {kustomize.toolkit.fluxcd.io/name: shop, kustomize.toolkit.fluxcd.io/namespace: apps}"
	argo := `annotations: {argocd.argoproj.io/tracking-id: "shop:apps/Deployment:demo/shop"}`
	const adds, changes = "runAsNonRoot: true", "privileged: false"
	type writer struct {
		name      string
		operation metav1.ManagedFieldsOperationType
	}
	by := func(name string, operation metav1.ManagedFieldsOperationType) writer { return writer{name, operation} }
	const apply, update = metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	for _, test := range []struct {
		name   string
		meta   string // added to the metadata
		writer writer
		set    string // securityContext of the web container
		remove bool   // takes a capability away instead
		live   bool   // PlanOptions.Live
		want   harden.Delivery
		why    string // a part of it
	}{
		{name: "nobody", set: changes, want: harden.DeliverLive},
		{name: "kubectl user", writer: by("kubectl-client-side-apply", update), set: changes, want: harden.DeliverLive},
		{
			name: "kubectl user whose manifest says otherwise", set: changes, want: harden.DeliverLive,
			meta: `annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"template":{"spec":{"containers":[{"name":"web","securityContext":{"privileged":true}}]}}}}'}`,
			why:  `the manifest that was last applied with kubectl sets .spec.template.spec.containers[name="web"].securityContext.privileged`,
		},
		{name: "server-side kubectl", writer: by("kubectl", apply), set: adds, want: harden.DeliverSource, why: `kubectl applies this pod template server-side (manager "kubectl"): a live patch would co-own`},
		{name: "server-side kubectl, live by choice", writer: by("kubectl", apply), set: adds, live: true, want: harden.DeliverLive, why: "live by your choice, although kubectl applies"},
		{name: "Helm 3, a field that the chart does not set", meta: helm, writer: by("helm", update), set: adds, want: harden.DeliverLive, why: "Helm release demo/shop does not set these fields: they survive helm upgrade"},
		{name: "Helm 3, a field of the chart", meta: helm, writer: by("helm", update), set: changes, want: harden.DeliverSource, why: "the next helm upgrade resets it"},
		{name: "Helm 3, a field that somebody edited by hand", meta: helm, writer: by("kubectl-edit", update), set: changes, want: harden.DeliverLive, why: "does not set these fields"},
		{name: "Helm 3, a removal", meta: helm, writer: by("kubectl-edit", update), remove: true, want: harden.DeliverSource, why: "may put back what is taken away"},
		{name: "Helm 4 (T108)", meta: helm, writer: by("helm", apply), set: adds, want: harden.DeliverSource, why: `(manager "helm")`},
		{name: "Argo CD, a field that is not in Git (T107)", meta: argo, writer: by("argocd-controller", update), set: adds, want: harden.DeliverLive, why: "stay and show as Synced"},
		{name: "Argo CD, a field in Git (T107)", meta: argo, writer: by("argocd-controller", update), set: changes, want: harden.DeliverSource, why: "self-heal or the next sync puts it back"},
		{name: "without managedFields a value may be anybody's", meta: argo, set: changes, want: harden.DeliverSource, why: "sets .spec.template.spec"},
		{name: "Flux", meta: flux, set: adds, want: harden.DeliverSource, why: `Flux applies this pod template server-side (manager "kustomize-controller")`},
		{name: "Flux, told to keep off", meta: flux + ", annotations: {kustomize.toolkit.fluxcd.io/reconcile: disabled}", set: adds, want: harden.DeliverLive, why: "told to leave this object alone"},
		{name: "kapp", meta: "labels: {kapp.k14s.io/app: '17'}", set: adds, want: harden.DeliverSource, why: "kapp app 17 sets this object back at its next run"},
		{name: "operator", meta: "ownerReferences: [{apiVersion: acid.zalan.do/v1, kind: postgresql, name: pg, uid: x, controller: true}]", set: adds, want: harden.DeliverManual, why: "postgresql/pg generates this object and would undo a live change within seconds"},
		{name: "add-on", meta: "labels: {kubernetes.azure.com/managedby: aks}", set: adds, want: harden.DeliverManual, why: "use the configuration of the add-on"},
	} {
		t.Run(test.name, func(t *testing.T) {
			meta := "metadata: {name: shop, namespace: demo"
			if test.meta != "" {
				meta += ", " + test.meta
			}
			w := cluster(t, strings.Replace(deployment, "metadata: {name: shop, namespace: demo", meta, 1))
			u := w.objects[longDeployment]
			if test.writer.name != "" {
				managed(t, u, test.writer.name, test.writer.operation, wholeTemplate)
			}
			change := harden.RemoveFrom(ref(u), harden.ContainerPath(ref(u), web, "securityContext", "capabilities", "add"))
			if !test.remove {
				change = security(t, ref(u), test.set)
			}
			op := one(t, w.build(harden.PlanOptions{Live: test.live}, pick("x", harden.Low, change)))
			if op.Delivery != test.want || !strings.Contains(op.DeliveryWhy, test.why) || test.why == "" && op.DeliveryWhy != "" {
				t.Errorf("got %s: %q", op.Delivery, op.DeliveryWhy)
			}
		})
	}
}

func TestDeliveryOfOtherKinds(t *testing.T) {
	pod := `{apiVersion: v1, kind: Pod, metadata: {name: one, namespace: demo}, spec: {containers: [{name: web, image: a}]}}`
	job := `{apiVersion: batch/v1, kind: Job, metadata: {name: one, namespace: demo}, spec: {template: {spec: {containers: [{name: web, image: a}]}}}}`
	static := `{apiVersion: v1, kind: Pod, metadata: {name: static, namespace: demo, annotations: {kubernetes.io/config.mirror: x}}, spec: {nodeName: cp, containers: [{name: web, image: a}]}}`
	set := `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: manual, namespace: demo}, spec: {serviceName: x, selector: {}, updateStrategy: {type: OnDelete}, template: {spec: {containers: [{name: web, image: a}]}}}}`
	split := `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: split, namespace: demo}, spec: {serviceName: x, selector: {}, updateStrategy: {rollingUpdate: {partition: 2}}, template: {spec: {containers: [{name: web, image: a}]}}}}`
	bare := `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: bare, namespace: demo}, spec: {selector: {}, template: {spec: {containers: [{name: web, image: a}]}}}}`
	w := cluster(t, pod, job, static, set, split, bare)
	for _, test := range []struct {
		object   string
		want     harden.Delivery
		why      string
		restarts int
	}{
		{"demo/Pod/one", harden.DeliverSource, "the spec of a Pod cannot be changed", 0},
		{"demo/Job/one", harden.DeliverSource, "the pod template of a Job cannot be changed", 0},
		{"demo/Pod/static", harden.DeliverManual, "the kubelet runs this pod from a file on its node (node cp)", 0},
		{"demo/StatefulSet/manual", harden.DeliverLive, "updateStrategy is OnDelete", 0},
		{"demo/StatefulSet/split", harden.DeliverLive, "pods with a number below the partition 2 keep the old template", 1},
		{"demo/ReplicaSet/bare", harden.DeliverLive, "running pods keep the old template", 0},
	} {
		t.Run(test.object, func(t *testing.T) {
			op := one(t, w.build(harden.PlanOptions{Live: true}, pick("x", harden.Low, security(t, w.ref(test.object), "runAsNonRoot: true"))))
			if op.Delivery != test.want || !strings.HasPrefix(op.DeliveryWhy, test.why) || op.Restarts != test.restarts {
				t.Errorf("got %s, %d restarts: %q", op.Delivery, op.Restarts, op.DeliveryWhy)
			}
		})
	}

	t.Run("a waiver on a Pod and on what an Apply manager owns goes live", func(t *testing.T) {
		note := func(r harden.Ref) plan.Pick {
			return pick("x", harden.Low, harden.SetObject(r, fields(t, "metadata: {annotations: {kubectl-harden.github.io/waive: x}}")))
		}
		if op := one(t, w.build(harden.PlanOptions{}, note(w.ref("demo/Pod/one")))); op.Delivery != harden.DeliverLive {
			t.Errorf("got %s: %s", op.Delivery, op.DeliveryWhy)
		}
		w := cluster(t, deployment)
		managed(t, w.objects[longDeployment], "kubectl", metav1.ManagedFieldsOperationApply, wholeTemplate)
		if op := one(t, w.build(harden.PlanOptions{}, note(w.ref(longDeployment)))); op.Delivery != harden.DeliverLive || op.Restarts != 0 {
			t.Errorf("got %s, %d restarts: %s", op.Delivery, op.Restarts, op.DeliveryWhy)
		}
	})

	t.Run("a field outside the template that an Apply manager sets", func(t *testing.T) {
		w := cluster(t, `{apiVersion: v1, kind: ServiceAccount, metadata: {name: one, namespace: demo}, automountServiceAccountToken: true}`)
		u := w.objects["demo/ServiceAccount/one"]
		managed(t, u, "kubectl", metav1.ManagedFieldsOperationApply, "automountServiceAccountToken: true")
		op := one(t, w.build(harden.PlanOptions{}, pick("x", harden.Low, harden.SetObject(ref(u), fields(t, "automountServiceAccountToken: false")))))
		if op.Delivery != harden.DeliverSource || !strings.Contains(op.DeliveryWhy, "its next apply would fail with a conflict") {
			t.Errorf("got %s: %s", op.Delivery, op.DeliveryWhy)
		}
	})
}

func TestFilesHaveNoOwnerToAsk(t *testing.T) {
	w := files(t, strings.Replace(deployment, "namespace: demo,", "namespace: demo, labels: {kustomize.toolkit.fluxcd.io/name: shop},", 1))
	u := w.objects[longDeployment]
	r := ref(u)
	r.Source = harden.Source{File: "shop.yaml", Line: 3}
	w.objects[r.Long()] = u
	p := w.build(harden.PlanOptions{}, pick("x", harden.Low, security(t, r, "runAsNonRoot: true")))
	op := one(t, p)
	if p.Live || op.Delivery != harden.DeliverLive || op.Owner != nil || op.Restarts != 1 || !strings.HasPrefix(op.Diff, "--- file/demo/Deployment/shop\n") {
		t.Errorf("live %t, delivery %s, owner %v, restarts %d, diff %s", p.Live, op.Delivery, op.Owner, op.Restarts, op.Diff)
	}
}

func TestRestartsOfRemovals(t *testing.T) {
	w := cluster(t, deployment)
	r := w.ref(longDeployment)
	volume := harden.RemoveFrom(r, harden.ContainerPath(r, web, "securityContext", "capabilities", "add"))
	port := harden.RemoveFrom(r, harden.PodSpecPath(r, "hostNetwork"))
	for _, test := range []struct {
		name  string
		picks []plan.Pick
		want  int
	}{
		{"a removal that server-side apply cannot say", []plan.Pick{pick("a", harden.Low, volume)}, 1},
		{"with something to set", []plan.Pick{pick("a", harden.Low, volume), pick("b", harden.Low, security(t, r, "runAsNonRoot: true"))}, 2},
		{"a removal by zero", []plan.Pick{pick("a", harden.Low, port), pick("b", harden.Low, security(t, r, "runAsNonRoot: true"))}, 1},
		{"nothing under the template", []plan.Pick{pick("a", harden.Low, harden.SetObject(r, fields(t, "spec: {revisionHistoryLimit: 10}")))}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if op := one(t, w.build(harden.PlanOptions{}, test.picks...)); op.Restarts != test.want {
				t.Errorf("got %d, want %d", op.Restarts, test.want)
			}
		})
	}
	paused := w.objects[longDeployment]
	if err := unstructured.SetNestedField(paused.Object, true, "spec", "paused"); err != nil {
		t.Fatal(err)
	}
	op := one(t, w.build(harden.PlanOptions{}, pick("b", harden.Low, security(t, r, "runAsNonRoot: true"))))
	if op.Restarts != 0 || op.DeliveryWhy != "the Deployment is paused: no pod is replaced until it is resumed" {
		t.Errorf("paused: %d, %s", op.Restarts, op.DeliveryWhy)
	}
}
