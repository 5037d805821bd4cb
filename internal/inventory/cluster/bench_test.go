package cluster

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func benchPodSpec(i int) corev1.PodSpec {
	var env []corev1.EnvVar
	for e := range 12 {
		env = append(env, corev1.EnvVar{Name: fmt.Sprint("SETTING_", e), Value: strings.Repeat("v", 20)})
	}
	container := func(name string) corev1.Container {
		return corev1.Container{
			Name: name, Image: fmt.Sprintf("registry.example.com/team/%s:1.%d", name, i%30), Env: env,
			Ports:        []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
			VolumeMounts: []corev1.VolumeMount{{Name: "kube-api-access-" + fmt.Sprint(i), MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true}},
		}
	}
	return corev1.PodSpec{
		Containers: []corev1.Container{container("main"), container("metrics")}, ServiceAccountName: "default",
		Volumes: []corev1.Volume{{Name: "kube-api-access-" + fmt.Sprint(i), VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}}},
	}
}

// benchPages answers with 2,500 Deployments, their ReplicaSets, 10,000 pods and what
// makes them reachable, in protobuf.
func benchPages(b *testing.B) map[string][][]byte {
	b.Helper()
	const workloads, podsEach = 2500, 4
	var deployments []appsv1.Deployment
	var sets []appsv1.ReplicaSet
	var all []corev1.Pod
	yes := true
	for i := range workloads {
		m := metav1.ObjectMeta{Name: fmt.Sprint("app-", i), Namespace: fmt.Sprint("team-", i%20), UID: types.UID(fmt.Sprint("d", i)), Labels: map[string]string{"app": fmt.Sprint("app-", i)}}
		template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: m.Labels}, Spec: benchPodSpec(i)}
		deployments = append(deployments, appsv1.Deployment{ObjectMeta: m, Spec: appsv1.DeploymentSpec{Template: template}})
		m.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: m.Name, UID: m.UID, Controller: &yes}}
		m.Name, m.UID = m.Name+"-12ab", types.UID(fmt.Sprint("r", i))
		sets = append(sets, appsv1.ReplicaSet{ObjectMeta: m, Spec: appsv1.ReplicaSetSpec{Template: template}})
		m.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: m.Name, UID: m.UID, Controller: &yes}}
		for j := range podsEach {
			p := corev1.Pod{ObjectMeta: m, Spec: benchPodSpec(i*podsEach + j)}
			p.Name, p.UID = fmt.Sprintf("%s-%d", m.Name, j), types.UID(fmt.Sprint("p", i, "-", j))
			p.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet", FieldsV1: metav1.NewFieldsV1(strings.Repeat("f", 1500))}}
			all = append(all, p)
		}
	}
	pages := map[string][][]byte{}
	encode := func(path string, total int, slice func(from, to int) apiruntime.Object) {
		s := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
		for from := 0; from < total; from += pageSize {
			to := min(from+pageSize, total)
			list := slice(from, to)
			if to < total {
				list.(metav1.ListInterface).SetContinue(fmt.Sprint(len(pages[path]) + 1))
			}
			var buf bytes.Buffer
			if err := s.Encode(list, &buf); err != nil {
				b.Fatal(err)
			}
			pages[path] = append(pages[path], buf.Bytes())
		}
	}
	encode("/api/v1/pods", len(all), func(from, to int) apiruntime.Object {
		return &corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: all[from:to]}
	})
	encode("/apis/apps/v1/deployments", len(deployments), func(from, to int) apiruntime.Object {
		return &appsv1.DeploymentList{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DeploymentList"}, Items: deployments[from:to]}
	})
	encode("/apis/apps/v1/replicasets", len(sets), func(from, to int) apiruntime.Object {
		return &appsv1.ReplicaSetList{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSetList"}, Items: sets[from:to]}
	})
	addNet(deployments, encode)
	return pages
}

// addNet adds a Service, an EndpointSlice and a ConfigMap for each Deployment.
func addNet(deployments []appsv1.Deployment, encode func(path string, total int, slice func(from, to int) apiruntime.Object)) {
	var services []corev1.Service
	var endpoints []discoveryv1.EndpointSlice
	var settings []corev1.ConfigMap
	for i := range deployments {
		m := *deployments[i].ObjectMeta.DeepCopy()
		port := int32(8080)
		services = append(services, corev1.Service{ObjectMeta: m, Spec: corev1.ServiceSpec{Selector: m.Labels, ClusterIP: "10.96.0.10", Ports: []corev1.ServicePort{{Port: 80}}}})
		slice := discoveryv1.EndpointSlice{ObjectMeta: m, AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Port: &port}}}
		for range 4 {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{"10.244.0.7"}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: m.Namespace, Name: m.Name}})
		}
		endpoints = append(endpoints, slice)
		settings = append(settings, corev1.ConfigMap{ObjectMeta: m, Data: map[string]string{"settings.yaml": strings.Repeat("key: value\n", 100)}})
	}
	encode("/api/v1/services", len(services), func(from, to int) apiruntime.Object {
		return &corev1.ServiceList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceList"}, Items: services[from:to]}
	})
	encode("/apis/discovery.k8s.io/v1/endpointslices", len(endpoints), func(from, to int) apiruntime.Object {
		return &discoveryv1.EndpointSliceList{TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSliceList"}, Items: endpoints[from:to]}
	})
	encode("/api/v1/configmaps", len(settings), func(from, to int) apiruntime.Object {
		return &corev1.ConfigMapList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMapList"}, Items: settings[from:to]}
	})
}

