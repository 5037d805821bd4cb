package needs

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Settle marks the findings that are expected of a known agent, and corrects the
// counts. What only looks like one is told so, and stays found.
func Settle(res *harden.Result) { settle(res, Catalogue()) }

func settle(res *harden.Result, catalogue []Agent) {
	var of *harden.Workload // the findings of a workload lie together
	var like []*Agent
	for _, f := range res.Findings {
		if f.Workload == nil || f.Status != harden.StatusFail || allowances[f.Fixer.ID] == nil {
			continue
		}
		if f.Workload != of {
			of, like = f.Workload, nil
			for i := range catalogue {
				if catalogue[i].looksLike(of) {
					like = append(like, &catalogue[i])
				}
			}
		}
		judge(res, f, like)
	}
}

func judge(res *harden.Result, f *harden.Finding, like []*Agent) {
	spec := f.PodSpec()
	var hints []string
	for _, a := range like {
		if slices.Contains(a.Never, f.Fixer.ID) {
			continue
		}
		m := &match{agent: a, spec: spec, finding: f, facts: f.Facts()}
		switch ok, why := allowances[f.Fixer.ID](m); {
		case !ok && why == "":
			continue
		case !ok:
			hints = append(hints, why)
			continue
		}
		f.Status = harden.StatusExpected
		f.Excuse = &harden.Excuse{Reason: fmt.Sprintf("%s needs it: %s", a.Name, a.Why), Source: "known needs: " + a.Source}
		n := res.Counts[f.Fixer.ID]
		n.Fail--
		n.Expected++
		res.Counts[f.Fixer.ID] = n
		return
	}
	for _, hint := range slices.Compact(hints) {
		f.Detail = strings.TrimSpace(f.Detail + " " + hint)
	}
}

// A match is one finding held against one agent that its workload looks like.
type match struct {
	agent   *Agent
	spec    *corev1.PodSpec
	finding *harden.Finding
	facts   map[string]string
}

// An allowance says whether the agent needs what was found; if not, why may tell
// what people should know about that.
type allowance func(*match) (ok bool, why string)

// allowances are the rules of which something may be expected.
var allowances = map[string]allowance{
	"host-network":                  ofPod(func(a *Agent) bool { return a.HostNetwork }),
	"imds-host-network":             ofPod(func(a *Agent) bool { return a.HostNetwork }),
	"host-pid":                      ofPod(func(a *Agent) bool { return a.HostPID }),
	"sa-token-automount":            ofPod(func(a *Agent) bool { return a.Token }),
	"host-port":                     ofContainer(func(m *match, p *Part) bool { return p.HostPorts || m.agent.HostNetwork }),
	"privileged-container":          ofContainer(func(_ *match, p *Part) bool { return p.Privileged }),
	"block-device-access":           hostPath,
	"mount-propagation":             ofContainer(propagates),
	"allow-privilege-escalation":    ofContainer(escalates),
	"dangerous-capabilities":        ofContainer(capabilities),
	"added-capabilities-restricted": ofContainer(capabilities),
	"net-raw-capability":            ofContainer(func(_ *match, p *Part) bool { return p.Privileged || slices.Contains(p.Capabilities, "NET_RAW") }),
	"run-as-non-root":               ofContainer(func(_ *match, p *Part) bool { return p.Root }),
	"run-as-root-user":              ofContainer(func(_ *match, p *Part) bool { return p.Root }),
	"image-runs-as-root":            ofContainer(func(_ *match, p *Part) bool { return p.Root }),
	"user-namespace":                ofPod(func(a *Agent) bool { return slices.ContainsFunc(a.Parts, func(p Part) bool { return p.Root }) }),
	"root-group":                    ofContainer(func(_ *match, p *Part) bool { return p.Root }),
	"seccomp-unconfined":            ofContainer(func(_ *match, p *Part) bool { return p.Unconfined }),
	"apparmor-unconfined":           ofContainer(func(_ *match, p *Part) bool { return p.Unconfined }),
	"selinux-options-custom":        ofContainer(func(_ *match, p *Part) bool { return p.Unconfined }),
	"host-path-volume":              hostPath,
	"host-path-sensitive":           hostPath,
	"runtime-socket-mount":          runtimeSocket,
}

// ofPod is about what all containers of the pod get: all of them must be known.
func ofPod(allows func(*Agent) bool) allowance {
	return func(m *match) (bool, string) {
		if !allows(m.agent) {
			return false, ""
		}
		return m.all(func(corev1.Container) bool { return true })
	}
}

// all reports whether the images of the containers that are kept are the agent's.
func (m *match) all(keep func(corev1.Container) bool) (bool, string) {
	for _, c := range harden.AllContainers(m.spec) {
		if keep(c) && !m.agent.knows(&c) {
			return false, m.differs(&c)
		}
	}
	return true, ""
}

