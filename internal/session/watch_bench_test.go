package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

// BenchmarkWatch is a session that watches a server with 5,000 Deployments and
// 10,000 pods, from what the server sends to the snapshot that a face gets. Changes
// are gathered for 300 ms, which is most of the time of one. CPU time is that of
// the process, the server among it.
//
// one: the status of one pod changes, and the snapshot says so. Storm: 1,000
// events a second for five seconds, to the last in a snapshot. Long: 100,000 events
// as fast as they are taken, and by how much the heap is larger after them.
func BenchmarkWatch(b *testing.B) {
	w := watched(b)
	b.Run("one", func(b *testing.B) {
		before := cpuTime()
		for b.Loop() {
			w.send(1, 0)
			w.wait()
		}
		b.ReportMetric(float64((cpuTime()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	})
	b.Run("storm", func(b *testing.B) {
		before, snapshots := cpuTime(), w.snapshots
		for b.Loop() {
			w.send(5000, time.Millisecond)
			w.wait()
		}
		events := 5000 * float64(b.N)
		b.ReportMetric(float64((cpuTime()-before).Microseconds())/events, "cpu-µs/event")
		b.ReportMetric(float64(w.snapshots-snapshots)/float64(b.N), "snapshots/op")
	})
	b.Run("long", func(b *testing.B) {
		w.send(len(w.pods), 0) // what is lazily made is there
		w.wait()
		heap, before, snapshots := liveHeap(), cpuTime(), w.snapshots
		for b.Loop() {
			w.send(100_000, 0)
			w.wait()
		}
		events := 100_000 * float64(b.N)
		b.ReportMetric(float64((cpuTime()-before).Microseconds())/events, "cpu-µs/event")
		b.ReportMetric(float64(w.snapshots-snapshots)/float64(b.N), "snapshots/op")
		b.ReportMetric(float64(liveHeap()-heap)/(1<<20), "more-heap-MiB")
		b.ReportMetric(float64(heap)/(1<<20), "heap-MiB")
	})
}

// cpuTime is what the process has had of all processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// liveHeap is what is in use after a collection, in bytes.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A watch is a session that watches a server of its own.
type watch struct {
	b         *testing.B
	pods      []podText
	events    chan string
	sent      int
	updates   <-chan *harden.Snapshot
	snapshots int
}

// A podText is a pod in JSON, with VERSION where its version and its restarts are to stand.
type podText struct{ namespace, workload, name, text string }

func watched(b *testing.B) *watch {
	b.Helper()
	b.Setenv("XDG_STATE_HOME", b.TempDir())
	w := &watch{b: b, events: make(chan string)}
	s := httptest.NewServer(w.server(5000))
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(func() {
		cancel()
		s.CloseClientConnections()
		s.Close()
	})
	sess, err := session.OpenCluster(&rest.Config{Host: s.URL}, session.ClusterOptions{Context: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(sess.Close)
	scope := harden.Scope{All: true}
	snap, err := sess.Load(ctx, scope)
	if err != nil {
		b.Fatal(err)
	}
	if len(snap.Inventory.Workloads) != 5000 || len(snap.Findings) < 5000 {
		b.Fatalf("%d workloads, %d findings", len(snap.Inventory.Workloads), len(snap.Findings))
	}
	w.updates = sess.Watch(ctx, scope)
	return w
}

// send has the server send the status of so many pods, one in each interval.
func (w *watch) send(n int, every time.Duration) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		begin := time.Now()
		for i := range n {
			w.sent++
			p := w.pods[w.sent%len(w.pods)]
			time.Sleep(time.Until(begin.Add(time.Duration(i) * every)))
			w.events <- `{"type":"MODIFIED","object":` + strings.ReplaceAll(p.text, "VERSION", fmt.Sprint(1000+w.sent)) + "}\n"
		}
	}()
	for {
		select {
		case <-done:
			return
		case _, ok := <-w.updates:
			w.count(ok)
		}
	}
}

// wait takes snapshots until one holds what was sent last.
func (w *watch) wait() {
	p := w.pods[w.sent%len(w.pods)]
	for {
		snap, ok := <-w.updates
		w.count(ok)
		for _, of := range snap.Inventory.Workloads {
			if of.Ref.Namespace != p.namespace || of.Ref.Name != p.workload {
				continue
			}
			for _, pod := range of.Pods {
				if pod.Name == p.name && pod.ResourceVersion == fmt.Sprint(1000+w.sent) {
					return
				}
			}
		}
	}
}

func (w *watch) count(ok bool) {
	if !ok {
		w.b.Fatal("the watch has ended")
	}
	w.snapshots++
}

// server answers as an API server would that has so many Deployments.
func (w *watch) server(deployments int) http.Handler {
	lists := map[string]string{"/version": `{"major": "1", "minor": "37", "gitVersion": "v1.37.2"}`}
	var namespaces, sets, all, pods []string
	for i := range deployments {
		ns, name := fmt.Sprintf("team-%03d", i/50), fmt.Sprintf("app-%02d", i%50)
		if i%50 == 0 {
			namespaces = append(namespaces, asText(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns, UID: types.UID(ns), ResourceVersion: "1"}}))
		}
		labels := map[string]string{"app": name}
		meta := func(name, owner string) metav1.ObjectMeta {
			m := metav1.ObjectMeta{Namespace: ns, Name: name, UID: types.UID(ns + "/" + name), ResourceVersion: "1", Labels: labels}
			if owner != "" {
				yes := true
				m.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: owner, UID: types.UID(ns + "/" + owner), Controller: &yes}}
			}
			return m
		}
		spec := corev1.PodSpec{ServiceAccountName: "default", Containers: []corev1.Container{
			{Name: "main", Image: "registry.example.com/app:1", Ports: []corev1.ContainerPort{{ContainerPort: 8080}}},
			{Name: "metrics", Image: "registry.example.com/metrics:1"},
		}}
		selector := &metav1.LabelSelector{MatchLabels: labels}
		template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec}
		all = append(all, asText(&appsv1.Deployment{ObjectMeta: meta(name, ""), Spec: appsv1.DeploymentSpec{Selector: selector, Template: template}}))
		set := &appsv1.ReplicaSet{ObjectMeta: meta(name+"-1", name), Spec: appsv1.ReplicaSetSpec{Selector: selector, Template: template}}
		set.OwnerReferences[0].Kind = "Deployment"
		sets = append(sets, asText(set))
		for n := range 2 {
			p := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: meta(fmt.Sprintf("%s-1-%d", name, n), name+"-1"), Spec: spec}
			p.ResourceVersion = "VERSION"
			p.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: "main", ContainerID: "containerd://VERSION"}, {Name: "metrics"}}}
			w.pods = append(w.pods, podText{ns, name, p.Name, asText(p)})
			pods = append(pods, strings.ReplaceAll(asText(p), "VERSION", "1"))
		}
	}
	for path, items := range map[string][]string{"/api/v1/namespaces": namespaces, "/apis/apps/v1/deployments": all, "/apis/apps/v1/replicasets": sets, "/api/v1/pods": pods} {
		lists[path] = `{"metadata": {"resourceVersion": "1"}, "items": [` + strings.Join(items, ",") + "]}"
	}
	return http.HandlerFunc(func(out http.ResponseWriter, req *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		switch text, known := lists[req.URL.Path]; {
		case req.URL.Query().Get("watch") == "true":
			w.stream(out, req)
		case known:
			_, _ = io.WriteString(out, text)
		case strings.Count(req.URL.Path, "/") > 3 && strings.Contains(req.URL.Path, "."):
			http.NotFound(out, req)
		case strings.Contains(req.Header.Get("Accept"), "as=Table"):
			_, _ = io.WriteString(out, `{"apiVersion": "meta.k8s.io/v1", "kind": "Table", "metadata": {"resourceVersion": "1"}, "columnDefinitions": [], "rows": []}`)
		default:
			_, _ = io.WriteString(out, `{"metadata": {"resourceVersion": "1"}, "items": []}`)
		}
	})
}

// stream sends what there is to send of pods, and nothing of anything else.
func (w *watch) stream(out http.ResponseWriter, req *http.Request) {
	out.(http.Flusher).Flush()
	for req.URL.Path == "/api/v1/pods" {
		select {
		case text := <-w.events:
			_, _ = io.WriteString(out, text)
			out.(http.Flusher).Flush()
		case <-req.Context().Done():
			return
		}
	}
	<-req.Context().Done()
}

func asText(o any) string {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(text)
}
