package fixers_test

import (
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// BenchmarkIncremental is one change of the cluster of BenchmarkSuite: what it
// costs to know all findings again. Nothing is the cost of no change, full that
// of a run without a memory. cpu-ms is the time of all processors.
func BenchmarkIncremental(b *testing.B) {
	changes := []struct {
		name   string
		change func(inv *harden.Inventory, n int)
	}{
		{"nothing", func(*harden.Inventory, int) {}},
		{"pod-status", changePodStatus},
		{"pod-gone", changePods},
		{"template", changeTemplate},
		{"networkpolicy", changeNetworkPolicy},
		{"clusterrolebinding", changeClusterRoleBinding},
		{"service", changeService},
		{"secret", changeSecret},
	}
	base := estate(1, 5000)
	for _, c := range changes {
		b.Run(c.name, func(b *testing.B) {
			inc := &engine.Incremental{Engine: fullEngine()}
			inc.Run(base)
			inv, n := base, 0
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu()
			for b.Loop() {
				next := *inv
				next.Now = next.Now.Add(time.Second)
				c.change(&next, n)
				inv = &next
				n += 7
				inc.Run(inv)
			}
			b.ReportMetric(float64((cpu()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
	b.Run("full", func(b *testing.B) {
		e := fullEngine()
		before := cpu()
		for b.Loop() {
			e.Run(base)
		}
		b.ReportMetric(float64((cpu()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	})
}

// cpu is the time that the process has had of all processors.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func changeWorkload(inv *harden.Inventory, n int, change func(*harden.Workload)) {
	i := n % len(inv.Workloads)
	w := *inv.Workloads[i]
	w.Pods = slices.Clone(w.Pods)
	change(&w)
	inv.Workloads = slices.Clone(inv.Workloads)
	inv.Workloads[i] = &w
}

func changePodStatus(inv *harden.Inventory, n int) {
	changeWorkload(inv, n, func(w *harden.Workload) {
		p := w.Pods[0].DeepCopy()
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", RestartCount: int32(n), ImageID: "registry.example.com/app@sha256:00"}}
		w.Pods[0] = p
	})
}

func changePods(inv *harden.Inventory, n int) {
	changeWorkload(inv, n, func(w *harden.Workload) { w.Pods = w.Pods[1:] })
}

func changeTemplate(inv *harden.Inventory, n int) {
	changeWorkload(inv, n, func(w *harden.Workload) {
		w.Template = *w.Template.DeepCopy()
		w.Template.Spec.Containers[0].Env = append(w.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: "MORE", Value: "1"})
	})
}

func changeNetworkPolicy(inv *harden.Inventory, n int) {
	names := slices.Sorted(maps.Keys(inv.NetworkPolicies))
	ns := names[n%len(names)]
	p := inv.NetworkPolicies[ns][0].DeepCopy()
	p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	if n%2 == 0 {
		p.Spec.PolicyTypes = p.Spec.PolicyTypes[:1]
	}
	inv.NetworkPolicies = maps.Clone(inv.NetworkPolicies)
	inv.NetworkPolicies[ns] = []*networkingv1.NetworkPolicy{p}
}

func changeObject(inv *harden.Inventory, n int, of func(*harden.Object) (*harden.Object, bool)) {
	for kind, list := range inv.Others {
		if len(list) == 0 {
			continue
		}
		o, ok := of(list[n%len(list)])
		if !ok {
			continue
		}
		inv.Others = maps.Clone(inv.Others)
		inv.Others[kind] = slices.Clone(list)
		inv.Others[kind][n%len(list)] = o
	}
}

func changeClusterRoleBinding(inv *harden.Inventory, n int) {
	changeObject(inv, n, func(o *harden.Object) (*harden.Object, bool) {
		b, ok := o.Content.(*rbacv1.ClusterRoleBinding)
		if !ok {
			return nil, false
		}
		b = b.DeepCopy()
		b.Subjects = append(b.Subjects, rbacv1.Subject{Kind: "ServiceAccount", Namespace: "team-001", Name: "app-01"})
		return &harden.Object{Ref: o.Ref, Content: b}, true
	})
}

func changeService(inv *harden.Inventory, n int) {
	changeObject(inv, n, func(o *harden.Object) (*harden.Object, bool) {
		s, ok := o.Content.(*corev1.Service)
		if !ok {
			return nil, false
		}
		s = s.DeepCopy()
		s.Spec.Ports[0].Port++
		return &harden.Object{Ref: o.Ref, Content: s}, true
	})
	var net harden.Net
	for _, o := range inv.Others[harden.KindService] {
		inventory.AddToNet(&net, o.Ref, o.Content)
	}
	inv.Net.Services = net.Services
}

func changeSecret(inv *harden.Inventory, n int) {
	changeObject(inv, n, func(o *harden.Object) (*harden.Object, bool) {
		s, ok := o.Content.(*harden.SecretMeta)
		if !ok {
			return nil, false
		}
		c := *s
		c.Entries++
		return &harden.Object{Ref: o.Ref, Content: &c}, true
	})
}
