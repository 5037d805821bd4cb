package flows

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// observed adds what was seen: sockets of containers that were looked into, and
// connections that were imported.
func (f *finder) observed() {
	for _, w := range f.inv.Workloads {
		if w.Finished || w.Template.Spec.HostNetwork {
			continue
		}
		for _, pod := range w.Pods {
			for _, c := range containers(&pod.Spec) {
				if p := f.inv.Probes[harden.ProbeKey{Pod: pod.UID, Container: c.Name}]; p != nil && p.Known {
					f.sockets(w, c.Name, p)
				}
			}
		}
	}
	for i := range f.inv.Flows {
		f.imported(&f.inv.Flows[i])
	}
}

// sockets are the connections that were open in a pod: to it where their local
// port is one that it listens on, from it otherwise.
func (f *finder) sockets(w *harden.Workload, container string, p *harden.Probe) {
	self := harden.WorkloadPeer(w.Ref)
	for _, s := range p.Peers {
		remote, err := netip.ParseAddrPort(s.Peer)
		if err != nil {
			continue
		}
		addr := remote.Addr().Unmap().WithZone("")
		protocol := corev1.ProtocolTCP
		if strings.HasPrefix(s.Protocol, "udp") {
			protocol = corev1.ProtocolUDP
		}
		text := fmt.Sprintf("a connection of container %s in pod %s", container, p.Pod)
		if slices.ContainsFunc(p.Listeners, func(l harden.Socket) bool { return l.Port == s.Port && l.Protocol == s.Protocol }) {
			from := f.peerOf(addr)
			if from.Kind == harden.PeerNodes || from.Kind == "" {
				continue // the kubelet, most likely, which needs no leave
			}
			f.add(from, target{peer: self, port: harden.Port{Protocol: protocol, Number: int32(s.Port)}}, observed, "E-PROC", text)
			continue
		}
		f.addAll(self, f.atAddress(addr, harden.Port{Protocol: protocol, Number: int32(remote.Port())}), observed, "E-PROC", text)
	}
}

func (f *finder) imported(o *harden.ObservedFlow) {
	port := o.Port
	port.Protocol = protocolOf(port.Protocol)
	from, _ := f.end(&o.From)
	if from.Kind == "" {
		return
	}
	var targets []target
	if to, host := f.end(&o.To); to.Kind == harden.PeerWorkload || to.Kind != "" && (o.To.Address == "" || o.To.Reserved != "") {
		targets = []target{{peer: to, port: port, host: host}}
	} else if a, ok := address(o.To.Address); ok {
		targets = f.atAddress(a, port)
		for i := range targets {
			if targets[i].peer.Kind == harden.PeerInternet && o.To.Name != "" {
				targets[i].host, targets[i].volatile = cleanHost(o.To.Name), volatileHost
			}
		}
	}
	if from.Kind == harden.PeerNodes {
		return // probes of kubelets, and what nodes forward for Services: declared there
	}
	for _, t := range targets {
		f.add(from, t, observed, "E-FLOWS", "seen in "+o.Source)
	}
}

// end is who one end of an imported connection is: by workload, pod, labels or
// address. It is zero where nobody fits.
func (f *finder) end(e *harden.ObservedEnd) (peer harden.Peer, host string) {
	if w := f.workloadOf(e); w != nil {
		return harden.WorkloadPeer(w.Ref), ""
	}
	switch e.Reserved {
	case "host", "remote-node", "health":
		return harden.Peer{Kind: harden.PeerNodes}, ""
	case "kube-apiserver":
		return harden.Peer{Kind: harden.PeerAPIServer}, ""
	case "ingress":
		return loadBalancer, ""
	}
	if a, ok := address(e.Address); ok {
		p := f.peerOf(a)
		if p.Kind == harden.PeerInternet {
			host = cleanHost(e.Name)
		}
		return p, host
	}
	switch {
	case e.Reserved == "world":
		return harden.Peer{Kind: harden.PeerInternet}, cleanHost(e.Name)
	case e.Namespace != "" && e.Pod == "" && e.Workload == "" && len(e.Labels) == 0:
		return harden.Peer{Kind: harden.PeerNamespace, Namespace: e.Namespace}, ""
	}
	return harden.Peer{}, ""
}

func (f *finder) workloadOf(e *harden.ObservedEnd) *harden.Workload {
	if e.Namespace == "" {
		return nil
	}
	all := f.workloads[e.Namespace]
	for _, w := range all {
		if e.Workload != "" && w.Ref.Name == e.Workload && (e.Kind == "" || strings.EqualFold(e.Kind, w.Ref.Kind)) {
			return w
		}
		if e.Pod != "" && (slices.ContainsFunc(w.Pods, func(p *corev1.Pod) bool { return p.Name == e.Pod }) || w.Ref.Kind == "Pod" && w.Ref.Name == e.Pod) {
			return w
		}
	}
	// A ReplicaSet or Job stands between: its name begins with that of the workload. The longest fits best.
	var best *harden.Workload
	for _, w := range all {
		for _, n := range []string{e.Workload, e.Pod} {
			if strings.HasPrefix(n, w.Ref.Name+"-") && w.Ref.Kind != "Pod" && carries(e.Labels, w.Template.Labels) && (best == nil || len(w.Ref.Name) > len(best.Ref.Name)) {
				best = w
			}
		}
	}
	if best != nil || e.Pod != "" || e.Workload != "" || len(e.Labels) == 0 {
		return best
	}
	for _, w := range all {
		if len(w.Template.Labels) > 0 && carries(e.Labels, w.Template.Labels) {
			return w
		}
	}
	return nil
}

// carries reports whether a pod with the labels may be one of the template; no labels say nothing.
func carries(pod, template map[string]string) bool {
	if len(pod) == 0 {
		return true
	}
	for k, v := range template {
		if pod[k] != v {
			return false
		}
	}
	return true
}
