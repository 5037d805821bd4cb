package pod

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A start is what a container executes when it starts, as far as its spec and
// its image tell: the program, its interpreter, and the programs that its
// scripts name. It errs on the side of too many: a word of a script that is also
// the name of a program counts.
type start struct {
	files *harden.ImageFiles // nil: nothing but words is known
	env   []string
	dir   string
	// programs are those of the image, by path.
	programs map[string]harden.ImageFile
	// words are the names of programs, without their folders, whether the image has them or not.
	words map[string]bool
	texts []string // of commands and scripts
	// unknown is the program, where the image has none of this name.
	unknown string
}

// startOf reads what the container executes. Facts may be nil.
func startOf(c harden.Container, facts *harden.ImageFacts) *start {
	s := &start{programs: map[string]harden.ImageFile{}, words: map[string]bool{}, dir: c.WorkingDir}
	if facts != nil {
		s.files = facts.Files
		s.env = environment(c, facts)
		if s.dir == "" {
			s.dir = facts.WorkingDir
		}
	}
	argv := argvOf(c, facts)
	if len(argv) > 0 && s.files != nil {
		if _, _, ok := s.files.LookPath(argv[0], s.dir, s.env); !ok {
			s.unknown = argv[0]
		}
	}
	for _, arg := range argv {
		s.read(arg)
	}
	return s
}

// argvOf is what the runtime executes: command takes the place of the image's
// entrypoint and command, args that of its command alone.
func argvOf(c harden.Container, facts *harden.ImageFacts) []string {
	switch {
	case len(c.Command) > 0 || facts == nil:
		return slices.Concat(c.Command, c.Args)
	case len(c.Args) > 0:
		return slices.Concat(facts.Entrypoint, c.Args)
	}
	return slices.Concat(facts.Entrypoint, facts.Cmd)
}

// environment is that of the image with what the container sets; values from
// elsewhere are not known.
func environment(c harden.Container, facts *harden.ImageFacts) []string {
	env := slices.Clone(facts.Env)
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			env = append(env, e.Name+"="+e.Value)
		}
	}
	return env
}

// read takes a command line or a script apart.
func (s *start) read(text string) {
	s.texts = append(s.texts, text)
	for line := range strings.Lines(text) {
		for _, word := range strings.FieldsFunc(withoutComment(line), isShellSyntax) {
			s.word(word)
		}
	}
}

func isShellSyntax(r rune) bool { return strings.ContainsRune(" \t\r\n;&|()<>`$\"'{}=,!", r) }

// comment begins where # stands at the begin of a word; #! names an interpreter.
var comment = regexp.MustCompile(`(^|\s)#([^!].*)?$`)

func withoutComment(line string) string {
	return comment.ReplaceAllString(strings.TrimSuffix(line, "\n"), "")
}

func (s *start) word(word string) {
	word = strings.TrimPrefix(word, "#!")
	if s.words[word] || word == "" {
		return
	}
	s.words[word] = true
	s.words[path.Base(word)] = true
	if s.files == nil {
		return
	}
	if at, file, ok := s.files.LookPath(word, s.dir, s.env); ok {
		s.program(at, file)
		return
	}
	if path.IsAbs(word) {
		s.folder(path.Clean(word))
	}
}

func (s *start) program(at string, file harden.ImageFile) {
	if _, known := s.programs[at]; known {
		return
	}
	s.programs[at] = file
	if text, ok := s.files.Scripts[at]; ok {
		s.read(text)
	}
}

// folder reads the scripts of a folder that a script names: entrypoints like to
// run all that is in there.
func (s *start) folder(dir string) {
	for _, at := range slices.Sorted(maps.Keys(s.files.Scripts)) {
		if path.Dir(at) == dir {
			s.program(at, s.files.Programs[at])
		}
	}
}

// has reports whether one of the programs is named, and which.
func (s *start) has(programs ...string) (name string, ok bool) {
	for _, name := range programs {
		if s.words[name] {
			return name, true
		}
	}
	return "", false
}

// privileged are the programs of the image whose file gives more rights than
// the caller has, told apart by whether the start names them.
func (s *start) privileged() (named, others []string) {
	for _, at := range slices.Sorted(maps.Keys(s.files.Programs)) {
		file := s.files.Programs[at]
		if !file.Setuid() && len(file.Capabilities) == 0 {
			continue
		}
		if _, ok := s.programs[at]; ok {
			named = append(named, at)
		} else {
			others = append(others, at)
		}
	}
	return named, others
}

// distributionSetuid are setuid and setgid programs that come with the base
// image of a distribution and that people, not services, run. What gives root to
// services (sudo, pkexec, ping) is not among them.
var distributionSetuid = []string{
	"bbsuid", "chage", "chfn", "chsh", "crontab", "dotlockfile", "expiry", "gpasswd", "mount", "newgrp", "pam_extrausers_chkpwd", "pam_timestamp_check",
	"passwd", "sg", "ssh-agent", "ssh-keysign", "su", "umount", "unix2_chkpwd", "unix_chkpwd", "utempter", "wall", "write", "bsd-write", "write.ul",
}

// unusual are the programs that do not just come with the distribution.
func (s *start) unusual(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(at string) bool {
		return len(s.files.Programs[at].Capabilities) == 0 && slices.Contains(distributionSetuid, path.Base(at))
	})
}

// A need is a capability of root that the start uses, as far as its text tells.
type need struct {
	capability string
	program    string // what was named
}

// rootTools are programs that fail without capabilities, also for user 0.
var rootTools = []struct {
	programs     []string
	capabilities []corev1.Capability
}{
	{[]string{"chown", "chgrp", "useradd", "adduser", "usermod", "groupadd", "addgroup", "groupmod"}, []corev1.Capability{"CHOWN", "DAC_OVERRIDE", "FOWNER"}},
	{[]string{"chmod", "setfacl"}, []corev1.Capability{"FOWNER"}},
	{userChangers, []corev1.Capability{"SETGID", "SETUID"}},
	{[]string{"chroot"}, []corev1.Capability{"SYS_CHROOT"}},
}

// userChangers become another user by a system call.
var userChangers = []string{"gosu", "su-exec", "setpriv", "runuser", "su", "sudo", "setuidgid", "s6-setuidgid", "s6-applyuidgid", "chpst", "start-stop-daemon"}

// installOwner is install, told to give the files away.
var installOwner = regexp.MustCompile(`\binstall\b[^\n;|&]*\s(-[a-zA-Z]*[og]\b|--owner|--group)`)

// needs are the capabilities that root needs for the start.
func (s *start) needs() []need {
	var needs []need
	add := func(program string, capabilities ...corev1.Capability) {
		for _, c := range capabilities {
			if !slices.ContainsFunc(needs, func(n need) bool { return n.capability == string(c) }) {
				needs = append(needs, need{string(c), program})
			}
		}
	}
	for _, tool := range rootTools {
		if name, ok := s.has(tool.programs...); ok {
			add(name, tool.capabilities...)
		}
	}
	if slices.ContainsFunc(s.texts, installOwner.MatchString) {
		add("install", "CHOWN", "DAC_OVERRIDE", "FOWNER")
	}
	if _, drops := s.has(userChangers...); drops {
		if name, ok := s.has("kill", "pkill", "killall"); ok {
			add(name, "KILL")
		}
	}
	return needs
}