// BenchmarkRead compares reading an inventory with bare paged lists of the same
// kinds by the same client, and with reading all that tells of networks too. They report the highest heap above that of the
// server, which lives in the same process.
func BenchmarkRead(b *testing.B) {
	pages := benchPages(b)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		p, ok := pages[req.URL.Path]
		if !ok {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, listOf("1"))
			return
		}
		w.Header().Set("Content-Type", apiruntime.ContentTypeProtobuf)
		n, _ := strconv.Atoi(req.URL.Query().Get("continue"))
		_, _ = w.Write(p[n])
	}))
	defer s.Close()
	r, err := New(&rest.Config{Host: s.URL}, "")
	if err != nil {
		b.Fatal(err)
	}
	all := harden.Scope{All: true}
	b.Run("bare", func(b *testing.B) {
		measure(b, func() {
			always := slices.DeleteFunc(slices.Clone(r.kinds), func(k *kind) bool { return k.group != "" })
			for _, src := range sources(always, all) {
				opts := metav1.ListOptions{Limit: pageSize}
				for {
					p, err := r.page(b.Context(), src, opts)
					if err != nil {
						b.Fatal(err)
					}
					if opts.Continue = p.continueWithToken; opts.Continue == "" {
						break
					}
				}
			}
		})
	})
	b.Run("inventory", func(b *testing.B) {
		measure(b, func() {
			inv, err := r.Read(b.Context(), all)
			if err != nil {
				b.Fatal(err)
			}
			if len(inv.Workloads) != 2500 {
				b.Fatalf("got %d workloads", len(inv.Workloads))
			}
			r.take(inv) // what is kept for Watch would count twice in the next round
		})
	})
	b.Run("whole", func(b *testing.B) {
		measure(b, func() {
			inv, err := r.ReadWhole(b.Context(), nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			if len(inv.Workloads) != 2500 || len(inv.Net.EndpointSlices) != 2500 || len(inv.Net.ConfigMaps) != 2500 {
				b.Fatalf("got %d workloads, %d slices, %d ConfigMaps", len(inv.Workloads), len(inv.Net.EndpointSlices), len(inv.Net.ConfigMaps))
			}
		})
	})
}

func measure(b *testing.B, f func()) {
	b.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	var most atomic.Uint64
	done := make(chan struct{})
	go func() {
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapAlloc))
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	for b.Loop() {
		f()
	}
	close(done)
	b.ReportMetric(float64(most.Load()-before)/(1<<20), "peak-MiB")
}