func (m *match) differs(c *corev1.Container) string {
	return fmt.Sprintf("It looks like %s, but the image of container %q (%s) is not one of its own: nothing is taken for granted.", m.agent.Name, c.Name, harden.OneLine(c.Image))
}

// ofContainer is about one container, or all of them where the finding is about the pod.
func ofContainer(allows func(*match, *Part) bool) allowance {
	return func(m *match) (bool, string) {
		if m.finding.Container.IsZero() {
			for _, c := range harden.AllContainers(m.spec) {
				p := m.agent.part(&c)
				if p == nil || !allows(m, p) {
					return false, ""
				}
			}
			return true, ""
		}
		c := m.container()
		if c == nil {
			return false, ""
		}
		p := m.agent.part(c)
		switch {
		case p != nil && allows(m, p):
			return true, ""
		case !m.agent.knows(c) && m.wouldAllow(c, allows):
			return false, m.differs(c)
		}
		return false, ""
	}
}

// wouldAllow reports whether the container would get it if its image were the agent's.
func (m *match) wouldAllow(c *corev1.Container, allows func(*match, *Part) bool) bool {
	for i := range m.agent.Parts {
		p := &m.agent.Parts[i]
		if (len(p.Containers) == 0 || slices.Contains(p.Containers, c.Name)) && allows(m, p) {
			return true
		}
	}
	return false
}

func (m *match) container() *corev1.Container {
	for _, c := range harden.AllContainers(m.spec) {
		if c.Name == m.finding.Container.Name {
			return &c
		}
	}
	return nil
}

func capabilities(m *match, p *Part) bool {
	list := m.facts[harden.FactCapabilities]
	if list == "" {
		return false
	}
	for name := range strings.SplitSeq(list, ",") {
		if !slices.Contains(p.Capabilities, name) {
			return false
		}
	}
	return true
}

// escalates is about allowPrivilegeEscalation, which the API does not let be
// false beside privileged and SYS_ADMIN.
func escalates(m *match, p *Part) bool {
	return p.Privileged && m.facts[harden.FactPrivileged] == "true" ||
		slices.Contains(p.Capabilities, "SYS_ADMIN") && slices.Contains(strings.Split(m.facts[harden.FactCapabilities], ","), "SYS_ADMIN")
}

// propagates is about mounts that appear on the node: they must lie in a path that
// the agent may write.
func propagates(m *match, p *Part) bool {
	c := m.container()
	if c == nil || !p.Privileged {
		return false
	}
	for _, mount := range c.VolumeMounts {
		if mount.MountPath != m.finding.Discriminator {
			continue
		}
		return slices.ContainsFunc(m.spec.Volumes, func(v corev1.Volume) bool {
			return v.Name == mount.Name && v.HostPath != nil && m.agent.allowsPath(path.Clean("/"+v.HostPath.Path), true)
		})
	}
	return false
}

// hostPath is about a volume that is a path of the node: those who mount it must be known.
func hostPath(m *match) (bool, string) {
	at := m.facts[harden.FactPath]
	if at == "" {
		return false, ""
	}
	writes := m.facts[harden.FactReadOnly] == "false"
	if !m.agent.allowsPath(at, writes) {
		if writes && m.agent.allowsPath(at, false) {
			return false, fmt.Sprintf("%s needs %s, but only to read it.", m.agent.Name, at)
		}
		return false, ""
	}
	return m.all(m.mounts)
}

// mounts reports whether a container mounts the volume that the finding is about.
func (m *match) mounts(c corev1.Container) bool {
	volume, _, _ := strings.Cut(m.finding.Discriminator, " ")
	return slices.ContainsFunc(c.VolumeMounts, func(v corev1.VolumeMount) bool { return v.Name == volume })
}

// runtimeSocket is about a path that is the socket of a runtime or holds it. Who
// gets it by the way, as a part of the node, must be nobody that may connect to it.
func runtimeSocket(m *match) (bool, string) {
	ok, why := hostPath(m)
	if !ok || strings.HasSuffix(m.facts[harden.FactPath], ".sock") || m.agent.wantsSocket(m.facts[harden.FactPath]) {
		return ok, why
	}
	for _, c := range harden.AllContainers(m.spec) {
		if m.mounts(c) && !nonRoot(m.spec, &c) {
			return false, ""
		}
	}
	return true, ""
}

func nonRoot(spec *corev1.PodSpec, c *corev1.Container) bool {
	if s := c.SecurityContext; s != nil && s.RunAsUser != nil {
		return *s.RunAsUser > 0
	}
	return spec.SecurityContext != nil && spec.SecurityContext.RunAsUser != nil && *spec.SecurityContext.RunAsUser > 0
}
