package fixtest

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// Load makes an inventory of all documents. A Pod with a controller that is
// among them becomes one of its live pods. Objects without a namespace are in
// "default", and every namespace of a workload, an account or a policy is in scope.
// Fields that the API does not know are an error, so that a typing mistake cannot
// pass for a missing field; only custom resources are taken as they are.
func Load(t testing.TB, text string, opts ...Option) *harden.Inventory {
	t.Helper()
	l := loader{t: t, scope: map[string]bool{}, inv: &harden.Inventory{
		Now:             Now,
		Namespaces:      map[string]*corev1.Namespace{},
		ServiceAccounts: map[string]map[string]*corev1.ServiceAccount{},
		NetworkPolicies: map[string][]*networkingv1.NetworkPolicy{},

		NetworkPolicySources: map[string]map[string]harden.Source{},
		Others:               harden.Objects{},
		Clusterwide:          true,
	}}
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
	l.finish()
	for _, o := range opts {
		o(l.inv)
	}
	return l.inv.Fresh()
}

type loader struct {
	t     testing.TB
	inv   *harden.Inventory
	scope map[string]bool
	pods  []*corev1.Pod
	docs  int
}

func (l *loader) add(doc []byte) {
	l.t.Helper()
	var meta metav1.PartialObjectMetadata
	if err := yaml.Unmarshal(doc, &meta); err != nil {
		l.t.Fatalf("reading a document: %v", err)
	}
	l.inv.Objects++
	switch meta.Kind {
	case "Deployment":
		l.workload(doc, &appsv1.Deployment{})
	case "StatefulSet":
		l.workload(doc, &appsv1.StatefulSet{})
	case "ReplicaSet":
		l.workload(doc, &appsv1.ReplicaSet{})
	case "ReplicationController":
		l.workload(doc, &corev1.ReplicationController{})
	case "DaemonSet":
		l.workload(doc, &appsv1.DaemonSet{})
	case "Job":
		l.workload(doc, &batchv1.Job{})
	case "CronJob":
		l.workload(doc, &batchv1.CronJob{})
	case "Pod":
		o := decode[corev1.Pod](l.t, doc)
		l.namespace(&o.ObjectMeta)
		l.pods = append(l.pods, o)
	case "Namespace":
		o := decode[corev1.Namespace](l.t, doc)
		l.inv.Namespaces[o.Name] = o
		l.scope[o.Name] = true
	case "ServiceAccount":
		o := decode[corev1.ServiceAccount](l.t, doc)
		l.namespace(&o.ObjectMeta)
		if l.inv.ServiceAccounts[o.Namespace] == nil {
			l.inv.ServiceAccounts[o.Namespace] = map[string]*corev1.ServiceAccount{}
		}
		l.inv.ServiceAccounts[o.Namespace][o.Name] = o
	case "NetworkPolicy":
		if meta.APIVersion != networkingv1.SchemeGroupVersion.String() { // Calico and Antrea have kinds of this name
			if !l.addObject(meta.TypeMeta, doc) {
				l.t.Fatalf("no NetworkPolicy of apiVersion %q is known", meta.APIVersion)
			}
			break
		}
		o := decode[networkingv1.NetworkPolicy](l.t, doc)
		l.namespace(&o.ObjectMeta)
		l.inv.NetworkPolicies[o.Namespace] = append(l.inv.NetworkPolicies[o.Namespace], o)
		if l.inv.NetworkPolicySources[o.Namespace] == nil {
			l.inv.NetworkPolicySources[o.Namespace] = map[string]harden.Source{}
		}
		l.inv.NetworkPolicySources[o.Namespace][o.Name] = l.source()
	case harden.HorizontalPodAutoscaler:
		o := decode[autoscalingv2.HorizontalPodAutoscaler](l.t, doc)
		l.addObject(meta.TypeMeta, doc)
		s := l.scaler(o.TypeMeta, o.ObjectMeta, o.Spec.ScaleTargetRef)
		s.MinReplicas = 1
		if o.Spec.MinReplicas != nil {
			s.MinReplicas = *o.Spec.MinReplicas
		}
	case harden.VerticalPodAutoscaler:
		o := decode[verticalPodAutoscaler](l.t, doc)
		l.scaler(o.TypeMeta, o.ObjectMeta, o.Spec.TargetRef)
	case "Node":
		l.inv.Nodes = append(l.inv.Nodes, decode[corev1.Node](l.t, doc))
		l.addObject(meta.TypeMeta, doc)
	default:
		if !l.addObject(meta.TypeMeta, doc) {
			l.t.Fatalf("kind %q is not known to fixtest", meta.Kind)
		}
	}
	l.docs++
}

