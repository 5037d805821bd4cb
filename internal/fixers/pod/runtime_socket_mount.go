package pod

import (
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RuntimeSocketMount finds mounts of the container runtime's socket.
var RuntimeSocketMount = &harden.Fixer{
	ID:       "runtime-socket-mount",
	Title:    "can command the container runtime of the node",
	Area:     harden.AreaPod,
	Severity: harden.Critical,
	Subject:  harden.SubjectPod,
	Doc: `
A hostPath volume shows the socket of Docker, containerd, CRI-O, cri-dockerd,
Podman or BuildKit, or a directory in which it lies.

Fields:

    spec.volumes[].hostPath.path
    spec.containers[].volumeMounts[].subPath   (init and ephemeral containers too)

Allowed: paths that neither are such a socket nor contain one. So / and /run and
/var/run are found, and /var/run/myapp is not.

**Why it matters.** Who can talk to the runtime starts a privileged container with
the root of the node mounted, outside of Kubernetes and of all its admission:
that is root on the node in one command. Mounting the socket read-only changes
nothing, since connecting to a socket is not writing to a file system.

**The fix.** A volume that no container mounts is removed. Otherwise a person has
to find another way: build images with a rootless builder (BuildKit rootless,
Buildah, or a build service), read container metrics from the kubelet, read logs
below /var/log/pods, and find pods by the Kubernetes API.

**Traps.** /var/run is a link to /run on practically every node, so both spellings
count as one place; for the same reason a mount of /var does not bring the socket
with it (host-path-sensitive has it). Agents of security products ask for the
socket by design; a waiver with a reason is the place to say so.
`,
	Refs:  refs("PSS baseline: HostPath volumes", "CIS 5.2.12", "NSA pod security enforcement", "ATT&CK T1611", "ATT&CK MS-TA9013", "Trivy KSV-0006", "Kubescape C-0074"),
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		visitVolumes(p.Pod, func(v *corev1.Volume, uses []use) {
			if v.HostPath == nil {
				return
			}
			for _, path := range shownPaths(v, uses) {
				socket, ok := runtimeSocket(path)
				if !ok {
					continue
				}
				f := harden.Finding{
					Discriminator: v.Name + " " + cleanHostPath(v.HostPath.Path),
					Reason:        "volume " + v.Name + " is the runtime's socket " + path,
					Detail:        fmt.Sprintf("Volume %q shows %s. %s Whoever can connect to it is root on the node; readOnly does not prevent that.", v.Name, path, describeUses(uses)),
				}
				if socket != path {
					f.Reason = "volume " + v.Name + " holds the runtime's socket"
					f.Detail = fmt.Sprintf("Volume %q shows %s, where runtimes keep sockets such as %s. %s Whoever can connect to one is root on the node; readOnly does not prevent that.", v.Name, path, socket, describeUses(uses))
				}
				markUnmounted(&f, uses)
				reportVolume(p, v, uses, f)
				return
			}
		})
	},
	Fix: proposing("do without the socket of the container runtime", func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		v := volumeOf(p, f)
		if len(usesOf(p.Pod, v.Name)) == 0 {
			return []harden.Fix{dropUnmounted(p, v.Name)}
		}
		return []harden.Fix{{
			Title: "do without the runtime's socket", Class: harden.Review,
			Evidence: []harden.Claim{missing("E-PROC", "Nobody looked at what the containers use the socket for.")},
			Manual: fmt.Sprintf("Remove volume %q and its mounts. Build images with a rootless builder, read metrics from the kubelet, "+
				"logs below /var/log/pods, and find pods by the Kubernetes API.", v.Name),
		}}
	}),
}

// runtimeSocketPaths are where runtimes listen by default, with /run for /var/run.
var runtimeSocketPaths = []string{
	"/run/docker.sock",
	"/run/docker/containerd/containerd.sock",
	"/run/containerd/containerd.sock",
	"/run/host-containerd/containerd.sock", // Bottlerocket
	"/run/k3s/containerd/containerd.sock",
	"/run/k0s/containerd.sock",
	"/run/crio/crio.sock",
	"/run/cri-dockerd.sock",
	"/run/dockershim.sock",
	"/run/podman/podman.sock",
	"/run/buildkit/buildkitd.sock",
	`\\.\pipe\docker_engine`,
	`\\.\pipe\containerd-containerd`,
}

// runtimeSocketNames are found wherever they lie: rootless and packaged runtimes use other directories.
var runtimeSocketNames = map[string]bool{
	"docker.sock": true, "containerd.sock": true, "containerd.sock.ttrpc": true, "crio.sock": true,
	"cri-dockerd.sock": true, "dockershim.sock": true, "podman.sock": true, "buildkitd.sock": true,
}

// runtimeSocket finds the runtime socket that a host path is or contains.
func runtimeSocket(p string) (socket string, ok bool) {
	if runtimeSocketNames[path.Base(p)] {
		return p, true
	}
	place := realHostPath(p)
	for _, s := range runtimeSocketPaths {
		if strings.EqualFold(s, p) {
			return p, true
		}
		if within(s, place) && strings.HasPrefix(s, "/") {
			return s, true
		}
	}
	return "", false
}
