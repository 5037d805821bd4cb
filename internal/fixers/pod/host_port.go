package pod

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HostPort reports container ports that are opened on the node.
var HostPort = &harden.Fixer{
	ID:       "host-port",
	Title:    "container opens a port of the node",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS baseline: host ports", "CIS 5.2.13 (5.2.12 since v1.12)", "NSA pod security enforcement", "ATT&CK T1133", "Trivy KSV-0024", "Kubescape C-0044"),
	Reads:    harden.ReadsNothing,
	Check:    checkHostPort,
	Fix:      proposing("remove hostPort", fixHostPort),
	Doc: `**Fields** ` + "`ports[].hostPort`" + ` of each container.

**Allowed** unset or ` + "`0`" + `.

A hostPort is open at the address of every node that runs the pod, past Services and whatever stands in front of them; on nodes with a public address, to the internet. Two pods with
the same one cannot share a node.

**Fix** hostPort goes away; containerPort stays. A person has to decide: whoever used the node's port needs a Service, of type LoadBalancer or NodePort if it comes from outside.

**Traps** With hostNetwork the API sets hostPort to containerPort; that is part of host-network and not reported twice.
A port is addressed by containerPort and protocol. The API accepts two entries that differ in hostPort only, but neither server-side apply nor a strategic merge can tell them apart
(kubernetes/kubernetes#113482): for those the fix is text.
A Pod's ports cannot be changed once it exists: its owner makes a new one.
`,
}

func checkHostPort(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		for _, port := range c.Ports {
			if port.HostPort == 0 || p.Pod.Spec.HostNetwork && port.HostPort == port.ContainerPort {
				continue
			}
			p.Report(harden.Finding{
				Container: c.Ref, Discriminator: portName(port),
				Field:  fmt.Sprintf("%s.ports[%d/%s].hostPort", c.Field, port.ContainerPort, protocol(port)),
				Reason: fmt.Sprintf("opens port %d/%s of the node", port.HostPort, protocol(port)),
				Detail: fmt.Sprintf("hostPort %d leads to containerPort %d at the address of each node that runs the pod.", port.HostPort, port.ContainerPort),
			})
		}
	}
}

func portName(port corev1.ContainerPort) string {
	name := fmt.Sprintf("%d:%d/%s", port.HostPort, port.ContainerPort, protocol(port))
	if port.HostIP != "" {
		return port.HostIP + ":" + name
	}
	return name
}

// protocol is the port's protocol; the API's default stands in files by being absent.
func protocol(port corev1.ContainerPort) string {
	return string(cmp.Or(port.Protocol, corev1.ProtocolTCP))
}

func fixHostPort(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	for _, port := range c.Ports {
		if portName(port) != f.Discriminator {
			continue
		}
		fix := harden.Fix{
			Title: fmt.Sprintf("close port %d/%s of the node", port.HostPort, protocol(port)), Class: harden.Review,
			Evidence: []harden.Claim{missing("E-PORTS", "Nobody looked who uses this port of the nodes.")},
			Warning:  "Whoever uses the port at the node's address needs a Service.",
		}
		if ambiguousPort(c, port) {
			fix.Manual = "Take the hostPort away in the manifest. " + ambiguousAdvice(c, port)
		} else {
			fix.Changes = []harden.Change{withoutHostPort(f.Object, c, port)}
		}
		return []harden.Fix{fix}
	}
	return nil
}

// ambiguousPort reports whether another port of the container has the same key:
// such a list cannot be part of a body at all.
func ambiguousPort(c harden.Container, port corev1.ContainerPort) bool {
	same := 0
	for _, other := range c.Ports {
		if other.ContainerPort == port.ContainerPort && protocol(other) == protocol(port) {
			same++
		}
	}
	return same > 1
}

func ambiguousAdvice(c harden.Container, port corev1.ContainerPort) string {
	return fmt.Sprintf("Container %s lists containerPort %d/%s more than once; a patch cannot tell the entries apart.", c.Name, port.ContainerPort, protocol(port))
}

// withoutHostPort closes the port on the node. It is a removal by key, not a
// hostPort of 0: in a file the line goes, and neither a 0 nor a protocol that is
// left to its default is written out. hostIP means nothing without a hostPort,
// and stays: nobody asked for it.
func withoutHostPort(object harden.Ref, c harden.Container, port corev1.ContainerPort) harden.Change {
	key := fieldpath.KeyByFields("containerPort", int64(port.ContainerPort), "protocol", protocol(port))
	return harden.RemoveFrom(object, harden.ContainerPath(object, c.Ref, "ports", key, "hostPort"))
}
