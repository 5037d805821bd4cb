package pod

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SSHServer reports containers that serve SSH.
var SSHServer = &harden.Fixer{
	ID:       "ssh-server",
	Title:    "serves SSH",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
A container lets people log in by SSH, as far as its ports and commands tell.

Fields:

    spec.containers[].{command,args}              (init and ephemeral containers too)
    spec.containers[].ports[].containerPort
    spec.ports[].targetPort of the Services that select the pod

Allowed: no sshd or dropbear in the command, and neither port 22 nor 2222 (TCP).

**Why it matters.** A login past the API server is seen by no RBAC rule and by no audit log,
has keys of its own that nobody rotates, and stays open when a person leaves the team. An
attacker who got in likes to leave one.

**The fix.** By hand: kubectl exec and kubectl debug do the same under the rules of the
cluster.

**Traps.** Some programs are SSH servers on purpose: git hosts, SFTP, bastions. Others use
port 2222 for something else.
`,
	Refs:  refs("ATT&CK T1021.004", "ATT&CK MS-TA9010", "Kubescape C-0042"),
	Reads: harden.InNamespace(harden.KindService),
	Check: checkSSHServer,
	Fix: proposing("take the SSH server away", func(*harden.Pass, *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "take the SSH server away", Class: harden.Review,
			Manual: "Remove the SSH server from the image or the command, and its port from the container and from Services; use kubectl exec or kubectl debug, which RBAC rules and audit logs see. " +
				"If SSH is what the program is for, waive the finding.",
		}}
	}),
}

var sshPorts = []int32{22, 2222}

func checkSSHServer(p *harden.Pass) {
	found := false
	for _, c := range p.Pod.Containers() {
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".command"}
		at := slices.IndexFunc(c.Ports, func(port corev1.ContainerPort) bool {
			return slices.Contains(sshPorts, port.ContainerPort) && protocol(port) == string(corev1.ProtocolTCP)
		})
		switch server, ok := sshCommand(c); {
		case ok:
			f.Reason, f.Detail = "starts "+server, fmt.Sprintf("The command of the container names %s, a server of SSH.", server)
		case at >= 0:
			port := c.Ports[at].ContainerPort
			f.Field = fmt.Sprintf("%s.ports[%d/TCP]", c.Field, port)
			f.Reason, f.Detail = fmt.Sprintf("opens port %d, that of SSH", port), fmt.Sprintf("containerPort %d is the port of an SSH server by custom.", port)
		default:
			continue
		}
		found = true
		p.Report(f)
	}
	if found || !p.Pod.PodLevel {
		return
	}
	for _, s := range harden.Derive(p.Inventory, sshServices, harden.KindService)[p.Object.Namespace] {
		if s.selector.Matches(labels.Set(p.Pod.Meta.Labels)) {
			p.Report(harden.Finding{
				Discriminator: "Service " + s.name, Field: p.Pod.Field("containers"),
				Reason: fmt.Sprintf("Service %s leads to port %d, that of SSH", s.name, s.port),
				Detail: fmt.Sprintf("Service %q selects the pod, and its targetPort %d is the port of an SSH server by custom.", s.name, s.port),
			})
		}
	}
}

// sshCommand looks for a server of SSH in the command of the container.
func sshCommand(c harden.Container) (server string, ok bool) {
	if len(c.Command)+len(c.Args) == 0 {
		return "", false
	}
	return startOf(c, nil).has("sshd", "dropbear")
}

// services are those that lead to a port of SSH, by namespace.
type services map[string][]sshService

type sshService struct {
	name     string
	port     int32
	selector labels.Selector
}

func sshServices(i *harden.Inventory) services {
	out := services{}
	for _, s := range i.Net.Services {
		for _, port := range s.Spec.Ports {
			target := port.TargetPort.IntVal
			if port.TargetPort == (intstr.IntOrString{}) {
				target = port.Port
			}
			if len(s.Spec.Selector) > 0 && cmp.Or(port.Protocol, corev1.ProtocolTCP) == corev1.ProtocolTCP && slices.Contains(sshPorts, target) {
				out[s.Namespace] = append(out[s.Namespace], sshService{s.Name, target, labels.SelectorFromSet(s.Spec.Selector)})
				break
			}
		}
	}
	return out
}
