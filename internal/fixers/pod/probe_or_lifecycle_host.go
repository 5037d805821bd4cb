package pod

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ProbeOrLifecycleHost finds probes and hooks that the kubelet sends elsewhere than to the pod.
var ProbeOrLifecycleHost = &harden.Fixer{
	ID:       "probe-or-lifecycle-host",
	Title:    "lets the kubelet send requests to a host of its choice",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
A probe or lifecycle hook names the host that the kubelet shall connect to.

Fields:

    spec.containers[].{livenessProbe,readinessProbe,startupProbe}.{httpGet,tcpSocket}.host
    spec.containers[].lifecycle.{postStart,preStop}.{httpGet,tcpSocket}.host
    (init containers too)

Allowed: unset or empty, which means the address of the pod.

**Why it matters.** The kubelet makes the request, from the node: it reaches addresses
that no NetworkPolicy lets the pod reach, such as services that listen on the
node's loopback or a cloud's metadata service. That is a request forgery which
everybody who may create pods has. Pod Security "baseline" refuses it from
policy version 1.34 on.

**Severity** is low where the pod is on the host's network and the host is the loopback:
the request reaches what the pod itself could.

**The fix.** The host is taken away, and the request goes to the pod.

**Traps.** 127.0.0.1 is the loopback of the node, not of the pod, unless the pod is on
the host's network; there the process may listen on the loopback only, and a probe
of the pod's address fails. Where the name was meant for a virtual host, it belongs
into httpHeaders as Host. A tcpSocket in a lifecycle hook is accepted and never
runs. A probe that fails after the change stops traffic or restarts the container.
`,
	Refs:  refs("PSS baseline: host probes and lifecycle hooks", "ATT&CK T1046"),
	Reads: harden.ReadsNothing,
	Check: checkProbeHost,
	Fix:   proposing("remove the host of the probe or hook", fixProbeHost),
}

// A handler is one place of a container where a request of the kubelet is described.
type handler struct {
	path []any // of the field that holds the host, below the container
	host string
}

func (h handler) field() string {
	var parts []string
	for _, p := range h.path {
		parts = append(parts, p.(string))
	}
	return strings.Join(parts, ".")
}

// handlersWithHost lists the requests of a container that name a host.
func handlersWithHost(c *corev1.Container) []handler {
	var all []handler
	add := func(http *corev1.HTTPGetAction, tcp *corev1.TCPSocketAction, at ...any) {
		if http != nil && http.Host != "" {
			all = append(all, handler{append(at[:len(at):len(at)], "httpGet", "host"), http.Host})
		}
		if tcp != nil && tcp.Host != "" {
			all = append(all, handler{append(at[:len(at):len(at)], "tcpSocket", "host"), tcp.Host})
		}
	}
	probe := func(p *corev1.Probe, at string) {
		if p != nil {
			add(p.HTTPGet, p.TCPSocket, at)
		}
	}
	probe(c.LivenessProbe, "livenessProbe")
	probe(c.ReadinessProbe, "readinessProbe")
	probe(c.StartupProbe, "startupProbe")
	if l := c.Lifecycle; l != nil {
		if l.PostStart != nil {
			add(l.PostStart.HTTPGet, l.PostStart.TCPSocket, "lifecycle", "postStart")
		}
		if l.PreStop != nil {
			add(l.PreStop.HTTPGet, l.PreStop.TCPSocket, "lifecycle", "preStop")
		}
	}
	return all
}

func (h handler) isLoopback() bool {
	addr, err := netip.ParseAddr(h.host)
	return h.host == "localhost" || err == nil && addr.IsLoopback()
}

func checkProbeHost(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		for _, h := range handlersWithHost(c.Container) {
			what := strings.TrimSuffix(h.field(), ".host")
			f := harden.Finding{
				Container: c.Ref, Discriminator: what, Field: c.Field + "." + h.field(),
				Reason: what + " goes to " + h.host,
				Detail: fmt.Sprintf("The kubelet sends the request of %s from the node to %s, not to the pod.", what, h.host),
			}
			if p.Pod.Spec.HostNetwork && h.isLoopback() {
				f.Severity, f.SeverityWhy = harden.Low, "the pod is on the network of the node, whose loopback is its own"
				f.Detail = fmt.Sprintf("The kubelet sends the request of %s to the loopback of the node, which the pod shares. Pod Security refuses the field all the same.", what)
			}
			p.Report(f)
		}
	}
}

func fixProbeHost(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, _ := p.Pod.Container(f.Container)
	for _, h := range handlersWithHost(c.Container) {
		if strings.TrimSuffix(h.field(), ".host") != f.Discriminator {
			continue
		}
		claims := []harden.Claim{missing("E-PORTS", fmt.Sprintf("Nobody looked whether container %s answers this request on the address of the pod.", c.Name))}
		return []harden.Fix{{
			Title:    fmt.Sprintf("send the %s of %s to the pod", f.Discriminator, c.Name),
			Class:    harden.ClassOf(harden.Evidence, claims...),
			Evidence: claims,
			Changes:  []harden.Change{harden.RemoveFrom(f.Object, harden.ContainerPath(f.Object, c.Ref, h.path...))},
			Warning:  probeHostWarning(p, h),
		}}
	}
	return nil
}

func probeHostWarning(p *harden.Pass, h handler) string {
	_, err := netip.ParseAddr(h.host)
	switch {
	case h.isLoopback():
		if p.Pod.Spec.HostNetwork {
			return "A process that listens on the loopback only is not reached any more."
		}
		return "Until now the request went to the loopback of the node; the container has to answer it on its own port."
	case err != nil:
		return fmt.Sprintf("If the server needs the name %s, put it into httpHeaders as Host.", h.host)
	}
	return "The container has to answer the request itself."
}
