package probe

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// maxWritten is how many written files a look keeps.
const maxWritten = 500

// A setting is what is known about a container before the look.
type setting struct {
	// id of the container as the runtime names it; empty when the look is by exec.
	id string
	// shared says that processes of other containers are visible.
	shared bool
	// hostNetwork says that the sockets are those of the node.
	hostNetwork bool
	// late says why the output may end early, or "".
	late string
}

// fill writes what was seen into the look.
func (s *seen) fill(p *harden.Probe, in setting) {
	gap := func(of harden.ProbePart, format string, args ...any) {
		p.Gaps = append(p.Gaps, harden.ProbeGap{Of: of, Why: fmt.Sprintf(format, args...)})
	}
	for _, part := range []struct {
		section string
		of      harden.ProbePart
	}{
		{"processes", harden.ProbeProcesses},
		{"mounts", harden.ProbeVolumes},
		{"sockets", harden.ProbeSockets},
		{"open", harden.ProbeOpen},
		{"changed", harden.ProbeChanged},
	} {
		if !s.complete[part.section] {
			gap(part.of, "%s", in.late)
		}
	}

	own := s.own(in)
	for _, o := range own {
		p.Processes = append(p.Processes, o.Process)
		if !o.whole {
			gap(harden.ProbeProcesses, "the kernel does not tell the capabilities of process %d (%s)", o.PID, o.Command)
		}
	}
	if len(own) == 0 {
		gap(harden.ProbeProcesses, "no process of the container was visible")
	}

	p.Volumes = s.volumes()
	if in.hostNetwork {
		gap(harden.ProbeSockets, "the pod uses the network of its node, so the sockets of the whole node would be seen")
	} else {
		p.Listeners, p.Peers, p.RawSockets = ordered(s.sockets.listeners), ordered(s.sockets.peers), s.sockets.raw
		if s.sockets.cut {
			gap(harden.ProbeSockets, "there were too many sockets to read all")
		}
	}

	if s.rootMount() == nil {
		gap(harden.ProbeOpen, "the mounts of the container could not be read")
		gap(harden.ProbeChanged, "the mounts of the container could not be read")
	}
	s.openGaps(own, gap)
	s.changedGaps(own, gap)
	p.Written = s.written(own)
	p.Cut = s.openCut || s.changedCut
	if len(p.Written) > maxWritten {
		p.Written, p.Cut = p.Written[:maxWritten], true
	}
}

// own are the living processes of the container, without those of the look.
func (s *seen) own(in setting) []process {
	parents := map[int]int{}
	for _, p := range s.processes {
		parents[p.PID] = p.parent
	}
	var out []process
	for _, p := range s.processes {
		if p.dead || p.PID == 0 || ofLook(p.PID, s.self, parents) {
			continue
		}
		switch {
		case in.shared && in.id != "" && !strings.Contains(p.cgroup, in.id):
		case in.shared && in.id == "" && !sameCgroup(s.cgroup, p.cgroup):
		default:
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b process) int { return a.PID - b.PID })
	return out
}

// ofLook reports whether the process is the script or was started by it.
func ofLook(pid, self int, parents map[int]int) bool {
	for range len(parents) + 1 {
		if pid == self {
			return true
		}
		pid = parents[pid]
	}
	return false
}

// sameCgroup reports whether a process is in the cgroup of the script, or below
// it, in all hierarchies. Both are lines of /proc/PID/cgroup joined by semicolons:
// ID:CONTROLLERS:PATH. In a cgroup namespace the script is in / and what is outside
// begins with /.. there.
func sameCgroup(own, other string) bool {
	paths := map[string]string{}
	for _, line := range strings.Split(other, ";") {
		if parts := strings.SplitN(line, ":", 3); len(parts) == 3 {
			paths[parts[1]] = parts[2]
		}
	}
	for _, line := range strings.Split(own, ";") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		p, ok := paths[parts[1]]
		if !ok || !within(parts[2], p) || strings.HasPrefix(p, "/..") {
			return false
		}
	}
	return true
}

func (s *seen) openGaps(own []process, gap func(harden.ProbePart, string, ...any)) {
	if s.noLs {
		gap(harden.ProbeOpen, "the image has no ls, so open files have no names")
		return
	}
	for _, p := range own {
		if slices.Contains(s.shut, p.PID) {
			gap(harden.ProbeOpen, "the open files of process %d (%s) may be read only with its user, group and capabilities", p.PID, p.Command)
			return
		}
	}
}

func (s *seen) changedGaps(own []process, gap func(harden.ProbePart, string, ...any)) {
	if !s.complete["changed"] && s.how == "" {
		return
	}
	switch s.how {
	case "exact", "changed":
	case "modified":
		gap(harden.ProbeChanged, "the find of the image knows modification times only, so changes of owner and mode are not seen")
	default:
		gap(harden.ProbeChanged, "the image has no find, so changed files are not seen")
	}
	for _, why := range s.refused {
		// A file that went away while find ran is none that could not be seen.
		gone := strings.Contains(why, "No such file") && !(s.root != "" && strings.Contains(why, s.root+"/:"))
		if !gone && s.weaker(own) {
			gap(harden.ProbeChanged, "not all directories may be read: %s", printable(why))
			return
		}
	}
}

// weaker reports whether a process of the container can write where the script
// could not look: it has another user, or more capabilities.
func (s *seen) weaker(own []process) bool {
	i := slices.IndexFunc(s.processes, func(p process) bool { return p.PID == s.self })
	if i < 0 {
		return true
	}
	self := s.processes[i]
	return len(own) == 0 || slices.ContainsFunc(own, func(p process) bool { return p.UID != self.UID || p.Held&^self.Held != 0 })
}

// written are the paths for Probe.Written, all of them.
func (s *seen) written(own []process) []string {
	root := s.rootMount()
	if root == nil {
		return nil
	}
	var out []string
	for _, f := range s.open {
		mine := slices.ContainsFunc(own, func(p process) bool { return p.PID == f.pid })
		name := path.Clean(strings.TrimSuffix(f.path, " (deleted)"))
		if mine && name != "/" && (f.mount == root.id || f.mount == 0 && s.onRoot(name)) {
			out = append(out, printable(name))
		}
	}
	parents := map[string]bool{} // directories of which a changed child is known
	for _, c := range s.changed {
		parents[path.Dir(path.Clean(c.path))] = true
	}
	for _, c := range s.changed {
		name := path.Clean(c.path)
		switch {
		case name == "/" || !s.onRoot(name):
		case !c.dir:
			out = append(out, printable(name))
		case !parents[name] && !s.leadsToMount(name):
			out = append(out, printable(name)+"/")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
