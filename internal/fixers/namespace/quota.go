package namespace

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A usage is what the templates of a namespace ask for when all their pods run.
type usage struct {
	cpu, memory, limit            resource.Quantity
	pods, loadBalancers, nodePort int64
	without                       []string // workloads that a quota on cpu and memory would refuse
	uncounted                     []string // workloads of which nobody knows how many pods there will be
}

func usageOf(inv *harden.Inventory, namespace string) usage {
	var u usage
	for _, w := range inv.WorkloadsIn(namespace) {
		if w.Finished {
			continue
		}
		n, known := mostPods(inv, w)
		if !known {
			u.uncounted = append(u.uncounted, w.Ref.String())
		}
		cpu, memory, limit, all := podAsks(&w.Template.Spec)
		if !all {
			u.without = append(u.without, w.Ref.String())
		}
		u.pods += n
		for range n {
			u.cpu.Add(cpu)
			u.memory.Add(memory)
			u.limit.Add(limit)
		}
	}
	for _, o := range inv.InNamespace(harden.KindService, namespace) {
		s := harden.Content[*corev1.Service](o)
		if s == nil {
			continue
		}
		allocates := s.Spec.AllocateLoadBalancerNodePorts == nil || *s.Spec.AllocateLoadBalancerNodePorts
		switch s.Spec.Type {
		case corev1.ServiceTypeLoadBalancer:
			u.loadBalancers++
			if allocates {
				u.nodePort += int64(len(s.Spec.Ports))
			}
		case corev1.ServiceTypeNodePort:
			u.nodePort += int64(len(s.Spec.Ports))
		}
	}
	return u
}

// mostPods is how many pods of the workload run at most: by its autoscaler, its
// replicas, or for a DaemonSet those that there are.
func mostPods(inv *harden.Inventory, w *harden.Workload) (n int64, known bool) {
	if w.Ref.Kind == "DaemonSet" {
		return int64(max(1, len(w.Pods))), inv.Live()
	}
	n = 1
	if w.Replicas != nil {
		n = int64(*w.Replicas)
	}
	if s := inv.ScalerOf(harden.HorizontalPodAutoscaler, w.Ref); s != nil {
		o := inv.Object(harden.KindHorizontalPodAutoscaler, s.Ref.Namespace, s.Ref.Name)
		hpa := harden.Content[*autoscalingv2.HorizontalPodAutoscaler](o)
		if hpa == nil {
			return n, false
		}
		n = max(n, int64(hpa.Spec.MaxReplicas))
	}
	return n, n <= 1000
}

// podAsks is what one pod counts for in a quota: the sum of its containers, or
// what one init container needs if that is more. All tells whether each of them,
// or the pod, has requests for cpu and memory and a limit for memory.
func podAsks(spec *corev1.PodSpec) (cpu, memory, limit resource.Quantity, all bool) {
	all = true
	ask := func(r corev1.ResourceRequirements, name corev1.ResourceName) resource.Quantity {
		if q, ok := r.Requests[name]; ok {
			return q
		}
		q, ok := r.Limits[name]
		all = all && ok
		return q
	}
	if r := spec.Resources; r != nil {
		cpu, memory, limit = ask(*r, corev1.ResourceCPU), ask(*r, corev1.ResourceMemory), r.Limits[corev1.ResourceMemory]
		return cpu, memory, limit, all && !limit.IsZero()
	}
	var initCPU, initMemory, initLimit resource.Quantity
	for _, c := range spec.Containers {
		l, ok := c.Resources.Limits[corev1.ResourceMemory]
		all = all && ok
		cpu.Add(ask(c.Resources, corev1.ResourceCPU))
		memory.Add(ask(c.Resources, corev1.ResourceMemory))
		limit.Add(l)
	}
	for _, c := range spec.InitContainers {
		l, ok := c.Resources.Limits[corev1.ResourceMemory]
		all = all && ok
		own := []resource.Quantity{ask(c.Resources, corev1.ResourceCPU), ask(c.Resources, corev1.ResourceMemory), l}
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			cpu.Add(own[0])
			memory.Add(own[1])
			limit.Add(own[2])
			continue
		}
		for i, q := range []*resource.Quantity{&initCPU, &initMemory, &initLimit} {
			if own[i].Cmp(*q) > 0 {
				*q = own[i]
			}
		}
	}
	return most(cpu, initCPU), most(memory, initMemory), most(limit, initLimit), all
}

func most(a, b resource.Quantity) resource.Quantity {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}
