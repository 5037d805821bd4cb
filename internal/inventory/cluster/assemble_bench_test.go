package cluster

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// BenchmarkEventToInventory is one pod's event in a watched cluster of 5,000
// Deployments with as many ReplicaSets, Services, ConfigMaps and accounts and
// 10,000 pods: from the event to the inventory that a receiver gets.
func BenchmarkEventToInventory(b *testing.B) {
	s, pods := bigState()
	h := &hub{reader: &Reader{now: time.Now}, state: s, down: map[key]error{}, polled: map[key]bool{}}
	h.update()
	at := source{kind: s.contents[key{resource: "pods"}].source.kind}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		p := pods[n%len(pods)].DeepCopy()
		n++
		p.ResourceVersion = fmt.Sprint("after-", n)
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", RestartCount: int32(n)}}
		if !h.apply(event{source: at, object: p}) {
			b.Fatal("the event changed nothing")
		}
		if u := h.update(); len(u.Inventory.Workloads) != 5000 {
			b.Fatalf("%d workloads", len(u.Inventory.Workloads))
		}
	}
}

// bigState is what was read of such a cluster.
func bigState() (*state, []*corev1.Pod) {
	s := newState(harden.Scope{All: true})
	kindOf := func(apiVersion, name, resource string) *content {
		c := &content{source: source{kind: &kind{apiVersion: apiVersion, name: name, resource: resource, namespaced: true}}, objects: map[types.NamespacedName]object{}}
		s.put(c)
		return c
	}
	put := func(c *content, o object) {
		c.objects[types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}] = o
	}
	deployments, sets, all := kindOf("apps/v1", "Deployment", "deployments.apps"), kindOf("apps/v1", "ReplicaSet", replicaSets), kindOf("v1", "Pod", "pods")
	services, configs, accounts := kindOf("v1", "Service", "services"), kindOf("v1", "ConfigMap", "configmaps"), kindOf("v1", "ServiceAccount", "serviceaccounts")
	yes := true
	var pods []*corev1.Pod
	for i := range 5000 {
		meta := func(name, owner string) metav1.ObjectMeta {
			m := metav1.ObjectMeta{Namespace: fmt.Sprintf("team-%03d", i/50), Name: name, UID: types.UID(fmt.Sprint(name, "-", i)), ResourceVersion: "1", Labels: map[string]string{"app": "app"}}
			if owner != "" {
				m.OwnerReferences = []metav1.OwnerReference{{Kind: owner, UID: types.UID(fmt.Sprint(owner, "-", i)), Controller: &yes}}
			}
			return m
		}
		name := fmt.Sprintf("app-%02d", i%50)
		d := &appsv1.Deployment{ObjectMeta: meta(name, ""), Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: benchPodSpec(i)}}}
		d.UID = types.UID(fmt.Sprint("Deployment-", i))
		put(deployments, d)
		rs := &appsv1.ReplicaSet{ObjectMeta: meta(name+"-1", "Deployment"), Spec: appsv1.ReplicaSetSpec{Template: d.Spec.Template}}
		rs.UID = types.UID(fmt.Sprint("ReplicaSet-", i))
		put(sets, rs)
		for n := range 2 {
			p := &corev1.Pod{ObjectMeta: meta(fmt.Sprintf("%s-1-%d", name, n), "ReplicaSet"), Spec: d.Spec.Template.Spec}
			put(all, p)
			pods = append(pods, p)
		}
		put(services, &corev1.Service{ObjectMeta: meta(name, "")})
		put(configs, &corev1.ConfigMap{ObjectMeta: meta(name, "")})
		put(accounts, &corev1.ServiceAccount{ObjectMeta: meta(name, "")})
	}
	return s, pods
}
