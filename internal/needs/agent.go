// Package needs is a catalogue of programs that are known to need what rules
// forbid, with the exact facts that they need and where that can be read. What it
// allows is expected, and no more: another fact, another container or another
// image is found as before.
package needs

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An Agent is one program, known by kind, namespace, labels and image together.
type Agent struct {
	Name   string // as people call it
	Why    string // it needs what it needs: a sentence without a full stop, such as "it mounts volumes for the pods of its node"
	Source string // URL of the manifest that the facts were read in
	Seen   string // version of that

	Kinds      []string
	Namespaces []string            // patterns as for path.Match; empty: any
	Labels     []map[string]string // of the pod template; one of these, all of it; empty: a container must be named as its are
	Static     bool                // only pods that a kubelet runs from a file

	HostNetwork, HostPID bool
	Token                bool // it talks to the API server
	Paths                []HostPath
	Parts                []Part
	Never                []string // rules that are told whatever the facts are
}

// A HostPath is a path of the node that may be mounted.
type HostPath struct {
	Path   string
	Below  bool // and all that lies below it
	Write  bool
	Socket bool // for the socket of the container runtime that lies in it
}

// A Part is what containers of an image may have.
type Part struct {
	Images     []string // repositories: the end of one, from a slash on, whatever registry it lies in
	Containers []string // names; empty: all containers of the image

	Privileged   bool
	Capabilities []string
	Root         bool
	Unconfined   bool // without seccomp or AppArmor profile, or with an SELinux type of its own
	HostPorts    bool
}

// looksLike reports whether all but the images say that the workload is the agent.
func (a *Agent) looksLike(w *harden.Workload) bool {
	if !slices.Contains(a.Kinds, w.Ref.Kind) || !a.in(w.Ref.Namespace) || a.Static && !w.IsStatic() {
		return false
	}
	if len(a.Labels) > 0 {
		return slices.ContainsFunc(a.Labels, func(labels map[string]string) bool { return has(w.Template.Labels, labels) })
	}
	return a.named(&w.Template.Spec) || slices.ContainsFunc(w.Pods, func(p *corev1.Pod) bool { return a.named(&p.Spec) })
}

// named reports whether a container bears a name that the agent's have.
func (a *Agent) named(spec *corev1.PodSpec) bool {
	of := func(c corev1.Container) bool {
		return slices.ContainsFunc(a.Parts, func(p Part) bool { return slices.Contains(p.Containers, c.Name) })
	}
	return slices.ContainsFunc(spec.InitContainers, of) || slices.ContainsFunc(spec.Containers, of)
}

func (a *Agent) in(namespace string) bool {
	if len(a.Namespaces) == 0 {
		return true
	}
	for _, pattern := range a.Namespaces {
		if ok, err := path.Match(pattern, namespace); err == nil && ok {
			return true
		}
	}
	return false
}

// part is that of a container, by its image; nil: the image is not the agent's.
// Where several fit, it is the first that names the container.
func (a *Agent) part(c *corev1.Container) *Part {
	repository := harden.ImageRepository(c.Image)
	var rest *Part
	for i := range a.Parts {
		p := &a.Parts[i]
		if !p.of(repository) {
			continue
		}
		switch {
		case slices.Contains(p.Containers, c.Name):
			return p
		case len(p.Containers) == 0 && rest == nil:
			rest = p
		}
	}
	return rest
}

// knows reports whether the image is one of the agent, whatever its container is called.
func (a *Agent) knows(c *corev1.Container) bool {
	repository := harden.ImageRepository(c.Image)
	for i := range a.Parts {
		if a.Parts[i].of(repository) {
			return true
		}
	}
	return false
}

func (p *Part) of(repository string) bool {
	return slices.ContainsFunc(p.Images, func(end string) bool { return strings.HasSuffix(repository, "/"+end) })
}

func (a *Agent) allowsPath(at string, write bool) bool {
	at = real(at)
	for _, p := range a.Paths {
		if write && !p.Write {
			continue
		}
		if allowed := real(p.Path); at == allowed || p.Below && strings.HasPrefix(at, allowed+"/") {
			return true
		}
	}
	return false
}

// wantsSocket reports whether the directory may be mounted for the socket of the
// container runtime in it, and not only in spite of that.
func (a *Agent) wantsSocket(at string) bool {
	return slices.ContainsFunc(a.Paths, func(p HostPath) bool { return p.Socket && real(p.Path) == real(at) })
}

// real is the path behind /var/run, which is a link to /run on practically every node.
func real(p string) string {
	if p == "/var/run" || strings.HasPrefix(p, "/var/run/") {
		return strings.TrimPrefix(p, "/var")
	}
	return p
}

func has(labels, wanted map[string]string) bool {
	for k, v := range wanted {
		if labels[k] != v {
			return false
		}
	}
	return true
}
