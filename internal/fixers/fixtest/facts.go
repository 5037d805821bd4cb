package fixtest

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Probe says what was seen in the container of a live pod of every workload
// that has such a container: the pod with the probe's name, which is made from
// the template where there is none, or WORKLOAD-1. A probe without a time was
// made Now.
func Probe(container string, probe harden.Probe) Option {
	return func(i *harden.Inventory) {
		if i.Probes == nil {
			i.Probes = map[harden.ProbeKey]*harden.Probe{}
		}
		if probe.Time.IsZero() {
			probe.Time = Now
		}
		for _, w := range i.Workloads {
			for _, c := range w.Template.Spec.Containers {
				if c.Name == container {
					own := probe
					pod := livePod(w, probe.Pod)
					own.Pod = pod.Name
					i.Probes[harden.ProbeKey{Pod: pod.UID, Container: container}] = &own
				}
			}
		}
	}
}

func livePod(w *harden.Workload, name string) *corev1.Pod {
	if name == "" {
		name = w.Ref.Name + "-1"
	}
	for _, pod := range w.Pods {
		if pod.Name == name || w.Ref.Kind == "Pod" {
			if pod.UID == "" {
				pod.UID = types.UID("uid-" + pod.Name)
			}
			return pod
		}
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.Ref.Namespace, UID: types.UID("uid-" + name)}, Spec: *w.Template.Spec.DeepCopy()}
	w.Pods = append(w.Pods, pod)
	return pod
}

// Runtime adds a node for each of the container runtimes, such as containerd://2.4.2.
func Runtime(versions ...string) Option {
	return func(i *harden.Inventory) {
		for _, v := range versions {
			i.Nodes = append(i.Nodes, &corev1.Node{
				ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", len(i.Nodes)+1), Labels: map[string]string{corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"}},
				Status:     corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{ContainerRuntimeVersion: v, OperatingSystem: "linux", Architecture: "amd64"}},
			})
		}
	}
}

// Kubelet says what is known about the kubelet of a node.
func Kubelet(node string, kubelet harden.Kubelet) Option {
	return func(i *harden.Inventory) {
		if i.Kubelets == nil {
			i.Kubelets = map[string]*harden.Kubelet{}
		}
		i.Kubelets[node] = &kubelet
	}
}

// Lesson adds what a failed rollout taught about an image.
func Lesson(lesson harden.Lesson) Option {
	return func(i *harden.Inventory) {
		if i.Lessons == nil {
			i.Lessons = map[string][]harden.Lesson{}
		}
		name := harden.LessonName(lesson.Image)
		i.Lessons[name] = append(i.Lessons[name], lesson)
	}
}

// OpenShift makes the cluster one that gives each namespace a range of user ids.
func OpenShift() Option {
	return func(i *harden.Inventory) { i.Cluster.OpenShift = true }
}

// Scan says what a scanner found in an image on the default platform. A scan
// without a time was made Now.
func Scan(reference string, scan harden.ImageScan) Option {
	return func(i *harden.Inventory) {
		if i.Scans == nil {
			i.Scans = map[harden.ImageKey]*harden.ImageScan{}
		}
		if scan.Time.IsZero() {
			scan.Time = Now
		}
		harden.SortVulnerabilities(scan.Vulnerabilities)
		i.Scans[harden.ImageKey{Reference: reference, Platform: harden.DefaultPlatform}] = &scan
	}
}

// Tag says what a registry says about a reference now.
func Tag(reference string, tag harden.ImageTag) Option {
	return func(i *harden.Inventory) {
		if i.Tags == nil {
			i.Tags = map[string]*harden.ImageTag{}
		}
		i.Tags[reference] = &tag
	}
}

// Updates says which newer tags of a reference were scanned.
func Updates(reference string, updates harden.ImageUpdates) Option {
	return func(i *harden.Inventory) {
		if i.Updates == nil {
			i.Updates = map[string]*harden.ImageUpdates{}
		}
		i.Updates[reference] = &updates
	}
}

// Signature says what signatures a registry has for an image on the default platform.
func Signature(reference string, signature harden.ImageSignature) Option {
	return func(i *harden.Inventory) {
		if i.Signatures == nil {
			i.Signatures = map[harden.ImageKey]*harden.ImageSignature{}
		}
		i.Signatures[harden.ImageKey{Reference: reference, Platform: harden.DefaultPlatform}] = &signature
	}
}
