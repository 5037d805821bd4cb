package probe

import (
	"slices"
	"strings"
)

// A mount is one line of mountinfo.
type mount struct {
	id       int
	point    string
	fs       string
	writable bool
}

// unescape undoes what mountinfo writes for characters that would break its lines.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// mountLine reads a line of /proc/PID/mountinfo, see proc_pid_mountinfo(5):
// id, parent, device, root, mount point, options, optional fields, -, type, source, options of the file system.
func (s *seen) mountLine(line string) {
	before, after, _ := strings.Cut(line, " - ")
	fields, system := strings.Fields(before), strings.Fields(after)
	if len(fields) < 6 || len(system) < 3 || !strings.HasPrefix(fields[4], "/") {
		return
	}
	writable := func(options string) bool { return slices.Contains(strings.Split(options, ","), "rw") }
	s.mounts = append(s.mounts, mount{
		id: number(fields[0]), point: unescape.Replace(fields[4]), fs: system[0],
		writable: writable(fields[5]) && writable(system[2]),
	})
}

// mountOf is the mount that the path lies on, nil when none was read. Of mounts
// over each other the last one counts.
func (s *seen) mountOf(path string) *mount {
	var best *mount
	for i := range s.mounts {
		if m := &s.mounts[i]; within(m.point, path) && (best == nil || len(m.point) >= len(best.point)) {
			best = m
		}
	}
	return best
}

// rootMount is the mount of /, nil when it was not read.
func (s *seen) rootMount() *mount { return s.mountOf("/") }

// onRoot reports whether the path lies on the root file system.
func (s *seen) onRoot(path string) bool {
	root := s.rootMount()
	return root != nil && s.mountOf(path) == root
}

// leadsToMount reports whether the directory holds a mount point, at any depth.
func (s *seen) leadsToMount(dir string) bool {
	return slices.ContainsFunc(s.mounts, func(m mount) bool { return m.point != dir && within(dir, m.point) })
}

// within reports whether the path is the directory or lies below it.
func within(dir, path string) bool {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

// volumes are the mount points below / that can be written to.
func (s *seen) volumes() []string {
	kernel := []string{"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs", "debugfs", "tracefs", "bpf"}
	runtime := []string{"/", "/dev", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}
	var out []string
	for _, m := range s.mounts {
		if m.writable && !slices.Contains(kernel, m.fs) && !slices.Contains(runtime, m.point) && !within("/proc", m.point) && !within("/sys", m.point) {
			out = append(out, printable(m.point))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
