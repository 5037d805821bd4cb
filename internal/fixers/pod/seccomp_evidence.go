package pod

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// seccompClaims say whether the runtime's default profile takes anything from
// the containers, and how far a fix may be trusted where all of it holds.
func seccompClaims(p *harden.Pass, containers []harden.Container) ([]harden.Claim, harden.Class) {
	if claim, ok := kubeletsFilter(p); ok {
		return []harden.Claim{claim}, harden.Safe
	}
	var filtered, claims []harden.Claim
	for _, c := range containers {
		if claim, ok := filteredClaim(p, c); ok {
			filtered = append(filtered, claim)
		} else {
			claims = append(claims, unfilteredClaims(p, c)...)
		}
	}
	if len(claims) == 0 {
		return filtered, harden.Safe
	}
	return slices.Concat(filtered, claims), harden.Evidence
}

// filteredClaim says that all processes of the container are filtered already.
func filteredClaim(p *harden.Pass, c harden.Container) (harden.Claim, bool) {
	probes, gap := probesOf(p, c)
	if gap != "" {
		return harden.Claim{}, false
	}
	const filter = 2
	if _, all := everyProcess(probes, func(proc harden.Process) bool { return proc.Seccomp == filter }); !all {
		return harden.Claim{}, false
	}
	return probeClaim(p, harden.Holds, probes, fmt.Sprintf("In %s, %s of container %s are filtered already (Seccomp: 2).", pods(probes), count(probes), c.Name), "A program that filters itself."), true
}

// unfilteredClaims judge by what is in the images and what runs.
func unfilteredClaims(p *harden.Pass, c harden.Container) []harden.Claim {
	var claims []harden.Claim
	probes, gap := probesOf(p, c)
	if gap != "" {
		claims = append(claims, ask("E-PROC", gap, "are the system calls of "+c.Name+" filtered already (Seccomp: 2)?"))
	} else {
		claims = append(claims, runningClaim(p, c, probes))
	}
	images, gap := filesOf(p, c)
	if gap != "" {
		return append(claims, ask("E-IMG-FS", gap, "is it a browser, an image builder, a debugger, or a user of eBPF or io_uring?"))
	}
	for _, i := range images {
		claims = append(claims, callersClaim(p, i))
	}
	return claims
}

func runningClaim(p *harden.Pass, c harden.Container, probes []*harden.Probe) harden.Claim {
	other, none := everyProcess(probes, func(proc harden.Process) bool { return callsRefused(proc.Command) == "" })
	if !none {
		return probeClaim(p, harden.Refutes, probes, fmt.Sprintf("In %s, container %s runs %s, which is %s.", pods(probes), c.Name, other.Command, callsRefused(other.Command)), "")
	}
	return probeClaim(p, harden.Holds, probes, fmt.Sprintf("In %s, container %s runs %s: none is known to need a call that the default profile refuses.", pods(probes), c.Name, commands(probes)), "Programs that run at other times, and system calls themselves, which were not watched.")
}

// callers are programs that make calls which the default profile of the
// runtimes refuses to a container without more capabilities.
var callers = []struct {
	what     string
	programs []string
}{
	{"a browser with a sandbox of its own", []string{"chrome", "chromium", "chromium-browser", "google-chrome", "chrome-headless-shell", "headless_shell", "chrome_crashpad_handler", "msedge", "firefox", "firefox-esr", "firefox-bin", "brave"}},
	{"an image builder", []string{"buildkitd", "rootlesskit", "buildah", "podman", "dockerd", "containerd", "runc", "crun", "bwrap", "img", "nerdctl"}},
	{"a user of eBPF", []string{"bpftool", "bpftrace", "cilium-agent", "tetragon", "tracee", "falco", "pixie"}},
	{"a debugger or profiler", []string{"perf", "strace", "ltrace", "gdb", "gdbserver", "dlv", "lldb", "lldb-server", "sysdig"}},
}

// callsRefused says what a program of this name is, if it is one of callers.
// kaniko's program is just called executor; it is told by its path.
func callsRefused(program string) string {
	if program == "/kaniko/executor" {
		return "an image builder"
	}
	for _, c := range callers {
		if slices.Contains(c.programs, path.Base(program)) {
			return c.what
		}
	}
	return ""
}

// callersClaim looks for programs and libraries that make refused calls.
// io_uring is refused by containerd from 2.0 on (containerd/containerd#9320),
// and by other runtimes depending on their version.
func callersClaim(p *harden.Pass, i known) harden.Claim {
	var found []string
	for at := range i.Files.Programs {
		if what := callsRefused(at); what != "" {
			found = append(found, at+" ("+what+")")
		}
	}
	slices.Sort(found)
	if len(found) > 0 {
		return imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("Image %s has %s.", i.name, some(found)), "")
	}
	if n := slices.IndexFunc(i.Files.Libraries, func(name string) bool { return strings.HasPrefix(name, "liburing") }); n >= 0 {
		if _, old := allRun(p, isOldContainerd); !old {
			return imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("Image %s has %s: the default profile of containerd 2.0 and later refuses io_uring.", i.name, i.Files.Libraries[n]), "")
		}
		return imageClaim(p, "E-IMG-FS", harden.Holds, []known{i}, fmt.Sprintf("Image %s has %s, and every node that the pod may run on has a containerd before 2.0, whose default profile allows io_uring.", i.name, i.Files.Libraries[n]), "Nodes with another version.")
	}
	return imageClaim(p, "E-IMG-FS", harden.Holds, []known{i}, fmt.Sprintf("Image %s has no browser, image builder, debugger, eBPF tool or io_uring library that is known by name.", i.name), "Programs that make such calls by themselves, and an old libseccomp on the node.")
}
