package cluster

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

func TestMain(m *testing.M) { os.Exit(labtest.Main(m)) }

func labReader(t *testing.T, kubeconfig string) *Reader {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(cfg, "lab")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func kubectl(t *testing.T, l *lab.Lab, input string, args ...string) {
	t.Helper()
	if _, err := l.KubectlInput(t.Context(), input, args...); err != nil {
		t.Fatal(err)
	}
}

const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example.com/web, env: [{name: A, value: b}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: example.com/db}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  suspend: true
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: job, image: example.com/job}]}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: bare, labels: {app: web}}
spec: {containers: [{name: bare, image: example.com/bare}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Ingress]}
`

// deploy applies the manifests and waits for the pods.
func deploy(t *testing.T, l *lab.Lab) (namespace string) {
	t.Helper()
	namespace = labtest.Namespace(t, l)
	kubectl(t, l, manifests, "apply", "-n", namespace, "-f", "-")
	kubectl(t, l, "", "rollout", "status", "-n", namespace, "deployment/web", "--timeout=120s")
	kubectl(t, l, "", "rollout", "status", "-n", namespace, "statefulset/db", "--timeout=120s")
	return namespace
}

// summary lists workloads with the number of their pods.
func summary(inv *harden.Inventory) []string {
	var out []string
	for _, w := range inv.Workloads {
		line := w.Ref.String()
		for range w.Pods {
			line += " +"
		}
		out = append(out, line)
	}
	return out
}

var deployed = []string{"CronJob/nightly", "Deployment/web + +", "Pod/bare +", "StatefulSet/db +"}

func TestLabRead(t *testing.T) {
	l := labtest.Shared(t)
	ns := deploy(t, l)
	r := labReader(t, l.Kubeconfig())
	inv, err := r.Read(t.Context(), harden.Scope{Namespaces: []string{ns}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(deployed, summary(inv)); diff != "" {
		t.Error(diff)
	}
	if inv.Cluster.UID == "" || inv.Cluster.Minor < 30 || !inv.Live() || len(inv.Unread) > 0 {
		t.Errorf("got cluster %+v, unread %v", inv.Cluster, inv.Unread)
	}
	if inv.Namespaces[ns] == nil || inv.ServiceAccounts[ns]["default"] == nil || len(inv.NetworkPolicies[ns]) != 1 || len(inv.Nodes) != 2 {
		t.Errorf("namespace %v, accounts %v, policies %v, %d nodes", inv.Namespaces[ns], inv.ServiceAccounts[ns], inv.NetworkPolicies[ns], len(inv.Nodes))
	}
	web := inv.Workloads[1]
	if web.Ref.UID == "" || *web.Replicas != 2 || web.Pods[0].Spec.NodeName == "" || &web.Pods[0].Spec.Containers[0].Env[0] != &web.Pods[1].Spec.Containers[0].Env[0] {
		t.Errorf("got %+v with pods %v", web.Ref, web.Pods)
	}

	all, err := r.Read(t.Context(), harden.Scope{All: true})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(all.Scope, ns) || !slices.Contains(all.Scope, kubeSystem) {
		t.Errorf("the scope of all namespaces is %v", all.Scope)
	}
}

func TestLabReadOne(t *testing.T) {
	l := labtest.Shared(t)
	ns := deploy(t, l)
	r := labReader(t, l.Kubeconfig())
	for _, kindAndWant := range []struct{ kind, name, want string }{
		{"Deployment", "web", "Deployment/web + +"},
		{"StatefulSet", "db", "StatefulSet/db +"},
		{"CronJob", "nightly", "CronJob/nightly"},
		{"Pod", "bare", "Pod/bare +"},
	} {
		inv, err := r.ReadOne(t.Context(), harden.Ref{APIVersion: "apps/v1", Kind: kindAndWant.kind, Namespace: ns, Name: kindAndWant.name})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(summary(inv), ", "); got != kindAndWant.want {
			t.Errorf("got %s, want %s", got, kindAndWant.want)
		}
		if inv.Namespaces[ns] == nil || inv.ServiceAccounts[ns]["default"] == nil || len(inv.NetworkPolicies[ns]) != 1 {
			t.Errorf("%s: namespace, accounts or policies are missing", kindAndWant.want)
		}
	}
	inv, err := r.ReadOne(t.Context(), harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: ns, Name: "default"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(deployed, summary(inv)); diff != "" {
		t.Error(diff)
	}
	if _, err := r.ReadOne(t.Context(), harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: "gone"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestLabRightsInOneNamespace(t *testing.T) {
	l := labtest.Shared(t)
	ns := deploy(t, l)
	user := "jane-" + ns
	kubectl(t, l, "", "create", "role", "reader", "-n", ns, "--verb=get,list,watch",
		"--resource=pods,serviceaccounts,deployments.apps,replicasets.apps,statefulsets.apps,daemonsets.apps,jobs.batch,cronjobs.batch,replicationcontrollers")
	kubectl(t, l, "", "create", "rolebinding", "reader", "-n", ns, "--role=reader", "--user="+user)
	kubeconfig, err := l.KubeconfigFor(user)
	if err != nil {
		t.Fatal(err)
	}
	r := labReader(t, kubeconfig)
	inv, err := r.Read(t.Context(), harden.Scope{Namespaces: []string{ns}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(deployed, summary(inv)); diff != "" {
		t.Error(diff)
	}
	var unread []string
	for _, u := range harden.GatherUnread(inv.Unread) {
		unread = append(unread, u.Resource+" in "+u.Namespace)
		if !strings.Contains(u.Why, user) {
			t.Errorf("%q does not say who may not", u.Why)
		}
	}
	want := []string{
		"apiservices.apiregistration.k8s.io in ", harden.ConfigMaps + " in " + ns, "namespaces in " + ns, networkPolicies + " in " + ns,
	}
	if diff := cmp.Diff(want, unread); diff != "" {
		t.Error(diff)
	}
	for _, resource := range []string{harden.APIServices, harden.MutatingWebhookConfigurations, harden.ValidatingWebhookConfigurations, harden.EngineResource} {
		if inv.Unreadable(resource, "") == "" {
			t.Errorf("%s is not said to be unreadable", resource)
		}
	}
	if inv.Unreadable(harden.Services, ns) == "" || inv.Net.Engine.Enforces != harden.EnforcementUnknown {
		t.Errorf("Services are readable, or the engine is known: %+v", inv.Net.Engine)
	}
	if inv.Cluster.UID != "" || inv.Unreadable(networkPolicies, ns) == "" {
		t.Errorf("got cluster UID %q and readable policies", inv.Cluster.UID)
	}
	whole, err := r.ReadWhole(t.Context(), []string{ns}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(deployed, summary(whole)); diff != "" {
		t.Error(diff)
	}
	for _, scope := range []harden.Scope{{All: true}, {Namespaces: []string{"default"}}} {
		if _, err := r.Read(t.Context(), scope); !errors.Is(err, ErrForbidden) {
			t.Errorf("%+v: got %v, want ErrForbidden", scope, err)
		}
	}
}

// ciliumCRD is that of Cilium as far as reading needs it.
const ciliumCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ciliumclusterwidenetworkpolicies.cilium.io}
spec:
  group: cilium.io
  scope: Cluster
  names: {kind: CiliumClusterwideNetworkPolicy, plural: ciliumclusterwidenetworkpolicies, singular: ciliumclusterwidenetworkpolicy}
  versions: [{name: v2, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`

