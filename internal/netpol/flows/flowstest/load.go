// Package flowstest makes the inventory of a network from YAML, for the tests of
// flows and of what is proposed by them.
package flowstest

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Now is the time of every inventory made here.
var Now = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// Load makes the inventory of a cluster from all documents of the texts. Objects
// without a namespace are in "default". A Pod with a controller among them is one
// of its live pods.
func Load(t testing.TB, texts ...string) *harden.Inventory {
	t.Helper()
	l := loader{t: t, scope: map[string]bool{}, inv: (&harden.Inventory{
		Now:             Now,
		Cluster:         harden.Cluster{Server: "https://127.0.0.1:6443"},
		Namespaces:      map[string]*corev1.Namespace{},
		ServiceAccounts: map[string]map[string]*corev1.ServiceAccount{},
		NetworkPolicies: map[string][]*networkingv1.NetworkPolicy{},
	}).Fresh()}
	for _, text := range texts {
		reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
		for {
			doc, err := reader.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("reading YAML: %v", err)
			}
			if len(bytes.TrimSpace(doc)) > 0 {
				l.add(doc)
			}
		}
	}
	l.finish()
	return l.inv
}

// Folder is the text of all YAML files of a folder.
func Folder(t testing.TB, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no manifests in %s: %v", dir, err)
	}
	var all strings.Builder
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("---\n")
		all.Write(data)
		all.WriteByte('\n')
	}
	return all.String()
}

type loader struct {
	t     testing.TB
	inv   *harden.Inventory
	scope map[string]bool
	pods  []*corev1.Pod
}

func (l *loader) add(doc []byte) {
	l.t.Helper()
	var meta metav1.PartialObjectMetadata
	if err := yaml.Unmarshal(doc, &meta); err != nil {
		l.t.Fatalf("reading a document: %v\n%s", err, doc)
	}
	if meta.APIVersion == "" {
		l.t.Fatalf("a document without apiVersion:\n%s", doc)
	}
	net := &l.inv.Net
	object, err := scheme.Scheme.New(meta.GroupVersionKind())
	if err != nil {
		l.custom(doc)
		return
	}
	if err := yaml.UnmarshalStrict(doc, object); err != nil {
		l.t.Fatalf("decoding: %v\n%s", err, doc)
	}
	l.inv.Objects++
	if accessor, ok := object.(metav1.Object); ok && meta.Kind != "Namespace" && meta.Kind != "Node" && meta.Kind != "IngressClass" {
		if accessor.GetNamespace() == "" {
			accessor.SetNamespace(metav1.NamespaceDefault)
		}
		l.scope[accessor.GetNamespace()] = true
	}
	switch o := object.(type) {
	case *appsv1.Deployment:
		l.workload(meta, o.ObjectMeta, o.Spec.Template).Replicas = o.Spec.Replicas
	case *appsv1.StatefulSet:
		l.workload(meta, o.ObjectMeta, o.Spec.Template).Replicas = o.Spec.Replicas
	case *appsv1.DaemonSet:
		l.workload(meta, o.ObjectMeta, o.Spec.Template)
	case *batchv1.Job:
		l.workload(meta, o.ObjectMeta, o.Spec.Template)
	case *batchv1.CronJob:
		l.workload(meta, o.ObjectMeta, o.Spec.JobTemplate.Spec.Template)
	case *corev1.Pod:
		l.pods = append(l.pods, o)
	case *corev1.Namespace:
		l.inv.Namespaces[o.Name] = o
		l.scope[o.Name] = true
	case *corev1.ServiceAccount:
		if l.inv.ServiceAccounts[o.Namespace] == nil {
			l.inv.ServiceAccounts[o.Namespace] = map[string]*corev1.ServiceAccount{}
		}
		l.inv.ServiceAccounts[o.Namespace][o.Name] = o
	case *corev1.Node:
		l.inv.Nodes = append(l.inv.Nodes, o)
	case *corev1.Service:
		net.Services = append(net.Services, o)
	case *corev1.ConfigMap:
		net.ConfigMaps = append(net.ConfigMaps, o)
	case *networkingv1.Ingress:
		net.Ingresses = append(net.Ingresses, o)
	case *networkingv1.IngressClass:
		net.IngressClasses = append(net.IngressClasses, o)
	case *networkingv1.NetworkPolicy:
		l.inv.NetworkPolicies[o.Namespace] = append(l.inv.NetworkPolicies[o.Namespace], o)
	case *discoveryv1.EndpointSlice:
		net.EndpointSlices = append(net.EndpointSlices, o)
	}
}

func (l *loader) custom(doc []byte) {
	json, err := yaml.YAMLToJSON(doc)
	if err != nil {
		l.t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(json); err != nil {
		l.t.Fatalf("decoding: %v\n%s", err, doc)
	}
	switch group := u.GroupVersionKind().Group; group {
	case "gateway.networking.k8s.io", "networking.istio.io":
		l.inv.Net.Routes = append(l.inv.Net.Routes, u)
	case "monitoring.coreos.com":
		l.inv.Net.Monitors = append(l.inv.Net.Monitors, u)
	case "cilium.io":
		l.inv.Net.Policies = append(l.inv.Net.Policies, u)
	default:
		l.t.Fatalf("group %q is not known to flowstest", group)
	}
}

func (l *loader) workload(meta metav1.PartialObjectMetadata, object metav1.ObjectMeta, template corev1.PodTemplateSpec) *harden.Workload {
	w := &harden.Workload{
		Ref:  harden.Ref{APIVersion: meta.APIVersion, Kind: meta.Kind, Namespace: object.Namespace, Name: object.Name, UID: object.UID},
		Meta: object, Template: template,
	}
	l.inv.Workloads = append(l.inv.Workloads, w)
	return w
}

func (l *loader) finish() {
	for _, pod := range l.pods {
		if pod.UID == "" {
			pod.UID = types.UID("uid-" + pod.Name)
		}
		owner := metav1.GetControllerOf(pod)
		i := slices.IndexFunc(l.inv.Workloads, func(w *harden.Workload) bool {
			return owner != nil && w.Ref.Kind == owner.Kind && w.Ref.Name == owner.Name && w.Ref.Namespace == pod.Namespace
		})
		if i >= 0 {
			l.inv.Workloads[i].Pods = append(l.inv.Workloads[i].Pods, pod)
			continue
		}
		w := l.workload(metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}}, pod.ObjectMeta, corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec})
		w.Pods = []*corev1.Pod{pod}
	}
	for ns := range l.scope {
		l.inv.Scope = append(l.inv.Scope, ns)
	}
	slices.Sort(l.inv.Scope)
	slices.SortStableFunc(l.inv.Workloads, harden.CompareWorkloads)
	net := &l.inv.Net
	byName(net.Services)
	byName(net.Ingresses)
	byName(net.EndpointSlices)
	byName(net.ConfigMaps)
	harden.SortCallees(net.Callees)
}

func byName[T metav1.Object](all []T) {
	slices.SortFunc(all, func(a, b T) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
}
