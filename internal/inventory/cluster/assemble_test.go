package cluster

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// meta is the metadata of an object in namespace ns; owner is KIND/NAME or "".
func meta(kind, name, owner string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID(kind + "/" + name)}
	if owner != "" {
		ownerKind, ownerName, _ := strings.Cut(owner, "/")
		controller := true
		version := map[string]string{"Rollout": "argoproj.io/v1alpha1", "Job": "batch/v1", "CronJob": "batch/v1", "Node": "v1"}[ownerKind]
		if version == "" {
			version = "apps/v1"
		}
		m.OwnerReferences = []metav1.OwnerReference{
			{APIVersion: "v1", Kind: "ConfigMap", Name: "other", UID: "other"},
			{APIVersion: version, Kind: ownerKind, Name: ownerName, UID: types.UID(owner), Controller: &controller},
		}
	}
	return m
}

func pod(name, owner string) *corev1.Pod { return &corev1.Pod{ObjectMeta: meta("Pod", name, owner)} }

func deployment(name, owner string) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: meta("Deployment", name, owner), Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
	}}
}

func replicaSet(name, owner string, replicas int32) *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{ObjectMeta: meta("ReplicaSet", name, owner), Spec: appsv1.ReplicaSetSpec{Replicas: &replicas}}
}

func job(name, owner string, conditions ...batchv1.JobConditionType) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: meta("Job", name, owner)}
	for _, c := range conditions {
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{Type: c, Status: corev1.ConditionTrue})
	}
	return j
}

func with[O object](o O, change func(O)) O {
	change(o)
	return o
}

func assembleObjects(t *testing.T, refused []string, objects ...object) assembled {
	t.Helper()
	r, err := New(&rest.Config{Host: "https://localhost"}, "")
	if err != nil {
		t.Fatal(err)
	}
	in := input{readable: map[string]bool{}}
	for _, k := range r.kinds {
		in.readable[k.resource] = !slices.Contains(refused, k.resource)
	}
	for _, o := range objects {
		in.add(r.kind(reflect.TypeOf(o).Elem().Name()), map[types.NamespacedName]object{{}: o})
	}
	return assemble(&in, assembled{})
}

