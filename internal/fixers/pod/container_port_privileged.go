package pod

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ContainerPortPrivileged reports ports that only root may bind by old custom.
var ContainerPortPrivileged = &harden.Fixer{
	ID:       "container-port-privileged",
	Title:    "listens on a port below 1024",
	Area:     harden.AreaPod,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Off:      true,
	Refs:     refs("Trivy KSV-0117"),
	Doc: `
A container declares a port below 1024.

Fields:

    spec.containers[].ports[].containerPort   (init and ephemeral containers too)

Allowed: 1024 and above.

**Why it matters.** On many nodes only root, or a process with NET_BIND_SERVICE, may bind such
a port: the number is a reason for the container to have more rights than it needs. A
Service maps port 80 to any port of the container, so that nothing is won by it.

Detection only: the port is a matter of the program, and no change to the pod moves it. The
rules about capabilities take such ports into account.

**Traps.** The rule is off unless it is switched on. With containerd 2.0 and later, or the
sysctl net.ipv4.ip_unprivileged_port_start, any user may bind the port. Windows knows no
such limit.
`,
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		for _, c := range linuxContainers(p, anyContainer) {
			for _, port := range c.Ports {
				if port.ContainerPort >= firstUserPort {
					continue
				}
				p.Report(harden.Finding{
					Container: c.Ref, Discriminator: fmt.Sprintf("%d/%s", port.ContainerPort, protocol(port)),
					Field:  fmt.Sprintf("%s.ports[%d/%s]", c.Field, port.ContainerPort, protocol(port)),
					Reason: fmt.Sprintf("listens on port %d/%s", port.ContainerPort, protocol(port)),
					Detail: fmt.Sprintf("containerPort %d is below %d.", port.ContainerPort, firstUserPort),
				})
			}
		}
	},
}

// firstUserPort is the first port that any user may bind where nothing else is set.
const firstUserPort = 1024
