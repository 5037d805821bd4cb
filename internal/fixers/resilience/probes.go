package resilience

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// runsOn reports whether pods of the workload are meant to run until somebody
// stops them, and the manifest is one that somebody writes.
func runsOn(w *harden.Workload) bool {
	policy := cmp.Or(w.Template.Spec.RestartPolicy, corev1.RestartPolicyAlways)
	return w.Ref.Kind != "Job" && w.Ref.Kind != "CronJob" && policy == corev1.RestartPolicyAlways && !w.IsStatic()
}

// lasting are the containers of a pod that run as long as it does.
func lasting(v *harden.PodView) []harden.Container {
	return slices.DeleteFunc(slices.Clone(v.Containers()), func(c harden.Container) bool {
		return c.Ref.Kind != harden.AppContainer && c.Ref.Kind != harden.SidecarContainer
	})
}

// A served is a port of a container that a Service leads to.
type served struct {
	service string
	port    int32
}

// servedBy finds the TCP ports of each lasting container that Services lead to,
// the first of each container. A port that no container declares is that of the
// only one there is; of several nobody knows whose it is.
func servedBy(p *harden.Pass) map[harden.ContainerRef]served {
	var out map[harden.ContainerRef]served
	containers := lasting(p.Pod)
	for _, s := range servicesOf(p.Inventory)[p.Object.Namespace] {
		if s.Spec.PublishNotReadyAddresses || !selects(s, p.Workload) {
			continue
		}
		for _, port := range s.Spec.Ports {
			if port.Protocol != "" && port.Protocol != corev1.ProtocolTCP {
				continue
			}
			if ref, number := behind(port, containers); number != 0 {
				if out == nil {
					out = map[harden.ContainerRef]served{}
				}
				if _, ok := out[ref]; !ok {
					out[ref] = served{s.Name, number}
				}
			}
		}
	}
	return out
}

func selects(s *corev1.Service, w *harden.Workload) bool {
	for key, value := range s.Spec.Selector {
		if has, ok := w.Template.Labels[key]; !ok || has != value {
			return false
		}
	}
	return len(s.Spec.Selector) > 0 && s.Spec.Type != corev1.ServiceTypeExternalName
}

// behind is the container and the number of a Service's port; 0 where it is not known.
func behind(port corev1.ServicePort, containers []harden.Container) (ref harden.ContainerRef, number int32) {
	target := port.TargetPort
	if target == (intstr.IntOrString{}) {
		target = intstr.FromInt32(port.Port)
	}
	for _, c := range containers {
		for _, declared := range c.Ports {
			if target.Type == intstr.String && declared.Name == target.StrVal || target.Type == intstr.Int && declared.ContainerPort == target.IntVal {
				return c.Ref, declared.ContainerPort
			}
		}
	}
	if target.Type == intstr.Int && len(containers) == 1 {
		return containers[0].Ref, target.IntVal
	}
	return harden.ContainerRef{}, 0
}

// services are those of an inventory by namespace, in its order.
type services map[string][]*corev1.Service

func servicesOf(inv *harden.Inventory) services {
	return harden.Derive(inv, func(inv *harden.Inventory) services {
		out := services{}
		for _, s := range inv.Net.Services {
			out[s.Namespace] = append(out[s.Namespace], s)
		}
		return out
	}, harden.KindService)
}

// portValue is a port as a value of JSON.
func portValue(port intstr.IntOrString) any {
	if port.Type == intstr.String {
		return port.StrVal
	}
	return int64(port.IntVal)
}
