package probe

import (
	"errors"
	"strconv"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// seen is the output of look.sh, read.
type seen struct {
	self       int // process id of the script
	cgroup     string
	processes  []process
	mounts     []mount
	sockets    sockets
	open       []openFile
	shut       []int // processes whose open files may not be read
	noLs       bool
	openCut    bool
	how        string // how changed files were looked for: exact, changed, modified, none
	root       string // where the root of the container is for the script: empty for /
	changed    []changedFile
	refused    []string // what find could not look into
	changedCut bool
	// complete are the sections that were written to their end.
	complete map[string]bool
}

type process struct {
	harden.Process
	parent int
	cgroup string
	dead   bool // a zombie
	// whole says that user and capabilities were there.
	whole bool
}

type openFile struct {
	pid   int
	mount int // id; 0 when unknown
	path  string
}

type changedFile struct {
	path string
	dir  bool
}

// errNoLook is the error of an output that holds nothing of a look.
var errNoLook = errors.New("the shell of the container did not run the script")

// parse reads the output of look.sh with this mark. What it does not understand
// it leaves out. The error is errNoLook.
func parse(out, mark string) (*seen, error) {
	s := &seen{complete: map[string]bool{}}
	section, net := "", ""
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, mark+" "); ok {
			if section != "" {
				s.complete[section] = true
			}
			section = name
			continue
		}
		switch section {
		case "self":
			s.selfLine(line)
		case "processes":
			s.processLine(line)
		case "mounts":
			s.mountLine(line)
		case "sockets":
			if name, ok := strings.CutPrefix(line, "net "); ok {
				net = name
			} else {
				s.sockets.line(net, line)
			}
		case "open":
			s.openLine(line)
		case "changed":
			s.changedLine(line)
		}
	}
	if s.self == 0 {
		return nil, errNoLook
	}
	return s, nil
}

func (s *seen) selfLine(line string) {
	if s.self == 0 {
		s.self = number(line)
	} else if s.cgroup == "" {
		s.cgroup = line
	}
}

func (s *seen) processLine(line string) {
	if pid, ok := strings.CutPrefix(line, "pid "); ok {
		s.processes = append(s.processes, process{Process: harden.Process{PID: number(pid)}})
		return
	}
	if len(s.processes) == 0 {
		return
	}
	p := &s.processes[len(s.processes)-1]
	if cgroup, ok := strings.CutPrefix(line, "cgroup "); ok {
		p.cgroup = cgroup
		return
	}
	key, value, _ := strings.Cut(line, ":")
	fields := strings.Fields(value)
	first := ""
	if len(fields) > 0 {
		first = fields[0]
	}
	switch key {
	case "Name":
		p.Command = printable(strings.TrimSpace(value))
	case "State":
		p.dead = first == "Z" || first == "X"
	case "PPid":
		p.parent = number(first)
	case "Uid": // real, effective, saved, file system
		p.UID = effective(fields)
	case "Gid":
		p.GID = effective(fields)
	case "Groups":
		for _, f := range fields {
			if gid, err := strconv.ParseInt(f, 10, 64); err == nil {
				p.Groups = append(p.Groups, gid)
			}
		}
	case "CapPrm", "CapEff":
		p.Held |= mask(first)
	case "CapBnd": // comes after Uid, CapPrm and CapEff
		p.Bounding = mask(first)
		p.whole = first != ""
	case "NoNewPrivs":
		p.NoNewPrivs = first == "1"
	case "Seccomp":
		p.Seccomp = number(first)
	}
}

// effective is the second of the ids of a status line.
func effective(fields []string) int64 {
	if len(fields) < 2 {
		return 0
	}
	id, _ := strconv.ParseInt(fields[1], 10, 64)
	return id
}

func mask(hex string) uint64 {
	m, _ := strconv.ParseUint(hex, 16, 64)
	return m
}

func (s *seen) openLine(line string) {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "shut":
		s.shut = append(s.shut, number(rest))
	case "no":
		s.noLs = true
	case "cut":
		s.openCut = true
	case "file":
		parts := strings.SplitN(rest, " ", 3)
		if len(parts) == 3 && strings.HasPrefix(parts[2], "/") {
			s.open = append(s.open, openFile{pid: number(parts[0]), mount: number(parts[1]), path: parts[2]})
		}
	}
}

func (s *seen) changedLine(line string) {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "how":
		s.how = rest
	case "root":
		s.root = rest
	case "shut":
		s.refused = append(s.refused, rest)
	case "cut":
		s.changedCut = true
	case "file", "dir":
		// find wrote ROOT/ and the path below it.
		if path, ok := strings.CutPrefix(rest, s.root); ok && strings.HasPrefix(path, "/") {
			s.changed = append(s.changed, changedFile{path: path, dir: kind == "dir"})
		}
	}
}

// number is 0 for what is none.
func number(s string) int {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int(n)
}

// printable escapes what could move the cursor of a terminal.
func printable(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) || r == '\uFFFD' {
			return strings.Trim(strconv.Quote(s), `"`)
		}
	}
	return s
}
