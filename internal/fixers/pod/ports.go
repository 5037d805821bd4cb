package pod

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A lowPort is a port below 1024 that a container uses.
type lowPort struct {
	number int32
	where  string // who says so
}

type lowPortList []lowPort

// String is for a sentence: 80 (declared), 443 (exposed by the image).
func (l lowPortList) String() string {
	var list []string
	for _, p := range l {
		list = append(list, fmt.Sprintf("%d (%s)", p.number, p.where))
	}
	return some(list)
}

// lowPorts are the ports below 1024 of the container, in order: declared in the
// spec, seen open or, where nobody looked, exposed by its images. Sockets belong
// to the whole pod.
func lowPorts(p *harden.Pass, c harden.Container) lowPortList {
	var ports lowPortList
	add := func(number int, where string) {
		if number > 0 && number < firstUserPort && !slices.ContainsFunc(ports, func(o lowPort) bool { return o.number == int32(number) }) {
			ports = append(ports, lowPort{int32(number), where})
		}
	}
	for _, port := range c.Ports {
		add(int(port.ContainerPort), "declared")
	}
	probes, notSeen := probesOf(p, c, harden.ProbeSockets)
	if images, gap := imagesOf(p, c); gap == "" && notSeen != "" {
		for _, i := range images {
			for _, port := range i.Ports {
				number, _, _ := strings.Cut(port, "/")
				if n, err := strconv.Atoi(number); err == nil {
					add(n, "exposed by the image")
				}
			}
		}
	}
	for _, probe := range probes {
		for _, socket := range probe.Listeners {
			add(socket.Port, "open in pod "+probe.Pod)
		}
	}
	slices.SortFunc(ports, func(a, b lowPort) int { return cmp.Compare(a.number, b.number) })
	return ports
}

// bindsByFile is the first port below 1024 that the program binds by the file
// capability NET_BIND_SERVICE of its own file, where no_new_privs would keep it
// from that and other users may not bind it.
func bindsByFile(p *harden.Pass, c harden.Container) (port int32, ok bool) {
	images, gap := filesOf(p, c)
	low := lowPorts(p, c)
	if s := starterOf(p, c); gap != "" || len(low) == 0 || !s.known || s.root || p.Pod.Spec.HostNetwork || !p.Pod.PodLevel || len(podSecurity(p).Sysctls) > 0 {
		return 0, false
	}
	for _, i := range images {
		start := startOf(c, i.ImageFacts)
		named, _ := start.privileged()
		if slices.ContainsFunc(named, func(at string) bool { return slices.Contains(start.files.Programs[at].Capabilities, capNetBindService) }) {
			return low[0].number, anyUserBinds(p, low[0].number).State != harden.Holds
		}
	}
	return 0, false
}

// withPortSysctl is the fix together with the sysctl that lets any user of the
// pod bind the port. The list of sysctls is atomic, and empty here.
func withPortSysctl(p *harden.Pass, object harden.Ref, fix harden.Fix, port int32) harden.Fix {
	fix.Title += fmt.Sprintf(", and let any user of the pod bind port %d", port)
	fix.Class = harden.Review
	fix.Evidence = []harden.Claim{seen(p, "E-SPEC", fmt.Sprintf("%s: %d lets every user bind ports from %d on, without a capability.", portSysctl, port, port), "It needs Kubernetes 1.22 or later to be among the safe sysctls.")}
	fix.Changes = append(slices.Clone(fix.Changes), harden.SetPodSpec(object, map[string]any{"securityContext": map[string]any{
		"sysctls": []any{map[string]any{"name": portSysctl, "value": strconv.Itoa(int(port))}},
	}}))
	return fix
}