const netManifests = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: NS}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NS}
webhooks:
- name: check.example.com
  failurePolicy: Ignore
  sideEffects: None
  admissionReviewVersions: [v1]
  namespaceSelector: {matchLabels: {nobody: has-this}}
  clientConfig: {service: {namespace: NS, name: web}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
---
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: NS}
spec: {endpointSelector: {matchLabels: {io.kubernetes.pod.namespace: NS}}, ingress: [{}]}
`

// T51: what covers a namespace may be a policy of the cluster of another kind.
func TestLabNet(t *testing.T) {
	l := labtest.Shared(t)
	ns := deploy(t, l)
	kubectl(t, l, ciliumCRD, "apply", "-f", "-")
	t.Cleanup(func() {
		_, _ = l.Kubectl(context.Background(), "delete", "--ignore-not-found", "validatingwebhookconfiguration/"+ns, "crd/ciliumclusterwidenetworkpolicies.cilium.io")
	})
	kubectl(t, l, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/ciliumclusterwidenetworkpolicies.cilium.io")
	objects := strings.ReplaceAll(netManifests, "NS", ns)
	kubectl(t, l, objects, "apply", "-f", "-")
	r := labReader(t, l.Kubeconfig())
	isOurs := func(inv *harden.Inventory) bool {
		return slices.ContainsFunc(inv.Net.Policies, func(p *unstructured.Unstructured) bool {
			return p.GetKind() == "CiliumClusterwideNetworkPolicy" && p.GetName() == ns
		})
	}
	scope := harden.Scope{Namespaces: []string{ns}}
	var inv *harden.Inventory
	// The group is announced a moment after its kind is served.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		var err error
		if inv, err = r.Read(t.Context(), scope); err != nil {
			t.Fatal(err)
		}
		if isOurs(inv) || time.Now().After(deadline) {
			break
		}
	}
	check := func(what string, inv *harden.Inventory) {
		t.Helper()
		if !isOurs(inv) || inv.Net.Service(ns, "web") == nil || len(inv.Unread) > 0 {
			t.Errorf("%s: policies, Services or both are missing; unread %v", what, inv.Unread)
		}
		if !slices.ContainsFunc(inv.Net.Callees, func(c harden.Callee) bool {
			return c.By.Name == ns && c.Namespace == ns && c.Service == "web" && c.Port == 443 && c.Policy == "Ignore"
		}) {
			t.Errorf("%s: got callees %v", what, inv.Net.Callees)
		}
		if e := inv.Net.Engine; e.Name != "" || e.Enforces == harden.Enforced || e.Why == "" {
			t.Errorf("%s: the lab has no engine, got %+v", what, e)
		}
	}
	check("Read", inv)
	whole, err := r.ReadWhole(t.Context(), []string{ns}, nil)
	if err != nil {
		t.Fatal(err)
	}
	check("ReadWhole", whole)
	if !slices.ContainsFunc(whole.Net.EndpointSlices, func(s *discoveryv1.EndpointSlice) bool {
		return s.Namespace == "default" && s.Labels[discoveryv1.LabelServiceName] == "kubernetes"
	}) {
		t.Error("the EndpointSlice of the API server is missing")
	}
	if len(whole.Scope) < 2 || !slices.ContainsFunc(whole.Net.ConfigMaps, func(c *corev1.ConfigMap) bool { return c.Namespace == metav1.NamespaceSystem && len(c.Data) > 0 }) {
		t.Errorf("namespaces %v or their ConfigMaps are missing", whole.Scope)
	}
	one, err := r.ReadOne(t.Context(), harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: "web"})
	if err != nil {
		t.Fatal(err)
	}
	check("ReadOne", one)

	updates := r.Watch(t.Context(), scope, inv)
	kubectl(t, l, "", "delete", "ciliumclusterwidenetworkpolicy", ns)
	receive(t, updates, "the policy is gone", func(u Update) bool { return !isOurs(u.Inventory) })
	kubectl(t, l, "", "delete", "service", "web", "-n", ns)
	receive(t, updates, "the Service is gone", func(u Update) bool { return u.Inventory.Net.Service(ns, "web") == nil && !u.Stale })
}

func TestLabNoSuchNamespace(t *testing.T) {
	l := labtest.Shared(t)
	_, err := labReader(t, l.Kubeconfig()).Read(t.Context(), harden.Scope{Namespaces: []string{"nowhere"}})
	if !errors.Is(err, ErrNamespaceNotFound) {
		t.Errorf("got %v, want ErrNamespaceNotFound", err)
	}
}

func TestLabWatch(t *testing.T) {
	l := labtest.Shared(t)
	ns := deploy(t, l)
	r := labReader(t, l.Kubeconfig())
	scope := harden.Scope{Namespaces: []string{ns}}
	first, err := r.Read(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	updates := r.Watch(t.Context(), scope, first)
	kubectl(t, l, "", "set", "image", "-n", ns, "deployment/web", "web=example.com/web:2")
	receive(t, updates, "the new template and pods", func(u Update) bool {
		w := u.Inventory.Workloads[1]
		return w.Template.Spec.Containers[0].Image == "example.com/web:2" && len(w.Pods) > 0 &&
			slices.ContainsFunc(w.Pods, podHasImage("example.com/web:2")) && !u.Stale
	})
	kubectl(t, l, "", "label", "namespace", ns, "seen=yes")
	receive(t, updates, "the label of the namespace", func(u Update) bool { return u.Inventory.Namespaces[ns].Labels["seen"] == "yes" })
	kubectl(t, l, "", "delete", "statefulset", "db", "-n", ns)
	receive(t, updates, "the deletion", func(u Update) bool {
		return !slices.ContainsFunc(u.Inventory.Workloads, func(w *harden.Workload) bool { return w.Ref.Name == "db" })
	})
}

func TestLabServerGoesAwayAndReturns(t *testing.T) {
	l := labtest.Start(t, lab.Options{})
	r := labReader(t, l.Kubeconfig())
	r.timing.most = time.Second
	scope := harden.Scope{Namespaces: []string{"default"}}
	first, err := r.Read(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	updates := r.Watch(t.Context(), scope, first)
	if err := l.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	u := receive(t, updates, "the loss", func(u Update) bool { return u.Stale })
	if !errors.Is(u.Err, ErrUnreachable) || u.Inventory.Namespaces["default"] == nil {
		t.Errorf("got %v with namespaces %v", u.Err, u.Inventory.Namespaces)
	}
	if err := l.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	receive(t, updates, "the return", func(u Update) bool { return !u.Stale })
	kubectl(t, l, "", "create", "serviceaccount", "fresh", "-n", "default")
	receive(t, updates, "a change after the return", func(u Update) bool { return u.Inventory.ServiceAccounts["default"]["fresh"] != nil })
}

func podHasImage(image string) func(*corev1.Pod) bool {
	return func(p *corev1.Pod) bool { return p.Spec.Containers[0].Image == image }
}