func TestPodsRollUpToWorkloads(t *testing.T) {
	old := metav1.NewTime(time.Unix(1, 0))
	recent := metav1.NewTime(time.Unix(2, 0))
	for _, test := range []struct {
		name    string
		refused []string
		objects []object
		want    string
	}{
		{
			name: "a Deployment with an old and a new ReplicaSet",
			objects: []object{
				deployment("web", ""), replicaSet("web-1", "Deployment/web", 0), replicaSet("web-2", "Deployment/web", 2),
				pod("web-2-b", "ReplicaSet/web-2"), pod("web-2-a", "ReplicaSet/web-2"), pod("web-1-a", "ReplicaSet/web-1"),
			},
			want: "Deployment/web: web-1-a web-2-a web-2-b",
		},
		{
			name:    "a ReplicaSet of its own, at rest",
			objects: []object{replicaSet("alone", "", 0)},
			want:    "ReplicaSet/alone:",
		},
		{
			name:    "pods of a StatefulSet, and a pod that nobody controls",
			objects: []object{&appsv1.StatefulSet{ObjectMeta: meta("StatefulSet", "db", "")}, pod("db-0", "StatefulSet/db"), pod("bare", "")},
			want:    "Pod/bare: bare\nStatefulSet/db: db-0",
		},
		{
			name: "Jobs of a CronJob belong to it, finished or not",
			objects: []object{
				&batchv1.CronJob{ObjectMeta: meta("CronJob", "nightly", "")}, job("nightly-1", "CronJob/nightly", batchv1.JobComplete), job("nightly-2", "CronJob/nightly"),
				pod("nightly-1-x", "Job/nightly-1"), pod("nightly-2-x", "Job/nightly-2"),
			},
			want: "CronJob/nightly: nightly-1-x nightly-2-x",
		},
		{
			name:    "Jobs that ended, well and badly",
			objects: []object{job("a", "", batchv1.JobSuccessCriteriaMet, batchv1.JobComplete), job("b", "", batchv1.JobFailed), job("c", "", batchv1.JobSuspended)},
			want:    "Job/a: finished\nJob/b: finished\nJob/c:",
		},
		{
			name: "a pod that ran to its end",
			objects: []object{
				with(pod("done", ""), func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
				with(pod("runs", ""), func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }),
			},
			want: "Pod/done: done finished\nPod/runs: runs",
		},
		{
			name:    "a custom resource owns the Deployment",
			objects: []object{deployment("web", "WebApp/shop"), replicaSet("web-1", "Deployment/web", 1), pod("web-1-a", "ReplicaSet/web-1")},
			want:    "Deployment/web: web-1-a of WebApp/shop",
		},
		{
			name:    "a custom resource owns ReplicaSets: the idle one is history",
			objects: []object{replicaSet("r-1", "Rollout/r", 0), replicaSet("r-2", "Rollout/r", 1), pod("r-2-a", "ReplicaSet/r-2")},
			want:    "ReplicaSet/r-2: r-2-a of Rollout/r",
		},
		{
			name: "a custom resource at rest: the newest ReplicaSet stands for it",
			objects: []object{
				with(replicaSet("r-2", "Rollout/r", 0), func(r *appsv1.ReplicaSet) { r.CreationTimestamp = recent }),
				with(replicaSet("r-1", "Rollout/r", 0), func(r *appsv1.ReplicaSet) { r.CreationTimestamp = old }),
			},
			want: "ReplicaSet/r-2: of Rollout/r",
		},
		{
			name:    "Deployments may not be read",
			refused: []string{"deployments.apps"},
			objects: []object{replicaSet("web-1", "Deployment/web", 0), replicaSet("web-2", "Deployment/web", 1), pod("web-2-a", "ReplicaSet/web-2")},
			want:    "ReplicaSet/web-2: web-2-a of Deployment/web",
		},
		{
			name:    "ReplicaSets may not be read: name, hash and selector lead to the Deployment",
			refused: []string{replicaSets},
			objects: []object{
				deployment("web", ""),
				with(pod("web-12ab-x", "ReplicaSet/web-12ab"), func(p *corev1.Pod) { p.Labels = map[string]string{"app": "web", "pod-template-hash": "12ab"} }),
				with(pod("web-34cd-x", "ReplicaSet/web-34cd"), func(p *corev1.Pod) { p.Labels = map[string]string{"app": "other", "pod-template-hash": "34cd"} }),
			},
			want: "Deployment/web: web-12ab-x\nPod/web-34cd-x: web-34cd-x of ReplicaSet/web-34cd",
		},
		{
			name:    "a mirror pod belongs to its node",
			objects: []object{pod("etcd-node-1", "Node/node-1")},
			want:    "Pod/etcd-node-1: etcd-node-1 of Node/node-1",
		},
		{
			name:    "an owner in another namespace is no owner",
			objects: []object{with(deployment("web", ""), func(d *appsv1.Deployment) { d.Namespace = "elsewhere" }), replicaSet("web-1", "Deployment/web", 1)},
			want:    "Deployment/web:\nReplicaSet/web-1: of Deployment/web",
		},
		{
			name:    "owners in a circle come to an end",
			objects: []object{replicaSet("a", "ReplicaSet/b", 1), replicaSet("b", "ReplicaSet/a", 1)},
			want:    "ReplicaSet/a: of ReplicaSet/b\nReplicaSet/b: of ReplicaSet/a",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var lines []string
			for _, w := range assembleObjects(t, test.refused, test.objects...).workloads {
				lines = append(lines, describeWorkload(w))
			}
			if diff := cmp.Diff(test.want, strings.Join(lines, "\n")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func describeWorkload(w *harden.Workload) string {
	line := w.Ref.String() + ":"
	for _, p := range w.Pods {
		line += " " + p.Name
	}
	if w.Finished {
		line += " finished"
	}
	if w.Controller != nil {
		line += " of " + w.Controller.String()
	}
	return line
}
