package flows

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Mesh is how a service mesh takes part in the connections of a workload.
type Mesh string

// Meshes. With a sidecar a proxy in the pod sends and receives; with Ambient
// nodes do, all over one port, so that policies do not see the real ones.
const (
	NoMesh  Mesh = ""
	Istio   Mesh = "Istio"
	Linkerd Mesh = "Linkerd"
	Ambient Mesh = "Istio in ambient mode"
)

// MeshOf tells by the pods that run, by labels and annotations which mesh a workload is in.
func MeshOf(inv *harden.Inventory, w *harden.Workload) Mesh {
	for _, p := range w.Pods {
		for _, c := range containers(&p.Spec) {
			switch c.Name {
			case "istio-proxy":
				return Istio
			case "linkerd-proxy":
				return Linkerd
			}
		}
	}
	namespace := map[string]string{}
	annotations := map[string]string{}
	if ns := inv.Namespaces[w.Ref.Namespace]; ns != nil {
		namespace, annotations = ns.Labels, ns.Annotations
	}
	pod := w.Template.Labels
	ambient := first(pod["istio.io/dataplane-mode"], namespace["istio.io/dataplane-mode"])
	istio := first(pod["sidecar.istio.io/inject"], w.Template.Annotations["sidecar.istio.io/inject"])
	switch linkerd := first(w.Template.Annotations["linkerd.io/inject"], annotations["linkerd.io/inject"]); {
	case w.Template.Spec.HostNetwork:
		return NoMesh
	case istio == "true", istio != "false" && (namespace["istio-injection"] == "enabled" || namespace["istio.io/rev"] != "" && namespace["istio-injection"] != "disabled" && ambient == ""):
		return Istio
	case linkerd == "enabled" || linkerd == "ingress":
		return Linkerd
	case ambient == "ambient":
		return Ambient
	}
	return NoMesh
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// A dataPlane are the ports of a mesh beside those of the workloads.
type dataPlane struct {
	tunnel  int32 // on which proxies take connections for all ports of their pod
	control []map[string]string
	ports   []int32 // of the control plane, after translation
}

var dataPlanes = map[Mesh]dataPlane{
	Istio:   {15008, []map[string]string{{"app": "istiod"}}, []int32{15012}},
	Linkerd: {4143, []map[string]string{{"linkerd.io/control-plane-component": "destination"}, {"linkerd.io/control-plane-component": "identity"}}, []int32{8080, 8086, 8090}},
}

// mesh adds the ports that proxies use between workloads, and the control plane
// that they follow. It goes last, by what the others found.
func (f *finder) mesh() {
	meshes := map[harden.Peer]Mesh{}
	for _, w := range f.inv.Workloads {
		if m := MeshOf(f.inv, w); m != NoMesh && !w.Finished {
			meshes[harden.WorkloadPeer(w.Ref)] = m
		}
	}
	if len(meshes) == 0 {
		return
	}
	var pairs [][2]harden.Peer
	for k, e := range f.flows {
		pair := [2]harden.Peer{k.from, k.to}
		if (e.declared || e.observed) && meshes[k.from] != NoMesh && meshes[k.from] == meshes[k.to] && !slices.Contains(pairs, pair) {
			pairs = append(pairs, pair)
		}
	}
	tcp := func(n int32) harden.Port { return harden.Port{Protocol: corev1.ProtocolTCP, Number: n} }
	for _, p := range pairs {
		m := meshes[p[0]]
		if plane, ok := dataPlanes[m]; ok {
			f.add(p[0], target{peer: p[1], port: tcp(plane.tunnel)}, declared, "E-SLICES", fmt.Sprintf("proxies of %s carry connections over it", m))
		}
	}
	for from, m := range meshes {
		plane := dataPlanes[m]
		for _, to := range f.pick(plane.control) {
			for _, port := range plane.ports {
				f.add(from, target{peer: to, port: tcp(port)}, declared, "E-SLICES", fmt.Sprintf("proxies of %s follow their control plane", m))
			}
		}
	}
}