// workload decodes an object of a built-in type that carries a pod template.
func (l *loader) workload(doc []byte, o interface {
	metav1.Object
	runtime.Object
},
) {
	l.t.Helper()
	if err := yaml.UnmarshalStrict(doc, o); err != nil {
		l.t.Fatalf("decoding: %v\n%s", err, doc)
	}
	l.addWorkload(o)
}

func (l *loader) addWorkload(o interface {
	metav1.Object
	runtime.Object
},
) *harden.Workload {
	if o.GetNamespace() == "" {
		o.SetNamespace(metav1.NamespaceDefault)
	}
	l.scope[o.GetNamespace()] = true
	apiVersion, kind := o.GetObjectKind().GroupVersionKind().ToAPIVersionAndKind()
	w := inventory.WorkloadOf(harden.Ref{APIVersion: apiVersion, Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), Source: l.source()}, o)
	l.inv.Workloads = append(l.inv.Workloads, w)
	return w
}

func (l *loader) source() harden.Source {
	return harden.Source{File: "test.yaml", Line: 1, Document: l.docs, Item: -1}
}

// A verticalPodAutoscaler is what tests need of the custom resource.
type verticalPodAutoscaler struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		TargetRef autoscalingv2.CrossVersionObjectReference `json:"targetRef"`
	} `json:"spec"`
}

func (l *loader) scaler(typ metav1.TypeMeta, meta metav1.ObjectMeta, target autoscalingv2.CrossVersionObjectReference) *harden.Scaler {
	l.namespace(&meta)
	l.inv.Scalers = append(l.inv.Scalers, harden.Scaler{
		Ref:    harden.Ref{APIVersion: typ.APIVersion, Kind: typ.Kind, Namespace: meta.Namespace, Name: meta.Name},
		Target: harden.Ref{APIVersion: target.APIVersion, Kind: target.Kind, Namespace: meta.Namespace, Name: target.Name},
	})
	return &l.inv.Scalers[len(l.inv.Scalers)-1]
}

func (l *loader) namespace(meta *metav1.ObjectMeta) {
	if meta.Namespace == "" {
		meta.Namespace = metav1.NamespaceDefault
	}
	l.scope[meta.Namespace] = true
}

func (l *loader) finish() {
	for _, pod := range l.pods {
		if owner := l.owner(pod); owner != nil {
			owner.Pods = append(owner.Pods, pod)
			continue
		}
		pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		w := l.addWorkload(pod)
		w.Pods = []*corev1.Pod{pod}
	}
	for ns := range l.scope {
		l.inv.Scope = append(l.inv.Scope, ns)
	}
	slices.Sort(l.inv.Scope)
	slices.SortStableFunc(l.inv.Workloads, func(a, b *harden.Workload) int {
		return cmp.Or(cmp.Compare(a.Ref.Namespace, b.Ref.Namespace), cmp.Compare(a.Ref.Kind, b.Ref.Kind), cmp.Compare(a.Ref.Name, b.Ref.Name))
	})
	l.inv.Others.Sort()
	l.sortNet()
}

// owner skips the ReplicaSet between a Pod and its Deployment: naming the
// Deployment as the controller is enough in a test.
func (l *loader) owner(pod *corev1.Pod) *harden.Workload {
	ref := metav1.GetControllerOf(pod)
	if ref == nil {
		return nil
	}
	for _, w := range l.inv.Workloads {
		if w.Ref.Kind == ref.Kind && w.Ref.Name == ref.Name && w.Ref.Namespace == pod.Namespace {
			return w
		}
	}
	return nil
}

func decode[T any](t testing.TB, doc []byte) *T {
	t.Helper()
	o := new(T)
	if err := yaml.UnmarshalStrict(doc, o); err != nil {
		t.Fatalf("decoding: %v\n%s", err, doc)
	}
	return o
}
